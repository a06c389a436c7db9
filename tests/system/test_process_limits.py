"""What /proc says of the limits of a child, and why some cannot be set."""

import os
import resource
import sys
from pathlib import Path

import pytest

from procman.runtime.launch import launch_spec
from procman.system.capabilities import is_effective
from procman.system.limits_in_place import change
from procman.system.process_limits import ProcessLimits, Rlimit, online_cpus
from procman.system.spawn import spawn
from tests.support.forked import in_fork
from tests.support.launching import open_fds, refusal, run, shell, wait
from tests.support.programs import program

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
CPUS = online_cpus()


def status(*fields: str, **options) -> dict[str, str]:
    """These fields of the child's own /proc/PID/status."""
    lines = run(shell("exec cat /proc/self/status"), **options).stdout.splitlines()
    pairs = (line.split(":", 1) for line in lines)
    return {name: value.strip() for name, value in pairs if name in fields}


def test_every_rlimit_is_what_the_option_says():
    """Soft and hard, each under its name."""
    wanted = {
        "rlimit_nofile": (500, 600, False),
        "rlimit_core": (0, 0, False),
        "rlimit_cpu": (100, 200, False),
        "rlimit_fsize": (10_000_000, 20_000_000, False),
        "rlimit_as": (900_000_000, 1_000_000_000, False),
        "rlimit_data": (800_000_000, 900_000_000, False),
        "rlimit_stack": (4_000_000, 8_000_000, False),
        "rlimit_sigpending": (50, 60, False),
        "rlimit_memlock": (4096, 8192, False),
        "rlimit_nproc": (4000, 4000, False),
    }
    code = "import resource as r; print([(n, r.getrlimit(getattr(r, n))) for n in dir(r) if n.startswith('RLIMIT_')])"
    found = dict(eval(run(f'{sys.executable} -ISc "{code}"', **wanted).stdout))
    assert {name: found[name.upper()] for name in wanted} == {name: value[:2] for name, value in wanted.items()}


def test_priorities_and_processors():
    """The nice value, the I/O priority, the badness for the kernel, the processors."""
    code = "echo $(cut -d' ' -f19 /proc/self/stat) $(cat /proc/self/oom_score_adj) $(ionice)"
    options = {"nice": (7, False), "oom_score_adj": (321, False), "ionice": ("best-effort", 6, False)}
    assert run(shell(code), **options).stdout == "7 321 best-effort: prio 6\n"
    assert status("Cpus_allowed_list", cpu_affinity=((CPUS[-1],), False)) == {"Cpus_allowed_list": str(CPUS[-1])}


def test_no_new_privs():
    """The bit is set."""
    assert status("NoNewPrivs", no_new_privs=True) == {"NoNewPrivs": "1"}
    assert status("NoNewPrivs") == {"NoNewPrivs": "0"}


@pytest.mark.root
@as_root
def test_capabilities_of_root_are_bounded():
    """It has those that are left; none leaves none."""
    found = status("CapEff", "CapBnd", capabilities=(("CHOWN", "NET_BIND_SERVICE"), (), False))
    assert {int(bits, 16) for bits in found.values()} == {1 << 0 | 1 << 10}
    assert int(status("CapEff", capabilities=((), (), False))["CapEff"], 16) == 0
    before = int(status("CapBnd")["CapBnd"], 16)
    after = int(status("CapBnd", capabilities=(("ALL",), ("CHOWN",), False))["CapBnd"], 16)
    assert after == before & ~1


@pytest.mark.root
@as_root
def test_another_user_has_its_capabilities():
    """By the ambient set; and it has lost all others, also for what it starts."""
    found = status("Uid", "CapEff", "CapAmb", "CapBnd", uid=65534, capabilities=(("NET_BIND_SERVICE",), (), False))
    assert found.pop("Uid").split() == ["65534"] * 4
    assert {int(bits, 16) for bits in found.values()} == {1 << 10}
    assert int(status("CapEff", uid=65534)["CapEff"], 16) == 0


@pytest.mark.root
@as_root
def test_groups():
    """The main group in place of the user's, and more besides."""
    found = status("Gid", "Groups", uid=65534, gid=12, extra_gids=(34, 56))
    assert found["Gid"].split() == ["12"] * 4
    assert {"12", "34", "56"} == set(found["Groups"].split())
    assert "65534" in status("Groups", uid=65534, extra_gids=(34,))["Groups"].split()
    assert status("Uid", "Gid", gid=12) == {"Uid": "\t".join(["0"] * 4), "Gid": "\t".join(["12"] * 4)}


@pytest.mark.root
@as_root
def test_with_limits_a_directory_is_entered_as_the_user(tmp_path):
    """As it is without."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(Exception, match=r"couldn't chdir to .*closed: permission denied"):
        spawn(launch_spec(program(command="true", uid=65534, directory=str(closed), nice=(1, False))))


def test_a_limit_above_the_hard_one_says_both_numbers():
    """For who may not raise it; nothing is left of the try."""
    before = open_fds()

    def tried() -> str:
        resource.setrlimit(resource.RLIMIT_NOFILE, (300, 400))
        if os.geteuid() == 0:
            os.setresuid(65534, 65534, 65534)
        return str(refusal(command="true", rlimit_nofile=(1000, 2000, False)))

    text = in_fork(tried)
    assert text.startswith("cannot set rlimit_nofile = 1000:2000: the master's hard limit is 400, and only root")
    assert open_fds() == before


def test_a_best_effort_is_left_out_and_said():
    """The program starts."""

    def tried() -> tuple[str, ...]:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 100))
        if os.geteuid() == 0:
            os.setresuid(65534, 65534, 65534)
        child = spawn(launch_spec(program(command="/bin/true", rlimit_core=(5, 200, True), nice=(-5, True))))
        assert wait(child) == (0, None)
        return child.left_out

    core, nice = in_fork(tried)
    assert core.startswith("cannot set rlimit_core = 5:200: the master's hard limit is 100, and only root")
    assert nice.startswith("cannot set nice = -5: the master has ")


def test_a_processor_that_is_not_there():
    """A failed start, or with a question mark those that are there."""
    beyond = CPUS[-1] + 7
    text = str(refusal(command="true", cpu_affinity=((0, beyond), False)))
    assert text.startswith(f"there is no processor {beyond} here (cpu_affinity): the machine has ")
    child = spawn(launch_spec(program(command="/bin/true", cpu_affinity=((CPUS[0], beyond), True))))
    assert wait(child) == (0, None)
    assert child.left_out == (text,)


def test_a_failed_exec_is_still_told():
    """Limits do not hide why a program cannot be executed."""
    assert "/nowhere/at/all" in str(refusal(command="/nowhere/at/all", nice=(3, False)))


def test_limits_change_in_place():
    """Of the process and of what it has started; what that has changed itself stays."""
    code = (
        "import os, resource, time\n"
        "if os.fork() == 0:\n    os.setpriority(0, 0, 15)\n"
        "print(os.getpid(), flush=True)\ntime.sleep(1000)\n"
    )
    before = ProcessLimits(rlimits=(Rlimit("nofile", 500, 600),), nice=(3, False), oom_score_adj=(100, False))
    after = ProcessLimits(
        rlimits=(Rlimit("nofile", 400, 500), Rlimit("core", 0, 0)),
        nice=(9, False),
        oom_score_adj=(200, False),
        cpus=(CPUS[:1], False),
        ionice=("idle", 0, False),
    )
    one = program(
        command=f'{sys.executable} -ISc "{code}"',
        rlimit_nofile=(500, 600, False),
        nice=(3, False),
        oom_score_adj=(100, False),
    )
    child = spawn(launch_spec(one))
    try:
        os.set_blocking(child.stdout, True)
        with open(child.stdout, closefd=False) as out:
            other = next(int(pid) for pid in (out.readline(), out.readline()) if int(pid) != child.pid)
        assert change([child.pid, other], before, after) == []
        for pid in (child.pid, other):
            assert resource.prlimit(pid, resource.RLIMIT_NOFILE) == (400, 500)
            assert Path(f"/proc/{pid}/oom_score_adj").read_text() == "200\n"
            assert os.sched_getaffinity(pid) == {CPUS[0]}
        assert [os.getpriority(os.PRIO_PROCESS, pid) for pid in (child.pid, other)] == [9, 15]
        why = change([child.pid], after, ProcessLimits())
        may_raise = is_effective("SYS_RESOURCE")
        assert why == [] if may_raise else any("may raise a hard limit that was lowered" in text for text in why)
        assert os.sched_getaffinity(child.pid) == os.sched_getaffinity(0)
    finally:
        os.kill(other, 9)
        os.kill(child.pid, 9)
        wait(child)


@as_root
@pytest.mark.skipif(is_effective("SYS_RESOURCE"), reason="with CAP_SYS_RESOURCE it may")
def test_limits_of_another_users_process_come_with_its_next_start():
    """In most containers root lacks that capability; nothing is said of a hard limit that was not even raised."""
    child = spawn(launch_spec(program(command=shell("exec sleep 1000"), uid=65534)))
    try:
        one = Rlimit("nofile", 32, 64)
        (why,) = change([child.pid], ProcessLimits(), ProcessLimits(rlimits=(one,)))
        assert why.startswith("cannot set rlimit_nofile = 32:64 before its next start: it has another user")
    finally:
        os.kill(child.pid, 9)
        wait(child)
