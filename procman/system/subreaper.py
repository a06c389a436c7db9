"""prctl(2): which process inherits orphans, and what happens when the parent dies."""

import os

from procman.system import libc
from procman.system.signals import signal_name

# include/uapi/linux/prctl.h
_SET_PDEATHSIG = 1
_SET_CHILD_SUBREAPER = 36


def become_subreaper() -> str | None:
    """From now on be the parent of descendants whose own parent has ended, as PID 1 is; returns why that is impossible.

    Children do not inherit it, and it survives an exec. PID 1 needs it as little as it hurts.
    """
    return _prctl("become the parent of orphans", _SET_CHILD_SUBREAPER, 1)


def die_with_parent(number: int) -> str | None:
    """Be sent that signal when the parent dies, which may have happened already; returns why that is impossible.

    Children do not inherit it, and the exec of a set-user-ID file clears it.
    """
    parent = os.getppid()
    refusal = _prctl(f"be sent {signal_name(number)} when the parent dies", _SET_PDEATHSIG, number)
    if refusal is None and os.getppid() != parent:
        os.kill(os.getpid(), number)
    return refusal


def _prctl(what: str, option: int, value: int) -> str | None:
    try:
        libc.call("prctl", option, value, 0, 0, 0)  # what is not used has to be 0
    except OSError as error:
        return f"cannot {what}: {error.strerror or error}"
    return None
