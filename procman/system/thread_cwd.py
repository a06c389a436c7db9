"""A thread that stands in another folder than its process (CLONE_FS, unshare(2))."""

from procman.system import libc

_CLONE_FS = 0x200  # include/uapi/linux/sched.h


def leave_common_folder() -> bool:
    """From now on `chdir` of this thread is its own affair, and that of others not its; False where that cannot be.

    It takes no privilege, but what runs containers may forbid it.
    """
    try:
        libc.call("unshare", _CLONE_FS)
    except OSError:
        return False
    return True
