"""What becomes of a log beyond supervisor's maxbytes: when it is rotated by the clock, and what of the past is kept.

It may block: the thread of the disk calls it, but for `keep` and `due`.
"""

import os
import time
from collections.abc import Callable

from procman.logs.rotated_files import RotatedFiles, ToCompress
from procman.logs.rotation import PLAIN, Keeping
from procman.system.safe_open import folder_of


class Upkeep:
    """Of one log. What it cannot do is an OSError."""

    def __init__(self, path: str, keeping: Keeping = PLAIN, wall: Callable[[], float] = time.time) -> None:
        """`wall` is the time of day, in seconds since the epoch."""
        self.keeping = keeping
        # When it is to be rotated by the clock; infinite for never.
        self.due = keeping.next_after(wall())
        self._path = path
        self._wall = wall
        self._rotated = RotatedFiles(os.path.basename(path), wall)

    def keep(self, keeping: Keeping) -> None:
        """Go on by these."""
        if keeping != self.keeping:
            self.keeping = keeping
            self.due = keeping.next_after(self._wall())

    def begin(self, status: os.stat_result) -> None:
        """The file was opened: what was written to it before a moment of rotation does not belong with what follows."""
        now = self._wall()
        self.due = self.keeping.next_after(min(status.st_mtime, now) if status.st_size else now)

    def is_due(self, size: int) -> bool:
        """Whether a file of that size is to be rotated now; an empty one waits for the next time."""
        now = self._wall()
        every = self.keeping.every
        if every is None:
            return False
        if now < self.due:
            if every.is_too_far(self.due, now):
                self.due = every.next_after(now)
            return False
        if not size:
            self.due = every.next_after(now)
        return size > 0

    def move_away(self, backups: int, written: float) -> None:
        """The file becomes the newest of the rotated ones; it was last written at `written`."""
        with folder_of(self._path) as (_, folder):
            self._rotated.move_away(folder, backups, self.keeping, written)

    def prune(self, backups: int) -> None:
        """Remove rotated files that are too much, too old or too many."""
        if self.keeping.looks_back or self.keeping.dated:
            with folder_of(self._path) as (_, folder):
                self._rotated.prune(folder, backups, self.keeping)

    def to_compress(self) -> ToCompress | None:
        """The next job for a process that compresses; None: there is nothing to do."""
        if self.keeping.compress is None:
            return None
        with folder_of(self._path) as (_, folder):
            return self._rotated.to_compress(folder, self.keeping.compress)

    def compressed(self, job: ToCompress, *, succeeded: bool) -> bool:
        """The process has ended; whether its file has taken the place of the other."""
        try:
            with folder_of(self._path) as (_, folder):
                return self._rotated.compressed(folder, job, succeeded=succeeded)
        finally:
            job.close()
