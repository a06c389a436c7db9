"""A log whose disk falls silent, and answers again."""

import asyncio
import os
import threading
import time

import pytest

from procman.errors import OperationFailed
from procman.logs import log_file as module
from procman.logs.disk_call import DiskTimeout
from procman.logs.disk_health import ANSWER_HOLDS, SLOW, SUSPECT_FOR
from procman.logs.fair_scheduler import FairScheduler
from procman.logs.log_file import LogFile
from procman.logs.pump import Pump
from procman.logs.ring import Ring
from procman.logs.sink import Null
from tests.support.fake_clock import Clock
from tests.support.silent_disk import hurried, patient_disks


class Setting:
    """A log in a folder, and calls to its disk that the test holds up."""

    def __init__(self, folder):
        self.path, self.other = folder / "log", folder / "other"
        self.said = []
        self.clock = Clock()
        self.answered = asyncio.Event()
        self.disks = patient_disks(
            asyncio.get_running_loop(), self.said.append, on_answer=self.answered.set, clock=self.clock
        )
        self.file = LogFile(self.disks, str(self.path), on_problem=self.said.append)
        self.gate = threading.Event()

    def silence(self):
        """Let a call to this disk hang."""
        with hurried(self.disks), pytest.raises(DiskTimeout):
            self.file.disk.call(lambda: self.gate.wait(30))

    async def answer(self):
        """Let the call return, and everything be written."""
        self.gate.set()
        await self.answered.wait()
        assert self.file.sync()

    def wait_until_asleep(self):
        """Wait until the thread sleeps: it may have been woken for the pipe that it has just read."""
        while not self.file.disk.is_asleep:
            time.sleep(0)

    def hold(self, monkeypatch, name, only=lambda *_: True):
        """Let a system call of this log hang."""
        real = getattr(os, name)
        self.names = []

        def held(*arguments, **options):
            self.names.append(threading.current_thread().name)
            if only(*arguments):
                assert self.gate.wait(30)
            return real(*arguments, **options)

        monkeypatch.setattr(f"procman.logs.rotating_file.os.{name}", held)

    def pump(self, *more):
        """A pump into the log, and the write end of its pipe."""
        reader, writer = os.pipe()
        return Pump(FairScheduler(asyncio.get_running_loop()), reader, [self.file, *more], Ring()), writer


@pytest.fixture
def live(tmp_path):
    """Runs a test's steps on a loop."""

    def run(steps):
        async def whole():
            setting = Setting(tmp_path)
            await asyncio.wait_for(steps(setting), 30)
            setting.gate.set()
            setting.disks.finish(30)
            setting.disks.close()

        asyncio.run(whole())

    return run


def test_who_waits_for_a_reopen_is_told_whether_it_worked(live):
    """Not of a failure that is over: the file was opened, and the next write ends it."""

    async def steps(setting):
        assert setting.file.write(b"before\n")
        assert setting.file.sync()
        moved = setting.path.parent.with_name(f"{setting.path.parent.name}-moved")
        setting.path.parent.rename(moved)
        with pytest.raises(OperationFailed, match="cannot write log"):
            await setting.file.call_async(setting.file.kept.reopen)
        moved.rename(setting.path.parent)
        await setting.file.call_async(setting.file.kept.reopen)
        assert setting.file.write(b"after\n")
        assert setting.file.sync()
        assert setting.path.read_bytes() == b"before\nafter\n"

    live(steps)


def test_writes_to_a_silent_disk_are_done_later(live):
    """In order, and nothing is lost."""

    async def steps(setting):
        assert setting.file.write(b"before\n")
        assert setting.file.sync()
        assert setting.path.read_bytes() == b"before\n"
        setting.silence()
        assert setting.file.write(b"one\n")
        setting.file.reopen()
        assert setting.file.write(b"two\n")
        assert not setting.file.sync()
        await setting.disks.flush()  # returns at once: the disk does not answer
        assert setting.path.read_bytes() == b"before\n"
        setting.path.rename(f"{setting.path}.moved")
        await setting.answer()
        assert setting.path.with_suffix(".moved").read_bytes() == b"before\none\n"
        assert setting.path.read_bytes() == b"two\n"
        assert setting.file.write(b"after\n")
        await setting.disks.flush()
        assert setting.path.read_bytes() == b"two\nafter\n"
        assert setting.file.lost == 0

    live(steps)


def test_the_bytes_held_for_a_silent_disk_are_bounded(live, monkeypatch):
    """Programs wait before the bound is reached; beyond it, bytes are lost and counted."""
    monkeypatch.setattr(module, "MAX_HELD", 10)
    monkeypatch.setattr(module, "FULL", 8)

    async def steps(setting):
        setting.silence()
        assert setting.file.write(b"12345\n")
        room = asyncio.Event()
        setting.file.on_ready(room.set)
        assert room.is_set()
        room.clear()
        assert not setting.file.write(b"7890")
        setting.file.on_ready(room.set)
        assert not room.is_set()
        assert not setting.file.write(b"x")
        assert not setting.file.write(b"yz")
        assert setting.file.lost == 3
        await setting.answer()
        await room.wait()
        assert setting.path.read_bytes() == b"12345\n7890"

    live(steps)


def test_a_batch_of_lines_is_rotated_line_by_line(live):
    """The file is rotated after the line that fills it, as if each line had been written by itself."""

    async def steps(setting):
        setting.file.set_limits(10, 9)
        setting.silence()
        for number in range(6):
            setting.file.write(b"line %d\n" % number)
        await setting.answer()
        kept = [setting.path.with_name(f"log.{number}").read_bytes() for number in (3, 2, 1)]
        assert kept == [b"line 0\nline 1\n", b"line 2\nline 3\n", b"line 4\nline 5\n"]
        assert setting.path.read_bytes() == b""

    live(steps)


def test_a_pump_that_waits_for_a_log_goes_on(live, monkeypatch):
    """With a second sink it reads on the loop, and no more than may be held."""
    monkeypatch.setattr(module, "FULL", 8)

    async def steps(setting):
        setting.silence()
        pump, writer = setting.pump(Null())
        for _ in range(2):
            os.write(writer, b"123456789\n")
            pump.read_turn()
        assert (pump.bytes_in, pump.is_blocked) == (10, False)  # it is not the console that it waits for
        assert setting.path.read_bytes() == b""
        await setting.answer()
        pump.drain()
        assert setting.path.read_bytes() == b"123456789\n" * 2
        pump.close()
        os.close(writer)

    live(steps)


def test_a_log_on_a_silent_disk_cannot_be_cleared(live):
    """The caller learns why, and nothing is removed."""

    async def steps(setting):
        setting.file.write(b"kept\n")
        setting.silence()
        with pytest.raises(
            OperationFailed, match=r"cannot clear log .*log: its disk does not answer; try it when it does"
        ):
            await setting.file.clear()
        setting.file.write(b"more\n")
        await setting.answer()
        assert setting.path.read_bytes() == b"kept\nmore\n"
        await setting.file.clear()
        assert setting.path.read_bytes() == b""

    live(steps)


def test_a_closed_log_gets_what_was_given_before(live):
    """Its descriptor is closed after that."""

    async def steps(setting):
        setting.silence()
        setting.file.write(b"last\n")
        setting.file.close()
        await setting.answer()
        assert setting.path.read_bytes() == b"last\n"
        assert not [fd for fd in os.listdir("/proc/self/fd") if points_to(fd, setting.path)]

    live(steps)


def test_bytes_not_written_at_the_end_are_reported(live):
    """They are counted as lost."""

    async def steps(setting):
        setting.silence()
        setting.file.write(b"last\n")
        setting.file.close()
        setting.disks.finish(0)
        assert setting.said == [f"5 bytes for log {setting.path} were not written: its disk does not answer"]
        assert setting.file.lost == 5

    live(steps)


def test_nothing_is_spliced_into_a_silent_disk(live, monkeypatch):
    """The disk is probed first, and the pipe is left alone, so that the program can end; nothing is lost."""

    async def steps(setting):
        pump, writer = setting.pump()
        os.write(writer, b"one\n")
        pump.drain()
        assert setting.path.read_bytes() == b"one\n"
        setting.wait_until_asleep()
        setting.hold(monkeypatch, "utime")
        setting.clock.now += ANSWER_HOLDS
        os.write(writer, b"two\n")
        with hurried(setting.disks):
            pump.drain()
        assert setting.names == ["procman-disk"]
        assert setting.disks.obstacle is not None
        # Only the program uses the pipe now.
        os.set_blocking(writer, False)
        os.write(writer, b"three\n")
        await setting.answer()
        pump.drain()
        assert setting.path.read_bytes() == b"one\ntwo\nthree\n"
        assert (pump.bytes_in, pump.unread) == (14, 0)
        pump.close()
        os.close(writer)

    live(steps)


@pytest.mark.parametrize("closes", [True, False])
def test_a_splice_that_hangs_does_not_hold_the_loop(live, monkeypatch, closes):
    """Its pump may get other sinks or be closed: that is done when the splice ends, and no byte is lost or doubled."""

    async def steps(setting):
        other = LogFile(setting.disks, str(setting.other))
        pump, writer = setting.pump()
        setting.hold(monkeypatch, "splice")
        os.write(writer, b"one\n")
        with hurried(setting.disks):
            pump.drain()
        assert setting.names == ["procman-disk"]
        fd = pump.fd
        if closes:
            pump.close()
            assert pump.unread == 4
            assert points_to_a_pipe(fd)  # and was not reused yet
        else:
            pump.set_sinks([other])
            os.write(writer, b"two\n")
        await setting.answer()
        assert setting.path.read_bytes() in ([b"one\n"] if closes else [b"one\n", b"one\ntwo\n"])
        if closes:
            assert not points_to_a_pipe(fd)
        else:
            os.write(writer, b"three\n")
            pump.drain()
            assert setting.path.read_bytes() + setting.other.read_bytes() == b"one\ntwo\nthree\n"
            assert pump.bytes_in == 14
            pump.close()
        os.close(writer)

    live(steps)


def test_the_end_of_an_empty_pipe_is_seen_without_the_disk(live, monkeypatch):
    """A pipe without bytes is not spliced, and its end is noticed all the same."""

    async def steps(setting):
        ended = asyncio.Event()
        reader, writer = os.pipe()
        pump = Pump(FairScheduler(asyncio.get_running_loop()), reader, [setting.file], Ring(), on_eof=ended.set)
        os.write(writer, b"one\n")
        pump.drain()
        setting.wait_until_asleep()
        setting.hold(monkeypatch, "utime")
        setting.hold(monkeypatch, "splice")
        setting.clock.now += ANSWER_HOLDS
        os.close(writer)
        await ended.wait()
        assert setting.names == []

    live(steps)


def test_a_silent_program_is_not_given_to_a_thread(live):
    """Many programs never write: the loop alone sees the end of their pipes."""

    async def steps(setting):
        setting.silence()
        ended = asyncio.Event()
        reader, writer = os.pipe()
        Pump(FairScheduler(asyncio.get_running_loop()), reader, [setting.file], Ring(), on_eof=ended.set)
        os.close(writer)
        await ended.wait()
        await setting.answer()

    live(steps)


def test_nothing_is_spliced_into_a_suspect_disk(live, monkeypatch):
    """A splice would lock the pipe for as long as the disk takes."""

    async def steps(setting):
        pump, writer = setting.pump()
        setting.gate.set()
        setting.hold(monkeypatch, "splice")
        setting.file.disk.call(lambda: setattr(setting.clock, "now", setting.clock.now + 2 * SLOW))
        await asyncio.sleep(0)  # that was all that one turn of the loop may wait
        os.write(writer, b"one\n")
        pump.drain()
        assert (setting.path.read_bytes(), setting.names) == (b"one\n", [])
        setting.wait_until_asleep()
        setting.clock.now += SUSPECT_FOR
        os.write(writer, b"two\n")
        pump.drain()
        assert setting.path.read_bytes() == b"one\ntwo\n"
        assert set(setting.names) == {"procman-disk"}
        pump.close()
        os.close(writer)

    live(steps)


def test_a_follower_does_not_wait_for_a_silent_disk(live):
    """It gets new output, and nothing of the past."""

    async def steps(setting):
        pump, writer = setting.pump()
        setting.silence()
        seen, _ = await setting.file.spliced.start(pump._ring, setting.path.read_bytes)
        assert seen is None
        os.write(writer, b"one\n")
        await setting.answer()
        pump.drain()
        pump.close()
        os.close(writer)

    live(steps)


def points_to(fd, path):
    try:
        return os.readlink(f"/proc/self/fd/{fd}") == str(path)
    except FileNotFoundError:
        return False


def points_to_a_pipe(fd):
    try:
        return os.readlink(f"/proc/self/fd/{fd}").startswith("pipe:")
    except FileNotFoundError:
        return False
