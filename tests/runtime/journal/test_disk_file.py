"""The file of a journal: what is in it after each fault, and the number that the next master begins with."""

import errno
import json
import os
import resource

import pytest

from procman.runtime.journal import disk_file
from procman.runtime.journal.disk_file import BLOCK, DiskFile
from tests.support.fake_clock import Clock
from tests.support.journal_records import record


class Disk:
    """A DiskFile in a folder, and what it reports."""

    def __init__(self, folder, maxbytes=0):
        self.path = folder / "journal"
        self.reports = []
        self.clock = Clock()
        self.maxbytes = maxbytes
        self.file = self.again()

    def again(self):
        """Another master."""
        self.file = DiskFile(str(self.path), self.maxbytes, self.reports.append, self.clock)
        return self.file

    def write(self, *numbers, reserve=1000):
        self.file.write([record(seq) for seq in numbers], reserve)

    def lines(self, path=None):
        return [json.loads(line) for line in (path or self.path).read_text().splitlines()]

    def numbers(self, path=None):
        return [line["seq"] for line in self.lines(path) if line.get("kind") == "state"]

    def gaps(self):
        return [line["data"] for line in self.lines() if line.get("kind") == "gap"]


@pytest.fixture
def disk(tmp_path):
    return Disk(tmp_path)


def test_records_are_lines_that_only_the_master_reads(disk):
    """Mode 0600, also of a file that others could read before."""
    disk.path.write_text("")
    disk.path.chmod(0o644)
    disk.write(1, 2)
    assert disk.numbers() == [1, 2]
    assert disk.path.stat().st_mode & 0o777 == 0o600
    assert disk.reports == []


def test_a_clean_end_leaves_no_number_out(disk):
    """The next master goes on right behind the last number, and misses nothing."""
    disk.write(1, 2, 7)
    disk.file.end(9)
    end = disk.again().find_end()
    assert (end.last, end.used, end.is_clean) == (7, 9, True)


def test_after_a_kill_what_was_reserved_is_used(disk):
    """Numbers that may have been told to somebody are left out, and the end is not clean."""
    disk.write(1, 2, 7, reserve=500)
    os.close(disk.file._fd)
    end = disk.again().find_end()
    assert (end.last, end.used, end.is_clean) == (7, 500, False)


@pytest.mark.parametrize("clean", [True, False])
def test_the_id_of_the_last_operation_is_found(disk, clean):
    """A mark has it, and after a kill a record behind the last mark may have a later one."""
    disk.file = DiskFile(str(disk.path), 0, disk.reports.append, disk.clock, last_operation=lambda: 7)
    disk.write(1, 2)
    if clean:
        disk.file.end(2)
    else:
        disk.file.write([record(3)._replace(operation=9)], 1000)
        os.close(disk.file._fd)
    assert disk.again().find_end().operation == (7 if clean else 9)


def test_an_empty_file_begins_with_nothing_used(disk):
    """And nothing is missing."""
    end = disk.file.find_end()
    assert (end.last, end.used, end.is_clean) == (0, 0, True)


def test_a_torn_line_is_cut_off(disk):
    """A kill may have left half of one: what was whole is kept, and what comes next is a line of its own."""
    disk.write(1, 2, reserve=50)
    os.close(disk.file._fd)
    with disk.path.open("ab") as file:
        file.write(b'{"seq":3,"time":')
    end = disk.again().find_end()
    assert (end.last, end.used) == (2, 50)
    assert "cut off a line at the end of journal" in end.note
    disk.write(51)
    assert disk.numbers() == [1, 2, 51]


def test_without_a_mark_a_whole_block_is_left_out(disk):
    """A file that ends in records alone may be one whose last mark was not written."""
    disk.path.write_text(json.dumps(record(7).to_json()) + "\n")
    assert disk.file.find_end().used == 7 + BLOCK


def test_a_file_of_something_else_is_not_emptied(disk):
    """No number can be read there: the caller has to find one that nobody has used."""
    disk.path.write_text("some text\nmore\n")
    end = disk.file.find_end()
    assert (end.used, end.is_clean) == (0, False)
    disk.write(1)
    assert disk.path.read_text().startswith("some text\nmore\n{")


def test_a_mark_is_never_far_from_the_end(disk):
    """However many records come between two of them, the tail that is read has one."""
    numbers = range(1, 3000)
    for seq in numbers:
        disk.write(seq, reserve=5000)
    os.close(disk.file._fd)
    assert disk.path.stat().st_size > disk_file.TAIL
    end = disk.again().find_end()
    assert (end.last, end.used) == (2999, 5000)


def test_a_full_file_becomes_the_older_one(tmp_path):
    """Two files, the older one is PATH.1; each begins with a mark or goes on with one."""
    disk = Disk(tmp_path, maxbytes=2000)
    for seq in range(1, 61):
        disk.write(seq)
    older = tmp_path / "journal.1"
    assert disk.path.stat().st_size < 2100
    assert older.stat().st_size < 2300
    kept = disk.numbers(older) + disk.numbers()
    assert kept == list(range(kept[0], 61))
    assert sorted(file.name for file in tmp_path.iterdir()) == ["journal", "journal.1"]
    os.close(disk.file._fd)
    disk.path.unlink()
    # Killed between the two files.
    end = disk.again().find_end()
    assert (end.last, end.used) == (disk.numbers(older)[-1], 1000)


def test_the_last_records_of_both_files_are_read(tmp_path):
    """The oldest first; marks and what makes no sense are left out, and the latter is counted."""
    disk = Disk(tmp_path, maxbytes=2000)
    for seq in range(1, 31):
        disk.write(seq)
    expected = disk.numbers(tmp_path / "journal.1") + disk.numbers()
    with disk.path.open("ab") as file:
        file.write(b"no json\n[1]\n{}\n" + b'{"kind":"exit"}\n')
    records, strange = disk.file.load(1 << 20)
    assert [one.seq for one in records] == expected
    assert strange == 4
    few, _ = disk.file.load(300)
    assert [one.seq for one in few] == expected[-len(few) :]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EROFS, errno.EDQUOT])
def test_what_cannot_be_written_is_a_gap(disk, monkeypatch, number):
    """One line of log when it begins and one when it ends; the gap stands where the records are missing."""
    disk.write(1)
    real = os.write

    def broken(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "write", broken)
    disk.write(2, 3)
    disk.write(4)
    disk.clock.now += 2
    disk.write(5)
    monkeypatch.setattr(os, "write", real)
    disk.write(6)
    disk.clock.now += 2
    disk.write(7)
    assert disk.numbers() == [1, 7]
    (gap,) = disk.gaps()
    assert gap == {"from": 2, "to": 6, "records": 5, "reason": os.strerror(number)}
    assert [line.get("seq") for line in disk.lines() if "seq" in line] == [1, 6, 7]
    assert disk.reports == [
        f"cannot write journal {disk.path}: {os.strerror(number)}; everything goes on, and records are missing in it",
        f"journal {disk.path} can be written again; 5 records are missing in it",
    ]


def test_a_line_that_did_not_fit_whole_is_cut_off(disk, monkeypatch):
    """A full disk may take a part of a batch: its whole lines stay, the rest is a gap."""
    disk.write(1)
    size = disk.path.stat().st_size
    line = len(json.dumps(record(2).to_json(), separators=(",", ":"))) + 1
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + line + 20, before[1]))
    try:
        disk.write(2, 3, 4)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert disk.path.stat().st_size == size + line
    disk.clock.now += 2
    disk.write(5)
    assert disk.numbers() == [1, 2, 5]
    assert disk.gaps() == [{"from": 3, "to": 4, "records": 2, "reason": "File too large"}]


def test_a_removed_file_is_made_again_and_says_what_it_had(disk):
    """What was in it is missing, and new records are in a file that can be found."""
    disk.write(1, 2)
    disk.path.unlink()
    disk.clock.now += 2
    disk.write(3)
    assert disk.numbers() == [3]
    assert disk.gaps() == [{"from": 1, "to": 2, "records": 2, "reason": "the file was removed"}]
    assert disk.reports[0] == f"journal {disk.path} was removed and is created again; what was in it is missing"


def test_a_removed_folder_is_a_gap_until_it_is_there_again(tmp_path):
    """It goes on by itself."""
    folder = tmp_path / "disk"
    folder.mkdir()
    disk = Disk(folder)
    disk.write(1)
    disk.path.unlink()
    folder.rmdir()
    disk.clock.now += 2
    disk.write(2)
    folder.mkdir()
    disk.clock.now += 2
    disk.write(3)
    assert disk.numbers() == [3]
    assert [(gap["from"], gap["to"]) for gap in disk.gaps()] == [(1, 2)]


def test_a_file_that_was_moved_away_is_left_after_reopen(disk, tmp_path):
    """As a log."""
    disk.write(1)
    disk.path.rename(tmp_path / "moved")
    disk.clock.now += 2
    disk.write(2)
    disk.file.reopen()
    disk.write(3)
    assert disk.numbers(tmp_path / "moved") == [1, 2]
    assert disk.numbers() == [3]
    assert disk.reports == []


def test_two_masters_do_not_write_one_file(disk):
    """Their numbers would be the same."""
    disk.write(1)
    other = Disk(disk.path.parent)
    with pytest.raises(OSError, match="another master writes it"):
        other.file.find_end()
    other.write(1)
    assert other.reports == [
        f"cannot write journal {disk.path}: another master writes it; everything goes on, and records are missing in it"
    ]
    assert disk.numbers() == [1]


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: os.symlink("/dev/null", path)])
def test_what_is_no_file_is_refused(disk, make):
    """A fifo, a folder, a device."""
    make(disk.path)
    disk.write(1)
    assert len(disk.reports) == 1
    assert "cannot write journal" in disk.reports[0]
