"""Namespaces of the kernel for tests. Where none can be made, as in most containers, the test is skipped."""

import os
import subprocess
from functools import cache

import pytest

# The next command is PID 1 of a pid namespace, with its /proc. It ends with unshare.
_PID_1 = ("unshare", "--pid", "--fork", "--mount-proc", "--kill-child")
_MOUNT = ("unshare", "--mount")


def as_pid_1() -> tuple[str, ...]:
    """The words before a command that is to be PID 1; for root."""
    _need(*_PID_1)
    return _PID_1


def in_mount_namespace() -> tuple[str, ...]:
    """The words before a command whose mounts nobody else is to see; for root."""
    _need(*_MOUNT)
    return _MOUNT


def may_unshare(*options: str) -> None:
    """Skip the test unless unshare(1) may do this here."""
    _need("unshare", *options)


def _need(*words: str) -> None:
    # In CI, everything has to be tested. Without root, nobody expects that.
    if not _can(*words):
        skip = pytest.fail if os.environ.get("CI") and os.geteuid() == 0 else pytest.skip
        skip(f"{' '.join(words)} is not allowed here: it takes root with the capability CAP_SYS_ADMIN")


@cache
def _can(*words: str) -> bool:
    return subprocess.run([*words, "true"], capture_output=True, check=False).returncode == 0
