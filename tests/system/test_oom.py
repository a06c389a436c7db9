"""The kernel's count of those that it has ended for want of memory, as both versions of cgroups have it."""

import pytest

from procman.system import oom
from procman.system.oom import OomKills

V1 = "oom_kill_disable 0\nunder_oom 0\noom_kill {}\n"
V2 = "low 0\nhigh 0\nmax 7\noom 3\noom_kill {}\noom_group_kill 0\n"


@pytest.mark.parametrize("form", [V1, V2], ids=["v1", "v2"])
def test_it_is_counted_from_the_last_time(tmp_path, form):
    """What was there at the start, and what was asked for, counts no more."""
    file = tmp_path / "events"
    file.write_text(form.format(2))
    kills = OomKills(str(file))
    assert kills.since() == 0
    file.write_text(form.format(5))
    assert [kills.since(), kills.since()] == [3, 0]


def test_where_nobody_counts_there_are_none(tmp_path):
    """An older kernel, or no such file."""
    (tmp_path / "old").write_text("oom_kill_disable 0\nunder_oom 0\n")
    assert OomKills(str(tmp_path / "old")).since() == 0
    assert OomKills(str(tmp_path / "none")).since() == 0


def test_the_file_is_that_of_the_own_cgroup(tmp_path, monkeypatch):
    """Of version 1 the memory controller's; of version 2 the nearest one above that counts."""
    (tmp_path / "1/own").mkdir(parents=True)
    (tmp_path / "2/own/below").mkdir(parents=True)
    mounts = (
        f"35 31 0:32 / {tmp_path}/1 rw - cgroup cgroup rw,memory\n36 31 0:33 / {tmp_path}/2 rw - cgroup2 cgroup2 rw\n"
    )
    monkeypatch.setattr(oom, "read_own", lambda: ("4:memory:/own\n0::/own/below\n", mounts))
    (tmp_path / "2/own/memory.events").write_text(V2.format(0))
    kills = OomKills()
    (tmp_path / "2/own/memory.events").write_text(V2.format(1))
    assert kills.since() == 1
    (tmp_path / "1/own/memory.oom_control").write_text(V1.format(0))
    kills = OomKills()
    (tmp_path / "1/own/memory.oom_control").write_text(V1.format(2))
    assert kills.since() == 2
