"""What a process and its descendants use, read from /proc."""

import os
import subprocess
import sys

import pytest

from procman.system.proc import TICKS, CannotLook, look_at
from procman.system.tree_usage import open_descriptors, usages

PARENT = """
import os, subprocess, sys, threading
child = subprocess.Popen(["sleep", "1000"], close_fds=False)
threading.Thread(target=threading.Event().wait, daemon=True).start()
spare = [os.open("/dev/null", os.O_RDONLY) for _ in range(5)]
deadline = os.times().user + 0.05
while os.times().user < deadline: pass
print("ready", flush=True)
sys.stdin.read()
child.kill()
"""


@pytest.fixture
def parent():
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "ready\n"
        yield process
        process.stdin.close()


def test_a_tree_is_summed_up(parent):
    used = usages({"web": parent.pid})["web"]
    assert (used.processes, used.threads) == (2, 3)
    assert used.rss > 1 << 20
    assert used.cpu >= 0.05 - 2 / TICKS
    assert used.start == look_at(parent.pid).start
    # 3 and 5 of the parent, 3 of the child; Python opens none that stays.
    assert used.fds >= 11


def test_psutil_says_the_same(parent):
    import psutil

    used, known = usages({"web": parent.pid})["web"], psutil.Process(parent.pid)
    members = [known, *known.children(recursive=True)]
    assert used.fds == sum(member.num_fds() for member in members)
    assert used.threads == sum(member.num_threads() for member in members)
    # The kernel sums up its counters now and then only: it is off by some pages for each CPU.
    assert used.rss == pytest.approx(sum(member.memory_info().rss for member in members), abs=4 << 20)


def test_a_process_that_has_gone_is_left_out():
    with subprocess.Popen(["true"]) as process:
        process.wait()
    assert usages({"gone": process.pid, "me": os.getpid()}).keys() == {"me"}


def test_without_proc_nothing_can_be_told(monkeypatch):
    monkeypatch.setattr(os, "readlink", lambda _: "12345678")
    with pytest.raises(CannotLook):
        usages({"me": os.getpid()})


def test_descriptors_are_counted():
    before = open_descriptors("self")
    fd = os.open("/dev/null", os.O_RDONLY)
    try:
        assert open_descriptors("self") == before + 1
    finally:
        os.close(fd)


def test_descriptors_that_may_not_be_seen_are_not_known(monkeypatch):
    def refuse(*_, **__):
        raise PermissionError

    monkeypatch.setattr(os, "stat", refuse)
    assert open_descriptors(1) is None
