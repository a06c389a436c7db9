"""Why a process cannot be started: the precise reason, in supervisor's words where it has some."""

import contextlib
import os
import re
import resource
import tempfile
from pathlib import Path

import pytest

from procman.errors import ProcmanError
from procman.system.commands import CannotSpawn, find_command
from procman.system.exec_errors import why_not_found
from tests.support.forked import in_fork
from tests.support.launching import launch, open_fds, refusal, script, wait
from tests.support.programs import program

NOBODY = 65534

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


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
@pytest.mark.parametrize("mode", [0o755, 0o700])
def test_a_file_that_the_master_may_not_run(tmp_path, mode):
    """Executable, but not for us; its folder may be closed to us, too."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:  # those of pytest are closed to other users
        os.chmod(folder, mode)
        file = script(Path(folder) / "run", "#!/bin/sh\n", mode=0o700)
        assert in_fork(lambda: refused_to_nobody(file)) == f"no permission to run command {file!r}"


def refused_to_nobody(file: str) -> str:
    """Run in a process of its own, which changes its user."""
    os.setegid(NOBODY)
    os.seteuid(NOBODY)
    return str(refusal(command=file))


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
    """A text without a #! line is not executed, although a shell would run it."""
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
    """A command with a zero byte is refused, as exec cannot pass it on."""
    assert "null byte" in str(refusal(command="/bin/echo a\0b"))


def test_too_many_open_files():
    """Said with the name of the program, whichever descriptor it was that is missing, and nothing is left open."""

    def with_few_descriptors() -> list[str]:
        # Without gaps among the numbers below it, the limit says how many there can be.
        highest = max(int(fd) for fd in open_fds())
        while (last := os.dup(0)) <= highest:
            pass
        reasons = []
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        for room in range(1, 12):
            resource.setrlimit(resource.RLIMIT_NOFILE, (last + room, limits[1]))
            try:
                child = launch(program(name="greedy", command="/bin/true"))
            except CannotSpawn as why:
                reasons.append(str(why))
            else:
                for fd in (child.stdin, child.stdout, child.stderr):
                    os.close(fd)
                wait(child)
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
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
    """A client that asks for a start can be answered before the start."""
    command = find_command("sh -c true")
    assert os.access(command.file, os.X_OK)
    assert command.argv == ["sh", "-c", "true"]
