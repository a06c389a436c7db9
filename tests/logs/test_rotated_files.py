"""What a log is rotated to by the clock: nothing lost, nothing out of order, and no more kept than was asked for."""

import gzip
import os
import stat

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from procman.errors import OperationFailed
from procman.logs.rotated_files import RotatedFiles
from procman.logs.rotating_file import RotatingFile
from procman.logs.rotation import HOUR, Every, Keeping
from tests.support.fake_clock import Clock

DAY = 24 * HOUR
HOURLY = Keeping(every=Every("hourly"))


class Wall(Clock):
    """The time of day; files that are written get it as theirs."""

    def __init__(self):
        super().__init__()
        self.now = 1_700_000_000.0


@pytest.fixture
def wall():
    return Wall()


def opened(folder, wall, keeping=HOURLY, maxbytes=0, backups=10):
    return RotatingFile(str(folder / "log"), maxbytes, backups, keeping=keeping, wall=wall)


def write(file, wall, data):
    file.write(data)
    os.utime(file.path, (wall.now, wall.now))


def contents(folder):
    return {name: (folder / name).read_bytes() for name in sorted(os.listdir(folder))}


@pytest.mark.parametrize(
    ("keeping", "name", "left"),
    [
        (HOURLY, "log.2", {"log": b"", "log.1": b"3", "log.3": b"2"}),
        (Keeping(every=Every("daily"), dated=True), None, None),
    ],
)
def test_a_name_that_a_folder_has_is_not_used(tmp_path, wall, keeping, name, left):
    """Nor is the folder touched."""
    taken = tmp_path / (name or f"log.{keeping.stamp(wall.now)}") / "x"
    taken.mkdir(parents=True)
    said = []
    file = RotatingFile(str(tmp_path / "log"), 0, 3, said.append, keeping=keeping, wall=wall)
    for data in (b"1", b"2", b"3"):
        write(file, wall, data)
        file.rotate()
    taken.rmdir()
    taken.parent.rmdir()
    found = contents(tmp_path)
    assert found == left if left else sorted(found.values()) == [b"", b"1", b"2", b"3"]
    assert said == []


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.binary(min_size=1, max_size=30), st.floats(-2 * HOUR, 30 * HOUR)), max_size=15),
    st.sampled_from([HOURLY, Keeping(every=Every("daily", 90)), Keeping(every=Every("hourly"), dated=True)]),
    st.sampled_from([0, 20]),
)
def test_every_byte_is_there_and_in_order(tmp_path_factory, chunks, keeping, maxbytes):
    """Whatever the clock does between two writes."""
    folder, wall = tmp_path_factory.mktemp("log"), Wall()
    file = opened(folder, wall, keeping, maxbytes, 100)
    order = [os.stat(folder / "log").st_ino]
    for chunk, later in chunks:
        wall.now += later
        file.write(chunk)
        # A file that is rotated right after its first write has come before the present one.
        for name in sorted(os.listdir(folder), reverse=True):
            inode = os.stat(folder / name).st_ino
            if inode not in order:
                order.append(inode)
    file.close()
    by_inode = {os.stat(folder / name).st_ino: (folder / name).read_bytes() for name in os.listdir(folder)}
    assert sorted(order) == sorted(by_inode)
    assert b"".join(by_inode[inode] for inode in order) == b"".join(chunk for chunk, _ in chunks)
    assert file.lost == 0


def test_a_file_is_rotated_before_the_first_write_after_the_hour(tmp_path, wall):
    """And once only, however many hours have passed."""
    file = opened(tmp_path, wall)
    write(file, wall, b"one\n")
    wall.now += 5 * HOUR
    write(file, wall, b"two\n")
    write(file, wall, b"three\n")
    assert contents(tmp_path) == {"log": b"two\nthree\n", "log.1": b"one\n"}


def test_an_empty_file_is_not_rotated(tmp_path, wall):
    """Nights without a line leave no files."""
    file = opened(tmp_path, wall)
    for _ in range(3):
        wall.now += HOUR
        file.look_at_clock()
    assert contents(tmp_path) == {"log": b""}


def test_what_was_due_while_no_master_ran_is_rotated_at_the_start(tmp_path, wall):
    """The file of yesterday does not become that of today."""
    (tmp_path / "log").write_bytes(b"yesterday\n")
    os.utime(tmp_path / "log", (wall.now, wall.now))
    wall.now += DAY
    file = opened(tmp_path, wall, Keeping(every=Every("daily")))
    file.look_at_clock()
    write(file, wall, b"today\n")
    assert contents(tmp_path) == {"log": b"today\n", "log.1": b"yesterday\n"}


def test_a_clock_that_is_put_back_by_years_rotates_again(tmp_path, wall):
    """A machine without a battery may begin in 2030, until it knows the time."""
    file = opened(tmp_path, wall)
    write(file, wall, b"one\n")
    wall.now -= 1000 * DAY
    file.look_at_clock()
    wall.now += 2 * HOUR
    write(file, wall, b"two\n")
    assert set(contents(tmp_path)) == {"log", "log.1"}


def test_a_clock_that_is_put_back_a_little_rotates_no_second_time(tmp_path, wall):
    """What has been rotated at midnight is not rotated again at the next midnight, ten minutes later."""
    file = opened(tmp_path, wall, Keeping(every=Every("daily")))
    write(file, wall, b"one\n")
    wall.now = Every("daily").next_after(wall.now) + 60
    write(file, wall, b"two\n")
    wall.now -= 600
    write(file, wall, b"three\n")
    wall.now += 700
    write(file, wall, b"four\n")
    assert contents(tmp_path) == {"log": b"two\nthree\nfour\n", "log.1": b"one\n"}


def test_dated_names_are_never_taken_twice(tmp_path, wall):
    """A file that is rotated by its size as well has a number behind the date, and the oldest go."""
    keeping = Keeping(every=Every("daily"), dated=True)
    file = opened(tmp_path, wall, keeping, maxbytes=4, backups=3)
    for number in range(5):
        wall.now += 1
        write(file, wall, b"%03d\n" % number)
    for place, name in enumerate(sorted(os.listdir(tmp_path))):
        os.utime(tmp_path / name, (wall.now + place, wall.now + place))
    names = [name for name in contents(tmp_path) if name != "log"]
    assert len(names) == 5
    assert [name.count(".") for name in names] == [1, 2, 2, 2, 2]
    file.upkeep.prune(3)
    assert len([name for name in contents(tmp_path) if name != "log"]) == 3


def test_a_rotation_that_fails_is_said_once_and_tried_again(tmp_path, wall, monkeypatch):
    """The file goes on meanwhile, and no byte of it is lost."""
    said = []
    clock = Clock()
    file = RotatingFile(str(tmp_path / "log"), 0, 3, said.append, keeping=HOURLY, wall=wall, clock=clock)
    write(file, wall, b"one\n")
    wall.now += HOUR
    real = os.rename

    def refuse(*_, **__):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(os, "rename", refuse)
    write(file, wall, b"two\n")
    write(file, wall, b"three\n")
    assert said == [f"cannot rotate log {file.path}: Read-only file system; it grows until this is mended"]
    with pytest.raises(OperationFailed, match="Read-only"):
        file.rotate()
    monkeypatch.setattr(os, "rename", real)
    clock.now += 2
    write(file, wall, b"four\n")
    assert said[1:] == [f"log {file.path} is rotated again"]
    assert contents(tmp_path) == {"log": b"four\n", "log.1": b"one\ntwo\nthree\n"}


def test_two_logs_with_one_file_rotate_it_once(tmp_path, wall):
    """Whichever comes second goes on in the new file."""
    first, second = opened(tmp_path, wall), opened(tmp_path, wall)
    write(first, wall, b"one\n")
    write(second, wall, b"two\n")
    wall.now += HOUR
    write(first, wall, b"three\n")
    write(second, wall, b"four\n")
    assert contents(tmp_path) == {"log": b"three\nfour\n", "log.1": b"one\ntwo\n"}


def test_the_new_file_has_the_mode_of_the_old_one(tmp_path, wall):
    """Nobody may read after the rotation what they could not read before."""
    file = opened(tmp_path, wall)
    write(file, wall, b"one\n")
    os.chmod(file.path, 0o640)
    wall.now += HOUR
    write(file, wall, b"two\n")
    assert stat.S_IMODE(os.stat(file.path).st_mode) == 0o640
    assert stat.S_IMODE(os.stat(f"{file.path}.1").st_mode) == 0o640


def test_what_is_too_old_or_too_much_is_removed(tmp_path, wall):
    """By the time of the last write, and from the oldest on; what is not a rotated file is left alone."""
    for number in range(1, 6):
        path = tmp_path / f"log.{number}{'.gz' if number > 2 else ''}"
        path.write_bytes(b"x" * 100)
        os.utime(path, (wall.now - number * DAY, wall.now - number * DAY))
    for name in ("log.txt", "log.1.bak", "logs.1", "log.2026"):
        (tmp_path / name).write_bytes(b"mine")
    file = opened(tmp_path, wall, Keeping(max_age=4.5 * DAY, max_total=350))
    file.upkeep.prune(10)
    left = set(contents(tmp_path))
    assert {"log", "log.1", "log.2", "log.3.gz"} | {"log.txt", "log.1.bak", "logs.1"} <= left
    assert "log.5.gz" not in left
    assert "log.4.gz" not in left


def compress(job):
    data = os.pread(job.source, 1 << 20, 0)
    os.write(job.target, gzip.compress(data))


def test_a_compressed_file_takes_the_place_of_the_other(tmp_path, wall):
    """With its mode and its time; what is shifted meanwhile is found by its inode."""
    file = opened(tmp_path, wall, Keeping(compress="gzip"))
    write(file, wall, b"one\n" * 100)
    os.chmod(file.path, 0o604)
    file.rotate()
    job = file.upkeep.to_compress()
    assert job is not None
    write(file, wall, b"two\n")
    file.rotate()
    compress(job)
    assert file.upkeep.compressed(job, succeeded=True)
    names = set(contents(tmp_path))
    assert names == {"log", "log.1", "log.2.gz"}
    assert gzip.decompress((tmp_path / "log.2.gz").read_bytes()) == b"one\n" * 100
    assert stat.S_IMODE(os.stat(tmp_path / "log.2.gz").st_mode) == 0o604
    assert os.stat(tmp_path / "log.2.gz").st_mtime == wall.now
    write(file, wall, b"three\n")
    file.rotate()
    assert set(contents(tmp_path)) == {"log", "log.1", "log.2", "log.3.gz"}


def test_what_is_written_while_it_is_compressed_is_not_lost(tmp_path, wall):
    """Another master may still have the file open: then it stays as it is."""
    file = opened(tmp_path, wall, Keeping(compress="gzip"))
    write(file, wall, b"one\n")
    file.rotate()
    job = file.upkeep.to_compress()
    assert job is not None
    compress(job)
    with (tmp_path / "log.1").open("ab") as late:
        late.write(b"late\n")
    assert not file.upkeep.compressed(job, succeeded=True)
    assert contents(tmp_path) == {"log": b"", "log.1": b"one\nlate\n"}


def test_what_a_killed_helper_has_left_is_begun_anew(tmp_path, wall):
    """Nobody has a lock on it any more; while one is at it, another log leaves it alone."""
    file = opened(tmp_path, wall, Keeping(compress="gzip"))
    write(file, wall, b"one\n")
    file.rotate()
    killed = file.upkeep.to_compress()
    assert killed is not None
    assert file.upkeep.to_compress() is None
    os.write(killed.target, b"half")
    killed.close()
    job = file.upkeep.to_compress()
    assert job is not None
    compress(job)
    assert file.upkeep.compressed(job, succeeded=True)
    assert set(contents(tmp_path)) == {"log", "log.1.gz"}


def test_a_link_in_the_place_of_a_rotated_file_is_left_alone(tmp_path, wall):
    """Its owner may have put there the name of another file, for root to compress and to remove."""
    secret = tmp_path / "secret"
    secret.write_bytes(b"secret")
    os.symlink(secret, tmp_path / "log.1")
    os.link(secret, tmp_path / "log.2")
    file = opened(tmp_path, wall, Keeping(compress="gzip"))
    assert file.upkeep.to_compress() is None
    assert secret.read_bytes() == b"secret"


def test_found_are_only_the_names_that_it_gives(tmp_path):
    """Of other files next to a log it takes none for one that it has rotated."""
    for name in (
        "log.1",
        "log.22.gz",
        "log.2026-11-29",
        "log.2026-11-29.3.zst",
        "log.2026-11-29T14",
        "log.2026-11-29T14-05-33",
    ):
        (tmp_path / name).write_bytes(b"")
    for name in ("log", "log.x", "log.1.xz", "log.2026-11", "log.5.compressing", "other.1"):
        (tmp_path / name).write_bytes(b"")
    folder = os.open(tmp_path, os.O_PATH)
    found = {one.name for one in RotatedFiles("log").found(folder)}
    os.close(folder)
    assert found == {
        "log.1",
        "log.22.gz",
        "log.2026-11-29",
        "log.2026-11-29.3.zst",
        "log.2026-11-29T14",
        "log.2026-11-29T14-05-33",
    }
