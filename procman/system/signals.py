"""Names of signals, sending them, and their dispositions.

Names are the kernel's (`SIGTERM`); a number that has none is "signal 99".
"""

import os
import signal
from collections.abc import Mapping

# https://man7.org/linux/man-pages/man7/signal.7.html: these can be caught, but not usefully.
STOP = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGQUIT})


def signal_name(number: int) -> str:
    """SIGTERM for 15."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def signal_number(text: str) -> int | None:
    """15 for TERM, SIGTERM, term and 15; None if there is no such signal."""
    text = text.strip().upper()
    if text.isdecimal():
        number = int(text)
        return number if number in signal.valid_signals() else None
    name = text if text.startswith("SIG") else f"SIG{text}"
    return _BY_NAME.get(name)


def send(pid: int, number: int, *, as_group: bool) -> str | None:
    """Signal a process of ours that is not yet reaped, or its process group.

    Returns why the kernel refused. That a process has ended is no refusal: it is about to be reaped.
    """
    try:
        if as_group:
            # Each process leads its own group from before its exec, so the id of the group is its pid.
            os.killpg(pid, number)
        else:
            os.kill(pid, number)
    except ProcessLookupError:
        return None
    except OSError as error:
        return f"cannot send {signal_name(number)} to pid {pid}: {error.strerror}"
    return None


def disinherit(*, unblock: bool = True) -> None:
    """Undo inherited signal settings, which every child would inherit, too.

    Blocked signals are unblocked, unless the caller waits for them. Ignored ones get a handler that does nothing: exec
    resets it to the default action in the child, and the master still ignores the signal. Python and `subprocess`
    handle SIGPIPE and SIGXFSZ.
    """
    for number in signal.valid_signals() - {signal.SIGPIPE, signal.SIGXFSZ}:
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda *_: None)
    if unblock:
        signal.pthread_sigmask(signal.SIG_SETMASK, ())


_BY_NAME: Mapping[str, int] = {
    # CLD and POLL are other names of CHLD and IO; iterating the enum would omit them.
    name: int(member)
    for name, member in signal.Signals.__members__.items()
}
