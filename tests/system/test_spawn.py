"""Real children: what they find when they start, and the precise reason where they cannot be started."""

import contextlib
import gc
import json
import os
import pwd
import re
import resource
import shlex
import signal
import subprocess
import sys
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path

import pytest

from procman.errors import ProcmanError
from procman.runtime.launch import environment
from procman.system.commands import CannotSpawn, find_command
from procman.system.exec_errors import why_not_found
from procman.system.reaper import decode
from procman.system.signals import disinherit
from procman.system.spawn import Child
from tests.support.forked import in_fork
from tests.support.launching import launch
from tests.support.programs import program

NOBODY = 65534

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


@dataclass(frozen=True)
class Ended:
    """What is left of a child."""

    stdout: str
    stderr: str
    code: int
    signal: int | None


def python(code: str) -> str:
    """A command that runs that code."""
    return shlex.join([sys.executable, "-ISc", code])


def shell(code: str) -> str:
    return shlex.join(["/bin/sh", "-c", code])


def everything(fd: int | None) -> str:
    if fd is None:
        return ""
    os.set_blocking(fd, True)
    with os.fdopen(fd, "rb") as pipe:
        return pipe.read().decode()


def wait(child: Child) -> tuple[int, int | None]:
    reaped = decode(*os.waitpid(child.pid, 0))
    child.reaped(reaped)
    return reaped.code, reaped.signal


def run(command: str, serverurl: str | None = None, *, said: bytes = b"", inherited=None, **options) -> Ended:
    """Start it, say something to it, and see what it does until it ends."""
    child = launch(program(command=command, **options), serverurl=serverurl, inherited=inherited)
    assert child.stdin is not None
    os.write(child.stdin, said)
    os.close(child.stdin)
    return Ended(everything(child.stdout), everything(child.stderr), *wait(child))


def refusal(**options) -> CannotSpawn:
    """Why it cannot be started; nothing is left open."""
    before = open_fds()
    with pytest.raises(CannotSpawn) as caught:
        launch(program(**options))
    assert open_fds() == before
    return caught.value


def open_fds() -> list[str]:
    return os.listdir("/proc/self/fd")


def script(path, text: str, mode: int = 0o755) -> str:
    path.write_text(text)
    path.chmod(mode)
    return str(path)


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


def test_its_environment(monkeypatch):
    """The master's, the SUPERVISOR_ names, and its own on top of all."""
    monkeypatch.setenv("FROM_THE_MASTER", "1")
    monkeypatch.setenv("CHANGED", "master")
    ended = run(
        python("import os, json; print(json.dumps(dict(os.environ)))"),
        "unix:///run/procman.sock",
        name="worker",
        group="site",
        environment={"CHANGED": "program", "OWN": "ü = 1"},
    )
    env = json.loads(ended.stdout)
    assert env["FROM_THE_MASTER"] == "1"
    assert env["CHANGED"] == "program"
    assert env["OWN"] == "ü = 1"
    assert {name: value for name, value in env.items() if name.startswith("SUPERVISOR_")} == {
        "SUPERVISOR_ENABLED": "1",
        "SUPERVISOR_SERVER_URL": "unix:///run/procman.sock",
        "SUPERVISOR_PROCESS_NAME": "worker",
        "SUPERVISOR_GROUP_NAME": "site",
    }


def test_what_it_inherits_can_be_said(monkeypatch):
    """Instead of what this process has now."""
    monkeypatch.setenv("FROM_THE_MASTER", "1")
    said = run("/usr/bin/env", environment={"OWN": "1"}, inherited={b"GIVEN": b"1"}).stdout.splitlines()
    assert {"GIVEN=1", "OWN=1"} < set(said)
    assert "FROM_THE_MASTER=1" not in said


def test_whose_url_it_gets():
    """Its own serverurl=, else the master's, else none."""
    own = environment(program(serverurl="http://own:1"), "http://masters:1", {})
    masters = environment(program(), "http://masters:1", {})
    none = environment(program(), None, {})
    assert own[b"SUPERVISOR_SERVER_URL"] == b"http://own:1"
    assert masters[b"SUPERVISOR_SERVER_URL"] == b"http://masters:1"
    assert b"SUPERVISOR_SERVER_URL" not in none


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


# ---- why it cannot be started


def test_no_such_command():
    """By a path, and by a name that no folder of PATH has."""
    by_path, by_name = refusal(command="/no/such/file"), refusal(command="no-such-command-anywhere --flag")
    assert str(by_path) == "can't find command '/no/such/file'"
    assert str(by_name) == "can't find command 'no-such-command-anywhere'"
    assert by_path.not_found
    assert by_name.not_found
    assert not by_path.not_executable


def test_a_file_that_is_not_executable(tmp_path):
    """Its mode says so, even to root."""
    file = script(tmp_path / "run", "#!/bin/sh\n", mode=0o644)
    why = refusal(command=file)
    assert str(why) == f"command at {file!r} is not executable"
    assert why.not_executable
    assert not why.not_found


def test_a_directory(tmp_path):
    """Directories have the x bit, and still cannot be run."""
    assert str(refusal(command=str(tmp_path))) == f"command at {str(tmp_path)!r} is a directory"


@as_root
@pytest.mark.root
def test_a_file_that_the_master_may_not_run(tmp_path):
    """Executable, but not for us."""
    file = script(tmp_path / "run", "#!/bin/sh\n", mode=0o700)
    tmp_path.chmod(0o755)

    def as_nobody() -> str:
        os.setegid(NOBODY)
        os.seteuid(NOBODY)
        return str(refusal(command=file))

    assert in_fork(as_nobody) == f"no permission to run command {file!r}"


def test_a_command_that_cannot_be_parsed():
    """A quote that is not closed is named, and so is nothing at all."""
    unclosed = refusal(command="/bin/echo 'oops")
    assert str(unclosed) == "can't parse command \"/bin/echo 'oops\": No closing quotation"
    assert unclosed.not_executable
    assert str(refusal(command="  ")) == "command is empty"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("#!/no/such/python", "'/no/such/python' in its first line"),
        ("#! \t/no/such/python\t-u", "'/no/such/python' in its first line"),
        ("#!/bin/sh\r", r"'/bin/sh\r' in its first line; its lines end as on Windows: save it with \n"),
    ],
)
def test_a_bad_interpreter(tmp_path, line, reason):
    """The kernel says that the script is not there; the line that is wrong is what helps."""
    file = script(tmp_path / "run", f"{line}\necho hello\n")
    assert str(refusal(command=file)) == f"couldn't exec {file}: bad interpreter {reason}"


def test_a_pipe_in_the_place_of_a_script_is_not_waited_for(tmp_path):
    """Its owner may exchange it before it is looked at."""
    os.mkfifo(tmp_path / "run", 0o755)
    assert why_not_found(str(tmp_path / "run")) == "it was built for another C library, whose loader is not here"


def test_a_bad_interpreter_of_a_relative_command(tmp_path):
    """The script is looked for where it would have run."""
    script(tmp_path / "run", "#!/no/such/python\n")
    assert "bad interpreter '/no/such/python'" in str(refusal(command="./run", directory=str(tmp_path)))


def test_a_binary_of_another_c_library(tmp_path):
    """Its loader is missing, of which the kernel says that the binary is."""
    with open(os.path.realpath("/bin/sh"), "rb") as file:
        binary = file.read()
    loader = re.search(rb"/lib[\w/.-]*/ld-[\w.-]+\.so[.\d]*\0", binary)
    if loader is None:
        pytest.skip("the shell of this machine needs no loader")
    broken = tmp_path / "run"
    broken.write_bytes(binary.replace(loader[0], b"/nib" + loader[0][4:]))
    broken.chmod(0o755)
    why = str(refusal(command=str(broken)))
    assert why == f"couldn't exec {broken}: it was built for another C library, whose loader is not here"


def test_a_file_that_is_no_program(tmp_path):
    """Neither binary nor script: a shell would run it, exec does not."""
    file = script(tmp_path / "run", "echo hello\n")
    assert str(refusal(command=file)).startswith(f"couldn't exec {file}: neither a binary of this machine nor a script")


def test_no_such_directory(tmp_path):
    """It is named, and so is a file in its place."""
    missing = str(tmp_path / "missing")
    assert str(refusal(command="/bin/true", directory=missing)) == f"couldn't chdir to {missing}: no such directory"
    file = script(tmp_path / "file", "")
    assert str(refusal(command="/bin/true", directory=file)) == f"couldn't chdir to {file}: not a directory"


@as_root
@pytest.mark.root
def test_a_directory_that_the_master_may_not_enter(tmp_path):
    """Not the command is to blame."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)

    def as_nobody() -> str:
        # pytest's own folders are closed to others, so name it from inside.
        os.chdir(closed.parent)
        os.setegid(NOBODY)
        os.seteuid(NOBODY)
        return str(refusal(command="/bin/true", directory="closed"))

    assert in_fork(as_nobody) == "couldn't chdir to closed: permission denied"


def test_an_argument_list_that_is_too_long():
    """What has no words of ours has the kernel's."""
    why = str(refusal(command="/bin/true", environment={"LONG": "x" * 4_000_000}))
    assert why == "couldn't exec /bin/true: E2BIG (Argument list too long)"


def test_a_zero_byte_in_the_command():
    """Nobody can pass that on."""
    assert "null byte" in str(refusal(command="/bin/echo a\0b"))


def test_too_many_open_files():
    """Said with the name of the program, whichever descriptor it was that is missing, and nothing is left open."""

    def with_few_descriptors() -> list[str]:
        # Without gaps among the numbers below it, the limit says how many there can be.
        highest = max(int(fd) for fd in open_fds())
        while (last := os.dup(0)) <= highest:
            pass
        reasons = []
        for room in range(1, 12):
            resource.setrlimit(resource.RLIMIT_NOFILE, (last + room, 4096))
            try:
                child = launch(program(name="greedy", command="/bin/true"))
            except CannotSpawn as why:
                reasons.append(str(why))
            else:
                for fd in (child.stdin, child.stdout, child.stderr):
                    os.close(fd)
                wait(child)
            resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
            # One more, which the list itself takes.
            assert max(int(fd) for fd in open_fds()) == last + 1
        return reasons

    reasons = in_fork(with_few_descriptors)
    assert len(reasons) >= 6
    assert set(reasons) == {"too many open files to spawn 'greedy'"}


def test_programs_leave_some_descriptors_to_others():
    """The last ones, but a quarter at most, are for clients and files; half of those for programs that are back."""

    def fill_up() -> list[int]:
        resource.setrlimit(resource.RLIMIT_NOFILE, (400, 400))
        left = []
        for again in (False, True):
            with contextlib.suppress(CannotSpawn):
                while True:
                    wait(launch(program(name="greedy", command="/bin/true"), again=again))
            left.append(400 - len(open_fds()))
        return left

    new, back = in_fork(fill_up)
    assert 64 <= new < 64 + 10
    assert 32 <= back < 32 + 10


def test_what_cannot_be_spawned_is_an_error_for_users():
    """Its text is shown, never a traceback."""
    assert issubclass(CannotSpawn, ProcmanError)


def test_find_command_needs_no_spawn(tmp_path):
    """Whoever asks for a start can be told beforehand."""
    command = find_command("sh -c true")
    assert os.access(command.file, os.X_OK)
    assert command.argv == ["sh", "-c", "true"]


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
