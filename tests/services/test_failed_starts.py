"""What is the matter with a program that could not be started; the kernel really refuses each start."""

import os
import resource
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from procman.services.failed_starts import explain
from procman.system import exhausted_limits
from procman.system.accounts import Account
from procman.system.cgroup import locate, read_own
from procman.system.exhausted_limits import full_disks, writers_of
from procman.system.failed_exec import Explanation, Trouble
from tests.support.elf_files import elf64
from tests.support.forked import in_fork
from tests.support.launching import refusal, script
from tests.support.programs import program

NOBODY = 65534

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


def explained(**options) -> Explanation:
    """Of a start that was refused."""
    found = explain(program(**options), str(refusal(**options)), lambda uid: Account(uid, uid, []))
    assert found is not None
    return found


@pytest.fixture
def open_tmp(tmp_path):
    """A folder that everybody may enter."""
    here = tmp_path
    while here != here.parent and not os.stat(here).st_mode & 0o001:
        here.chmod(here.stat().st_mode | 0o011)
        here = here.parent
    return tmp_path


def binary(path, content: bytes) -> str:
    path.write_bytes(content)
    path.chmod(0o755)
    return str(path)


def test_the_missing_part_of_a_path_is_named(tmp_path):
    """Not only that the file is not there."""
    found = explained(command=f"{tmp_path}/venv/bin/app")
    assert (found.trouble, found.path) == (Trouble.MISSING, f"{tmp_path}/venv")
    assert found.sentence == f"{tmp_path}/venv does not exist: check the path in command="


def test_a_link_to_nothing_is_told_from_a_file_that_is_missing(tmp_path):
    """As after an update that has removed the old version."""
    (tmp_path / "app").symlink_to("app-1.2")
    found = explained(command=f"{tmp_path}/app")
    assert found.sentence.startswith(f"{tmp_path}/app is a link to app-1.2; {tmp_path}/app-1.2 does not exist")


def test_a_name_that_no_directory_of_path_has(tmp_path):
    """The directories that were searched are in the sentence: PATH of the program, where it has one."""
    found = explained(command="no-such-program-anywhere", environment={"PATH": f"{tmp_path}:/nowhere"})
    assert found.sentence == (
        f"no directory of its PATH has a file no-such-program-anywhere ({tmp_path}, /nowhere): install it, "
        "or write its whole path"
    )


def test_a_directory(tmp_path):
    """It has the x bit, and is no program."""
    assert explained(command=str(tmp_path)).trouble is Trouble.DIRECTORY


def test_a_file_that_nobody_may_execute(tmp_path):
    """The command that helps is in the sentence."""
    file = script(tmp_path / "run", "#!/bin/sh\n", mode=0o644)
    found = explained(command=file)
    assert found.trouble is Trouble.NOT_EXECUTABLE
    assert found.sentence.endswith(f"(-rw-r--r--, of user {os.getuid()} and group {os.getgid()}): chmod +x {file}")


@as_root
@pytest.mark.root
def test_a_file_that_its_user_may_not_execute(open_tmp):
    """The master may, so it is the kernel that refuses."""
    file = script(open_tmp / "run", "#!/bin/sh\n", mode=0o744)
    found = explained(command=file, uid=NOBODY)
    assert found.sentence == (
        f"user {NOBODY} may not execute {file} (-rwxr--r--, of user 0 and group 0): let that user or group execute it"
    )


@as_root
@pytest.mark.root
def test_a_directory_that_its_user_may_not_enter(open_tmp):
    """On the way to the program, and as the directory in which it is to run."""
    (open_tmp / "home/bin").mkdir(parents=True)
    file = script(open_tmp / "home/bin/run", "#!/bin/sh\n")
    (open_tmp / "home").chmod(0o700)
    for options in ({"command": file}, {"command": "/bin/true", "directory": f"{open_tmp}/home/bin"}):
        found = explained(uid=NOBODY, **options)
        assert (found.trouble, found.path) == (Trouble.CLOSED, f"{open_tmp}/home")
        assert "may not enter the directory" in found.sentence
    (open_tmp / "home/bin").chmod(0o700)
    (open_tmp / "home").chmod(0o755)
    found = explained(uid=NOBODY, command="/bin/true", directory=f"{open_tmp}/home/bin")
    assert (found.trouble, found.path) == (Trouble.CLOSED, f"{open_tmp}/home/bin")


def test_a_directory_that_is_not_there(tmp_path):
    """The option to correct is in the sentence."""
    found = explained(command="/bin/true", directory=f"{tmp_path}/a/b")
    assert found.sentence == f"{tmp_path}/a does not exist: create it, or correct directory="
    (tmp_path / "file").touch()
    found = explained(command="/bin/true", directory=f"{tmp_path}/file")
    assert found.sentence == f"{tmp_path}/file is not a directory: correct directory="


@pytest.mark.parametrize(
    ("line", "trouble", "words"),
    [
        ("#!/no/such/python", Trouble.INTERPRETER, "its interpreter /no/such/python, as the first line of"),
        ("#!/etc", Trouble.INTERPRETER, "may not be executed"),
        ("#!/etc/passwd", Trouble.INTERPRETER, "may not be executed (-rw-r--r--"),
        ("#!/bin/sh\r", Trouble.LINE_ENDS, "end as on Windows, which makes its interpreter /bin/sh\\r: save it"),
        ("#!/no/such/" + "x" * 300, Trouble.INTERPRETER, "is longer than the 256 bytes that the kernel reads"),
    ],
)
def test_an_interpreter_that_cannot_be_used(tmp_path, line, trouble, words):
    """The kernel reports it as the absence of the script."""
    found = explained(command=script(tmp_path / "run", f"{line}\nexit\n"))
    assert found.trouble is trouble
    assert words in found.sentence


def test_a_script_without_a_first_line(tmp_path):
    """A shell would run it; the kernel does not."""
    found = explained(command=script(tmp_path / "run", "echo hello\n"))
    assert found.trouble is Trouble.FORMAT
    assert "let its first line name its interpreter" in found.sentence


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"MZ\x90\0" + bytes(60), "is a program for Windows"),
        (b"\xcf\xfa\xed\xfe\7\0\0\1", "is a program for macOS"),
        (b"\x93\0\1\2", "is no program"),
    ],
)
def test_a_file_of_another_format(tmp_path, content, words):
    """What it is, as far as its first bytes say."""
    found = explained(command=binary(tmp_path / "run", content))
    assert found.trouble is Trouble.FORMAT
    assert words in found.sentence


def test_a_binary_of_another_machine(tmp_path):
    """Both are named."""
    other, name = (183, "aarch64") if os.uname().machine == "x86_64" else (62, "x86_64")
    found = explained(command=binary(tmp_path / "run", elf64(other, None) + bytes(512)))
    assert found.trouble is Trouble.ARCHITECTURE
    assert f"is built for {name}, and this machine is {os.uname().machine}" in found.sentence


def test_a_binary_whose_loader_is_not_here(tmp_path):
    """As of Alpine Linux on Debian: the kernel reports it as the absence of the program."""
    machine = {"x86_64": 62, "aarch64": 183}.get(os.uname().machine)
    if machine is None:
        pytest.skip("no header of this machine is known to the test")
    file = binary(tmp_path / "run", elf64(machine, "/lib/ld-musl-none.so.1") + bytes(512))
    found = explain(program(command=file), f"couldn't exec {file}: ENOENT (No such file or directory)")
    assert found is not None
    assert (found.trouble, found.path) == (Trouble.LOADER, "/lib/ld-musl-none.so.1")
    assert "It is built for musl (as in Alpine Linux)" in found.sentence


@as_root
@pytest.mark.root
def test_a_file_system_that_is_mounted_noexec(tmp_path):
    """The place where it is mounted is named."""
    (tmp_path / "mnt").mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "noexec,size=64k", "none", str(tmp_path / "mnt")],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("nothing can be mounted here")
    try:
        found = explained(command=script(tmp_path / "mnt/run", "#!/bin/sh\n"))
        assert found.trouble is Trouble.NOEXEC
        assert found.sentence.startswith(f"{tmp_path}/mnt is mounted noexec")
        with (tmp_path / "mnt/fill").open("wb", buffering=0) as file, suppress(OSError):
            while file.write(bytes(4096)):
                pass
        assert full_disks([str(tmp_path / "mnt")]) == [f"{tmp_path}/mnt"]
    finally:
        subprocess.run(["umount", str(tmp_path / "mnt")], check=True)


def test_a_file_that_is_being_written(tmp_path):
    """The one that writes is named."""
    file = script(tmp_path / "run", "")
    with open(sys.executable, "rb") as original, open(file, "r+b") as copy:
        copy.write(original.read())
        copy.flush()
        found = explained(command=file)
        assert found.trouble is Trouble.BUSY
        assert f"{file} is open for writing by pid {os.getpid()} (" in found.sentence
    assert writers_of(file) == ""


def test_an_environment_that_is_too_large():
    """With its size, and what the kernel takes."""
    found = explained(command="/bin/true", environment={"LONG": "x" * 4_000_000})
    assert found.trouble is Trouble.ARGUMENTS
    assert "arguments and environment take 4,00" in found.sentence
    assert "131,072 in one of them" in found.sentence


def test_descriptors_that_are_used_up():
    """The number that the master has, and may have."""
    # Above all that this test process has open: what is looked for has to be opened.
    soft = max(map(int, os.listdir("/proc/self/fd"))) + 8

    def few() -> str:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, soft + 40))
        found = explain(program(), "too many open files to spawn 'web'")
        assert found is not None
        return f"{found.trouble.name}: {found.sentence}"

    said = in_fork(few)
    assert said.startswith("DESCRIPTORS: the master has ")
    assert said.endswith(f"descriptors open, and may have {soft}: raise minfds= (up to {soft + 40})")


def test_the_limit_of_a_users_processes(monkeypatch):
    """Of the cgroup first; it is told from that of the user, and of the machine."""
    reason = "Too many processes in process table to spawn 'web'"
    monkeypatch.setattr(exhausted_limits, "_full_cgroup", lambda: None)
    monkeypatch.setattr(exhausted_limits, "_count", lambda uid: 100)
    monkeypatch.setattr(resource, "getrlimit", lambda _: (80, 90))

    def said() -> str:
        found = explain(program(uid=NOBODY), reason, lambda uid: Account(uid, uid, []))
        assert found is not None
        assert found.trouble is Trouble.PROCESSES
        return found.sentence

    assert said().startswith(f"user {NOBODY} has 100 processes and threads, and may have 80 (RLIMIT_NPROC)")
    monkeypatch.setattr(resource, "getrlimit", lambda _: (800, 900))
    assert said().startswith("a limit of processes was reached for a moment")
    monkeypatch.setattr(exhausted_limits, "_number", lambda path: 100 if path.endswith("pid_max") else None)
    assert said().startswith("the machine has as many processes and threads as it may, 100 (kernel.pid_max)")


def test_the_limit_of_a_cgroup_is_read(tmp_path, monkeypatch):
    """Of version 2, also where an outer one is full."""
    (tmp_path / "pod/own").mkdir(parents=True)
    for folder, now, most in ((tmp_path / "pod", 10, "10"), (tmp_path / "pod/own", 5, "max")):
        (folder / "cgroup.procs").touch()
        (folder / "pids.current").write_text(f"{now}\n")
        (folder / "pids.max").write_text(f"{most}\n")
    mounts = f"36 31 0:33 / {tmp_path} rw - cgroup2 cgroup2 rw\n"
    monkeypatch.setattr(exhausted_limits, "read_own", lambda: ("0::/pod/own\n", mounts))
    found = explain(program(), "Too many processes in process table to spawn 'web'")
    assert found is not None
    assert found.sentence == (
        f"the limit of 10 processes and threads of the cgroup {tmp_path}/pod is reached (pids.max): "
        "raise it, or run fewer"
    )


@pytest.mark.parametrize(
    ("reason", "trouble"),
    [
        ("not enough memory to spawn 'web'", Trouble.MEMORY),
        ("couldn't exec /bin/web: ENOSPC (No space left on device)", Trouble.DISK_FULL),
        ("couldn't exec /bin/web: EDQUOT (Disk quota exceeded)", Trouble.DISK_FULL),
        ("couldn't setuid to 7: Operation not permitted", Trouble.USER),
    ],
)
def test_what_the_kernel_has_run_out_of(reason, trouble):
    """Each has a sentence with a way out."""
    found = explain(program(), reason)
    assert found is not None
    assert found.trouble is trouble


@pytest.mark.parametrize("command", ["/bin/echo 'oops", "   "])
def test_a_command_that_is_no_command_is_explained_by_the_reason(command):
    """Nothing is to be found on a disk."""
    assert explain(program(command=command), str(refusal(command=command))) is None


def test_a_refusal_that_nothing_explains_is_that_of_a_security_module(tmp_path):
    """Owner and mode allow it."""
    file = script(tmp_path / "run", "#!/bin/sh\n")
    found = explain(program(command=file), f"couldn't exec {file}: EACCES (Permission denied)")
    assert found is not None
    assert "AppArmor or SELinux" in found.sentence
    assert explain(program(command=file), f"couldn't exec {file}: EIO (Input/output error)") is None


@as_root
@pytest.mark.root
def test_a_cgroup_that_is_full_really_refuses_and_is_named():
    """Its limit is in the sentence: not the user's, and not the machine's."""
    cgroups, mounts = read_own()
    ours = locate(cgroups, mounts, "pids") or locate(cgroups, mounts)
    folder = Path(ours or "/nowhere") / f"endings-pids-{os.getpid()}"
    try:
        folder.mkdir()
    except OSError as error:
        pytest.skip(f"no cgroup can be made here: {error}")
    try:
        if not (folder / "pids.max").exists():
            pytest.skip("the cgroups here do not count processes")

        def full() -> str:
            (folder / "pids.max").write_text("1")
            (folder / "cgroup.procs").write_text(str(os.getpid()))
            return explained(command="/bin/true").sentence

        said = in_fork(full)
    finally:
        folder.rmdir()
    assert said.startswith("the limit of 1 processes and threads of the cgroup ")
    assert said.endswith(f"/{folder.name} is reached (pids.max): raise it, or run fewer")


@as_root
@pytest.mark.root
def test_a_user_with_too_many_processes_really_is_refused():
    """The number that the user has, and may have."""

    def as_nobody() -> str:
        resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
        os.setgid(NOBODY)
        os.setuid(NOBODY)
        found = explained(command="/bin/true")
        return f"{found.trouble.name}: {found.sentence}"

    said = in_fork(as_nobody)
    assert said.startswith(f"PROCESSES: user {NOBODY} has ")
    assert "and may have 0 (RLIMIT_NPROC): raise minprocs=" in said
