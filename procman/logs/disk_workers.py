"""The threads of all disks that hold logs, found by the path of a log."""

import asyncio
import math
import os
import time
from collections.abc import Callable

from procman.logs.disk_call import DiskTimeout
from procman.logs.disk_health import LOOP_WAIT, LoopSide
from procman.logs.disk_worker import DiskWorker


class DiskWorkers:
    """One `DiskWorker` for each device."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        report: Callable[[str], None] = lambda _text: None,
        *,
        on_answer: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
        turn_limit: float = LOOP_WAIT,
        call_limit: float = LOOP_WAIT,
    ) -> None:
        """`report` and `on_answer` are called on the loop: a disk does not answer, or answers again.

        `turn_limit`, `call_limit`: how long the loop may wait for all disks in one of its turns, and for one call; in
        seconds.
        """
        self._side = LoopSide(loop, report, on_answer, clock, turn_limit=turn_limit, call_limit=call_limit)
        self._by_folder: dict[str, DiskWorker] = {}
        self._by_device: dict[int, DiskWorker] = {}

    def for_path(self, path: str) -> DiskWorker:
        """The worker of the disk that the path's folder is on.

        A symbolic link in the folder may lead to another disk, whose silence then counts as this one's. As long as
        nothing is known about a folder, it has a worker of its own.
        """
        folder = os.path.dirname(path) or "."
        disk = self._by_folder.get(folder)
        if disk is None or (disk.device is None and not disk.users):
            disk = self._by_folder[folder] = self._identify(disk or DiskWorker(folder, self._side))
        return disk

    def for_device(self, folder: str, device: int) -> DiskWorker:
        """The worker of a device; `folder` is one on it, for messages."""
        if device not in self._by_device:
            self._by_device[device] = DiskWorker(folder, self._side)
            self._by_device[device].device = device
        return self._by_device[device]

    @property
    def obstacle(self) -> str | None:
        """Why an upgrade cannot happen now."""
        return next((disk.obstacle for disk in self._all() if disk.obstacle is not None), None)

    @property
    def silent(self) -> list[str]:
        """Says of each disk that does not answer that it does not."""
        return [disk.obstacle for disk in self._all() if disk.obstacle is not None]

    async def flush(self) -> None:
        """Wait until everything is done that was given to them; not for a disk that does not answer."""
        for disk in self._all():
            await disk.flush()

    def pause(self) -> str | None:
        """Let them all rest, with nothing half done; or return why one cannot, and then none rests."""
        for disk in self._all():
            if not disk.pause():
                self.resume()
                return f"the disk of {disk.folder} does not answer"
        return None

    def resume(self) -> None:
        """Go on."""
        for disk in self._all():
            disk.resume()

    def lift_limit(self) -> None:
        """The master ends: the loop may wait for one disk after the other."""
        self._side.turn_limit = math.inf

    def finish(self, timeout: float) -> None:
        """After the loop has ended: wait for what was given to them, `timeout` seconds at most."""
        until = self._side.clock() + timeout
        for disk in self._all():
            disk.finish(until)

    def close(self) -> None:
        """Let the threads end."""
        for disk in self._all():
            disk.close()

    def _identify(self, guess: DiskWorker) -> DiskWorker:
        try:
            device = guess.call(lambda: os.stat(guess.folder).st_dev)
        except (OSError, DiskTimeout):
            return guess
        disk = self._by_device.setdefault(device, guess)
        disk.device = device
        if disk is not guess:
            guess.close()
        return disk

    def _all(self) -> list[DiskWorker]:
        return list(dict.fromkeys((*self._by_folder.values(), *self._by_device.values())))
