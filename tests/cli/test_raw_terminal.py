"""This terminal while it shows a program: raw, and afterwards as it was, whatever the program has left behind."""

import os
import pty
import select
import signal
import termios

import pytest

from procman.cli.raw_terminal import Left, RawTerminal


@pytest.fixture
def window():
    """Both ends of a terminal."""
    ours, theirs = pty.openpty()
    yield ours, theirs
    os.close(ours)
    os.close(theirs)


def until(ours, end):
    """All that was shown, up to that."""
    seen = b""
    while not seen.endswith(end):
        seen += os.read(ours, 4096)
    return seen


def test_it_is_raw_and_then_as_it_was(window):
    """Keys come as they are typed, without an echo."""
    ours, theirs = window
    before = termios.tcgetattr(theirs)
    with RawTerminal(theirs, theirs):
        assert termios.tcgetattr(theirs)[3] & (termios.ECHO | termios.ICANON | termios.ISIG) == 0
        os.write(ours, b"\x03")
        assert os.read(theirs, 10) == b"\x03"
    assert termios.tcgetattr(theirs) == before


def test_modes_that_a_program_has_left_are_put_right(window):
    """A full-screen program is still at work when its client leaves; those that were undone are left alone."""
    ours, theirs = window
    with RawTerminal(theirs, theirs) as terminal:
        terminal.show(b"\x1b[?1049h\x1b[?25l\x1b[?10")
        terminal.show(b"00h\x1b[?2004h text \x1b[?2004l")
        until(ours, b"text \x1b[?2004l")
        terminal.restore_modes()
        assert until(ours, b"\x1b[0m") == b"\x1b[?1049l\x1b[?25h\x1b[?1000l\x1b[0m"


def test_a_plain_program_leaves_nothing_to_put_right(window):
    """Nothing is written that the program did not write."""
    ours, theirs = window
    with RawTerminal(theirs, theirs) as terminal:
        terminal.show(b"plain \x1b[31m")
        assert os.read(ours, 4096) == b"plain \x1b[31m"
    os.set_blocking(ours, False)
    with pytest.raises(BlockingIOError):
        os.read(ours, 10)


def test_a_signal_wakes_it(window):
    """SIGWINCH makes `wake` readable; SIGTERM ends it, and the terminal is as it was."""
    _, theirs = window
    before = termios.tcgetattr(theirs)
    handler = signal.getsignal(signal.SIGTERM)
    with RawTerminal(theirs, theirs) as terminal:
        signal.raise_signal(signal.SIGWINCH)
        assert select.select([terminal.wake], [], [], 60)[0]
        terminal.woken()
        with pytest.raises(Left):
            signal.raise_signal(signal.SIGTERM)
    assert termios.tcgetattr(theirs) == before
    assert signal.getsignal(signal.SIGTERM) == handler
