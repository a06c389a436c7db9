"""In whose hands the files of a configuration are: whoever may write them can run anything as the master's user.

That is worth a warning, and to root an error, unless it was told that it is meant to be so. Only a mode that lets
others write is one: a file that is merely somebody else's (a checkout, a folder that is mounted into a container) is
how many people work, and gets root's warning.
"""

import os
from collections.abc import Iterable

from procman.config.problems import Problem, Severity
from procman.config.resolve.option_reader import OptionReader
from procman.system.file_trust import exposure

ALLOW = "--allow-writable-config"


def warn_of_writable_files(reading: OptionReader, files: Iterable[str], *, refuse: bool) -> None:
    """A problem for each file that somebody else may write, or put another in the place of."""
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
    """Is it root who asks, and not PID 1? In a container modes are often not its own to choose."""
    return os.geteuid() == 0 and os.getpid() != 1
