"""Signals by name, and what each means to the master.

Names are the kernel's (`SIGTERM`); a number that has none is "signal 99".
"""

import os
import signal
from collections.abc import Mapping

# https://man7.org/linux/man-pages/man7/signal.7.html: these can be caught, and nothing sensible follows from it.
STOP = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGQUIT})


def signal_name(number: int) -> str:
    """SIGTERM for 15."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def signal_number(text: str) -> int | None:
    """15 for TERM, SIGTERM, term and 15; None where there is no such signal."""
    text = text.strip().upper()
    if text.isdecimal():
        number = int(text)
        return number if number in signal.valid_signals() else None
    name = text if text.startswith("SIG") else f"SIG{text}"
    return _BY_NAME.get(name)


def send(pid: int, number: int, *, as_group: bool) -> str | None:
    """Signal a process of ours that is not yet reaped, or its process group.

    Returns why the kernel refused. A process that has gone meanwhile is no refusal: it is about to be reaped.
    """
    try:
        if as_group:
            # Each process leads a group of its own from before its exec, so the group's number is its pid.
            os.killpg(pid, number)
        else:
            os.kill(pid, number)
    except ProcessLookupError:
        return None
    except OSError as error:
        return f"cannot send {signal_name(number)} to pid {pid}: {error.strerror}"
    return None


def disinherit(*, unblock: bool = True) -> None:
    """Undo what the starter of the master did to signals, which every child would inherit.

    Blocked signals are let through, unless the caller waits for them. Ignored ones get a handler that does nothing:
    exec gives those back their default action in the child, and the master goes on not to mind. SIGPIPE and SIGXFSZ are
    Python's own, and `subprocess`'s.
    """
    for number in signal.valid_signals() - {signal.SIGPIPE, signal.SIGXFSZ}:
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda *_: None)
    if unblock:
        signal.pthread_sigmask(signal.SIG_SETMASK, ())


_BY_NAME: Mapping[str, int] = {
    # CLD and POLL are other names of CHLD and IO, which iterating the enum would leave out.
    name: int(member)
    for name, member in signal.Signals.__members__.items()
}
