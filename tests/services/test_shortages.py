"""What programs write when they run out of something; each line is one that such a program writes."""

import resource

import pytest

from procman.services.shortages import Lacks, Shortage, look, shortage_in
from procman.system import exhausted_limits
from procman.system.failed_exec import Trouble
from procman.system.mounts import parse
from tests.support.programs import program

SAID = [
    ("OSError: [Errno 28] No space left on device: '/data/app.db'", Lacks.ROOM),
    ("sqlite3.OperationalError: database or disk is full", Lacks.ROOM),
    ("Error: ENOSPC: no space left on device, write", Lacks.ROOM),
    ("write /data/wal: no space left on device", Lacks.ROOM),
    ('FATAL:  could not write lock file "postmaster.pid": No space left on device', Lacks.ROOM),
    ("java.io.IOException: No space left on device", Lacks.ROOM),
    ("OSError: [Errno 122] Disk quota exceeded", Lacks.QUOTA),
    ("RuntimeError: can't start new thread", Lacks.PROCESSES),
    ("BlockingIOError: [Errno 11] Resource temporarily unavailable: fork", Lacks.PROCESSES),
    ("bash: fork: retry: Resource temporarily unavailable", Lacks.PROCESSES),
    ("sh: 1: Cannot fork", Lacks.PROCESSES),
    ("java.lang.OutOfMemoryError: unable to create native thread: possibly out of memory", Lacks.PROCESSES),
    ("runtime/cgo: pthread_create failed: Resource temporarily unavailable", Lacks.PROCESSES),
    ("Error: spawn /usr/bin/convert EAGAIN", Lacks.PROCESSES),
    ("OSError: [Errno 24] Too many open files: '/etc/hosts'", Lacks.DESCRIPTORS),
    ("accept4() failed (24: Too many open files)", Lacks.DESCRIPTORS),
    ("MemoryError", Lacks.MEMORY),
    ("OSError: [Errno 12] Cannot allocate memory", Lacks.MEMORY),
]
NOT_SAID = [
    "BlockingIOError: [Errno 11] Resource temporarily unavailable",  # of a socket, as likely as not
    "there is space left on the device",
    "wrote 3 files",
    "",
]


@pytest.mark.parametrize(("line", "lacks"), SAID)
def test_a_shortage_is_recognised(line, lacks):
    """Among other lines, too."""
    assert shortage_in([line]) == Shortage(lacks, line)
    found = shortage_in(["Traceback (most recent call last):", line, "bye"])
    assert found is not None
    assert found.lacks is lacks


@pytest.mark.parametrize("line", NOT_SAID)
def test_other_lines_say_nothing_of_it(line):
    """A wrong guess is worse than none."""
    assert shortage_in([line]) is None


def test_the_last_mention_wins_and_old_ones_do_not_count():
    """A program may have overcome an earlier one; what is far above the end is of no interest."""
    full, many = SAID[0][0], "accept4() failed (24: Too many open files)"
    found = shortage_in([full, many])
    assert found is not None
    assert found.lacks is Lacks.DESCRIPTORS
    assert shortage_in([full, *["more"] * 50]) is None


def test_the_full_disk_is_named(monkeypatch, tmp_path):
    """Of the path in the line, or the folder above it; of the program's folder; and where programs usually write."""
    asked = []

    def full_disks(paths):
        asked.extend(paths)
        return ["/data"]

    monkeypatch.setattr(exhausted_limits, "full_disks", full_disks)
    line = f"OSError: [Errno 28] No space left on device: '{tmp_path}/sub/app.db'"
    found = look(Shortage(Lacks.ROOM, line), program(directory="/srv/app"))
    assert (found.trouble, found.sentence) == (Trouble.DISK_FULL, "no room is left on /data: make room")
    assert asked == [str(tmp_path), "/srv/app", "/tmp", "/var/tmp", "/dev/shm", "/"]


def test_a_disk_that_has_room_again(monkeypatch):
    """It is said that none is full now."""
    monkeypatch.setattr(exhausted_limits, "full_disks", lambda _: [])
    found = look(Shortage(Lacks.ROOM, "no space left on device"), program())
    assert found.sentence == "a disk had no room left, and none is full now"


def test_a_full_disk_that_nobody_has_named(monkeypatch):
    """It is found among all that are mounted for writing; those of other machines are not asked."""
    monkeypatch.setattr(exhausted_limits, "full_disks", lambda paths: [path for path in paths if path == "/data"])
    lines = "1 0 8:1 / / rw - ext4 /dev/a rw\n2 1 8:2 / /data rw - xfs /dev/b rw\n3 1 0:9 / /far rw - nfs4 far:/ rw\n"
    monkeypatch.setattr(exhausted_limits, "mounts", lambda: parse(lines))
    found = look(Shortage(Lacks.ROOM, "no space left on device"), program())
    assert (found.sentence, found.path) == ("a disk had no room left; full now: /data: make room", "/data")


@pytest.mark.parametrize(
    ("lacks", "options", "words"),
    [
        (Lacks.DESCRIPTORS, {"rlimit_nofile": (64, 64, False)}, "gives it 64): raise rlimit_nofile="),
        (Lacks.MEMORY, {"rlimit_as": (100 << 20, 100 << 20, False)}, "it may have 100MB (rlimit_as=): raise that"),
        (Lacks.PROCESSES, {"rlimit_nproc": (10, 10, False), "uid": 1}, "user 1 may have 10 processes and threads"),
    ],
)
def test_a_limit_of_its_own_is_what_it_has_reached(monkeypatch, lacks, options, words):
    """Not that of the master."""
    monkeypatch.setattr(exhausted_limits, "_full_cgroup", lambda: None)
    assert words in look(Shortage(lacks, ""), program(**options)).sentence


def test_without_a_limit_nothing_is_said_of_memory():
    """The program has said that itself."""
    assert look(Shortage(Lacks.MEMORY, "MemoryError"), program()) is None


def test_python_says_in_the_line_above_what_was_unavailable():
    """Of a fork it is the limit of processes; of a socket it says nothing."""
    said = "BlockingIOError: [Errno 11] Resource temporarily unavailable"
    found = shortage_in(["    pid = os.fork()", "          ^^^^^^^^^", said])
    assert found is not None
    assert found.lacks is Lacks.PROCESSES
    assert shortage_in(["    data = connection.recv(10)", said]) is None


@pytest.mark.parametrize(
    ("lacks", "trouble", "words"),
    [
        (Lacks.QUOTA, Trouble.DISK_FULL, "the disk quota of user app is used up: make room"),
        (Lacks.PROCESSES, Trouble.PROCESSES, "it could start no more: the limit of 10 processes"),
        (Lacks.DESCRIPTORS, Trouble.DESCRIPTORS, "it had as many files open as it may (procman gives it 1,024): raise"),
    ],
)
def test_each_has_a_way_out(monkeypatch, lacks, trouble, words):
    """What is used up is asked of the system."""
    monkeypatch.setattr(exhausted_limits, "processes", lambda *_: "the limit of 10 processes is reached: raise it")
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, 4096))
    found = look(Shortage(lacks, ""), program(user="app"))
    assert found.trouble is trouble
    assert words in found.sentence


def test_a_user_that_has_gone_is_no_trouble(monkeypatch):
    """Its processes are not counted then."""
    monkeypatch.setattr(exhausted_limits, "processes", lambda account, _: "nobody" if account is None else "somebody")
    found = look(Shortage(Lacks.PROCESSES, ""), program(uid=4_000_000_000))
    assert found.sentence == "it could start no more: nobody"
