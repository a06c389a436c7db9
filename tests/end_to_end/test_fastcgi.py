"""A real FastCGI application under the real master, asked like a web server would."""

import asyncio
import os
import re
import shutil
import signal
import socket
import stat
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

from procman.config.schema.groups import FcgiSocket, Group
from procman.config.schema.master import Master
from procman.core.events import BootRequested
from procman.core.fleet import Fleet
from procman.runtime.children import Children
from procman.runtime.engine import Engine
from procman.runtime.launcher import Launcher
from procman.runtime.ledger import NoLedger
from procman.runtime.process_trees import Trees
from procman.runtime.program_sockets import ProgramSockets
from procman.system.held_sockets import HeldSockets
from procman.system.shared_sockets import SharedSockets
from tests.support.fastcgi_client import ask
from tests.support.listener_pools import RecordedLog
from tests.support.log_lines import PATIENCE
from tests.support.master_process import PROGRAMS
from tests.support.notifications import new_bus
from tests.support.programs import program
from tests.support.running_master import SLEEPER, RunningMaster

# An address on the loopback that no other test process has, so that every port on it is free.
TCP = ("127." + ".".join(map(str, os.getpid().to_bytes(3, "big"))), 9000)
# SIGKILL: one of several that waits in accept(2) does not hear flup's handler for SIGTERM.
APP = f"command={sys.executable} {PROGRAMS}/fastcgi_app.py\nstopsignal=KILL\nstartsecs=0\n"


@pytest.fixture(autouse=True)
def flup():
    if find_spec("flup") is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("flup is not installed: pip install flup")


@pytest.fixture
def short_folder():
    """A directory for sockets with a short path."""
    folder = Path(tempfile.mkdtemp(prefix="fc"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def start_master(tmp_path):
    masters = []

    def start(*lines: str) -> RunningMaster:
        masters.append(RunningMaster(tmp_path, "\n".join(lines)))
        masters[-1].wait_for("procman started")
        return masters[-1]

    yield start
    for master in masters:
        master.close()


def app(path, *lines: str, name: str = "app", numprocs: int = 1) -> str:
    more = f"numprocs={numprocs}\nprocess_name=%(process_num)d\n" if numprocs > 1 else ""
    return f"[fcgi-program:{name}]\n{APP}{more}socket=unix://{path}\n" + "\n".join(lines) + "\n"


def _has_stopped(pid: int) -> None:
    """Wait until it has carried out a SIGSTOP."""
    deadline = time.monotonic() + PATIENCE
    while Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "T":
        assert time.monotonic() < deadline


def answering_pid(address) -> int:
    """The pid of the process that answers there."""
    return int(ask(address, "/")[1].split()[0])


def test_an_application_is_served_over_a_unix_socket(start_master, short_folder):
    """A client that connects before the application is up waits for it; a body of several records arrives whole."""
    master = start_master(app(short_folder / "s"))
    master.wait_for("spawned: 'app'")
    body = b"0123456789" * 10000
    headers, answer = ask(str(short_folder / "s"), "/some/where", body)
    assert headers.splitlines()[0] == "Status: 200 OK"
    assert answer == f"{master.info('app')['pid']} /some/where {len(body)} ".encode() + body
    assert master.stop() == 0
    assert not (short_folder / "s").exists()


def test_an_application_is_served_over_tcp(start_master):
    """An application is served over TCP, and nothing listens after its end."""
    master = start_master(f"[fcgi-program:app]\n{APP}socket=tcp://{TCP[0]}:{TCP[1]}")
    master.wait_for("spawned: 'app'")
    assert answering_pid(TCP) == master.info("app")["pid"]
    assert master.stop() == 0
    with pytest.raises(ConnectionRefusedError):
        answering_pid(TCP)


def test_the_socket_stays_open_over_an_upgrade_and_goes_with_the_last_process(start_master, short_folder):
    """A socket stays open across an upgrade, and closes with the last process that shares it."""
    master = start_master(app(short_folder / "s"))
    master.wait_for("success: app entered RUNNING")
    pid = answering_pid(str(short_folder / "s"))
    assert master.ctl("upgrade").returncode == 0
    assert answering_pid(str(short_folder / "s")) == pid
    assert master.ctl("restart", "app").returncode == 0
    assert answering_pid(str(short_folder / "s")) == master.info("app")["pid"] != pid
    assert master.ctl("stop", "app").returncode == 0
    assert not (short_folder / "s").exists()


def test_several_processes_answer_on_one_socket(start_master, short_folder):
    """While one process is busy, another one of the group answers."""
    master = start_master(app(short_folder / "s", numprocs=2))
    master.wait_for("success: 1 entered RUNNING")
    pids = [master.info(f"app:{number}")["pid"] for number in range(2)]
    for held, free in (pids, pids[::-1]):
        os.kill(held, signal.SIGSTOP)
        _has_stopped(held)  # until then a client may wake it from its accept(2)
        assert answering_pid(str(short_folder / "s")) == free
        os.kill(held, signal.SIGCONT)


def test_the_socket_outlives_one_of_several(start_master, short_folder):
    """While one process is killed, stopped or started again, another one answers on the same socket."""
    master = start_master(app(short_folder / "s", numprocs=2))
    said = master.wait_for("success: 1 entered RUNNING")
    inode = os.stat(short_folder / "s").st_ino
    os.kill(master.info("app:0")["pid"], signal.SIGKILL)
    master.wait_for("spawned: '0'", after=said)
    master.call("POST", "/v1/processes/app:0/stop")
    assert answering_pid(str(short_folder / "s")) == master.info("app:1")["pid"]
    master.call("POST", "/v1/processes/app:0/start")
    master.call("POST", "/v1/processes/app:1/stop")
    assert answering_pid(str(short_folder / "s")) == master.info("app:0")["pid"]
    assert os.stat(short_folder / "s").st_ino == inode
    assert master.stop() == 0
    assert [line.split(" INFO ")[-1] for line in master.lines if " socket unix://" in line] == [
        f"Creating socket unix://{short_folder}/s",
        f"Closing socket unix://{short_folder}/s",
    ]


def test_the_socket_goes_with_the_last_and_comes_with_the_next(start_master, short_folder):
    """The socket file is removed with the last process and created again with the next."""
    master = start_master(app(short_folder / "s"))
    master.wait_for("success: app entered RUNNING")
    first = answering_pid(str(short_folder / "s"))
    master.call("POST", "/v1/processes/app/stop")
    assert not (short_folder / "s").exists()
    master.call("POST", "/v1/processes/app/start")
    second = answering_pid(str(short_folder / "s"))
    master.call("POST", "/v1/processes/app/restart")
    assert len({first, second, answering_pid(str(short_folder / "s"))}) == 3
    assert master.stop() == 0
    said = [line.split(" INFO ")[-1] for line in master.lines if " socket unix://" in line]
    assert said == [f"Creating socket unix://{short_folder}/s", f"Closing socket unix://{short_folder}/s"] * 3


def test_a_socket_that_cannot_be_opened_is_a_failed_start(start_master, short_folder):
    """A socket that cannot be opened is a failed start with reason and remedy; other programs run."""
    master = start_master(
        app(short_folder / "no" / "s", "startretries=1"), f"[program:other]\ncommand={SLEEPER}\nstartsecs=0\n"
    )
    master.wait_for("app entered FATAL")
    why = (
        f"there is no directory {short_folder}/no; create it, or choose another path with socket= in [fcgi-program:app]"
    )
    assert master.info("app")["spawnerr"] == f"cannot listen on {short_folder}/no/s: {why}"
    assert master.text.count("spawnerr: cannot listen") == 2
    assert f"FATAL     cannot listen on {short_folder}/no/s: {why}" in master.ctl("status", "app").stdout
    assert master.info("other")["statename"] == "RUNNING"
    (short_folder / "no").mkdir()
    assert master.ctl("start", "app").stdout == "app: started\n"
    assert answering_pid(str(short_folder / "no" / "s")) == master.info("app")["pid"]


def test_a_command_that_cannot_be_found_leaves_no_socket(start_master, short_folder):
    """If the command does not exist, its socket is closed again."""
    master = start_master(f"[fcgi-program:app]\ncommand=/nonexistent\nsocket=unix://{short_folder}/s\nstartretries=0\n")
    master.wait_for("app entered FATAL")
    assert not (short_folder / "s").exists()
    assert "spawnerr: can't find command" in master.text


def test_a_socket_that_somebody_listens_on_is_left_to_him(start_master, short_folder):
    """A socket in use by another process is a failed start that names it; when it is free, the next try succeeds."""
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(short_folder / "s"))
        other.listen()
        master = start_master(app(short_folder / "s"))
        master.wait_for(f"another program is listening there (pid {os.getpid()}); stop it first")
    master.wait_for("success: app entered RUNNING")
    assert answering_pid(str(short_folder / "s")) == master.info("app")["pid"]


def test_update_moves_the_socket(start_master, short_folder):
    """An update of the socket's address replaces all processes, which share the new one."""
    master = start_master(app(short_folder / "old", numprocs=2))
    said = master.wait_for("success: 1 entered RUNNING")
    master.write(app(short_folder / "new", numprocs=2))
    master.call("POST", "/v1/config/update")
    said = master.wait_for("entered RUNNING", after=said)
    master.wait_for("entered RUNNING", after=said)
    assert not (short_folder / "old").exists()
    pids = {master.info(f"app:{number}")["pid"] for number in range(2)}
    assert len({os.readlink(f"/proc/{pid}/fd/0") for pid in pids}) == 1
    assert answering_pid(str(short_folder / "new")) in pids


def test_update_gives_the_socket_another_mode(start_master, short_folder):
    """An update of the socket's mode works whichever process ends first."""
    master = start_master(app(short_folder / "s", numprocs=2))
    said = master.wait_for("success: 1 entered RUNNING")
    master.write(app(short_folder / "s", "socket_mode=0666", numprocs=2))
    master.call("POST", "/v1/config/update")
    said = master.wait_for("entered RUNNING", after=said)
    master.wait_for("entered RUNNING", after=said)
    assert stat.S_IMODE(os.stat(short_folder / "s").st_mode) == 0o666
    assert answering_pid(str(short_folder / "s")) in {master.info(f"app:{number}")["pid"] for number in range(2)}


def test_remove_and_reload(start_master, short_folder):
    """The socket of a removed group is closed; a reload opens all sockets of the file again."""
    master = start_master(app(short_folder / "a", name="a"), app(short_folder / "b", name="b"))
    said = master.wait_for("success: b entered RUNNING")
    first = answering_pid(str(short_folder / "b"))
    master.write(app(short_folder / "b", name="b"))
    master.call("POST", "/v1/config/update")
    assert not (short_folder / "a").exists()
    master.signal(signal.SIGHUP)
    master.wait_for("success: b entered RUNNING", after=said)
    assert answering_pid(str(short_folder / "b")) not in (first, 0)


def test_a_worker_that_outlives_its_parent_does_not_keep_the_next_from_starting(start_master, short_folder):
    """If a worker of a wrapper still holds the old socket, the next run gets a new one."""
    # A shell gives background jobs another fd 0 by default; the worker speaks when it has this one.
    wrapper = "sh -c 'exec 3<&0; { sh -c \"echo worker \\$\\$; exec sleep 1000\"; } <&3 & exec sleep 1000'"
    master = start_master(
        f"[fcgi-program:app]\ncommand={wrapper}\nsocket=unix://{short_folder}/s\nstartsecs=0\nautorestart=true\n"
        "stdout_logfile=/dev/stdout\n"
    )
    try:
        said = master.wait_for("worker ")
        os.kill(master.info("app")["pid"], signal.SIGKILL)
        master.wait_for("worker ", after=said)
        first, second = re.findall(r"worker (\d+)", master.text)
        links = [os.readlink(f"/proc/{pid}/fd/0") for pid in (first, second, master.info("app")["pid"])]
        assert links[0] != links[1] == links[2]
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(short_folder / "s"))
    finally:
        for worker in re.findall(r"worker (\d+)", master.text):
            os.kill(int(worker), signal.SIGKILL)


def test_whatever_has_not_ended_when_the_master_leaves_keeps_no_file(short_folder):
    """The socket file is removed at the master's end even if a process has not ended yet."""
    spawned = []
    path = str(short_folder / "s")

    def is_there() -> bool:
        return os.path.exists(path)

    class Streams:
        def attach(self, name, program, child):
            spawned.append(child)

    async def run_and_leave() -> None:
        shared = FcgiSocket(kind="unix", url=f"unix://{path}", path=path)
        app = Group(name="app", programs=(program("app", command="sleep 1000"),), socket=shared)
        sockets = SharedSockets(lambda _: None)
        trees = Trees("t", adopts=False)
        fleet, bus, children = Fleet((app,), Master()), new_bus(), Children()
        held = ProgramSockets(HeldSockets(), RecordedLog(), lambda _: None)
        launcher = Launcher(
            fleet, bus, Streams(), trees, children=children, sockets=sockets, held=held, ledger=NoLedger()
        )
        engine = Engine(
            fleet,
            bus,
            Streams(),
            trees,
            children=children,
            launcher=launcher,
            ledger=NoLedger(),
            on_bug=pytest.fail,
        )
        engine.post(BootRequested())
        await engine.caught_up()
        assert is_there()
        engine.close()
        assert not is_there()

    try:
        asyncio.run(run_and_leave())
    finally:
        for child in spawned:
            child.popen.kill()
            child.popen.wait()
            for fd in (child.stdout, child.stderr):
                os.close(fd)
    assert len(spawned) == 1
