"""Checks who may write the configuration files, because they can then run anything as the master's user.

It is a warning, and for root an error unless it is allowed explicitly. For other users only the file mode counts: a
file that another user owns, such as a checkout or a mounted directory, is common, and only root gets a warning.
"""

import os
from collections.abc import Iterable

from procman.config.problems import Problem, Severity
from procman.config.resolve.option_reader import OptionReader
from procman.config.schema.configuration import Config
from procman.core.spec import Hook
from procman.system.exposure import exposure

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
        way_out = f"chmod go-w {found.path}" if found.by_mode else f"chown root {found.path}"
        if severity == "error":
            way_out += f", or start with {ALLOW}"
        elif found.by_mode and may_refuse():
            way_out += f" (a start as root refuses it without {ALLOW})"
        message = f"{found}, and with it run anything as {user}: {way_out}"
        reading.add(Problem(file, None, None, None, message, severity, "writable"))


def refuse_privileged_hooks(reading: OptionReader, config: Config) -> None:
    """Refuse hooks with the prefix + in files that others may write, where it makes a difference."""
    seen: set[tuple[str, str]] = set()
    for group in config.groups:
        for program in group.programs:
            if program.uid in (None, os.geteuid()):
                continue
            section = reading.sections.sections[program.section]
            for hook in Hook:
                raw = reading.raw(section, hook.value)
                privileged = any(command.as_master for command in program.commands_of(hook))
                if raw is None or not privileged or (section.name, hook.value) in seen:
                    continue
                seen.add((section.name, hook.value))
                found = exposure(raw.file)
                if found is not None:
                    way_out = f"chmod go-w {found.path}" if found.by_mode else f"chown root {found.path}"
                    user = reading.machine.user_name(None)
                    message = f"+ runs a command as {user}, and of this file, {found}: {way_out}, or take the + out"
                    reading.complain(section, hook.value, message, "writable")


def may_refuse() -> bool:
    """Whether this is root but not PID 1; in a container, file modes are often not under its control."""
    return os.geteuid() == 0 and os.getpid() != 1
