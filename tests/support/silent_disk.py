"""A disk whose thread the test holds up, and its worker."""

import asyncio
import threading

import pytest

from procman.logs import disk_health as module
from procman.logs.disk_call import DiskTimeout
from procman.logs.disk_workers import DiskWorkers
from tests.support.fake_clock import Clock


class SilentCall:
    """A call to a disk that answers when `answer` is called."""

    def __init__(self, result="done"):
        self.result = result
        self.asked = threading.Event()
        self._answers = threading.Event()

    def __call__(self):
        self.asked.set()
        assert self._answers.wait(30)
        return self.result

    def answer(self):
        self._answers.set()


class SilentDisk:
    """A worker that tells what it reports, and can be made silent."""

    def __init__(self, monkeypatch):
        self.monkeypatch = monkeypatch
        self.reports = []
        self.clock = Clock()
        self.answered = asyncio.Event()
        self.disks = DiskWorkers(
            asyncio.get_running_loop(), self._report, on_answer=self.answered.set, clock=self.clock
        )
        self.disk = self.disks.for_path("/logs/web.log")
        self._reported = asyncio.Event()

    def _report(self, text):
        self.reports.append(text)
        self._reported.set()

    async def next_report(self):
        await self._reported.wait()
        self._reported.clear()
        return self.reports[-1]

    def count_checks(self):
        """The delays of all checks from now on, which come soon; and an event that each of them sets."""
        self.monkeypatch.setattr(module, "CHECK_INTERVAL", 0.01)
        delays, checked = [], asyncio.Event()
        loop = asyncio.get_running_loop()
        call_later = loop.call_later

        def noted(delay, function, *arguments):
            def check():
                function(*arguments)
                checked.set()

            delays.append(delay)
            return call_later(delay, check)

        self.monkeypatch.setattr(loop, "call_later", noted)
        return delays, checked

    def silence(self):
        """Let the disk answer no more; returns the call that hangs."""
        call = SilentCall()
        with pytest.raises(DiskTimeout):
            self.disk.call(call)
        assert self.disk.is_stuck
        return call

    async def answer(self, call):
        """Let that call return."""
        self.answered.clear()
        call.answer()
        await self.answered.wait()
        assert not self.disk.is_stuck


def thread_name(disk):
    return disk.call(lambda: threading.current_thread().name)
