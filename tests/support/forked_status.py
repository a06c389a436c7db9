"""The exit status of a process that a test forks: cheaper than an interpreter, and PID 1 if wanted."""

import ctypes
import os
import signal
import traceback
from collections.abc import Callable

from tests.support.namespaces import may_unshare

CLONE_NEWPID = 0x20000000
# All whose default action ends a process, those for real time included.
FATAL = sorted(
    signal.valid_signals()
    - {signal.SIGCHLD, signal.SIGCONT, signal.SIGURG, signal.SIGWINCH}
    - {signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU}
)


def forked_status(function: Callable[[], int], *, as_pid_1: bool = False) -> int:
    """The exit status of a process that runs `function`; with `as_pid_1` in a pid namespace of its own."""
    if as_pid_1:
        may_unshare("--pid", "--fork")
    child = os.fork()
    if not child:
        status = 99
        try:
            if as_pid_1:
                assert ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWPID) == 0
                init = os.fork()
                if init:
                    os._exit(os.waitstatus_to_exitcode(os.waitpid(init, 0)[1]))
            status = function()
        except BaseException:  # noqa: BLE001 - the status alone would not say why
            traceback.print_exc()
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
