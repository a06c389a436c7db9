"""What `ready` means for the other options of a program: their defaults, and contradictions."""

from collections.abc import Mapping
from typing import Any

from procman.config.formats.raw import RawSection
from procman.config.resolve.option_reader import OptionReader
from procman.config.schema.kinds.durations import show_seconds
from procman.config.schema.kinds.readiness import target_of
from procman.core.spec import EarlyExit, ProcessType, ReadyKind
from procman.system.shell_split import split_words

DEFAULT_TIMEOUT = 60
_ONLY_WITH_READY = ("start_timeout", "ready_interval")


def settle_readiness(reading: OptionReader, section: RawSection, values: dict[str, Any]) -> None:
    """Give `startsecs` and `start_timeout` the defaults that they have with `ready`; complain of what has no effect."""
    if section.name.startswith("eventlistener:"):
        if values["ready"] and "ready" in section.options:
            message = "an event listener is ready when it writes READY, so nothing else can be: take it out"
            reading.complain(section, "ready", message, "listener-with-ready")
        values["ready"] = ()  # of the defaults
        return
    if values["type"] is ProcessType.ONESHOT:
        if values["ready"] and "ready" in section.options:
            message = "a one-shot is meant to end, so it is never ready: take it out"
            reading.complain(section, "ready", message, "oneshot-with-ready")
        values["ready"] = ()
        return
    if reading.raw(section, "ready") is None:
        of_health = () if values["health"] is not None else ("probe_http_status",)
        for option in (*_ONLY_WITH_READY, *of_health):
            if section.options.get(option) is not None:
                warn_once(reading, section, option, "it has no effect without ready: add ready = …, or take it out")
        return
    if not values["ready"]:
        return  # none, or it could not be read
    for condition in values["ready"]:
        if condition.kind is ReadyKind.EXEC:
            try:
                split_words(target_of(condition).command)
            except ValueError as error:
                message = f"the command of exec: cannot be split into words: {error}: close the quote"
                reading.complain(section, "ready", message, "bad-ready")
    if reading.raw(section, "startsecs") is None:
        values["startsecs"] = 0
    if reading.raw(section, "start_timeout") is None:
        values["start_timeout"] = DEFAULT_TIMEOUT
    delay = max(condition.delay for condition in values["ready"])
    refuse_never_ready(reading, section, values["start_timeout"], {"startsecs": values["startsecs"], "ready": delay})
    if values["early_exit"] is EarlyExit.JUDGE:
        message = "with ready, any end before it is ready is a failed start, so this has no effect: take it out"
        warn_once(reading, section, "early_exit", message)


def refuse_never_ready(
    reading: OptionReader, section: RawSection, timeout: float | None, least: Mapping[str, float]
) -> None:
    """Complain of the first option by which it takes too long, in seconds, for that start_timeout."""
    for option, seconds in least.items():
        if timeout is not None and seconds >= timeout:
            message = (
                f"it takes {show_seconds(seconds)} until it can be ready, and start_timeout is "
                f"{show_seconds(timeout)}: raise start_timeout, or say start_timeout = none"
            )
            reading.complain(section, option, message, "never-ready")
            break


def warn_once(reading: OptionReader, section: RawSection, option: str, message: str) -> None:
    """Warn once for a section, however many processes it has."""
    if all((p.section, p.option, p.message) != (section.label, option, message) for p in reading.problems):
        reading.complain(section, option, message, severity="warning")
