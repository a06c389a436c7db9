"""What the options of hooks mean for each other."""

from typing import Any

from procman.config.formats.raw import RawSection
from procman.config.problems import Severity
from procman.config.resolve.option_reader import OptionReader
from procman.core.spec import Hook, HookCommand, Reload
from procman.system.shell_split import split_words

_TIMES = {
    "hook_timeout": tuple(hook.value for hook in Hook if hook not in (Hook.BEFORE_KILL, Hook.RELOAD)),
    "before_kill_timeout": (Hook.BEFORE_KILL.value,),
    "reload_timeout": (Hook.RELOAD.value,),
}


def hook_commands(values: dict[str, Any], option: str) -> tuple[HookCommand, ...]:
    """The commands of an option of a program."""
    value = values[option]
    if option == Hook.RELOAD.value:
        return value.commands if isinstance(value, Reload) else ()
    return value or ()


def settle_hooks(reading: OptionReader, section: RawSection, values: dict[str, Any]) -> None:
    """Complain of what has no effect, and of what cannot be carried out."""
    for option, hooks in _TIMES.items():
        if option in section.options and not any(values[hook] for hook in hooks):
            names = hooks[0] if len(hooks) == 1 else "a hook such as pre_start or post_stop"
            once(reading, section, option, (f"it has no effect without {names}: take it out", "other", "warning"))
    asking = {"on_dependency_restart": values["on_dependency_restart"][0]}
    if values["health"] is not None or values["watchdog"] is not None:
        asking["on_unhealthy"] = values["on_unhealthy"].what
    if values["watch"]:
        asking["watch_action"] = values["watch_action"].what
    for option, what in asking.items():
        if what == "reload" and values["reload"] is None:
            message = "there is no option reload that says how: add reload = signal:HUP, or a command"
            once(reading, section, option, (message, "no-reload", "error"))
    for hook in Hook:
        for command in hook_commands(values, hook.value):
            try:
                split_words(command.text)
            except ValueError as error:
                message = f"a command cannot be split into words: {error}: close the quote"
                once(reading, section, hook.value, (message, "bad-hook", "error"))


def once(reading: OptionReader, section: RawSection, option: str, complaint: tuple[str, str, Severity]) -> None:
    """For a section, however many processes it has: message, slug and severity."""
    message, slug, severity = complaint
    if all((p.section, p.option, p.message) != (section.label, option, message) for p in reading.problems):
        reading.complain(section, option, message, slug, severity)
