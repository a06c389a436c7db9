"""A disk whose thread the test holds up, and its worker."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from procman.logs import disk_health as module
from procman.logs.disk_call import DiskTimeout
from procman.logs.disk_workers import DiskWorkers
from tests.support.fake_clock import Clock
from tests.support.log_lines import PATIENCE


def patient_disks(*arguments: Any, **options: Any) -> DiskWorkers:
    """Workers for whom the loop waits as long as a test may take, not 50 ms: the machine may be busy."""
    return DiskWorkers(*arguments, turn_limit=PATIENCE, call_limit=PATIENCE, **options)


@contextlib.contextmanager
def hurried(disks: DiskWorkers) -> Iterator[None]:
    """Meanwhile the loop waits no longer for a disk than that of a master does."""
    disks._side.call_limit = module.LOOP_WAIT
    try:
        yield
    finally:
        disks._side.call_limit = PATIENCE


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
        self.disks = patient_disks(
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
        with hurried(self.disks), pytest.raises(DiskTimeout):
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
