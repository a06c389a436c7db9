"""Crash reports in a folder: written beside the loop, bounded, and never waited for."""

import asyncio
import json
import os
import threading

import pytest

from procman.services.crash_reports import report_files
from procman.services.crash_reports.report import CrashReport, from_plain
from procman.services.crash_reports.report_files import ReportFiles, file_name


class Log:
    """Keeps the lines."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.more = asyncio.Event()

    def warn(self, text: str) -> None:
        self.lines.append(text)
        self.more.set()

    info = warn

    async def line(self) -> str:
        await asyncio.wait_for(self.more.wait(), 30)
        self.more.clear()
        return self.lines[-1]


def report(seq: int, name: str = "web", **fields) -> CrashReport:
    made = {"output": {}, "definition": "", "environment": {}}
    facts = {"how": "x", "health": [], "hooks": []}
    return CrashReport(seq, name, 1000.0 + seq, seq, 1000.0 + seq, facts=facts, made=made, **fields)


class Files(ReportFiles):
    """In a folder of the test; `written` waits until nothing is to be written."""

    def __init__(self, folder, most: int = 50, encode=None) -> None:
        self.ended = asyncio.Event()
        self.said = Log()
        super().__init__(
            str(folder),
            most,
            self.said,
            encode or (lambda one: one.to_plain(None, None)),
            self.ended.set,  # type: ignore[arg-type]
        )

    async def written(self, *reports: CrashReport) -> None:
        await self.close(reports, 30)


def test_a_report_is_written_and_read_again(tmp_path, monkeypatch):
    """With the path of its file; what has changed since is written to the same file."""
    monkeypatch.setattr(report_files, "SAVE_EVERY", 0.0)

    async def story() -> None:
        files = Files(tmp_path / "reports")
        one = report(7, "web:1/é")
        await files.written(one)
        assert one.file == str(tmp_path / "reports" / "0000001007000-7-web:1__.json")
        one.times, one.last_seq = 5, 90
        await files.written(one)
        (read,), note = await files.read()
        assert (read.seq, read.name, read.times, read.last_seq, read.file, note) == (7, one.name, 5, 90, one.file, "")
        assert files.obstacle is None

    asyncio.run(story())


def test_a_program_pushes_out_only_its_own_files(tmp_path):
    """And what is no report of ours is left alone."""

    async def story() -> None:
        (tmp_path / "notes.json").write_text("{}")
        tmp_path.chmod(0o700)
        files = Files(tmp_path, 3)
        await files.written(report(1, "db"))
        (tmp_path / file_name(report(2))).write_text("no JSON")
        await files.close([report(seq) for seq in range(3, 6)], 30)
        names = sorted(name.partition("-")[2] for name in os.listdir(tmp_path))
        assert names == ["", "1-db.json", "4-web.json", "5-web.json"]
        read, _ = await files.read()
        assert [one.seq for one in read] == [1, 4, 5]

    asyncio.run(story())


def test_a_folder_that_cannot_be_written_has_one_line(tmp_path, monkeypatch):
    """What was not written is written once it can be, and the log says so."""
    monkeypatch.setattr(report_files, "SAVE_EVERY", 0.0)

    async def story() -> None:
        folder = tmp_path / "missing" / "reports"
        files = Files(folder)
        files.save(report(1))
        assert await files.said.line() == (
            f"cannot keep crash reports in {folder} (reports_dir): No such file or directory; they are kept in memory"
        )
        assert await files.read() == ([], "")
        folder.parent.mkdir()
        files.save(report(2))
        assert await files.said.line() == f"crash reports are kept in {folder} again"
        assert len(os.listdir(folder)) == 2
        assert len(files.said.lines) == 2

    asyncio.run(story())


def test_a_folder_that_others_may_write_is_refused(tmp_path):
    """The line says what to do."""

    async def story() -> None:
        tmp_path.chmod(0o777)
        files = Files(tmp_path)
        files.save(report(1))
        assert "other users may write to it: make it yours, with mode 0700" in await files.said.line()

    asyncio.run(story())


def test_a_disk_that_is_silent_is_not_waited_for(tmp_path, monkeypatch):
    """Neither by the loop nor at the end; meanwhile an upgrade has to wait."""
    monkeypatch.setattr(report_files, "SAVE_EVERY", 0.0)
    monkeypatch.setattr(report_files, "PATIENCE", 0.01)
    answers = threading.Event()

    async def story() -> None:
        def encode(one):
            assert answers.wait(60)
            return one.to_plain(None, None)

        files = Files(tmp_path / "reports", encode=encode)
        first, second = report(1), report(2)
        files.save(first)
        assert "its disk does not answer" in await files.said.line()
        files.save(second)
        assert files.obstacle == f"crash reports are being written to {tmp_path}/reports"
        reports, note = await files.read()
        assert (reports, note) == ([], f"{tmp_path}/reports: its disk does not answer")
        monkeypatch.setattr(report_files, "PATIENCE", 30.0)
        files._queries._within = 30.0
        answers.set()
        assert "again" in await files.said.line()
        assert (first.saved_seq, second.saved_seq) == (1, 2)

    asyncio.run(story())


def test_the_end_of_the_master_does_not_wait_for_a_silent_disk(tmp_path):
    """Not longer than it is told to."""
    answers = threading.Event()

    async def story() -> None:
        def encode(one):
            assert answers.wait(60)
            return one.to_plain(None, None)

        await Files(tmp_path / "reports", encode=encode).close([report(1)], 0.01)
        answers.set()

    asyncio.run(story())


def test_a_report_survives_as_plain_data():
    """What a later version adds is kept as it is."""
    plain = {**report(3).to_plain(None, None), "new": 1}  # type: ignore[arg-type]
    again = from_plain(json.loads(json.dumps(plain)))
    assert again.facts["new"] == 1
    assert again.to_plain(None, None) == plain  # type: ignore[arg-type]
    with pytest.raises(KeyError):
        from_plain({"seq": 1})


def test_the_name_of_a_file_survives_an_upgrade():
    """Times are rounded then."""
    for ended in (1000.4719, 1000.4724, 1000.4726, 1000.9996):
        one = report(3)
        one.first_ended = ended
        again = from_plain(one.to_plain(None, None))  # type: ignore[arg-type]
        assert file_name(again) == file_name(one)
