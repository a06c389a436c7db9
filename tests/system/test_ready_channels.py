"""The socket on which a program says that it is ready, with a sender that is not what it should be."""

import os
import socket

import pytest

from procman.system.ready_channels import LONGEST_MESSAGE, open_socket, receive


@pytest.fixture
def ends(tmp_path, monkeypatch):
    """The socket, and one that is connected to it."""
    monkeypatch.chdir(tmp_path)  # a socket has a short path
    ours = open_socket("s", None)
    with ours, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as theirs:
        theirs.connect("s")
        yield ours, theirs


@pytest.mark.parametrize("message", [b"BARRIER=1", b"FDSTORE=1\nFDNAME=x"])
def test_descriptors_that_come_with_a_message_are_closed(ends, message):
    """So whoever waits for that goes on, and none of them stays open here."""
    ours, theirs = ends
    reader, writer = os.pipe()
    socket.send_fds(theirs, [message], [writer] * 3)
    os.close(writer)
    assert receive(ours) == (os.getuid(), message)
    assert os.read(reader, 1) == b""
    os.close(reader)
    assert receive(ours) is None


def test_a_message_that_is_too_long_says_nothing(ends):
    """It is not cut off in the middle of a word."""
    ours, theirs = ends
    theirs.send(b"READY=1\n" + b"x" * LONGEST_MESSAGE)
    assert receive(ours) == (os.getuid(), b"")
