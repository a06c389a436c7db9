"""The kernel's counts of those that it has ended for want of memory, as both versions of cgroups have them."""

import os
import subprocess
import sys

import pytest

from procman.system import memory_events
from procman.system.memory_events import (
    MemoryChange,
    MemoryCounters,
    MemoryEvents,
    Whose,
    memory_events_of,
    own_memory_events,
)
from tests.support.memory_cgroups import memory_cgroup

V1 = "oom_kill_disable 0\nunder_oom 0\noom_kill {}\n"
V2 = "low 0\nhigh 0\nmax 7\noom {}\noom_kill {}\noom_group_kill 0\n"


def test_version_2_counts_kills_and_hits_of_the_limit(tmp_path):
    """The limit is in a file of its own; "max" is none."""
    (tmp_path / "memory.events").write_text(V2.format(3, 5))
    (tmp_path / "memory.max").write_text("67108864\n")
    events = MemoryEvents(str(tmp_path), Whose.CONTAINER)
    assert events.look() == MemoryCounters(kills=5, limit_hits=3, limit=67108864)
    (tmp_path / "memory.max").write_text("max\n")
    assert events.look().limit is None


def test_version_1_counts_kills(tmp_path):
    """It has a number for "no limit", which is none."""
    (tmp_path / "memory.oom_control").write_text(V1.format(2))
    (tmp_path / "memory.limit_in_bytes").write_text("9223372036854771712\n")
    events = MemoryEvents(str(tmp_path), Whose.CONTAINER)
    assert events.look() == MemoryCounters(kills=2, limit_hits=None, limit=None)
    (tmp_path / "memory.limit_in_bytes").write_text("1048576\n")
    assert events.look().limit == 1048576


def test_where_nothing_counts_nothing_is_known(tmp_path):
    """An older kernel counts no kills; a cgroup may be gone, or hold anything."""
    (tmp_path / "memory.oom_control").write_text("oom_kill_disable 0\nunder_oom 0\n")
    assert MemoryEvents(str(tmp_path), Whose.CONTAINER).look() == MemoryCounters()
    assert MemoryEvents(str(tmp_path / "gone"), Whose.CONTAINER).look() == MemoryCounters()
    (tmp_path / "memory.oom_control").write_bytes(b"oom_kill \xff\noom_kill -1\noom\n\n")
    assert MemoryEvents(str(tmp_path), Whose.CONTAINER).look() == MemoryCounters()


def test_a_change_is_what_was_counted_between_two_looks():
    """A count that is not there, or has begun again, is no kill."""
    change = MemoryChange(Whose.CONTAINER, MemoryCounters(kills=2), MemoryCounters(kills=5))
    assert (change.known, change.kills) == (True, 3)
    assert MemoryChange(Whose.CONTAINER, MemoryCounters(kills=5), MemoryCounters(kills=2)).kills == 0
    nothing = MemoryChange(Whose.NOBODY, MemoryCounters(), MemoryCounters())
    assert (nothing.known, nothing.kills) == (False, 0)


def test_the_limit_was_hit_only_where_its_hits_were_counted():
    """A kill without a hit is the work of a limit further out; without a count of hits, there has to be a limit."""
    hit = MemoryChange(Whose.CONTAINER, MemoryCounters(1, 1, 100), MemoryCounters(2, 2, 100))
    elsewhere = MemoryChange(Whose.CONTAINER, MemoryCounters(1, 1, 100), MemoryCounters(2, 1, 100))
    v1 = MemoryChange(Whose.CONTAINER, MemoryCounters(1, None, 100), MemoryCounters(2, None, 100))
    without = MemoryChange(Whose.CONTAINER, MemoryCounters(1, None, None), MemoryCounters(2, None, None))
    assert [change.limit_was_hit for change in (hit, elsewhere, v1, without)] == [True, False, True, False]


@pytest.fixture
def cgroups(tmp_path, monkeypatch):
    """Both versions, each with a cgroup of this process; returns the folder of the two."""
    (tmp_path / "1/own").mkdir(parents=True)
    (tmp_path / "2/own/below").mkdir(parents=True)
    mounts = (
        f"35 31 0:32 / {tmp_path}/1 rw - cgroup cgroup rw,memory\n36 31 0:33 / {tmp_path}/2 rw - cgroup2 cgroup2 rw\n"
    )
    monkeypatch.setattr(memory_events, "read_own", lambda: ("4:memory:/own\n0::/own/below\n", mounts))
    return tmp_path


def test_the_counters_are_those_of_the_own_cgroup(cgroups):
    """Of version 1 the memory controller's; of version 2 the nearest one above that counts."""
    (cgroups / "2/own/memory.events").write_text(V2.format(0, 1))
    assert own_memory_events().folder == str(cgroups / "2/own")
    (cgroups / "1/own/memory.oom_control").write_text(V1.format(0))
    assert own_memory_events().folder == str(cgroups / "1/own")


@pytest.mark.parametrize(
    ("path", "whose"),
    [
        ("/", Whose.CONTAINER),
        ("/kubepods/burstable/pod1/abc", Whose.CONTAINER),
        ("/system.slice/docker-abc.scope", Whose.CONTAINER),
        ("/system.slice/procman.service", Whose.UNIT),
        ("/user.slice/user-1000.slice/session-2.scope", Whose.SESSION),
    ],
)
def test_a_unit_of_systemd_is_told_from_a_container(tmp_path, monkeypatch, path, whose):
    """By the path of the cgroup; sentences name it so."""
    mounts = f"36 31 0:33 {path} {tmp_path} rw - cgroup2 cgroup2 rw\n"
    (tmp_path / "memory.events").write_text(V2.format(0, 0))
    monkeypatch.setattr(memory_events, "read_own", lambda: (f"0::{path}\n", mounts))
    assert own_memory_events().whose is whose


def test_without_cgroups_the_machine_counts(monkeypatch, tmp_path):
    """Where the kernel does not even do that, nothing does."""
    monkeypatch.setattr(memory_events, "read_own", lambda: ("", ""))
    vmstat = tmp_path / "vmstat"
    vmstat.write_text("nr_free_pages 5\noom_kill 4\n")
    monkeypatch.setattr(memory_events, "_VMSTAT", str(vmstat))
    machine = own_memory_events()
    assert (machine.whose, machine.look().kills) == (Whose.MACHINE, 4)
    vmstat.write_text("nr_free_pages 5\n")
    assert own_memory_events().whose is Whose.NOBODY


def test_a_process_in_the_cgroup_of_the_master_has_none_of_its_own():
    """Nor has one that is gone."""
    ours = own_memory_events()
    assert memory_events_of(os.getpid(), ours) is None
    assert memory_events_of(2**22 + 1, ours) is None


def test_a_kill_in_a_cgroup_of_its_own_is_counted_there():
    """The real kernel ends a process that goes beyond the limit of a small cgroup."""
    ours = own_memory_events()
    with memory_cgroup("endings-counts", 16 * 1024 * 1024) as folder:
        hungry = "import os; open(0).readline(); x = bytearray(200_000_000); print(len(x))"
        with subprocess.Popen([sys.executable, "-c", hungry], stdin=subprocess.PIPE) as process:
            (folder / "cgroup.procs").write_text(str(process.pid))
            events = memory_events_of(process.pid, ours)
            assert events is not None
            assert (events.folder, events.whose) == (str(folder), Whose.PROGRAM)
            before = events.look()
            process.stdin.write(b"go\n")
            process.stdin.close()
            assert process.wait() == -9
        change = MemoryChange(events.whose, before, events.look())
        assert change.kills == 1
        assert change.limit_was_hit
