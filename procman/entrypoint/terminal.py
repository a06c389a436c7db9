"""Job control for the program of `procman run`: the terminal is its own while it runs, and a stop is passed on.

Without a terminal, and in the background of a shell, nothing of this happens.
"""

import os
import signal

# The kernel stops a process with these when it uses a terminal that is not its own.
_NOT_ITS_TURN = frozenset({signal.SIGTTIN, signal.SIGTTOU})
# A terminal stops a job with these. Blocked with the others, they do not stop this process when it gives the terminal
# away.
_JOB = _NOT_ITS_TURN | {signal.SIGTSTP}


def put_in_front(pid: int) -> None:
    """Give the terminal to that program, unless it writes into a pipe.

    `less` at the other end of that pipe wants the keys, and is in the group of this process. A program that wants them
    itself is stopped by the kernel for that, and is given the terminal then.
    """
    if os.isatty(1):
        _give_terminal(pid)


def take_back(pid: int) -> None:
    """Take the terminal back from a program that has ended: Ctrl-C is for this process again."""
    try:
        if os.tcgetpgrp(0) == pid:
            os.tcsetpgrp(0, os.getpgrp())
    except OSError:
        pass  # there is no terminal


def stop_with(pid: int) -> None:
    """Stop this process if the program was stopped by its terminal; once continued, continue the program.

    A job is stopped as a whole: after Ctrl-Z the shell takes the terminal back only when it sees this process stop.
    Without a terminal nothing would continue it; and PID 1 cannot be stopped.
    """
    try:
        stopped = os.waitid(os.P_PID, pid, os.WSTOPPED | os.WNOHANG)
        if stopped is None or stopped.si_status not in _JOB:
            return
        os.tcgetpgrp(0)
    except OSError:
        return
    # It may have wanted the terminal before it had it: no reason to stop if it can be given it.
    if not (stopped.si_status in _NOT_ITS_TURN and _give_terminal(pid)):
        os.kill(os.getpid(), signal.SIGSTOP)
        # Here `fg` or `bg` has continued this process, and nothing in the program's group. Passed on later as well,
        # that signal could undo the next stop.
        signal.sigtimedwait({signal.SIGCONT}, 0)
        put_in_front(pid)
    try:
        os.killpg(pid, signal.SIGCONT)
    except ProcessLookupError:
        pass  # it was killed meanwhile, and SIGCHLD is on its way


def _give_terminal(pid: int) -> bool:
    """Its process group reads from the terminal and gets Ctrl-C, as a shell's job does; False if it is not ours."""
    try:
        # In the background of a shell, the terminal is the shell's.
        if os.tcgetpgrp(0) not in (os.getpgrp(), pid):
            return False
        os.tcsetpgrp(0, pid)
    except OSError:
        return False  # there is no terminal
    return True
