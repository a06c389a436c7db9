"""The end of what a run has written: from memory, or from the file that it went to without being seen."""

import asyncio
import errno
import os
import threading

import pytest

from procman.logs.rotating_file import RotatingFile
from tests.support.log_lines import PATIENCE
from tests.support.programs import program
from tests.support.routed_outputs import RoutedOutputs

pytestmark = pytest.mark.usefixtures("patient_disks")


class Asked:
    """Keeps the answers, and can wait for them."""

    def __init__(self) -> None:
        self.got: dict[str, tuple[bytes | None, int]] = {}
        self._more = asyncio.Event()

    def __call__(self, channel, data, wrote):
        self.got[channel] = (data, wrote)
        self._more.set()

    async def of(self, channel):
        while channel not in self.got:
            self._more.clear()
            await asyncio.wait_for(self._more.wait(), 30)
        return self.got[channel]


def test_output_in_memory_is_there_at_once(tmp_path):
    """Of the run that is asked about alone, and the last of it."""

    async def story() -> None:
        routed = RoutedOutputs(tmp_path)
        web = program(stdout_logfile=None, stderr_logfile="/dev/null")
        routed.start(web, 1)
        routed.write(1, b"of the first run\n")
        routed.outputs.ended("web")
        routed.start(web, 2)
        routed.write(2, b"0123456789")
        routed.write(2, b"bad\n", "stderr")
        routed.outputs.ended("web")
        asked = Asked()
        assert routed.outputs.written.last_output("web", 2, 4, asked) == ["stdout", "stderr"]
        assert asked.got["stdout"] == (b"6789", 10)
        asked = Asked()
        routed.outputs.written.last_output("web", 1, 4, asked)
        assert asked.got["stdout"] == (b"", 0)
        assert routed.outputs.written.last_output("nope", 1, 4, asked) == []
        routed.close()

    asyncio.run(story())


def test_output_in_a_file_alone_is_read_from_there(tmp_path):
    """Not what an earlier run wrote, nor what comes later, though the file has both."""

    async def story() -> None:
        routed = RoutedOutputs(tmp_path)
        web = program(stdout_logfile=str(tmp_path / "web.log"), redirect_stderr=True)
        routed.start(web, 1, "stdout")
        routed.write(1, b"of the first run\n")
        routed.outputs.ended("web")
        routed.start(web, 2, "stdout")
        routed.write(2, b"of the second\n")
        routed.outputs.ended("web")
        asked = Asked()
        assert routed.outputs.written.last_output("web", 2, 1000, asked) == ["stdout"]
        routed.start(web, 3, "stdout")
        routed.write(3, b"of the third\n")
        assert await asked.of("stdout") == (b"of the second\n", 14)
        routed.close()

    asyncio.run(story())


def test_a_slow_disk_answers_later(tmp_path):
    """It counts as stuck as soon as somebody has waited for it in vain; it is given up when that is reported."""

    async def story() -> None:
        routed = RoutedOutputs(tmp_path)
        path = str(tmp_path / "web.log")
        routed.start(program(stdout_logfile=path, redirect_stderr=True), 1, "stdout")
        routed.write(1, b"words\n")
        routed.outputs.ended("web")
        disk, gate, begun = routed.outputs.disks.for_path(path), threading.Event(), threading.Event()
        disk.post(lambda: begun.set() or gate.wait(PATIENCE))
        await asyncio.to_thread(begun.wait, PATIENCE)
        disk.health.note_timeout()
        assert disk.is_stuck
        asked = Asked()
        routed.outputs.written.last_output("web", 1, 1000, asked)
        assert asked.got == {}
        disk.health.is_unresponsive = True
        silent = Asked()
        routed.outputs.written.last_output("web", 1, 1000, silent)
        assert silent.got == {"stdout": (None, 6)}
        gate.set()
        assert await asked.of("stdout") == (b"words\n", 6)
        routed.close()

    asyncio.run(story())


@pytest.mark.parametrize("is_read", [True, False], ids=["read", "in-the-pipe"])
def test_last_words_come_later_from_a_slow_disk(tmp_path, is_read):
    """Also what that has yet to read from the pipe. The loop does not wait: what is known at once is empty."""

    async def story() -> None:
        routed = RoutedOutputs(tmp_path)
        path = str(tmp_path / "web.log")
        routed.start(program(stdout_logfile=path, redirect_stderr=True), 1, "stdout")
        if is_read:
            routed.write(1, b"first\nwords\n")
            routed.outputs.ended("web")
        disk, gate, begun = routed.outputs.disks.for_path(path), threading.Event(), threading.Event()
        disk.post(lambda: begun.set() or gate.wait(PATIENCE))
        await asyncio.to_thread(begun.wait, PATIENCE)
        disk.health.note_timeout()
        if not is_read:
            routed.write(1, b"first\nwords\n")
            routed.outputs.ended("web")
        said: asyncio.Queue[object] = asyncio.Queue()
        written = routed.outputs.written
        assert written.last_words("web", 1, lambda *words: said.put_nowait(words)) == ("", "")
        assert written.last_lines("web", 1, 5, said.put_nowait) == {}
        routed.start(program(stdout_logfile=path, redirect_stderr=True), 2, "stdout")
        routed.write(2, b"of the second run\n")
        gate.set()
        assert await asyncio.wait_for(said.get(), PATIENCE) == ("words", "stdout")
        assert await asyncio.wait_for(said.get(), PATIENCE) == {"stdout": ["first", "words"]}
        routed.close()

    asyncio.run(story())


def test_a_file_that_has_gone_cannot_be_read(tmp_path):
    """The answer is None."""

    async def story() -> None:
        routed = RoutedOutputs(tmp_path)
        routed.start(program(stdout_logfile=str(tmp_path / "web.log")), 1, "stdout")
        routed.write(1, b"words\n")
        routed.outputs.ended("web")
        os.unlink(tmp_path / "web.log")
        asked = Asked()
        routed.outputs.written.last_output("web", 1, 1000, asked)
        assert await asked.of("stdout") == (None, 6)
        routed.close()

    asyncio.run(story())


def test_what_an_earlier_run_wrote_is_not_of_one_whose_output_is_lost(tmp_path, monkeypatch):
    """Its disk is full: of the first run there are words, of the second there are none, nor in its crash report."""

    async def story() -> None:
        routed = RoutedOutputs(tmp_path)
        web = program(stdout_logfile=str(tmp_path / "web.log"), redirect_stderr=True)
        routed.start(web, 1, "stdout")
        routed.write(1, b"of the first run\n")
        routed.end("web", 1)
        written = routed.outputs.written
        assert written.last_words("web", 1) == ("of the first run", "stdout")
        fail = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        monkeypatch.setattr(RotatingFile, "splice", lambda *_: None)
        monkeypatch.setattr("procman.logs.rotating_file.write_all", lambda _write, data: (len(data), fail))
        routed.start(web, 2, "stdout")
        routed.write(2, b"of the second\n")
        routed.end("web", 2)
        assert written.last_words("web", 2) == ("", "")
        assert written.last_lines("web", 2, 5) == {}
        asked = Asked()
        written.last_output("web", 2, 1000, asked)
        assert await asked.of("stdout") == (None, 14)
        routed.close()

    asyncio.run(story())
