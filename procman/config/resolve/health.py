"""What `health` and `watchdog` mean for the other options of a program, and what has no effect without them."""

from typing import Any

from procman.config.formats.raw import RawSection
from procman.config.resolve.option_reader import OptionReader
from procman.config.resolve.readiness import warn_once
from procman.config.schema.kinds.readiness import target_of
from procman.config.schema.notation import assignment
from procman.core.spec import ProcessType, ReadyKind
from procman.system.shell_split import split_words

_ONLY_WITH_HEALTH = (
    "health_interval",
    "health_timeout",
    "health_retries",
    "health_start_period",
    "on_unhealthy",
    "health_level",
)
_ONLY_WITH_LOOKS = ("health_interval", "health_timeout")


def settle_health(reading: OptionReader, section: RawSection, values: dict[str, Any]) -> None:
    """Complain of what cannot be and of what has no effect; what others have from [DEFAULT] is not for everyone."""
    if section.name.startswith("eventlistener:"):
        for option in ("health", "watchdog"):
            if values[option] is not None and option in section.options:
                message = "an event listener has no health check: procman sees whether it answers: take it out"
                reading.complain(section, option, message, "listener-with-health")
    if section.name.startswith("eventlistener:") or values["type"] is ProcessType.ONESHOT:
        values["health"] = values["watchdog"] = None
        return
    health, watchdog = values["health"], values["watchdog"]
    is_watchdog = health is not None and health.kind is ReadyKind.WATCHDOG
    if is_watchdog and watchdog is None:
        often = assignment("watchdog", "30s", toml=section.toml)
        message = f"say how often it has to say WATCHDOG=1, for example {often}"
        reading.complain(section, "health", message, "bad-health")
    if health is not None and health.kind is ReadyKind.EXEC:
        _check_command(reading, section, "health", target_of(health).command)
    if values["on_unhealthy"].command:
        _check_command(reading, section, "on_unhealthy", values["on_unhealthy"].command)
    if health is None and watchdog is None:
        if reading.raw(section, "health") is not None:
            return  # none, or it could not be read
        _warn(reading, section, _ONLY_WITH_HEALTH, "it has no effect without health: add health = …, or take it out")
    elif health is None or is_watchdog:
        _warn(reading, section, _ONLY_WITH_LOOKS, "it has no effect on a watchdog: take it out")


def _check_command(reading: OptionReader, section: RawSection, option: str, command: str) -> None:
    try:
        split_words(command)
    except ValueError as error:
        message = f"the command of exec: cannot be split into words: {error}: close the quote"
        reading.complain(section, option, message, "bad-health")


def _warn(reading: OptionReader, section: RawSection, options: tuple[str, ...], message: str) -> None:
    for option in options:
        if section.options.get(option) is not None:
            warn_once(reading, section, option, message)
