"""Keeps reports in a folder, too, so that they outlive the master: written beside the loop, and never waited for.

A folder that cannot be written, or whose disk does not answer, has one line in the log; the reports are in memory then,
and are written with the next one that can be.
"""

import asyncio
import json
import os
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

from procman.logs.protocol import Log
from procman.runtime.call_queue import CallQueue, TakesTooLong
from procman.services.crash_reports.kept_reports import Item, surplus
from procman.services.crash_reports.report import CrashReport, from_plain
from procman.system.report_folder import SUFFIX, list_reports, read_report, remove_report, write_report

# All files together, in bytes.
MOST_BYTES = 20 << 20
# After so long a disk that has not answered is said to be silent, in seconds; a client does not wait longer for it.
PATIENCE = 5.0
# What comes within so many seconds is written together.
SAVE_EVERY = 1.0
_SOON = 0.05

_NAME = re.compile(rf"\d+-\d+-(.+){re.escape(SUFFIX)}")
_LONGEST_NAME = 80

Encode = Callable[[CrashReport], dict[str, Any]]


class ReportFiles:
    """The files of one folder. Everything but `_write` and `_read` happens on the loop's thread."""

    def __init__(
        self, folder: str, most: int, log: Log, encode: Encode, on_end: Callable[[], object] = lambda: None
    ) -> None:
        """Keep `most` files at most.

        `encode` makes plain data of a report, on any thread; `on_end` is called when there is no `obstacle` any more.
        """
        self._on_end = on_end
        self._folder = folder
        self._most = most
        self._log = log
        self._encode = encode
        self._loop = asyncio.get_running_loop()
        self._unsaved: dict[int, CrashReport] = {}
        self._queries = CallQueue(PATIENCE, self._has_answered)
        self._writing: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._next = 0.0  # not before that time of the loop
        self._failed = False  # and the log says so
        self._is_silent = False  # the disk has not answered yet

    @property
    def obstacle(self) -> str | None:
        """Why an upgrade cannot happen now: the kernel waits for a thread that hangs, and the master with it."""
        return f"crash reports are being written to {self._folder}" if self._queries.busy else None

    def save(self, report: CrashReport) -> None:
        """Write it, or what is new in it, soon."""
        self._unsaved.pop(report.seq, None)
        self._unsaved[report.seq] = report
        while len(self._unsaved) > self._most:
            del self._unsaved[next(iter(self._unsaved))]
        self._arm()

    async def read(self) -> tuple[list[CrashReport], str]:
        """Those that are in the folder, from the oldest to the latest; and why some may be missing, "" if none is."""
        try:
            return await self._queries.do(self._read), ""
        except TakesTooLong:
            return [], f"{self._folder}: its disk does not answer"
        except OSError as error:
            return [], f"{self._folder}: {error.strerror}"

    async def close(self, reports: Iterable[CrashReport], within: float) -> None:
        """The master ends: wait until all of these are written, `within` seconds at most."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                if self._writing is not None:
                    await self._writing
                for report in reports:
                    if report.saved_seq != report.last_seq:
                        self._unsaved[report.seq] = report
                if self._unsaved:
                    await self._save()

    # ---- on the loop

    def _arm(self) -> None:
        # A disk that does not answer has a call under way: it is tried again when that has ended.
        if self._writing is None and self._timer is None and not self._queries.busy:
            self._timer = self._loop.call_at(max(self._next, self._loop.time() + _SOON), self._begin)

    def _begin(self) -> None:
        self._timer = None
        self._next = self._loop.time() + SAVE_EVERY
        self._writing = self._loop.create_task(self._save())

    async def _save(self) -> None:
        pairs = [(report, replace(report)) for report in self._unsaved.values()]
        self._unsaved.clear()
        why = ""
        try:
            await self._queries.do(partial(self._write, [copy for _, copy in pairs]))
        except TakesTooLong:
            why = "its disk does not answer"
            self._is_silent = True
        except OSError as error:
            why = error.strerror or str(error)
        self._writing = None
        if why:
            for report, _ in pairs:
                self._unsaved.setdefault(report.seq, report)
            if not self._failed:
                self._failed = True
                self._log.warn(
                    f"cannot keep crash reports in {self._folder} (reports_dir): {why}; they are kept in memory"
                )
            return
        for report, copy in pairs:
            report.file, report.saved_seq = os.path.join(self._folder, file_name(report)), copy.last_seq
        if self._failed:
            self._failed = False
            self._log.info(f"crash reports are kept in {self._folder} again")
        if self._unsaved:
            self._arm()

    def _has_answered(self) -> None:
        self._on_end()
        if self._is_silent:
            self._is_silent = False
            if self._unsaved:
                self._arm()

    # ---- on a thread

    def _write(self, reports: Iterable[CrashReport]) -> None:
        for report in reports:
            name = file_name(report)
            data = json.dumps({**self._encode(report), "file": os.path.join(self._folder, name)})
            write_report(self._folder, name, data.encode())
        found = [
            (name, size, known[1]) for name, size in list_reports(self._folder) if (known := _NAME.fullmatch(name))
        ]
        for place in surplus((Item(process, size) for _, size, process in found), self._most, MOST_BYTES):
            remove_report(self._folder, found[place][0])

    def _read(self) -> list[CrashReport]:
        reports = []
        names = [name for name, _ in list_reports(self._folder) if _NAME.fullmatch(name)]
        for name in names[-self._most :]:
            data = read_report(self._folder, name)
            with suppress(ValueError, KeyError, TypeError, AttributeError):  # it is no report
                if data is not None:
                    reports.append(from_plain(json.loads(data)))
        return reports


def file_name(report: CrashReport) -> str:
    """Sorted by name, files are sorted by time."""
    name = re.sub(r"[^\w.:-]", "_", report.name, flags=re.ASCII)[:_LONGEST_NAME]
    return f"{round(report.first_ended * 1000):013d}-{report.seq}-{name}{SUFFIX}"
