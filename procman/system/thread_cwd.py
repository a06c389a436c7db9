"""The working directory: which it is, and one for a single thread (CLONE_FS, unshare(2))."""

import os

from procman.system import libc

_CLONE_FS = 0x200  # include/uapi/linux/sched.h


def working_folder() -> str:
    """The working directory; "" where it was removed."""
    try:
        return os.getcwd()
    except FileNotFoundError:
        return ""


def leave_common_folder() -> bool:
    """From now on chdir(2) in this thread affects only this thread; False if that is impossible.

    It takes no privilege, but a container runtime may forbid it.
    """
    try:
        libc.call("unshare", _CLONE_FS)
    except OSError:
        return False
    return True
