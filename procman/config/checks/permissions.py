"""Checks who may write the configuration files, because they can then run anything as the master's user.

It is a warning, and for root an error unless it is allowed explicitly. For other users only the file mode counts: a
file that another user owns, such as a checkout or a mounted directory, is common, and only root gets a warning.
"""

import os
from collections.abc import Iterable

from procman.config.problems import Problem, Severity
from procman.config.resolve.option_reader import OptionReader
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


def may_refuse() -> bool:
    """Whether this is root but not PID 1; in a container, file modes are often not under its control."""
    return os.geteuid() == 0 and os.getpid() != 1
