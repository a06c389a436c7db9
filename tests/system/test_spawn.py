"""Real children: what they find when they start, and that nothing is left of them."""

import gc
import json
import os
import pwd
import shlex
import signal
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import pytest

from procman.system.signals import disinherit
from tests.support.forked import in_fork
from tests.support.launching import Ended, everything, launch, open_fds, python, refusal, run, script, shell, wait
from tests.support.programs import program

NOBODY = 65534

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


# ---- what a child finds


def test_it_runs_with_its_three_streams():
    """What it is told it hears, what it says is heard, and how it ends is known."""
    ended = run(shell("read word; echo out $word; echo err $word >&2; exit 7"), said=b"hello\n")
    assert ended == Ended("out hello\n", "err hello\n", 7, None)


def test_its_arguments_are_split_as_a_shell_would():
    """Quotes and backslashes count; variables and wildcards are nothing special."""
    code = "import sys, json; print(json.dumps(sys.argv[1:]))"
    ended = run(f"{sys.executable} -ISc '{code}' plain 'two words' \"a 'quote'\" back\\ slash $HOME *")
    assert json.loads(ended.stdout) == ["plain", "two words", "a 'quote'", "back slash", "$HOME", "*"]


def test_a_signal_that_ends_it_is_told():
    """Code -1 and the signal, as supervisor has it."""
    ended = run(shell("kill -KILL $$"))
    assert (ended.code, ended.signal) == (-1, signal.SIGKILL)


def test_it_starts_in_its_directory(tmp_path):
    """Directory= is where it finds itself."""
    assert run(shell("pwd -P"), directory=str(tmp_path)).stdout == f"{tmp_path.resolve()}\n"


def test_a_relative_command_is_meant_from_its_directory(tmp_path):
    """Not from wherever the master was started."""
    script(tmp_path / "run", "#!/bin/sh\necho here\n")
    assert run("./run", directory=str(tmp_path)).stdout == "here\n"


@pytest.mark.parametrize("path", ["bin", "/nowhere:bin", ":/nowhere"], ids=["relative", "second", "empty"])
def test_a_relative_path_is_searched_from_its_directory(tmp_path, path):
    """A folder of PATH that is relative means what it will mean to the exec."""
    folder = tmp_path if path.startswith(":") else tmp_path / "bin"
    folder.mkdir(exist_ok=True)
    script(folder / "a-command-of-ours", "#!/bin/sh\necho here\n")
    ended = run("a-command-of-ours", directory=str(tmp_path), environment={"PATH": path})
    assert ended.stdout == "here\n"


def test_a_command_is_looked_for_in_the_programs_own_path(tmp_path):
    """PATH= in environment= wins over the master's."""
    script(tmp_path / "a-command-of-ours", "#!/bin/sh\necho found\n")
    assert run("a-command-of-ours", environment={"PATH": str(tmp_path)}).stdout == "found\n"
    assert refusal(command="a-command-of-ours").not_found


@pytest.mark.parametrize(("umask", "expected"), [(0o077, "77"), (0, "0"), (None, None)])
def test_its_umask(umask, expected):
    """Its own, or the master's."""
    masters = os.umask(0o022)
    os.umask(masters)
    ended = run(python("import os; print(oct(os.umask(0))[2:])"), umask=umask)
    assert ended.stdout.strip() == (f"{masters:o}" if expected is None else expected)


def test_it_leads_a_process_group_of_its_own():
    """A signal to its group reaches its children, and nobody else's."""
    pgid, pid = run(python("import os; print(os.getpgid(0), os.getpid())")).stdout.split()
    assert pgid == pid


def test_it_inherits_no_descriptor_but_its_three():
    """Not even one that the master made inheritable."""
    reader, writer = os.pipe()
    os.set_inheritable(reader, True)
    try:
        code = "import os\nfor fd in range(256):\n try: os.fstat(fd); print(fd)\n except OSError: pass"
        assert run(python(code)).stdout.split() == ["0", "1", "2"]
    finally:
        os.close(reader)
        os.close(writer)


def test_its_signals_are_reset():
    """Whatever the master ignores or blocks, or was started with, the child begins with a clean slate."""

    def child_of_a_master_with_a_past() -> dict[str, int]:
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGUSR2})
        disinherit()
        # Neither minds what it did not mind before.
        os.kill(os.getpid(), signal.SIGHUP)
        command = shlex.join(["/bin/sh", "-c", "grep -E '^Sig(Blk|Ign)' /proc/self/status"])
        lines = (line.split() for line in run(command).stdout.splitlines())
        return {name.strip(":"): int(value, 16) for name, value in lines}

    found = in_fork(child_of_a_master_with_a_past)
    # 32 and 33 are the C library's own and cannot be set through it; what posix_spawn starts (subprocess does, from
    # Python 3.13 on) may ignore the first.
    found["SigIgn"] &= ~(1 << 31 | 1 << 32)
    assert found == {"SigBlk": 0, "SigIgn": 0}


def test_stderr_goes_where_stdout_goes():
    """With redirect_stderr there is one pipe, and the order of the lines is kept."""
    child = launch(program(command=shell("echo 1; echo 2 >&2; echo 3"), redirect_stderr=True))
    assert child.stderr is None
    os.close(child.stdin)
    assert everything(child.stdout) == "1\n2\n3\n"
    wait(child)


def test_stdin_can_be_somebody_elses():
    """A listening socket, say: the child has it as fd 0, and the caller keeps it."""
    reader, writer = os.pipe()
    child = launch(program(command=shell("read word; echo $word")), stdin=reader)
    assert child.stdin is None
    os.write(writer, b"hello\n")
    assert everything(child.stdout) == "hello\n"
    os.close(child.stderr)
    wait(child)
    os.close(reader)
    os.close(writer)


def test_a_child_survives_the_end_of_its_reader():
    """It holds a reading end itself: when the master is gone it meets a full pipe, and not SIGPIPE."""
    code = (
        "import os, sys\n"
        "sys.stdin.readline()\n"
        "os.set_blocking(1, False)\n"
        "written = 0\n"
        "try:\n"
        "    while True: written += os.write(1, b'x' * 4096)\n"
        "except BlockingIOError:\n"
        "    os._exit(7 if written >= 4096 else 8)\n"
    )
    child = launch(program(command=python(code)))
    os.close(child.stdout)
    os.close(child.stderr)
    os.write(child.stdin, b"now\n")
    os.close(child.stdin)
    assert wait(child) == (7, None)


def test_its_output_can_be_opened_by_name():
    """/dev/stdout is a way to write to it, and another master could read on through /proc."""
    child = launch(program(command=shell("echo one > /dev/stdout; read word; echo two >> /proc/self/fd/1")))
    again = os.open(f"/proc/{child.pid}/fd/1", os.O_RDONLY)
    os.write(child.stdin, b"go\n")
    os.close(child.stdin)
    os.close(again)
    assert everything(child.stdout) == "one\ntwo\n"
    os.close(child.stderr)
    wait(child)


def test_the_masters_ends_never_block():
    """A read of nothing and a write to one that does not read come back at once."""
    child = launch(program(command=shell("read word")))
    for fd in (child.stdout, child.stderr):
        with pytest.raises(BlockingIOError):
            os.read(fd, 1)
    # More than any pipe holds, so not all of it is taken.
    assert os.write(child.stdin, b"x" * 8_000_000) < 8_000_000
    os.kill(child.pid, signal.SIGKILL)
    for fd in (child.stdin, child.stdout, child.stderr):
        os.close(fd)
    wait(child)


def test_a_master_without_standard_streams_can_spawn():
    """Its pipes get the numbers 0, 1 and 2 then, and the child's still end up where they belong."""

    def without_streams() -> Ended:
        for fd in (0, 1, 2):
            os.close(fd)
        return run(shell("read word; echo out $word; echo err >&2"), said=b"hello\n")

    assert in_fork(without_streams) == Ended("out hello\n", "err\n", 0, None)


# ---- another user


@as_root
@pytest.mark.root
def test_it_runs_as_its_user():
    """User, group and all the groups that the user has; and no capability of root's."""
    account = pwd.getpwuid(NOBODY)
    # The interpreter of the tests may be closed to that user, a shell is not.
    ended = run(shell("grep -E '^(Uid|Gid|Groups|Cap(Prm|Eff|Amb))' /proc/self/status"), uid=NOBODY)
    found = {name: [int(number) for number in numbers] for name, *numbers in map(str.split, ended.stdout.splitlines())}
    assert [found.pop(name) for name in ("CapPrm:", "CapEff:", "CapAmb:")] == [[0]] * 3
    groups = sorted(os.getgrouplist(account.pw_name, account.pw_gid))
    assert found == {"Uid:": [NOBODY] * 4, "Gid:": [account.pw_gid] * 4, "Groups:": groups}


@pytest.fixture
def far_up():
    """A folder that everybody may enter, as those of pytest are not."""
    with tempfile.TemporaryDirectory(dir="/run") as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)


@as_root
@pytest.mark.root
def test_another_user_enters_its_directory_itself(far_up):
    """As root, a link in its own folder would take it into a folder that is closed to it; so under supervisord, too."""
    open_inside = far_up / "closed" / "inside"
    open_inside.mkdir(parents=True)
    (far_up / "closed").chmod(0o700)
    theirs = far_up / "theirs"
    theirs.mkdir()
    assert run(shell("pwd -P"), uid=NOBODY, directory=str(theirs)).stdout == f"{theirs}\n"
    theirs.rmdir()
    theirs.symlink_to(open_inside)
    why = str(refusal(command="/bin/true", uid=NOBODY, directory=str(theirs)))
    assert why == f"couldn't chdir to {theirs}: permission denied"


@as_root
@pytest.mark.root
def test_where_the_master_was_started_another_user_finds_itself(far_up):
    """It has not chosen that folder, and would have inherited it from a master that stays there."""
    far_up.chmod(0o700)
    child = launch(program(command=shell("pwd -P"), uid=NOBODY, directory=str(far_up)), home=str(far_up))
    assert everything(child.stdout) == f"{far_up}\n"
    wait(child)


@as_root
@pytest.mark.root
def test_another_user_can_open_its_output_by_name():
    """The pipes are its own, so /dev/stdout and /dev/stderr work as they do for root."""
    ended = run(shell("echo out > /dev/stdout; echo err > /dev/stderr"), uid=NOBODY)
    assert ended == Ended("out\n", "err\n", 0, None)


def test_its_user_may_be_the_masters_own():
    """Nothing has to be changed then, root or not."""
    assert run(shell("id -u"), uid=os.geteuid()).stdout == f"{os.geteuid()}\n"


@as_root
@pytest.mark.root
def test_a_user_that_is_not_there():
    """A number without an account has no groups, so it is refused."""
    assert str(refusal(command="/bin/true", uid=4_000_123)) == "couldn't setuid to 4000123: can't find uid 4000123"


@as_root
@pytest.mark.root
def test_only_root_can_become_another():
    """A master that is not root says so."""

    def as_nobody() -> str:
        os.setuid(NOBODY)
        return str(refusal(command="/bin/true", uid=1))

    assert in_fork(as_nobody) == "couldn't setuid to 1: can't drop privilege as nonroot user"


# ---- nothing is left


def test_nothing_is_left_open():
    """A hundred children, and the master has the descriptors it had."""
    before = open_fds()
    for _ in range(20):
        assert run("/bin/true").code == 0
    assert open_fds() == before


def test_subprocess_forgets_a_child_that_was_reaped_by_its_pid():
    """Otherwise it would wait for that pid some day, whose ever it is then."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        child = launch(program(command=shell("kill -TERM $$")))
        for fd in (child.stdin, child.stdout, child.stderr):
            os.close(fd)
        wait(child)
        assert child.popen.returncode == -signal.SIGTERM
        del child
        gc.collect()
    assert subprocess._active == []
