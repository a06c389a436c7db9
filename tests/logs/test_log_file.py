"""A log whose disk falls silent, and answers again."""

import asyncio
import os
import threading

import pytest
from clocks import Clock

from procman.errors import ProcmanError
from procman.logs import log_file as module
from procman.logs.disks import DOUBTED_FOR, SLOW, Disks, NoAnswer
from procman.logs.log_file import LogFile
from procman.logs.pump import Pump, Rota
from procman.logs.ring import Ring


class Setting:
    """A log in a folder, and calls to its disk that the test holds up."""

    def __init__(self, folder):
        self.path = folder / "log"
        self.said = []
        self.clock = Clock()
        self.disks = Disks(asyncio.get_running_loop(), self.said.append, clock=self.clock)
        self.file = LogFile(self.disks, str(self.path), on_problem=self.said.append)
        self._gate = None

    def falls_silent(self):
        """Something else that is on this disk is never done, it seems."""
        gate = self._gate = threading.Event()
        self.clock.now += 1  # its last answer is old
        with pytest.raises(NoAnswer):
            self.disks.of(str(self.path)).do(lambda: gate.wait(30))
        assert not self.file.ready

    async def answers(self):
        """It does, and has had all that was for it."""
        ready = asyncio.Event()
        self.file.on_ready(ready.set)
        self._gate.set()
        await ready.wait()


@pytest.fixture
def live(tmp_path):
    """Runs a test's steps on a loop."""

    def run(steps):
        async def whole():
            setting = Setting(tmp_path)
            await asyncio.wait_for(steps(setting), 30)
            setting.disks.close()

        asyncio.run(whole())

    return run


def test_what_comes_while_the_disk_is_silent_is_written_later(live):
    """In its order, and nothing of it is lost."""

    async def steps(setting):
        assert setting.file.write(b"before\n")
        setting.falls_silent()
        assert not setting.file.write(b"one\n")
        setting.file.reopen()
        assert not setting.file.write(b"two\n")
        assert setting.path.read_bytes() == b"before\n"
        setting.path.rename(f"{setting.path}.moved")
        await setting.answers()
        assert setting.path.with_suffix(".moved").read_bytes() == b"before\none\n"
        assert setting.path.read_bytes() == b"two\n"
        assert setting.file.write(b"after\n")
        assert setting.path.read_bytes() == b"two\nafter\n"
        assert setting.file.lost == 0

    live(steps)


def test_the_write_that_the_disk_is_busy_with_is_done_once(live, monkeypatch):
    """It is late, and what follows comes after it."""
    gate, write = threading.Event(), os.write
    names = []

    def held(fd, data):
        names.append(threading.current_thread().name)
        if bytes(data) == b"late\n":
            assert gate.wait(30)
        return write(fd, data)

    async def steps(setting):
        monkeypatch.setattr("procman.logs.sinks.os.write", held)
        setting.clock.now += 1
        assert not setting.file.write(b"late\n")
        assert not setting.file.write(b"next\n")
        ready = asyncio.Event()
        setting.file.on_ready(ready.set)
        gate.set()
        await ready.wait()
        assert setting.path.read_bytes() == b"late\nnext\n"
        assert names[0] == "procman-disk"

    live(steps)


def test_what_is_kept_is_bounded(live, monkeypatch):
    """What is too much is counted; the rest is there."""
    monkeypatch.setattr(module, "MOST_HELD", 10)

    async def steps(setting):
        setting.falls_silent()
        for line in (b"12345\n", b"7890", b"x", b"yz"):
            setting.file.write(line)
        assert setting.file.lost == 3
        await setting.answers()
        assert setting.path.read_bytes() == b"12345\n7890"

    live(steps)


def test_a_silent_disk_cannot_be_cleared(live):
    """Who wants it is told why not, and nothing is gone."""

    async def steps(setting):
        setting.file.write(b"kept\n")
        setting.falls_silent()
        with pytest.raises(
            ProcmanError, match=r"cannot clear log .*log: its disk does not answer; try it when it does"
        ):
            setting.file.clear()
        setting.file.write(b"more\n")
        with pytest.raises(ProcmanError, match="its disk does not answer"):
            setting.file.clear()
        await setting.answers()
        assert setting.path.read_bytes() == b"kept\nmore\n"
        setting.file.clear()
        assert setting.path.read_bytes() == b""

    live(steps)


def test_a_log_that_is_closed_gets_what_was_for_it(live):
    """Its descriptor is given back then."""

    async def steps(setting):
        setting.falls_silent()
        setting.file.write(b"last\n")
        setting.file.close()
        await setting.answers()
        assert setting.path.read_bytes() == b"last\n"
        assert not [fd for fd in os.listdir("/proc/self/fd") if points_to(fd, setting.path)]

    live(steps)


def test_what_could_not_be_written_until_the_end_is_said(live):
    """And counted."""

    async def steps(setting):
        setting.falls_silent()
        setting.file.write(b"last\n")
        setting.file.close()
        setting.disks.settle(0)
        assert setting.said == [f"5 bytes for log {setting.path} were not written: its disk does not answer"]
        assert setting.file.lost == 5
        setting._gate.set()

    live(steps)


def test_nothing_is_spliced_into_a_silent_disk(live, monkeypatch):
    """It is asked before; then the pipe is left alone, so that the program can end; when it answers all is there."""
    gate, utime = threading.Event(), os.utime
    asked = []

    def held(fd):
        asked.append(threading.current_thread().name)
        assert gate.wait(30)
        utime(fd)

    async def steps(setting):
        reader, writer = os.pipe()
        pump = Pump(Rota(asyncio.get_running_loop()), reader, [setting.file], Ring())
        os.write(writer, b"one\n")
        pump.drain()
        assert setting.path.read_bytes() == b"one\n"
        monkeypatch.setattr("procman.logs.disks.os.utime", held)
        setting.clock.now += 1
        os.write(writer, b"two\n")
        pump.drain()
        assert pump.waits
        assert asked == ["procman-disk"]
        setting._gate = gate
        await setting.answers()
        assert setting.path.read_bytes() == b"one\ntwo\n"
        assert (pump.waits, pump.bytes_in, pump.lost) == (False, 8, 0)
        pump.close()
        os.close(writer)
        setting.file.close()

    live(steps)


def test_the_end_of_a_pipe_is_not_the_disks_business(live, monkeypatch):
    """What has nothing to write does not ask it, and sees that there is no more all the same."""
    asked = []
    monkeypatch.setattr("procman.logs.disks.os.utime", asked.append)
    monkeypatch.setattr("procman.logs.sinks.os.splice", lambda *_a, **_o: asked.append("splice"))

    async def steps(setting):
        reader, writer = os.pipe()
        ended = asyncio.Event()
        Pump(Rota(asyncio.get_running_loop()), reader, [setting.file], Ring(), on_eof=ended.set)
        setting.clock.now += 1
        os.close(writer)
        await ended.wait()
        assert asked == []
        setting.file.close()

    live(steps)


def test_what_goes_to_a_disk_in_doubt_is_written_by_a_deputy(live, monkeypatch):
    """A splice would lock the pipe for as long as the disk takes."""
    splices, splice = [], os.splice
    monkeypatch.setattr("procman.logs.sinks.os.splice", lambda *a, **o: splices.append(1) or splice(*a, **o))

    async def steps(setting):
        reader, writer = os.pipe()
        pump = Pump(Rota(asyncio.get_running_loop()), reader, [setting.file], Ring())
        setting.disks.of(str(setting.path)).do_here(lambda: setattr(setting.clock, "now", setting.clock.now + 2 * SLOW))
        os.write(writer, b"one\n")
        pump.drain()
        assert (setting.path.read_bytes(), splices) == (b"one\n", [])
        setting.clock.now += DOUBTED_FOR
        os.write(writer, b"two\n")
        pump.drain()
        assert (setting.path.read_bytes(), splices) == (b"one\ntwo\n", [1])
        pump.close()
        os.close(writer)
        setting.file.close()

    live(steps)


def points_to(fd, path):
    try:
        return os.readlink(f"/proc/self/fd/{fd}") == str(path)
    except FileNotFoundError:
        return False
