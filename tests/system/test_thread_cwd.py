"""A thread in a folder of its own. In a process apart: it cannot be undone."""

import errno
import os
import threading

import pytest

from procman.system import libc
from procman.system.thread_cwd import leave_common_folder, working_folder
from tests.support.forked import in_fork


def where_everybody_stands() -> tuple[bool, str, str]:
    """Whether a thread could leave, and where it and the main thread are when it has gone to /usr."""
    os.chdir("/")
    found = []

    def leave() -> None:
        found.append(leave_common_folder())
        os.chdir("/usr")
        found.append(os.getcwd())

    thread = threading.Thread(target=leave)
    thread.start()
    thread.join()
    return (*found, os.getcwd())


def test_a_thread_leaves_and_takes_nobody_with_it():
    """A change of directory by the thread does not affect the other threads."""
    left, own, common = in_fork(where_everybody_stands)
    if not left:
        pytest.skip("nobody may call unshare(2) here")
    assert (own, common) == ("/usr", "/")


def test_where_it_may_not_it_says_so(monkeypatch):
    """As in most containers with a directory= of their own."""

    def forbidden(*_: object) -> int:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(libc, "call", forbidden)
    assert not leave_common_folder()


def test_what_the_c_library_does_not_have_is_an_error():
    """Not a crash."""
    with pytest.raises(OSError, match="no_such_function"):
        libc.call("no_such_function")


def test_what_the_kernel_refuses_is_an_error_with_its_number():
    """As from os."""
    with pytest.raises(OSError) as caught:
        libc.call("close", -1)
    assert caught.value.errno == errno.EBADF


def test_a_folder_that_was_removed_has_no_name(tmp_path):
    """Nothing is raised: a master may outlive the folder that it was started in."""

    def removed() -> tuple[str, str]:
        os.chdir(tmp_path)
        before = working_folder()
        tmp_path.rmdir()
        return before, working_folder()

    assert in_fork(removed) == (str(tmp_path), "")
