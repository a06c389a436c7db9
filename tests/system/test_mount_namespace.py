"""What a program sees of the file system, in real mount namespaces, and why it cannot have them."""

import errno
import os
import subprocess
from pathlib import Path

import pytest

from procman.runtime.launch import launch_spec
from procman.system.libc import function
from procman.system.mount_namespace import RunNamespace, own_namespace_of
from procman.system.spawn import spawn
from tests.support.forked import in_fork
from tests.support.launching import everything, open_fds, refusal, run, shell, wait
from tests.support.master_process import others_reach_the_source
from tests.support.mounting import may_mount
from tests.support.programs import program

mounts = pytest.mark.skipif(not may_mount(), reason="this machine allows no mount namespaces")
CLONE_NEWNS = 0x20000
EVERYTHING = {"read_only_paths": ("/",), "private_tmp": (-1, False)}


@pytest.fixture
def place():
    """A folder outside of /tmp, which programs can still see."""
    folder = Path("/var/lib") / f"procman-test-{os.getpid()}"
    folder.mkdir()
    yield folder
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    folder.rmdir()


@pytest.mark.root
@mounts
def test_private_tmp_is_empty_writable_and_gone_afterwards():
    """For another user, too, in both directories; the size is what the option says."""
    code = "ls /tmp /var/tmp; touch /tmp/procman-mark /var/tmp/procman-mark && df --output=size -B1 /tmp | tail -1"
    found = run(shell(code), private_tmp=(1 << 20, False), uid=65534)
    assert (found.stdout.split(), found.stderr) == (["/tmp:", "/var/tmp:", "1048576"], "")
    assert not Path("/tmp/procman-mark").exists()
    assert not Path("/var/tmp/procman-mark").exists()


@pytest.mark.root
@mounts
def test_read_only_paths_cannot_be_written_even_by_root(place):
    """With all below, but for what is in read_write_paths, and what is read-only in that again."""
    for name in ("open", "open/closed"):
        (place / name).mkdir()
    paths = {"read_only_paths": (f"{place}/open/closed", str(place)), "read_write_paths": (f"{place}/open",)}
    code = f"cd {place}; touch a open/a open/closed/a; ls . open open/closed"
    found = run(shell(code), **paths)
    assert found.stdout.split() == [".:", "open", "open:", "a", "closed", "open/closed:"]
    assert found.stderr.count("Read-only file system") == 2


@pytest.mark.root
@mounts
def test_the_whole_file_system_leaves_devices_and_proc():
    """They are no files that anybody keeps."""
    code = "echo 500 >/proc/self/oom_score_adj && : >/dev/null && : >/dev/shm/procman-mark && rm /dev/shm/procman-mark"
    assert run(shell(code + "; touch /etc/x /tmp/x"), **EVERYTHING).stderr.count("Read-only") == 1


@pytest.mark.root
@mounts
def test_inaccessible_paths_are_closed_to_root(place):
    """A directory is empty, a file cannot be opened, and writing is refused."""
    (place / "folder").mkdir()
    (place / "folder" / "secret").write_text("x")
    (place / "file").write_text("x")
    code = f"cd {place}; ls folder; cat file; echo x >>file; touch folder/new"
    found = run(shell(code), inaccessible_paths=(f"{place}/folder", f"{place}/file", "?/not/there"))
    assert found.stdout == ""
    assert found.stderr.count("Permission denied") == 2
    assert "Read-only" in found.stderr


@pytest.mark.root
@mounts
def test_the_working_directory_is_that_of_the_view(place):
    """Nothing is written through a directory that was entered before."""
    found = run(shell("pwd; touch x"), read_only_paths=(str(place),), directory=str(place))
    assert found.stdout == f"{place}\n"
    assert "Read-only file system" in found.stderr
    as_user = run(shell("pwd"), **EVERYTHING, directory="/usr", uid=65534)
    assert as_user.stdout == "/usr\n"


@pytest.mark.root
@mounts
def test_the_machine_keeps_its_mounts(place):
    """Nothing of it is seen outside, also after a start that fails in the middle."""

    def seen() -> tuple[str, str]:
        # Others mount on this machine meanwhile. Here nobody does, and what a start made would be shared with us.
        function("unshare")(CLONE_NEWNS)
        for propagation in ("private", "shared"):
            subprocess.run(["mount", f"--make-r{propagation}", "/"], check=True)
        before = Path("/proc/self/mountinfo").read_text()
        run(shell(":"), **EVERYTHING, inaccessible_paths=(str(place),))
        refusal(command="true", **EVERYTHING, inaccessible_paths=("/not/there",))
        return before, Path("/proc/self/mountinfo").read_text()

    before, after = in_fork(seen)
    assert " shared:" in before
    assert after == before


@pytest.mark.root
@mounts
def test_commands_of_a_run_share_its_namespace():
    """What the first has written to its /tmp, the second reads; nothing waits, and nothing stays open."""
    before = open_fds()
    namespace = RunNamespace()

    def ran(code: str) -> str:
        spec = launch_spec(program(command=shell(code), private_tmp=(-1, False)))
        spec = type(spec)(**{name: getattr(spec, name) for name in spec.__slots__} | {"namespace": namespace})
        child = spawn(spec)
        os.close(child.stdin)
        wait(child)
        everything(child.stderr)
        return everything(child.stdout)

    ran("echo hello >/tmp/mark")
    assert namespace.fd is not None
    assert ran("cat /tmp/mark") == "hello\n"
    namespace.close()
    assert open_fds() == before


@pytest.mark.root
@mounts
def test_the_namespace_of_a_process_is_found():
    """For its commands when another process image has started it; this process' own is none."""
    child = spawn(launch_spec(program(command="/bin/cat", private_tmp=(-1, False))))
    fd = own_namespace_of(child.pid)
    assert fd is not None
    os.close(fd)
    assert own_namespace_of(os.getpid()) is None
    os.close(child.stdin)
    wait(child)
    assert own_namespace_of(child.pid) is None


@pytest.mark.root
@mounts
@pytest.mark.parametrize(
    ("options", "why"),
    [
        (
            {"read_only_paths": ("/not/there",)},
            "make it read-only: /not/there (read_only_paths): there is no such path",
        ),
        ({"private_tmp": (-1, False), "directory": "/tmp/there"}, "private_tmp hides /tmp/there from it"),
        ({"inaccessible_paths": ("/usr/bin",)}, "couldn't exec true: inaccessible_paths hides /usr/bin/true from it"),
    ],
)
def test_a_failed_start_says_what_hides_or_is_missing(options, why):
    """With the option."""
    Path("/tmp/there").mkdir(exist_ok=True)
    try:
        assert why in str(refusal(command="true", **options))
    finally:
        Path("/tmp/there").rmdir()


@pytest.mark.skipif(os.geteuid() != 0, reason="root gives its rights up here")
@pytest.mark.skipif(not others_reach_the_source(), reason="other users cannot read the source tree")
def test_without_rights_it_is_a_failed_start_or_a_best_effort():
    """The reason has the options and the way out; the best effort leaves all of it out, and nothing is mounted."""

    def tried() -> tuple[str, tuple[str, ...]]:
        os.setresuid(65534, 65534, 65534)
        why = str(refusal(command="true", private_tmp=(-1, False), read_only_paths=("?/usr",)))
        child = spawn(launch_spec(program(command="/bin/true", private_tmp=(-1, True), read_only_paths=("?/usr",))))
        assert wait(child) == (0, None)
        return why, child.left_out

    why, left_out = in_fork(tried)
    assert why.startswith("cannot give it a file system view of its own (private_tmp, read_only_paths): only root with")
    assert why.startswith(left_out[0])
    assert why.endswith(": start procman as root, put a ? in front of each value, or have the container engine do it")


def test_a_namespace_that_cannot_be_had_mounts_nothing(monkeypatch):
    """Where the kernel has no more of them, nothing of the machine is touched."""
    reached = []

    def instead(name: str):
        def called(*_arguments: int) -> int:
            if name == "unshare":
                raise OSError(errno.ENOSPC, "")
            return reached.append(name) or 0

        return called

    monkeypatch.setattr("procman.system.mount_namespace.function", instead)
    child = spawn(launch_spec(program(command="/bin/true", private_tmp=(-1, True), inaccessible_paths=("?/srv",))))
    assert wait(child) == (0, None)
    [text] = child.left_out
    assert "user.max_mnt_namespaces" in text
