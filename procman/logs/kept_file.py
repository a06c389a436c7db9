"""Sees to a log file: has it rotated when the clock says so, and what it was rotated to compressed and removed.

What is wrong with that is reported once, and tried again at the next rotation, and once an hour.
"""

import time
from collections.abc import Callable
from functools import partial

from procman.errors import OperationFailed
from procman.logs.disk_worker import DiskWorker
from procman.logs.log_keeper import LogKeeper
from procman.logs.rotated_files import ToCompress
from procman.logs.rotating_file import RotatingFile
from procman.logs.rotation import PLAIN, Keeping, OnRotated, RotatedBy
from procman.logs.write_failure import WriteFailure


class KeptFile:
    """What sees to one RotatingFile. What is marked happens on the thread, the rest on the loop."""

    def __init__(
        self,
        file: RotatingFile,
        disk: DiskWorker,
        post: Callable[[Callable[[], object]], None],
        report: Callable[[str], None],
        keeper: LogKeeper | None,
        *,
        tell: OnRotated = lambda _by, _problem: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`post` has something done on the thread of the disk, where `report` and `tell` are called.

        Without a `keeper` there is no clock.
        """
        self._file = file
        self._disk = disk
        self._post = post
        self._keeper = keeper
        self._tell = tell
        self._failure = WriteFailure(report, clock)
        self._compresses = False  # on the thread: a job is under way
        if keeper is not None:
            keeper.watch(self)

    @property
    def path(self) -> str:
        """The log's."""
        return self._file.path

    @property
    def size(self) -> int:
        """How long the file is, in bytes."""
        return self._file.size

    @property
    def keeping(self) -> Keeping:
        """How it is kept, besides its size."""
        return self._file.upkeep.keeping

    @property
    def due(self) -> float:
        """When it is to be rotated by the clock, in seconds since the epoch; infinite for never."""
        return self._file.upkeep.due

    @property
    def problem(self) -> str | None:
        """What is wrong now with the files that it was rotated to."""
        return self._failure.text

    def keep(self, keeping: Keeping) -> None:
        """Go on by these options."""
        if keeping == self.keeping:
            return
        self._file.upkeep.keep(keeping)
        if self._keeper is not None:
            self._keeper.watch(self)
        self.look()

    def look(self) -> None:
        """Rotate it if it is time, and see to what was rotated before."""
        self._post(self.see_to)

    def close(self) -> None:
        """It is not watched any more."""
        if self._keeper is not None:
            self._keeper.forget(self)

    # ---- on the thread

    def see_to(self) -> None:
        """The same."""
        if self.keeping != PLAIN:
            self._file.look_at_clock()
            self._tidy()

    def rotate(self) -> None:
        """Rotate it now, unless it is empty; raises OperationFailed."""
        self._file.rotate()
        self._let_others_follow()

    def reopen(self) -> None:
        """Open the path again, and raise OperationFailed if that fails."""
        if not self._file.reopen():
            raise OperationFailed(self._file.failure.text or f"cannot open log {self.path}")

    def rotated(self, by: RotatedBy, problem: str | None) -> None:
        """It was rotated, or could not be."""
        self._tell(by, problem)
        if problem is None and self.keeping != PLAIN:
            self._let_others_follow()
            self._tidy()

    def follow(self) -> None:
        """Another program has the same file, and it was rotated: go on in the new one."""
        self._file.follow()

    def _let_others_follow(self) -> None:
        if self._keeper is not None:
            for other in self._keeper.others(self):
                other.follow()

    def _tidy(self) -> None:
        keeper = self._keeper
        try:
            self._file.upkeep.prune(self._file.backups)
            job = None if self._compresses or keeper is None else self._file.upkeep.to_compress()
        except OSError as error:
            self._failed(error.strerror or str(error))
            return
        if job is not None and keeper is not None:
            self._compresses = True
            self._disk.call_on_loop(partial(keeper.compress, job, partial(self._compression_ended, job)))
        elif not self._compresses and self.keeping.compress is None:
            self._ends()

    def _compressed(self, job: ToCompress, why: str | None) -> None:
        self._compresses = False
        is_done = False
        try:
            is_done = self._file.upkeep.compressed(job, succeeded=why is None)
        except OSError as error:
            why = error.strerror or str(error)
        if why is not None and self._keeper is not None and not self._keeper.is_closed:
            self._failed(why)
        elif is_done:
            self._ends()
            self._tidy()

    def _failed(self, why: str) -> None:
        problem = f"cannot compress or remove what log {self.path} was rotated to: {why}; it is tried again"
        self._failure.begin(problem)
        self._tell("upkeep", problem)

    def _ends(self) -> None:
        self._failure.end(f"what log {self.path} was rotated to is compressed and removed again")

    # ---- on the loop

    def _compression_ended(self, job: ToCompress, why: str | None) -> None:
        self._post(partial(self._compressed, job, why))
