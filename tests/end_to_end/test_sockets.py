"""Sockets that a real master holds, with real clients: nobody is refused while a program comes and goes."""

import contextlib
import os
import re
import shutil
import signal
import socket
import sys
import tempfile
from pathlib import Path

import pytest

from tests.end_to_end.test_orphans import Machine
from tests.support.faulty_master import FaultyMaster
from tests.support.master_process import PROGRAMS, Master
from tests.support.running_master import RunningMaster

HOST = "127." + ".".join(map(str, os.getpid().to_bytes(3, "big")))  # that no other test process has
URL = f"tcp://{HOST}:9000"
SERVER = f"{sys.executable} -S {PROGRAMS}/activated.py"
PATIENCE = 20


def settings(*lines: str, listen: str = URL, of_socket: str = "", command: str = SERVER) -> str:
    """A program with a socket."""
    return (
        f"[socket:http]\nlisten={listen}\n{of_socket}\n"
        f"[program:web]\ncommand={command}\nsockets=http\nstartsecs=0\n" + "\n".join(lines) + "\n"
    )


@pytest.fixture
def start_master(tmp_path):
    masters = []

    def start(programs: str, **more: str) -> RunningMaster:
        masters.append(RunningMaster(tmp_path, programs, **more))
        masters[-1].wait_for("procman started")
        return masters[-1]

    yield start
    for master in masters:
        master.close()


def connect(port: int = 9000) -> socket.socket:
    """Raises ConnectionRefusedError where nothing listens."""
    return socket.create_connection((HOST, port), timeout=PATIENCE)


def answer(connection: socket.socket) -> tuple[str, int]:
    """The name of the socket, and the pid of the program that has answered."""
    with connection, connection.makefile() as file:
        name, pid = file.readline().split()
    return name, int(pid)


def test_a_program_has_its_sockets_as_systemd_passes_them(start_master, tmp_path):
    """From descriptor 3 on, in the order of the option, with their names, and with the program's own pid."""
    path = tmp_path / "s"
    more = f"[socket:admin]\nlisten=unix://{os.path.relpath(path, '/').join(('/', ''))}\nmode=0600\n"
    with contextlib.chdir(tmp_path):
        master = start_master(more + settings().replace("sockets=http", "sockets=admin, http"))
    master.wait_for("success: web")
    assert answer(connect()) == ("http", master.info("web")["pid"])
    assert path.stat().st_mode & 0o777 == 0o600


def test_connections_wait_while_a_program_is_restarted(start_master):
    """Also while it is stopped: whoever connects then is served by the next run."""
    master = start_master(settings())
    master.wait_for("success: web")
    master.call("POST", "/v1/processes/web/stop", {})
    waiting = connect()
    (known,) = master.call("GET", "/v1/sockets")["sockets"]
    assert (known["is_open"], known["waiting"]) == (True, 1)
    master.call("POST", "/v1/processes/web/start", {})
    assert answer(waiting) == ("http", master.info("web")["pid"])


def test_hold_wanted_frees_the_address_of_what_is_stopped(start_master):
    """So that another program can listen there, a debugger for example."""
    master = start_master(settings("startretries=1000", of_socket="hold=wanted"))
    master.wait_for("success: web")
    master.call("POST", "/v1/processes/web/stop", {})
    with pytest.raises(ConnectionRefusedError):
        connect()
    with socket.create_server((HOST, 9000)):
        master.call("POST", "/v1/processes/web/start", {})
        seen = master.wait_for("spawnerr: cannot listen on")
        # On a busy machine, to find that out takes longer than `why` waits.
        held = f"port 9000 is held by pid {os.getpid()}"
        FaultyMaster.wait_until(lambda: held in master.ctl("why", "web").stdout)
    master.ctl("retry", "web")
    master.wait_for("success: web", after=seen)
    assert answer(connect())[0] == "http"


def test_a_lazy_program_starts_with_its_first_connection_and_stops_when_nobody_has_come_for_long(start_master):
    """It is wanted meanwhile, and says what it waits for."""
    master = start_master(settings("lazy=true", "idle_stop=400ms"))
    master.wait_for(f"web waits for a connection on {URL}")
    waits = master.info("web")
    assert (waits["statename"], waits["phase"], waits["wanted"], waits["pid"]) == ("STOPPED", "listening", True, 0)
    assert waits["description"] == f"waiting for a connection on {URL}"
    assert f"it waits for a connection on {URL}" in master.ctl("why", "web").stdout
    assert f"listen = {URL}" in master.ctl("config", "web").stdout
    assert master.ctl("status", "web").returncode == 0
    name, pid = answer(connect())
    assert name == "http"
    seen = master.wait_for("web is stopped: no connection for 0.4 s")
    master.wait_for("waits for a connection", after=seen)
    assert answer(connect())[1] != pid
    started = [
        record["actor"]["kind"]
        for record in master.call("GET", "/v1/journal?name=web&kind=state")["records"]
        if record.get("to") == "STARTING"
    ]
    assert started == ["connection", "connection"]


def test_somebody_who_stays_connected_keeps_a_lazy_program_up(start_master):
    """A connection counts for as long as it lasts."""
    talks = (
        "import os,socket; s=socket.socket(fileno=3); c,_=s.accept(); c.sendall(b'here %d\\n' % os.getpid()); "
        "c.recv(1); c.close(); s.accept()"
    )
    command = f'{sys.executable} -Sc "{talks}"'.replace("%", "%%")
    master = start_master(settings("lazy=true", "idle_stop=200ms", command=command))
    master.wait_for("waits for a connection")
    connection = connect()
    with connection.makefile() as file:
        pid = int(file.readline().split()[1])
        master.ctl("status", "--long")  # which takes a second
        assert master.info("web")["pid"] == pid
        connection.shutdown(socket.SHUT_RDWR)
    master.wait_for("web is stopped: no connection for 0.2 s")
    connection.close()


def test_a_program_that_ends_by_itself_waits_for_the_next_connection(start_master):
    """As expected, with the exit code 0; a failure is restarted as always."""
    master = start_master(settings("lazy=true", "early_exit=judge", command=f"{SERVER} 0/1"))
    seen = master.wait_for("waits for a connection")
    first = answer(connect())[1]
    master.wait_for("waits for a connection", after=seen)
    assert answer(connect())[1] != first


def test_an_update_opens_the_new_address_first_and_closes_the_old_one_with_its_last_user(start_master):
    """What stays in the list stays open all the time."""
    master = start_master(settings(listen=f"{URL}, tcp://{HOST}:9001"))
    master.wait_for("success: web")
    held = {one["url"] for one in master.call("GET", "/v1/sockets")["sockets"]}
    assert held == {URL, f"tcp://{HOST}:9001"}
    master.write(settings(listen=f"{URL}, tcp://{HOST}:9002"))
    assert master.ctl("update").returncode == 0
    opened = master.wait_for(f"listening on tcp://{HOST}:9002")
    stopped = master.wait_for("stopped: web", after=opened)
    master.wait_for(f"closed tcp://{HOST}:9001", after=stopped)
    assert f"closed {URL}" not in master.text
    assert answer(connect(9002))[0] == answer(connect())[0] == "http"
    with pytest.raises(ConnectionRefusedError):
        connect(9001)
    master.write(settings(listen=f"{URL}, tcp://{HOST}:9002", of_socket="backlog=7"))
    pid = master.info("web")["pid"]
    assert master.ctl("update").returncode == 0
    assert master.info("web")["pid"] == pid
    assert {one["backlog"] for one in master.call("GET", "/v1/sockets")["sockets"]} == {7}


def test_sockets_stay_over_a_reload_and_an_upgrade(start_master):
    """A connection that waits meanwhile is served; a lazy program goes on waiting."""
    master = start_master(settings("lazy=true", command=f"{SERVER} 0/1", of_socket="") + "early_exit=judge\n")
    master.wait_for("waits for a connection")
    assert master.ctl("upgrade").returncode == 0
    seen = master.wait_for("upgraded: procman")
    assert answer(connect())[0] == "http"
    master.ctl("stop", "web")
    waiting = connect()
    master.ctl("reload")
    master.wait_for("has a connection", after=seen)
    assert answer(waiting)[0] == "http"


def test_each_process_has_its_own_socket_with_reuseport(start_master):
    """All listen at one address, and the kernel spreads the connections."""
    slots = ("numprocs=2", "process_name=%(process_num)d")
    master = start_master(settings(*slots, of_socket="reuseport=true"))
    master.wait_for("success: 1")
    known = master.call("GET", "/v1/sockets")["sockets"]
    assert [(one["url"], one["own"]) for one in known] == [(URL, True)] * 2
    pids = {answer(connect())[1] for _ in range(40)}
    assert len(pids) == 2


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_low_port_is_opened_before_root_is_given_up(tmp_path):
    """And is still there after a reload, when nobody may open it any more."""
    folder = Path(tempfile.mkdtemp(prefix="pm"))
    folder.chmod(0o1777)
    try:
        (folder / "web.conf").write_text(
            f"[unix_http_server]\nfile={folder}/s\n"
            f"[supervisord]\nuser=nobody\nlogfile={folder}/log\npidfile={folder}/pid\nchildlogdir={folder}\n"
            f"[socket:http]\nlisten=tcp://{HOST}:1011\n"
            "[program:web]\ncommand=sleep 1000\nsockets=http\nstartsecs=0\n"
        )
        with Master(folder / "web.conf") as master:
            master.expect("Set uid to user", f"listening on tcp://{HOST}:1011", "success: web")
            connect(1011).close()
            master.signal(signal.SIGHUP)
            master.expect("stopped: web", f"listening on tcp://{HOST}:1011", "success: web")
            connect(1011).close()
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def machine(tmp_path):
    made = Machine(tmp_path)
    yield made
    made.close()


def test_the_next_master_takes_sockets_back_from_what_runs(machine):
    """After a kill of the master, nobody is refused, and the program goes on with its pid."""
    machine.write(settings())
    first = machine.start()
    first.expect("success: web")
    pid = answer(connect())[1]
    machine.kill(first)
    assert answer(connect())[1] == pid
    second = machine.start()
    line = second.expect(re.escape(f"took {URL} back for [socket:http]") + "|web is restarted").string
    if "restarted" in line:
        pytest.skip("pidfd_getfd is not allowed here")
    second.expect("adopted: 'web'")
    assert answer(connect())[1] == pid
    second.ctl("stop", "web")
    waiting = connect()
    second.ctl("start", "web")
    assert answer(waiting)[1] != pid


def test_a_program_whose_sockets_cannot_be_taken_back_is_restarted(machine):
    """It has closed its copy; the log says why it is restarted, and it gets a new one."""
    gives_up = "import os, time; os.close(3); print('closed', flush=True); time.sleep(1000)"
    machine.write(settings("ready=log:closed", command=f'{sys.executable} -Sc "{gives_up}"'))
    first = machine.start()
    first.expect("success: web")
    machine.kill(first)
    second = machine.start()
    second.expect(
        "web is restarted: " + re.escape(f"{URL} cannot be taken back: none of its descriptors listens there")
    )
    second.expect("success: web")
