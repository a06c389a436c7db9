"""A cgroup for each process: where one can be made, who is in it, and its end all at once."""

import os
import signal
import subprocess

import pytest

from procman.system import cgroup, cgroup_controllers
from procman.system.cgroup import Cgroups, Leaf, NoCgroups, make_cgroups
from tests.support.tree_fixtures import Member, in_subreaper, running

MOUNT = "30 23 0:26 {root} {where} rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"
OTHER = "31 23 0:27 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n"


@pytest.fixture
def cgroups(monkeypatch):
    """Real ones, for which it takes root and a writable cgroup v2; whether they are systemd's does not matter here."""
    if os.geteuid() != 0:
        pytest.skip("only root can make cgroups that nobody has delegated")
    monkeypatch.setattr(cgroup, "_is_ours", lambda folder: True)
    try:
        made = make_cgroups()
    except NoCgroups as error:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(str(error))
    yield made
    made.close()
    assert not os.path.exists(made.path)


# ---- what they are for


def test_who_is_in_it(cgroups):
    """A process that was moved in, and what it starts after that, wherever that goes."""

    def found() -> bool:
        code = """
            sys.stdin.readline()
            fork(lambda: fork(lambda: (os.setsid(), exec_without_environment("daemon"))))
            stay("root")
        """
        member = Member(code)
        leaf = cgroups.leaf("web:web_0")
        assert leaf.pids() == ()
        assert leaf.add(member.pid) is None
        member.go_on()
        root, daemon = member.pids("root", "daemon")
        within = set(leaf.pids())
        assert leaf.kill() is None
        # A parent that has not quite ended yet still has the daemon, and comes to us before it.
        left = {root, daemon}
        while left:
            left.discard(os.waitpid(-1, 0)[0])
        return within >= {root, daemon} and leaf.pids() == () and leaf.remove()

    assert in_subreaper(found)


def test_all_are_killed_at_once(cgroups):
    """Also those that fork as fast as they can, in sessions of their own."""

    def killed() -> tuple[bool, bool]:
        code = """
            sys.stdin.readline()
            def hop():
                while True:
                    if os.fork():
                        os._exit(0)
                    os.setsid()
            for _ in range(3):
                fork(hop)
            say("forking", os.getpid())
            os.execv("/bin/sleep", ["sleep", "1000"])
        """
        member = Member(code)
        leaf = cgroups.leaf("web")
        leaf.add(member.pid)
        member.go_on()
        member.pids("forking")
        assert not leaf.remove()
        assert leaf.kill() is None
        # All of them hold this pipe: it ends with the last.
        ended = member.stdout.read() == b""
        while True:
            try:
                os.wait()
            except ChildProcessError:
                return ended, leaf.remove()

    assert in_subreaper(killed) == (True, True)


def test_the_end_of_a_process_before_it_is_moved_is_no_refusal(cgroups):
    """It was too quick."""
    process = subprocess.Popen(["true"])
    process.wait()
    leaf = cgroups.leaf("web")
    assert leaf.add(process.pid) is None
    assert leaf.remove()
    assert leaf.remove()


def test_cgroups_that_a_program_made_itself_belong_to_it(cgroups):
    """A master under a master, say: its processes are members, and what it leaves behind goes with it."""
    leaf = cgroups.leaf("web")
    inner = Leaf(f"{leaf.path}/inner")
    os.mkdir(inner.path)
    with running() as process:
        inner.add(process.pid)
        assert leaf.pids() == (process.pid,)
        assert not leaf.remove()
        assert leaf.kill() is None
        assert process.wait() == -signal.SIGKILL
    assert leaf.remove()


def test_names_that_are_no_file_names(cgroups):
    """Of two processes of one name each has its own."""
    name = "../ü:" + "x" * 1000
    first, second = cgroups.leaf(name), cgroups.leaf(name)
    assert first.path != second.path
    assert os.path.dirname(first.path) == os.path.dirname(second.path) == cgroups.path
    assert first.remove()
    assert second.remove()


def test_what_killed_masters_have_left_is_taken_away(cgroups, monkeypatch):
    """As far as nobody lives in it; another master that runs keeps its own."""
    own = cgroups.leaf("own").path
    monkeypatch.setattr(cgroup, "_own_folder", lambda: own)
    ended = subprocess.Popen(["true"])
    ended.wait()
    stale, alive = f"{own}/procman-{ended.pid}", f"{own}/procman-1"
    for folder in (f"{stale}/1-web", f"{alive}/1-web"):
        os.makedirs(folder)
    with running() as process:
        os.mkdir(f"{stale}/2-web")
        Leaf(f"{stale}/2-web").add(process.pid)
        make_cgroups()
        assert os.path.isdir(f"{alive}/1-web")
        assert not os.path.exists(f"{stale}/1-web")
        assert os.path.isdir(f"{stale}/2-web")
    make_cgroups()
    assert os.path.isdir(f"{alive}/1-web")
    assert not os.path.exists(stale)


# ---- where there are none


@pytest.mark.parametrize(
    ("own", "mounts", "folder"),
    [
        ("0::/\n", MOUNT.format(root="/", where="/sys/fs/cgroup"), "/sys/fs/cgroup"),
        ("0::/a.slice/b\n", MOUNT.format(root="/", where="/sys/fs/cgroup"), "/sys/fs/cgroup/a.slice/b"),
        ("4:pids:/x\n0::/a\n", OTHER + MOUNT.format(root="/", where="/cg/unified"), "/cg/unified/a"),
        ("0::/docker/abc\n", MOUNT.format(root="/docker/abc", where="/sys/fs/cgroup"), "/sys/fs/cgroup"),
        ("0::/docker/abc/in\n", MOUNT.format(root="/docker/abc", where="/sys/fs/cgroup"), "/sys/fs/cgroup/in"),
        ("0::/docker/abcd\n", MOUNT.format(root="/docker/abc", where="/sys/fs/cgroup"), None),
        ("0::/a\n", MOUNT.format(root="/", where="/with\\040blank"), "/with blank/a"),
        ("0::/../other\n", MOUNT.format(root="/mine", where="/sys/fs/cgroup"), None),
        ("4:pids:/x\n", MOUNT.format(root="/", where="/sys/fs/cgroup"), None),
        ("0::/a\n", OTHER, None),
        ("", "", None),
    ],
)
def test_where_the_own_cgroup_is(own, mounts, folder):
    """By what the kernel says of the process and its mounts; a part of the hierarchy may be mounted, or none."""
    assert cgroup.locate(own, mounts) == folder


def refusal(monkeypatch, folder, *, systemd: bool, attributes: dict[tuple[str, str], bytes] | None = None) -> str:
    """Why no cgroups are made in a folder that plays the own one."""
    real = os.path.isdir
    monkeypatch.setattr(cgroup, "_own_folder", lambda: str(folder))
    monkeypatch.setattr(os.path, "isdir", lambda path: systemd if path == "/run/systemd/system" else real(path))
    monkeypatch.setattr(cgroup, "_attribute", lambda path, name: (attributes or {}).get((path, name), b""))
    with pytest.raises(NoCgroups) as caught:
        make_cgroups()
    return str(caught.value)


def test_what_is_systemds_is_left_alone(tmp_path, monkeypatch):
    """Only one may manage a cgroup."""
    assert refusal(monkeypatch, tmp_path, systemd=True) == (
        f"the cgroup {tmp_path} is systemd's; set Delegate=yes in the unit to have processes killed and limited by it"
    )
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("name", ["user.delegate", "trusted.delegate"])
@pytest.mark.parametrize("above", [False, True])
def test_what_systemd_has_delegated_is_ours(tmp_path, monkeypatch, name, above):
    """The cgroup of the unit, or the one around it, if the unit has named a part for its processes."""
    where = str(tmp_path.parent if above else tmp_path)
    # It is an ordinary folder, so this is what is found out next.
    kill = "this kernel has no cgroup.kill; it came with Linux 5.14"
    assert refusal(monkeypatch, tmp_path, systemd=True, attributes={(where, name): b"1"}) == kill
    assert os.listdir(tmp_path) == []


def test_one_that_is_not_writable(tmp_path, monkeypatch):
    """As in most containers."""
    missing = tmp_path / "file"
    missing.write_text("")
    assert refusal(monkeypatch, missing, systemd=False) == f"no cgroups can be made in {missing}: Not a directory"


def test_a_leaf_that_has_gone_raises_nothing(tmp_path):
    """Somebody has removed it: each method says so in its own way."""
    leaf = Leaf(str(tmp_path / "gone"))
    assert leaf.add(1) == f"cannot move pid 1 to {leaf.path}: No such file or directory"
    assert leaf.kill() == f"cannot kill the processes in {leaf.path}: No such file or directory"
    assert leaf.pids() == ()
    assert leaf.remove()
    with pytest.raises(NoCgroups, match="cannot make the cgroup"):
        Cgroups(leaf.path).leaf("web")


@pytest.mark.parametrize("is_root", [False, True])
def test_a_process_makes_way_before_controllers_are_passed_on(is_root, tmp_path, monkeypatch):
    """Else cpu and pids would make leaves that take none: the threads of docs.kernel.org/admin-guide/cgroup-v2.html."""
    (tmp_path / "cgroup.controllers").write_text("cpu pids\n")
    (tmp_path / "cgroup.procs").write_text(f"{os.getpid()}\n")
    if not is_root:
        (tmp_path / "cgroup.type").write_text("domain\n")
    written = []

    def write(path, text):
        written.append((os.path.relpath(path, tmp_path), text))
        if path.endswith("cgroup.procs"):
            (tmp_path / "cgroup.procs").write_text("")

    monkeypatch.setattr(cgroup_controllers, "write", write)
    cgroup_controllers.enable(str(tmp_path), f"{tmp_path}/procman-1", frozenset({"pids"}))
    moved = [] if is_root else [("procman-1/init/cgroup.procs", str(os.getpid()))]
    enabled = [(f"{folder}cgroup.subtree_control", "+pids") for folder in ("", "procman-1/")]
    assert written == [*moved, *enabled]


def test_what_does_not_make_way_is_named(tmp_path, monkeypatch):
    """It is another process, which procman has not started."""
    (tmp_path / "cgroup.controllers").write_text("cpu pids\n")
    (tmp_path / "cgroup.procs").write_text("1\n")
    (tmp_path / "cgroup.type").write_text("domain\n")
    monkeypatch.setattr(cgroup_controllers, "write", lambda *_: None)
    with pytest.raises(cgroup_controllers.NoCgroups, match="is busy: pid 1 "):
        cgroup_controllers.enable(str(tmp_path), f"{tmp_path}/procman-1", frozenset({"pids"}))
