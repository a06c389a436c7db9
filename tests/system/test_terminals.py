"""Programs with a terminal of their own: what they see of it, and how another master takes it over."""

import os
import signal
import sys

import pytest

from procman.system.commands import Command
from procman.system.foreign_process import place_of, reopen_pipes
from procman.system.proc import identify
from procman.system.spawn import LaunchSpec, spawn
from procman.system.terminals import number_of, set_size, size_of, take_over


class Running:
    """A program with a terminal, which the test reads and writes."""

    def __init__(self, code, **more):
        command = Command(sys.executable, [sys.executable, "-Sc", code])
        self.child = spawn(
            LaunchSpec(name="web", command=command, environment=dict(os.environb), terminal=(30, 100), **more)
        )
        os.set_blocking(self.child.stdout, True)
        self.seen = b""

    def until(self, text):
        while text not in self.seen:
            data = os.read(self.child.stdout, 4096)
            assert data
            self.seen += data

    def type(self, data):
        os.write(self.child.stdin, data)

    def close(self):
        os.kill(self.child.pid, signal.SIGKILL)
        os.waitpid(self.child.pid, 0)
        self.child.popen.returncode = 0
        for fd in (self.child.stdin, self.child.stdout):
            os.close(fd)


@pytest.fixture
def running():
    started = []

    def run(code, **more):
        started.append(Running(code, **more))
        return started[-1]

    yield run
    for one in started:
        one.close()


LOOKS = (
    "import os, sys\n"
    "tty = [os.isatty(fd) for fd in (0, 1, 2)]\n"
    "mine = os.getpid() == os.getsid(0) == os.getpgrp() == os.tcgetpgrp(0)\n"
    "print(tty, mine, tuple(os.get_terminal_size()), os.ttyname(0) == os.ttyname(2), os.getcwd(), flush=True)\n"
    "os.close(os.open('/dev/tty', os.O_RDWR)); print('tty opens', flush=True); sys.stdin.readline()"
)


def test_it_has_a_terminal_that_controls_its_session(running, tmp_path):
    """All three streams are one terminal of the wanted size, and /dev/tty is that one."""
    one = running(LOOKS, directory=str(tmp_path))
    one.until(b"tty opens")
    assert b"[True, True, True] True (100, 30) True " + str(tmp_path).encode() in one.seen


def test_keys_are_signals(running):
    """Ctrl-C reaches what is in the foreground, and Ctrl-D is the end of the input."""
    one = running(
        "try:\n print('go', flush=True); input()\nexcept KeyboardInterrupt:\n print('int', flush=True)\ninput()"
    )
    one.until(b"go")
    one.type(b"\x03")
    one.until(b"int")
    one.type(b"\x04")
    one.until(b"EOFError")


def test_a_new_size_is_told(running):
    """By SIGWINCH."""
    one = running(
        "import os, signal\n"
        # It may come while print is at work, and print cannot be called within print.
        "signal.signal(signal.SIGWINCH, lambda *_: os.write(1, str(os.get_terminal_size()).encode()))\n"
        # A signal that comes right before a pause would be handled after it; what it writes is there before the read.
        "reader, writer = os.pipe(); os.set_blocking(writer, False); signal.set_wakeup_fd(writer)\n"
        "print('go', flush=True)\n"
        "while True: os.read(reader, 100)"
    )
    one.until(b"go")
    set_size(one.child.stdout, 40, 120)
    one.until(b"columns=120, lines=40")
    assert size_of(one.child.stdout) == (40, 120)


def test_another_process_takes_it_over(running):
    """By the program itself, which holds both ends; what was written meanwhile is still there."""
    one = running("print('hello', flush=True)\nprint('got', input(), flush=True)\ninput()")
    place = place_of(one.child.stdout)
    assert place == place_of(one.child.stdin) < 0
    one.until(b"hello")
    os.close(one.child.stdout)
    os.close(one.child.stdin)
    pipes = reopen_pipes(identify(one.child.pid), (place, place, 0))
    one.child.stdin, one.child.stdout = pipes.stdin, pipes.stdout
    assert pipes.stderr is None
    os.set_blocking(pipes.stdout, True)
    one.type(b"word\n")
    one.until(b"got word")


def test_a_terminal_that_it_does_not_hold_is_not_found(running):
    """Another number, or a program that has closed it: the next master starts it again."""
    one = running("input()")
    with pytest.raises(OSError, match="closed its terminal"):
        take_over(identify(one.child.pid), number_of(one.child.stdout) + 1000)


def test_pipes_have_places_as_before():
    """Their inodes."""
    reader, writer = os.pipe()
    assert place_of(reader) == os.fstat(reader).st_ino
    assert place_of(None) == 0
    os.close(reader)
    os.close(writer)
