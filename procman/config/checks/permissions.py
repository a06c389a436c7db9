"""Checks who may write the configuration files, because they can then run anything as the master's user.

It is a warning, and for root an error unless it is allowed explicitly. For other users only the file mode counts: a
file that another user owns, such as a checkout or a mounted directory, is common, and only root gets a warning.
"""

import os
from collections.abc import Iterable, Iterator

from procman.config.problems import Problem, Severity
from procman.config.resolve.option_reader import OptionReader
from procman.config.schema.configuration import Config
from procman.core.spec import Hook, HookCommand
from procman.system.commands import CannotSpawn, find_command
from procman.system.exposure import Exposure, exposure
from procman.system.shell_split import first_word

ALLOW = "--allow-writable-config"


def warn_of_writable_files(reading: OptionReader, files: Iterable[str], *, refuse: bool) -> None:
    """Complain about each file that another user can write or replace."""
    root = os.geteuid() == 0
    for file in dict.fromkeys(files):
        found = exposure(file)
        if found is None or not (found.by_mode or root):
            continue
        severity: Severity = "error" if refuse and found.by_mode else "warning"
        user = "root" if root else reading.machine.user_name(None)
        way_out = _way_out(found)
        if severity == "error":
            way_out += f", or start with {ALLOW}"
        elif found.by_mode and may_refuse():
            way_out += f" (a start as root refuses it without {ALLOW})"
        message = f"{found}, and with it run anything as {user}: {way_out}"
        reading.add(Problem(file, None, None, None, message, severity, "writable"))


def refuse_privileged_hooks(reading: OptionReader, config: Config) -> None:
    """Refuse hooks with the prefix + where others may write the file that says so, or the one that is executed."""
    seen: set[tuple[str, str]] = set()
    for group in config.groups:
        for program in group.programs:
            if program.uid in (None, os.geteuid()):
                continue
            section = reading.sections.sections[program.section]
            for hook in Hook:
                raw = reading.raw(section, hook.value)
                commands = [command for command in program.commands_of(hook) if command.as_master]
                if raw is None or not commands or (section.name, hook.value) in seen:
                    continue
                seen.add((section.name, hook.value))
                user = reading.machine.user_name(None)
                found = exposure(raw.file)
                if found is not None:
                    message = f"+ runs a command as {user}, and of this file, {found}: {_way_out(found)}"
                    reading.complain(section, hook.value, f"{message}, or take the + out", "writable")
                    continue
                directory = os.path.join(config.master.directory or "", program.directory or "")
                for short, found in _exposed(reading, commands, directory, program.environment.get("PATH")):
                    message = f"+ runs {short} as {user}, and of that file, {found}: {_way_out(found)}"
                    reading.complain(section, hook.value, f"{message}, or take the + out", "writable")


def _exposed(
    reading: OptionReader, commands: Iterable[HookCommand], directory: str, path: str | None
) -> Iterator[tuple[str, Exposure]]:
    """The commands whose executable somebody else may write or replace."""
    for command in commands:
        found: list[Exposure] = []

        def look(text: str = command.text, found: list[Exposure] = found) -> bool:
            try:
                exposed = exposure(os.path.join(directory, find_command(text, directory, path).file))
            except CannotSpawn:
                return False  # reported when it is to run
            found += [exposed] if exposed is not None else []
            return True

        if reading.machine.ask(look):
            yield from ((first_word(command.text), one) for one in found)


def _way_out(found: Exposure) -> str:
    return f"chmod go-w {found.path}" if found.by_mode else f"chown root {found.path}"


def may_refuse() -> bool:
    """Whether this is root but not PID 1; in a container, file modes are often not under its control."""
    return os.geteuid() == 0 and os.getpid() != 1
