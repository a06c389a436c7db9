"""Dependencies and readiness at their edges: masters that are killed, time-outs, signals, clients of supervisor."""

import contextlib
import os
import re
import time
import xmlrpc.client
from signal import SIGTERM

import pytest
from supervisor.xmlrpc import SupervisorTransport

from procman.client.api_client import Client
from tests.support.log_lines import PATIENCE
from tests.support.masters_in_turn import MastersInTurn
from tests.support.running_master import RunningMaster, python

SLEEPS = "command=sleep 1000\nstartsecs=0\n"


def stack(*sections: str) -> str:
    """The sections, each as NAME and its further lines."""
    return "".join(f"[program:{name}]\n{SLEEPS}{lines}\n" for name, _, lines in (s.partition("\n") for s in sections))


def since(master: RunningMaster, line: int) -> str:
    return "\n".join(master.lines[line:])


@contextlib.contextmanager
def rpc(master: RunningMaster):
    """As a client of supervisor has it."""
    transport = SupervisorTransport(serverurl=f"unix://{master.socket}")
    with xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport) as proxy:
        yield proxy.supervisor


# ------------------------------------------------------------------------------------------------ killed and upgraded

# One program in each phase of a wait; files end the phases.
PHASES = """\
[program:task]
command=sh -c 'until test -e {folder}/task; do sleep 0.05; done'
type=oneshot
[program:after]
command=sleep 1000
startsecs=0
depends_on=task
[program:db]
command=sleep 1000
ready=file:{folder}/db
ready_interval=50ms
start_timeout=none
[program:web]
command=sleep 1000
startsecs=0
depends_on=db
[program:bad]
command=sh -c 'test -e {folder}/bad && exec sleep 1000'
startretries=0
[program:blocked]
command=sleep 1000
startsecs=0
depends_on=bad
"""
HELD = {"task": "", "after": "waiting", "db": "unready", "web": "waiting", "bad": "", "blocked": "blocked"}


def phases(call) -> dict[str, str]:
    return {info["name"]: info["phase"] for info in call("GET", "/v1/processes")["processes"]}


def spawned(text: str) -> set[str]:
    return set(re.findall(r"spawned: '(\w+)'", text))


@pytest.fixture
def masters(tmp_path):
    turn = MastersInTurn(tmp_path, PHASES.format(folder=tmp_path))
    yield turn
    turn.close()


def test_a_kill_of_the_master_at_each_phase_of_a_wait(masters, tmp_path):
    """A one-shot that runs, one that waits for it, an unready one, one that waits, a failed and a blocked one.

    The next master adopts what runs, waits for the same, and starts what is due in the end; nothing runs twice.
    """
    first = masters.start()
    first.expect_all(["spawned: 'task'", "spawned: 'db'", "blocked is FATAL, blocked: bad is FATAL"])
    assert phases(masters.call) == HELD
    pids = {info["name"]: info["pid"] for info in masters.call("GET", "/v1/processes")["processes"]}
    masters.kill()
    second = masters.start()
    second.expect("blocked is FATAL, blocked: bad is FATAL")
    found = {info["name"]: info for info in masters.call("GET", "/v1/processes")["processes"]}
    assert {name: info["phase"] for name, info in found.items()} == HELD
    assert (found["task"]["pid"], found["db"]["pid"]) == (pids["task"], pids["db"])
    for name in ("task", "db", "bad"):
        (tmp_path / name).touch()
    second.expect_all([r"success: db entered RUNNING", r"spawned: 'web'"])
    masters.call("POST", "/v1/processes/bad/start")
    second.expect("success: blocked entered RUNNING")
    assert not {"task", "db"} & spawned(second.text)


@pytest.mark.slow
def test_an_upgrade_at_each_phase_of_a_wait(tmp_path):
    """The next image goes on where the one before was."""
    with RunningMaster(tmp_path, PHASES.format(folder=tmp_path)) as master:
        master.wait_for("blocked is FATAL, blocked: bad is FATAL")
        master.wait_for("spawned: 'db'")
        assert phases(master.call) == HELD
        assert master.ctl("upgrade").returncode == 0
        assert phases(master.call) == HELD
        at = master.so_far()
        for name in ("task", "db", "bad"):
            (tmp_path / name).touch()
        master.wait_for("spawned: 'web'", after=at)
        master.wait_for("spawned: 'after'", after=at)
        assert master.ctl("start", "bad").stdout == "bad: started\n"
        master.wait_for("success: blocked", after=at)
        assert sorted(re.findall(r"spawned: '(\w+)'", since(master, at))) == ["after", "bad", "blocked", "web"]


def log_of(masters: MastersInTurn, name: str) -> str:
    """What the program has written so far, by the answer of the master."""
    with contextlib.closing(Client(f"unix://{masters.socket}")) as client:
        return client.exchange("GET", f"/v1/processes/{name}/log/stdout").decode()


@pytest.mark.slow
def test_the_socket_folder_of_a_killed_master_is_removed_by_the_next(masters, tmp_path):
    """It would stay for ever, as its name is not used again."""
    masters.file.write_text(
        masters.file.read_text().partition("[program:task]")[0]
        + "[program:said]\ncommand=sh -c 'echo $NOTIFY_SOCKET; exec sleep 1000'\nready=notify\nstart_timeout=none\n"
        + f"stdout_logfile={tmp_path}/said.log\n"
    )
    masters.start().expect("spawned: 'said'")
    deadline = time.monotonic() + PATIENCE
    while not (said := log_of(masters, "said")):
        assert time.monotonic() < deadline
    folder = os.path.dirname(said.strip())
    assert os.path.isdir(folder)
    masters.kill()
    masters.start().expect("procman started|adopted")
    masters.call("GET", "/v1/processes")
    assert not os.path.isdir(folder)


# ------------------------------------------------------------------------------------------------ options


def test_a_wait_that_is_too_long_is_over_and_comes_back(tmp_path):
    """depends_timeout: it is FATAL then, and starts as soon as what it waits for is there."""
    go = tmp_path / "go"
    db = f"[program:db]\ncommand=sleep 1000\nready=file:{go}\nready_interval=50ms\nstart_timeout=none\n"
    with RunningMaster(tmp_path, db + stack("web\ndepends_on=db\ndepends_timeout=300ms")) as master:
        master.wait_for("web is FATAL, blocked")
        info = master.info("web")
        assert (info["phase"], info["wanted"]) == ("blocked", True)
        assert "depends_timeout" in master.ctl("why", "web").stdout
        go.touch()
        master.wait_for("success: web")


@pytest.mark.slow
def test_a_dependent_may_get_a_signal_when_what_it_depends_on_is_there_again(tmp_path):
    """It keeps its process."""
    code = (
        "import os, signal, time\n"
        "signal.signal(signal.SIGHUP, lambda *_: os.write(1, b'again\\n'))\n"
        "print('up', flush=True)\n"
        "while True: time.sleep(1000)\n"
    )
    web = f"[program:web]\ncommand={python(code)}\nstartsecs=0\n"
    web += f"depends_on=db\non_dependency_restart=signal:HUP\nstdout_logfile={tmp_path}/web.log\n"
    with RunningMaster(tmp_path, stack("db") + web) as master:
        master.wait_for("success: web")
        with contextlib.closing(master.follow("web")) as lines:
            seen = b""
            while b"up" not in seen:
                seen += next(lines)
            pid = master.info("web")["pid"]
            assert master.ctl("restart", "db").returncode == 0
            while b"again" not in seen:
                seen += next(lines)
        assert master.info("web")["pid"] == pid


@pytest.mark.slow
def test_a_server_on_a_unix_socket_is_asked_over_http(tmp_path):
    """http+unix: the socket, and behind the colon what is asked for."""
    place = f"/tmp/pm-http-{os.getpid()}"
    server = (
        "import http.server, socketserver, sys\n"
        "class H(http.server.BaseHTTPRequestHandler):\n"
        "    def do_GET(self):\n"
        "        self.send_response(204 if self.path == '/up?a=1' else 404)\n"
        "        self.end_headers()\n"
        "    def log_message(self, *_): pass\n"
        "    def address_string(self): return ''\n"
        f"socketserver.UnixStreamServer({place!r}, H).serve_forever()\n"
    )
    web = f"[program:{{}}]\ncommand={python(server)}\nready=http+unix://{place}:{{}}\nready_interval=50ms\n"
    try:
        with RunningMaster(tmp_path, web.format("web", "/up?a=1") + stack("after\ndepends_on=web")) as master:
            master.wait_for("success: web entered RUNNING state, it is ready")
            master.wait_for("spawned: 'after'")
            master.write(web.format("web", "/down") + stack("after\ndepends_on=web"))
            assert master.ctl("update").returncode == 0
            os.unlink(place)
            master.call("POST", "/v1/processes/web/restart", {"wait": False})
            at = master.wait_for("stopped: web")
            master.wait_for("spawned: 'web'", after=at)
            while "http 404" not in (said := master.ctl("status", "web").stdout):
                assert "STARTING" in said
    finally:
        if os.path.exists(place):
            os.unlink(place)


@pytest.mark.root
def test_a_message_of_another_user_is_dropped(tmp_path):
    """Its socket lets root and the program's user speak, and the kernel says of each message of whom it is."""
    sender = (
        "import os, socket, sys\n"
        "sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n"
        "sock.connect(os.environ['NOTIFY_SOCKET'])\n"
        "if os.fork() == 0:\n"
        "    os.setuid(65534)\n"
        "    sock.send(b'READY=1')\n"
        "    os._exit(0)\n"
        "os.wait()\n"
        "print('sent', flush=True)\n"
        "sys.stdin.readline()\n"
        "sock.send(b'READY=1')\n"
        "sys.stdin.readline()\n"
    )
    program = f"[program:said]\ncommand={python(sender)}\nready=notify\nstartsecs=0\n"
    with RunningMaster(tmp_path, program) as master:
        master.wait_for("said has sent a message of user 65534 to its notification socket, which is ignored")
        assert master.info("said")["phase"] == "unready"
        master.say("said", "\n")
        master.wait_for("success: said entered RUNNING state, it is ready")


# ------------------------------------------------------------------------------------------------ clients of supervisor


def test_a_client_of_supervisor_hears_that_a_start_is_blocked_and_that_a_group_is_needed(tmp_path):
    """StartProcess with wait ends with a fault, and removeProcessGroup names the dependents."""
    bad = "[program:bad]\ncommand=sh -c 'exit 1'\nstartsecs=60\nstartretries=0\nautostart=false\n"
    with RunningMaster(
        tmp_path, bad + stack("db", "web\ndepends_on=db", "late\ndepends_on=bad\nautostart=false")
    ) as master:
        master.wait_for("success: web")
        with rpc(master) as supervisor:
            with pytest.raises(xmlrpc.client.Fault, match="SPAWN_ERROR: late: blocked: bad is FATAL") as fault:
                supervisor.startProcess("late", True)
            assert fault.value.faultCode == 50
            supervisor.stopProcess("db")
            with pytest.raises(xmlrpc.client.Fault) as fault:
                supervisor.removeProcessGroup("db")
            assert fault.value.faultCode == 30
            assert "cannot remove db: web depends on it: take db out of its depends_on first" in fault.value.faultString
            assert [info["name"] for info in supervisor.getAllProcessInfo()] == ["bad", "db", "late", "web"]


def test_a_file_with_a_circle_or_without_a_target_changes_nothing(tmp_path):
    """The error names the places; what runs goes on with what it had."""
    group = "[group:back]\nprograms=db\n"
    with RunningMaster(tmp_path, stack("db", "web\ndepends_on=back:*") + group) as master:
        master.wait_for("success: web")
        before = master.info("web")
        master.write(stack("db\ndepends_on=web", "web\ndepends_on=back:*") + group)
        said = master.ctl("update")
        assert said.returncode != 0
        assert re.search(
            r"depends_on: db → web → db depend on each other \(lines \d+, \d+\)", said.stdout + said.stderr
        )
        master.write(stack("web\ndepends_on=back:*"))
        said = master.ctl("update")
        assert said.returncode != 0
        assert "there is no program or group 'back:*'" in said.stdout + said.stderr
        assert master.info("web")["pid"] == before["pid"]
        assert master.info("back:db")["statename"] == "RUNNING"


# It says so as soon as there is a file.
EAR = (
    "[eventlistener:ear]\ncommand=sh -c 'until test -e {0}/now; do sleep 0.05; done; {1}; exec sleep 1000'\n"
    "startsecs=0\nstartretries=0\nevents=PROCESS_STATE_FATAL\n"
)


def test_a_fastcgi_program_stands_at_either_end_and_a_listener_may_be_needed(tmp_path):
    """Each waits for the one before, and for a listener until it has said READY, also over an upgrade."""
    config = (
        f"{EAR.format(tmp_path, 'echo READY')}"
        f"[fcgi-program:app]\n{SLEEPS}socket=unix://{tmp_path}/app.sock\ndepends_on=ear\n"
    ) + stack("web\ndepends_on=app")
    with RunningMaster(tmp_path, config) as master:
        master.wait_for("spawned: 'ear'")
        assert master.ctl("upgrade").returncode == 0
        assert phases(master.call) == {"ear": "unready", "app": "waiting", "web": "waiting"}
        assert "listener: it has not said READY" in master.ctl("status", "ear").stdout
        (tmp_path / "now").touch()
        master.wait_for("success: web")
        assert re.findall("spawned: '(.*?)'", master.text) == ["ear", "app", "web"]


def test_what_needs_a_listener_that_never_says_ready_is_blocked(tmp_path):
    """It has its start_timeout; why it is not ready is in the words of both."""
    (tmp_path / "now").touch()
    listener = f"{EAR.format(tmp_path, 'echo hello')}start_timeout=1s\n"
    with RunningMaster(tmp_path, listener + stack("web\ndepends_on=ear")) as master:
        master.wait_for("web is FATAL, blocked: ear is FATAL")
        words = "Not ready after 1 s (listener: it has violated the event protocol)"
        assert words in master.ctl("status", "ear").stdout
        assert words in master.ctl("status", "web").stdout


def test_a_listener_that_nobody_needs_ready_is_running_as_in_supervisord(tmp_path):
    """What needs it started has no say in that."""
    config = EAR.format(tmp_path, "echo READY") + stack("web\ndepends_on=ear@started")
    with RunningMaster(tmp_path, config) as master:
        master.wait_for("success: ear entered RUNNING")
        assert not (tmp_path / "now").exists()


def test_an_update_of_both_ends_stops_dependents_first_and_starts_targets_first(tmp_path):
    """One restart each; a new edge of a running program restarts nothing."""
    with RunningMaster(tmp_path, stack("db", "web\ndepends_on=db", "other")) as master:
        master.wait_for("success: web")
        other = master.info("other")["pid"]
        at = master.so_far()
        variable = "environment=A=1"
        master.write(stack(f"db\n{variable}", f"web\ndepends_on=db\n{variable}", "other\ndepends_on=db"))
        assert master.ctl("update").returncode == 0
        master.wait_for("success: web", after=at)
        happened = re.findall(r"(stopped|spawned): '?(\w+)", since(master, at))
        assert happened == [("stopped", "web"), ("stopped", "db"), ("spawned", "db"), ("spawned", "web")]
        assert master.info("other")["pid"] == other
        at = master.so_far()
        master.process.send_signal(SIGTERM)
        master.wait_for("stopped: db", after=at)
        assert re.findall(r"stopped: (\w+)", since(master, at))[-1] == "db"


@pytest.mark.slow
def test_readyz_names_the_root_before_the_symptoms(tmp_path):
    """The first line is what is the matter; the others lead to it."""
    db = "[program:db]\ncommand=sh -c 'exit 3'\nstartsecs=60\nstartretries=0\n"
    with RunningMaster(tmp_path, db + stack("app\ndepends_on=db", "web\ndepends_on=app", "fine")) as master:
        master.wait_for("web is FATAL, blocked")
        said = master.ctl("health")
        assert said.returncode == 1
        lines = (said.stdout + said.stderr).splitlines()
        named = [line for line in lines if re.match(r"\W*(procmanctl: )?\W*(db|app|web):", line)]
        assert len(named) == 3, lines
        assert "db: FATAL" in named[0]
        assert all("db is FATAL" in line for line in named[1:]), lines
