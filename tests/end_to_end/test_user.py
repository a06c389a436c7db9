"""`user=` of the master: root's privileges are dropped permanently before the first program starts."""

import ast
import contextlib
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import xmlrpc.client
from collections.abc import Iterator
from pathlib import Path

import pytest
from supervisor.xmlrpc import SupervisorTransport

from procman import __version__
from tests.support.master_process import ROOT, Master
from tests.support.running_master import RunningMaster

NOBODY = pwd.getpwnam("nobody")

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A directory in which every user may create files, like the log directory of such a master."""
    folder = Path(tempfile.mkdtemp(prefix="pm"))
    folder.chmod(0o1777)
    yield folder
    shutil.rmtree(folder)


def credentials(pid: int | str) -> dict[str, list[int]]:
    """The kernel's user and group ids, groups and capabilities of a process."""
    lines = (line.split() for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    found = {words[0]: words[1:] for words in lines if words}
    return {
        "uids": [int(word) for word in found["Uid:"]],
        "gids": [int(word) for word in found["Gid:"]],
        "groups": [int(word) for word in found["Groups:"]],
        "capabilities": [int(found[f"Cap{name}:"][0], 16) for name in ("Prm", "Eff", "Amb")],
    }


OF_NOBODY = {
    "uids": [NOBODY.pw_uid] * 4,
    "gids": [NOBODY.pw_gid] * 4,
    "groups": sorted(os.getgrouplist(NOBODY.pw_name, NOBODY.pw_gid)),
    "capabilities": [0, 0, 0],
}


@as_root
@pytest.mark.root
@pytest.mark.parametrize(("option", "arguments"), [("user=nobody", ()), ("", ("-u", "nobody"))], ids=["file", "flag"])
def test_master_and_programs_are_that_user_alone(option, arguments, open_folder):
    """With user= or -u, master and programs run as that user only, which also owns log, pid file and socket."""
    config = open_folder / "supervisord.conf"
    config.write_text(
        f"[unix_http_server]\nfile={open_folder}/s\n"
        f"[supervisord]\nlogfile={open_folder}/log\npidfile={open_folder}/pid\nchildlogdir={open_folder}\n{option}\n"
        # A shell: the interpreter of the tests may be closed to that user.
        "[program:one]\ncommand=sh -c 'exec sleep 1000'\nstartsecs=0\n"
    )
    with Master(config, *arguments) as master:
        master.expect(f"Set uid to user {NOBODY.pw_uid} succeeded", "success: one entered RUNNING state")
        assert credentials(master.process.pid) == OF_NOBODY
        assert credentials(int(master.ctl("pid", "one").stdout)) == OF_NOBODY
        owners = {path.name: path.stat().st_uid for path in open_folder.iterdir() if path != config}
        assert {"log", "pid", "s"} <= owners.keys()
        assert set(owners.values()) == {NOBODY.pw_uid}


@as_root
@pytest.mark.root
def test_an_upgrade_from_a_folder_that_is_root_s_alone(open_folder, tmp_path):
    """An upgrade works although the master's user may not enter the directory where root started it."""
    config = open_folder / "supervisord.conf"
    config.write_text(
        f"[unix_http_server]\nfile={open_folder}/s\n[supervisord]\nlogfile={open_folder}/log\npidfile={open_folder}/pid\n"
        "user=nobody\n[program:one]\ncommand=sh -c 'exec sleep 1000'\nstartsecs=0\n"
    )
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    with Master(config, cwd=home) as master:
        master.expect("success: one entered RUNNING state")
        ran = master.ctl("upgrade")
        if may_execute(sys.executable, NOBODY.pw_uid):
            assert ran.stdout == f"Upgraded: procman {__version__} (pid {master.pid})\n"
            assert Path(f"/proc/{master.pid}/cwd").readlink() == home
        else:
            assert "the new code cannot be executed (Permission denied); everything goes on as it was" in ran.stdout
        assert master.ctl("status", "one").stdout.split()[1] == "RUNNING"


def may_execute(path: str, uid: int) -> bool:
    """Whether that user may execute it, from any directory."""
    return subprocess.run(["sh", "-c", f'test -x "{path}"'], user=uid, cwd="/", check=False).returncode == 0


_WHAT_IS_IMPORTED = """
import json, sys
from procman.daemon.late_imports import import_optional_features
import_optional_features()
print(json.dumps(sorted(sys.modules)))
"""


def test_nothing_is_left_to_import_afterwards():
    """Every late import is done before the change of user, since the new user may not be able to read the files."""
    ran = subprocess.run([sys.executable, "-c", _WHAT_IS_IMPORTED], capture_output=True, check=True, cwd=ROOT)
    loaded = set(json.loads(ran.stdout))
    for module in sorted(name for name in loaded if name.split(".")[0] == "procman"):
        missing = {name for name in imports(module) if name not in loaded}
        assert not missing, f"{module} imports {missing} later: see procman/daemon/late_imports.py"


def imports(module: str) -> set[str]:
    """What a module of procman imports, except for type checking."""
    path = ROOT.joinpath(*module.split("."))
    source = (path / "__init__.py" if path.is_dir() else path.with_suffix(".py")).read_text()
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            node.body = []
    found: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                found |= {name.name for name in names}
            case ast.ImportFrom(module=str(origin), names=names):
                inner = {f"{origin}.{name.name}" for name in names}
                found |= {origin} | {
                    name for name in inner if ROOT.joinpath(*name.split(".")).with_suffix(".py").exists()
                }
            case _:
                pass
    return found


@as_root
@pytest.mark.root
def test_a_signal_that_the_kernel_refuses_was_not_sent(open_folder):
    """A signal that the kernel refuses is an error in every interface, and the process keeps its state."""
    programs = "[program:web]\ncommand=/bin/sleep 1000\nuser=nobody\n"
    wrapper = ("setpriv", "--bounding-set=-kill", "--inh-caps=-kill")  # root without the right to signal others
    with contextlib.closing(RunningMaster(open_folder, programs, wrapper=wrapper)) as master:
        master.wait_for("spawned: 'web'")
        pid = master.info("web")["pid"]
        reason = f"cannot send SIGHUP to pid {pid}: Operation not permitted"
        (result,) = master.call("POST", "/v1/processes/web/signal", {"signal": "HUP"})["results"]
        assert (result["status"], result["description"]) == ("FAILED", reason)
        transport = SupervisorTransport(None, None, f"unix://{master.socket}")
        asked = xmlrpc.client.ServerProxy("http://localhost", transport)
        with pytest.raises(xmlrpc.client.Fault, match=f"FAILED: {reason}"):
            asked.supervisor.signalProcess("web", "HUP")
        transport.close()
        assert master.info("web")["statename"] in ("STARTING", "RUNNING")
        master.wait_for(f"web: {reason}")
        os.kill(pid, signal.SIGKILL)
        master.wait_for("exited: web")
