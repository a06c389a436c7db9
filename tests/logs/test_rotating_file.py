"""A log file that rotates, fails and recovers, and loses no byte without counting it."""

import os
import stat

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from supervisor.loggers import RotatingFileHandler

from procman.errors import ProcmanError
from procman.logs.rotating_file import RotatingFile
from procman.logs.sink import PROGRAM_GOES_ON


class Record:
    """What supervisor's handler takes for one chunk."""

    kw = None

    def __init__(self, msg):
        self.msg = msg


def contents(folder):
    return {name: (folder / name).read_bytes() for name in os.listdir(folder)}


@settings(deadline=None, max_examples=60)
@given(st.lists(st.binary(min_size=1, max_size=40)), st.integers(1, 50), st.integers(0, 4), st.binary(max_size=30))
def test_files_are_those_of_supervisor(tmp_path_factory, chunks, maxbytes, backups, before):
    """The same chunks leave the same files with the same contents as supervisor's handler."""
    ours, theirs = tmp_path_factory.mktemp("ours"), tmp_path_factory.mktemp("theirs")
    (ours / "log").write_bytes(before)
    (theirs / "log").write_bytes(before)
    sink = RotatingFile(str(ours / "log"), maxbytes, backups)
    handler = RotatingFileHandler(str(theirs / "log"), "a", maxbytes, backups)
    for chunk in chunks:
        sink.write(chunk)
        handler.emit(Record(chunk))
    sink.close()
    handler.close()
    assert contents(ours) == contents(theirs)
    assert sink.lost == 0


@settings(deadline=None, max_examples=40)
@given(st.lists(st.binary(min_size=1, max_size=40), max_size=20), st.integers(1, 50))
def test_rotation_keeps_order_and_every_byte(tmp_path_factory, chunks, maxbytes):
    """With enough backups, the files joined from the oldest to the newest are what was written."""
    folder = tmp_path_factory.mktemp("log")
    sink = RotatingFile(str(folder / "log"), maxbytes, 30)
    for chunk in chunks:
        sink.write(chunk)
    sink.close()
    files = sorted(os.listdir(folder), key=lambda name: -int(name.partition(".")[2] or 0))
    assert b"".join((folder / name).read_bytes() for name in files) == b"".join(chunks)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.one_of(st.integers(1, 9000).map(bytes), st.integers(0, 9000)), max_size=30))
def test_a_fifo_gets_or_loses_every_byte(tmp_path_factory, steps):
    """Bytes in are bytes read plus bytes lost, whenever the reader reads."""
    fifo = tmp_path_factory.mktemp("fifo") / "log"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    sink = RotatingFile(str(fifo), maxbytes=10)
    written = received = 0
    for step in [*steps, 1 << 20]:
        if isinstance(step, bytes):
            sink.write(step)
            written += len(step)
        elif step:
            try:
                received += len(os.read(reader, step))
            except BlockingIOError:
                pass
    sink.close()
    os.close(reader)
    assert received + sink.lost == written
    assert os.listdir(fifo.parent) == ["log"]


def test_an_unread_fifo_is_reported_once(tmp_path, clock, said):
    """It does not block, costs one message however much is written, and works as soon as it is read."""
    fifo = tmp_path / "log"
    os.mkfifo(fifo)
    sink = RotatingFile(str(fifo), on_problem=said.append, clock=clock)
    for _ in range(3):
        sink.write(b"lost")
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    sink.write(b"too early")
    clock.now += 1
    sink.write(b"hello")
    assert os.read(reader, 100) == b"hello"
    os.close(reader)
    sink.close()
    assert said == [
        f"cannot write log {fifo}: nobody reads this fifo; {PROGRAM_GOES_ON}",
        f"log {fifo} can be written again; 21 bytes of it were lost",
    ]


def test_a_full_disk_is_reported_once_and_its_end_too(tmp_path, clock, said):
    """One message when it begins, and one with the number of lost bytes when it ends."""
    path = tmp_path / "log"
    path.symlink_to("/dev/full")
    sink = RotatingFile(str(path), on_problem=said.append, clock=clock)
    for _ in range(5):
        assert sink.write(b"12345") is True
        clock.now += 0.5
    assert sink.problem == said[0]
    assert f"cannot write log {path}: No space left on device;" in said[0]
    path.unlink()  # room is made
    clock.now += 1
    sink.write(b"back\n")
    assert path.read_bytes() == b"back\n"
    assert sink.lost == 25
    assert sink.problem is None
    assert said[1:] == [f"log {path} can be written again; 25 bytes of it were lost"]
    sink.close()


def test_a_removed_file_is_created_again(tmp_path, clock, said):
    """Within a second; the bytes that may be gone with it are counted and reported."""
    path = tmp_path / "log"
    sink = RotatingFile(str(path), on_problem=said.append, clock=clock)
    sink.write(b"a" * 10)
    clock.now += 1
    sink.write(b"b" * 20)
    path.unlink()
    sink.write(b"c" * 30)
    assert (sink.lost, said, path.exists()) == (0, [], False)
    clock.now += 1
    sink.write(b"d" * 40)
    assert path.read_bytes() == b"d" * 40
    assert sink.lost == 50
    assert said == [f"log {path} was removed and is created again; at most 50 bytes are lost"]
    assert sink.problem is None


def test_reopen_counts_what_a_removed_file_lost(tmp_path, clock, said):
    """A logrotate that keeps no old file works so; a log cleared on request is no loss."""
    path = tmp_path / "log"
    sink = RotatingFile(str(path), on_problem=said.append, clock=clock)
    sink.write(b"a" * 10)
    path.unlink()
    sink.write(b"b" * 20)
    sink.reopen()
    sink.write(b"c" * 30)
    assert (sink.lost, path.read_bytes()) == (30, b"c" * 30)
    sink.clear()
    assert (sink.lost, path.read_bytes()) == (30, b"")


def test_a_moved_file_is_written_until_reopen(tmp_path, clock, said):
    """Logrotate works so; a file that our own rotation removed is not missed."""
    path = tmp_path / "log"
    sink = RotatingFile(str(path), 100, 1, on_problem=said.append, clock=clock)
    path.rename(tmp_path / "moved")
    clock.now += 1
    sink.write(b"a" * 10)
    assert (tmp_path / "moved").read_bytes() == b"a" * 10
    sink.reopen()
    for _ in range(4):
        clock.now += 1
        sink.write(b"b" * 100)
    assert (sink.lost, said) == (0, [])


def test_a_file_removed_with_its_directory_counts_lost_bytes(tmp_path, clock, said):
    """Until the directory is back; reported when it begins and when it ends."""
    folder = tmp_path / "logs"
    folder.mkdir()
    path = folder / "log"
    sink = RotatingFile(str(path), on_problem=said.append, clock=clock)
    sink.write(b"a" * 10)
    path.unlink()
    folder.rmdir()
    clock.now += 1
    sink.write(b"b" * 20)
    folder.mkdir()
    clock.now += 1
    sink.write(b"c" * 30)
    assert path.read_bytes() == b"c" * 30
    assert sink.lost == 30
    assert [text.partition(";")[0] for text in said] == [
        f"cannot write log {path}: No such file or directory",
        f"log {path} can be written again",
    ]


def test_a_missing_directory_is_tried_again_once_a_second(tmp_path, clock, said):
    """Bytes are lost and counted until the directory exists and the second is over."""
    path = tmp_path / "gone" / "log"
    sink = RotatingFile(str(path), on_problem=said.append, clock=clock)
    assert "No such file or directory" in said[0]
    sink.write(b"a")
    path.parent.mkdir()
    sink.write(b"b")
    assert not path.exists()
    clock.now += 1
    sink.write(b"c")
    assert path.read_bytes() == b"c"
    assert sink.lost == 2
    assert len(said) == 2
    sink.close()


def test_a_directory_in_place_of_the_log_is_reported_and_raises_nothing(tmp_path, clock, said):
    """Close reports the number of lost bytes."""
    sink = RotatingFile(str(tmp_path), on_problem=said.append, clock=clock)
    sink.write(b"abc")
    sink.close()
    sink.write(b"d")
    assert "Is a directory" in said[0]
    assert said[1:] == [f"log {tmp_path} is closed; 3 bytes of it were lost"]
    assert sink.lost == 4


def test_reopen_creates_a_new_file_after_a_move(tmp_path):
    """What logrotate does: move, SIGUSR2, and the next byte is in the new file."""
    path = tmp_path / "log"
    sink = RotatingFile(str(path))
    sink.write(b"old")
    path.rename(tmp_path / "moved")
    sink.write(b"er")
    sink.reopen()
    sink.write(b"new")
    assert contents(tmp_path) == {"log": b"new", "moved": b"older"}
    sink.close()


def test_reopen_does_not_wait_for_the_second(tmp_path, clock, said):
    """An operator who has mended the cause and sends SIGUSR2 loses nothing more."""
    path = tmp_path / "gone" / "log"
    sink = RotatingFile(str(path), on_problem=said.append, clock=clock)
    path.parent.mkdir()
    sink.reopen()
    sink.write(b"here")
    assert path.read_bytes() == b"here"
    assert said[1:] == [f"log {path} can be written again; nothing was lost"]
    sink.close()


def test_clear_removes_the_log_and_keeps_backups(tmp_path):
    """As in supervisor."""
    path = tmp_path / "log"
    sink = RotatingFile(str(path), 5, 2)
    sink.write(b"first")
    sink.write(b"2nd")
    sink.clear()
    assert contents(tmp_path) == {"log": b"", "log.1": b"first"}
    sink.close()


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_moved_into_place_during_rotation_keeps_its_owner(tmp_path, monkeypatch):
    """Another user may move a file of root's there in the moment between a check and the opening."""
    path, prey = tmp_path / "log", tmp_path / "prey"
    sink = RotatingFile(str(path))
    os.chown(path, 1234, 4321)
    prey.touch(0o600)

    def exists(name, really=os.path.exists):
        there = really(name)
        if prey.exists():
            prey.rename(path)
        return there

    monkeypatch.setattr("procman.logs.rotating_file.os.path.exists", exists)
    sink.clear()
    found = path.stat()
    assert (found.st_uid, found.st_gid, found.st_mode & 0o777) == (0, 0, 0o600)
    sink.close()


@pytest.mark.parametrize("way", ["rotate", "clear", "remove", "reopen"])
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o666])
def test_the_next_file_has_the_same_readers(tmp_path, clock, way, mode):
    """An AUTO log is readable by its owner alone; a group that was given a log with chgrp keeps it."""
    path = tmp_path / "log"
    sink = RotatingFile(str(path), 5 if way == "rotate" else 0, 2, clock=clock)
    path.chmod(mode)
    if os.geteuid() == 0:
        os.chown(path, 1234, 4321)
    wanted = path.stat()
    for _ in range(2):
        if way == "clear":
            sink.clear()
        elif way == "remove":
            path.unlink()
            clock.now += 2
        elif way == "reopen":
            path.rename(tmp_path / "moved")
            sink.reopen()
        sink.write(b"12345")
        new = path.stat()
        assert new.st_size == (0 if way == "rotate" else 5)
        assert (new.st_mode, new.st_uid, new.st_gid) == (wanted.st_mode, wanted.st_uid, wanted.st_gid)
    sink.close()


def test_clear_leaves_devices_and_fifos_alone(tmp_path):
    """The reader of a removed fifo would get nothing any more."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    sink = RotatingFile(str(fifo))
    sink.clear()
    assert stat.S_ISFIFO(os.stat(fifo).st_mode)
    sink.close()


def test_clear_reports_why_it_failed(tmp_path, monkeypatch):
    """The error names the log and the reason."""
    sink = RotatingFile(str(tmp_path / "log"))

    def refuse(path, **_):
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "unlink", refuse)
    with pytest.raises(ProcmanError, match=r"cannot clear log .*/log: Permission denied"):
        sink.clear()
    sink.close()


def test_a_backup_that_cannot_be_moved_stops_only_the_rotation(tmp_path, clock, said):
    """Nothing is overwritten, the log grows, and the failure and its end are reported once each."""
    path = tmp_path / "log"
    obstacle = tmp_path / "log.1"
    obstacle.mkdir()
    (obstacle / "x").touch()
    sink = RotatingFile(str(path), 4, 1, said.append, clock=clock)
    for _ in range(3):
        sink.write(b"1234")
    assert path.read_bytes() == b"123412341234"
    assert len(said) == 1
    assert f"cannot rotate log {path}" in said[0]
    assert sink.problem == said[0]
    (obstacle / "x").unlink()
    obstacle.rmdir()
    clock.now += 1
    sink.write(b"5")
    assert contents(tmp_path) == {"log": b"", "log.1": b"1234123412345"}
    assert said[1:] == [f"log {path} is rotated again"]
    assert sink.lost == 0
    sink.close()


def test_a_number_that_a_folder_has_is_not_used(tmp_path, said):
    """The log goes on being rotated: into the next one."""
    taken = tmp_path / "log.2" / "x"
    taken.mkdir(parents=True)
    told = []
    sink = RotatingFile(str(tmp_path / "log"), 1, 3, said.append, on_rotated=lambda *news: told.append(news))
    for data in (b"1", b"2", b"3"):
        sink.write(data)
    sink.close()
    taken.rmdir()
    taken.parent.rmdir()
    assert contents(tmp_path) == {"log": b"", "log.1": b"3", "log.3": b"2"}
    assert (said, told) == ([], [("size", None)] * 3)


def test_a_truncated_log_is_not_rotated_too_early(tmp_path):
    """Another process may empty the file (copytruncate): its real size counts."""
    path = tmp_path / "log"
    sink = RotatingFile(str(path), 10, 1)
    sink.write(b"12345678")
    os.truncate(path, 0)
    sink.write(b"abc")
    assert contents(tmp_path) == {"log": b"abc"}
    sink.close()


def test_limits_can_be_changed_in_place(tmp_path):
    """An update of logfile_maxbytes needs no new file."""
    path = tmp_path / "log"
    sink = RotatingFile(str(path))
    sink.write(b"12345")
    sink.maxbytes, sink.backups = 6, 1
    sink.write(b"6")
    assert contents(tmp_path) == {"log": b"", "log.1": b"123456"}
    sink.close()


def test_dev_null_is_written_and_never_rotated():
    """A device has no size to reach."""
    sink = RotatingFile("/dev/null", 1, 3)
    assert sink.write(b"x" * 100)
    assert sink.problem is None
    assert not os.path.exists("/dev/null.1")
    sink.close()
