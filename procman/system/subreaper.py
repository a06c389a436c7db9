"""prctl(2): which process inherits orphans, and what happens when the parent dies."""

import os

from procman.system import libc
from procman.system.signals import signal_name

# include/uapi/linux/prctl.h
_SET_PDEATHSIG = 1
_SET_CHILD_SUBREAPER = 36


def become_subreaper() -> str | None:
    """Become the parent of orphaned descendants, as PID 1 is; returns why that is impossible.

    Children do not inherit this, and it survives an exec. For PID 1 it changes nothing.
    """
    return _prctl("become the parent of orphans", _SET_CHILD_SUBREAPER, 1)


def die_with_parent(number: int) -> str | None:
    """Get that signal when the parent dies, or at once if it has died; returns why that is impossible.

    Children do not inherit it, and the exec of a set-user-ID file clears it.
    """
    parent = os.getppid()
    refusal = _prctl(f"be sent {signal_name(number)} when the parent dies", _SET_PDEATHSIG, number)
    if refusal is None and os.getppid() != parent:
        os.kill(os.getpid(), number)
    return refusal


def _prctl(what: str, option: int, value: int) -> str | None:
    try:
        libc.call("prctl", option, value, 0, 0, 0)  # unused arguments have to be 0
    except OSError as error:
        return f"cannot {what}: {error.strerror or error}"
    return None
