"""What /proc says of processes."""

import os
import subprocess
import sys
import time

import pytest

from procman.system import proc
from procman.system.proc import Unseen, all_pids, command_line, environ, identify, look_at, started_at
from tests.support.forked import in_fork
from tests.support.tree_fixtures import Member, in_a_pid_namespace, run_unshared, running

NOBODY = 65534

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


def test_who_a_process_is():
    """Its parent, group and session, as the kernel tells the process itself."""
    process = look_at(os.getpid())
    assert (process.pid, process.parent) == (os.getpid(), os.getppid())
    assert (process.group, process.session) == (os.getpgrp(), os.getsid(0))
    assert not process.ended
    assert not process.kernel


@pytest.mark.parametrize("name", [") S 1 1 1 (", "a b", "(((", "ü", "x\ny"])
def test_a_name_cannot_disguise_the_rest(name):
    """Blanks and brackets in it are no fields of the line."""

    def renamed() -> tuple:
        with open("/proc/self/comm", "w", encoding="utf-8") as file:
            file.write(name)
        process = look_at(os.getpid())
        return process.name, process.parent == os.getppid(), process.session == os.getsid(0)

    shown, *right = in_fork(renamed)
    assert shown == name
    assert right == [True, True]


def test_one_that_has_gone():
    """None of the questions is an error."""
    process = subprocess.Popen(["true"])
    process.wait()
    assert look_at(process.pid) is None
    assert identify(process.pid) is None
    assert environ(process.pid) == b""
    assert command_line(process.pid) == "[unknown]"


def test_a_zombie_has_ended_and_shows_how():
    """It is there until it is reaped, with what wait will say."""
    process = subprocess.Popen([sys.executable, "-c", "raise SystemExit(7)"])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    found = look_at(process.pid)
    assert found.ended
    assert found.status == 7 << 8
    assert environ(process.pid) == b""
    assert command_line(process.pid) == f"[{found.name}]"
    process.wait()


def test_a_process_whose_first_thread_has_ended_lives():
    """The kernel calls it a zombie, too, but its other threads go on and can be signalled."""
    code = """
        import ctypes, threading, time
        def other():
            leader = f"/proc/{os.getpid()}/stat"
            while open(leader).read().rpartition(")")[2].split()[0] != "Z":
                time.sleep(0.001)
            stay("other")
        threading.Thread(target=other).start()
        ctypes.CDLL(None).syscall({"x86_64": 60}.get(os.uname().machine, 93), 0)
    """
    code = code.replace('stay("other")', 'say("other", os.getpid()); time.sleep(1000)')
    with Member(code) as member:
        member.pids("other")
        found = look_at(member.pid)
    assert not found.ended
    assert found.status == 0


def test_when_a_process_was_started():
    """On the clock of the wall, good to some ticks; later ones have later times."""
    before = time.time()
    with running() as first, running() as second:
        starts = [identify(process.pid).start for process in (first, second)]
    assert starts[0] <= starts[1]
    assert all(before - 0.05 <= started_at(start) <= time.time() + 0.05 for start in starts)


def test_all_pids_are_those_of_processes():
    """Threads have numbers, too, but are none."""
    with running() as process:
        pids = all_pids()
    assert {os.getpid(), process.pid} <= set(pids)
    assert len(pids) == len(set(pids))


def test_an_environment_of_any_length():
    """It is read to its end, with what is not text."""
    long = {f"NAME_{number}": "x" * 1000 for number in range(100)}
    with running(env={**os.environ, **long, "LAST": "\udcff"}) as process:
        found = environ(process.pid)
    assert len(found) > 100_000
    assert found.endswith(b"\0LAST=\xff\0")


def test_no_environment_at_all():
    """It was cleared: that is known, and not taken for one that is yet to come."""
    with running(env={}) as process:
        assert environ(process.pid) == b""


def test_an_environment_that_goes_again_while_it_is_looked_for(monkeypatch):
    """One exec follows the other: there is one, but it was never seen."""
    monkeypatch.setattr(proc, "_read_environ", lambda pid: b"")
    with running() as process:
        assert environ(process.pid) is Unseen.NOT_YET


def test_an_environment_in_the_middle_of_an_exec_is_not_taken_for_none():
    """While a process executes itself again and again, its environment is either whole or known to be missing."""
    code = 'COUNT=$((COUNT + 1)); export COUNT; [ $COUNT -gt 300 ] || exec /bin/sh -c "$CODE"; exit 0'
    seen = []
    with running("/bin/sh", "-c", code, env={"CODE": code, "MARK": "1"}) as process:
        while process.poll() is None:
            seen.append(environ(process.pid))
    # At its end it has none any more.
    while seen and seen[-1] == b"":
        seen.pop()
    assert all(block is Unseen.NOT_YET or b"MARK=1" in block for block in seen)


@as_root
@pytest.mark.root
def test_somebody_elses_environment():
    """That it may not be read is told from its being empty."""
    with running() as process:

        def as_nobody() -> bytes | Unseen:
            os.setuid(NOBODY)
            return environ(process.pid)

        found = in_fork(as_nobody)
    assert found is Unseen.FORBIDDEN


def test_a_command_line_is_one_line_for_people():
    """Of a bounded length, without anything that a terminal would obey."""
    with running("tail", "-f", "/dev/null", "\x1b[31m\n", "x" * 10_000, stderr=subprocess.DEVNULL) as process:
        shown = command_line(process.pid)
    assert shown.startswith("tail -f /dev/null ?[31m? xxx")
    assert len(shown) == proc.COMMAND_MAX
    assert shown.endswith("x…")


def test_kernel_threads_are_known():
    """Kernel threads are told from processes; in a container there may be none."""
    kernel = [process for pid in all_pids() if (process := look_at(pid)) is not None and process.kernel]
    assert all(environ(process.pid) in (b"", Unseen.FORBIDDEN, Unseen.NOT_YET) for process in kernel)
    assert os.getpid() not in {process.pid for process in kernel}


def test_the_proc_of_another_pid_namespace_is_refused():
    """Its numbers are those of others."""
    said = run_unshared(
        ["--pid", "--fork"],
        """
        from procman.system.proc import CannotLook, all_pids
        try:
            all_pids()
        except CannotLook as error:
            print(error)
        """,
    )
    assert said.startswith("cannot look at the processes: /proc is not mounted here, or belongs to another pid namesp")


def test_a_proc_of_its_own_is_not():
    """PID 1 of a container sees itself."""
    assert in_a_pid_namespace("from procman.system.proc import all_pids\nprint(all_pids())") == "[1]\n"


def test_without_descriptors_nothing_is_made_up():
    """A look that is not allowed raises: a process must not be taken for one that has gone."""

    def looked() -> str:
        import resource

        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, limits[1]))
        with pytest.raises(OSError) as caught:
            look_at(os.getpid())
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        return str(caught.value)

    assert "Too many open files" in in_fork(looked)


def test_boot_id():
    """The same for all who ask in this boot."""
    assert proc.boot_id() == proc.boot_id() != ""
