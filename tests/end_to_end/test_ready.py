"""Programs of a real master that are RUNNING when they are ready, by each kind of condition."""

import json
import os
import socket
import sys

import pytest

from tests.support.faulty_master import FaultyMaster
from tests.support.free_ports import free_port
from tests.support.running_master import RunningMaster, python

# It listens on the port of its argument when a line comes in, and answers 503 until another one does.
SERVER = """
import http.server, sys, threading
class H(http.server.BaseHTTPRequestHandler):
    status = 503
    def do_GET(self):
        self.send_response(self.status)
        self.end_headers()
    def log_message(self, *_):
        pass
sys.stdin.readline()
server = http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), H)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.readline()
H.status = 204
sys.stdin.readline()
"""
# It says what is in its argument when a line comes in.
SPEAKER = """
import os, socket, sys
sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
sock.connect(os.environ["NOTIFY_SOCKET"])
for line in sys.stdin:
    sock.send(line.strip().replace(";", chr(10)).encode())
"""


def script(tmp_path, name: str, text: str) -> str:
    path = tmp_path / f"{name}.py"
    path.write_text(text)
    return f"{sys.executable} {path}"


def section(name: str, command: str, *lines: str) -> str:
    return "\n".join([f"[program:{name}]", f"command={command}", "ready_interval=50ms", *lines, ""])


@pytest.mark.parametrize("kind", ["listen:{port}", "listen:127.0.0.1:{port}", "tcp:{port}", "tcp:localhost:{port}"])
def test_a_server_is_ready_when_it_listens(tmp_path, kind):
    """Until then it is STARTING, and `status` says what is missing."""
    port = free_port()
    command = f"{script(tmp_path, 'server', SERVER)} {port}"
    with RunningMaster(tmp_path, section("web", command, f"ready={kind.format(port=port)}")) as master:
        master.wait_for("spawned: 'web'")
        info = master.info("web")
        assert (info["statename"], info["phase"], info["ready"]) == ("STARTING", "unready", False)
        assert "not ready yet (" in info["description"]
        assert info["description"].endswith("s of 60 s")
        master.say("web", "\n")
        master.wait_for("success: web entered RUNNING state, it is ready")
        info = master.info("web")
        assert (info["statename"], info["phase"], info["ready"]) == ("RUNNING", "", True)


def test_http_wants_a_status_and_follows_no_redirect(tmp_path):
    """A server that answers 503 is not ready, and says so."""
    port = free_port()
    command = f"{script(tmp_path, 'server', SERVER)} {port}"
    with RunningMaster(tmp_path, section("web", command, f"ready=http://127.0.0.1:{port}/ready?full=1")) as master:
        master.wait_for("spawned: 'web'")
        master.say("web", "\n")
        while "http 503" not in master.info("web")["description"]:
            assert master.info("web")["statename"] == "STARTING"
        master.say("web", "\n")
        master.wait_for("success: web entered RUNNING state, it is ready")


def test_devenv_2586_listen_is_not_fooled_by_the_old_instance_on_the_port_and_tcp_is(tmp_path):
    """Another process holds the port; the program itself never listens."""
    with socket.socket() as old:
        old.bind(("127.0.0.1", 0))
        old.listen()
        port = old.getsockname()[1]
        programs = section("new", "sleep 100", f"ready=listen:{port}", "start_timeout=4s", "startretries=0")
        fooled = section("fooled", "sleep 100", f"ready=tcp:{port}")
        with RunningMaster(tmp_path, programs + fooled) as master:
            master.wait_for("success: fooled entered RUNNING state, it is ready")
            master.wait_for("new: not ready after 4 s (listen:")
            master.wait_for("gave up: new entered FATAL state")
            info = master.info("new")
            assert "another process listens there, and none of this program" in info["description"]


def test_a_child_of_a_shell_may_be_the_one_that_listens(tmp_path):
    """What counts is the tree of the program."""
    port = free_port()
    command = f"sh -c '{script(tmp_path, 'server', SERVER)} {port}; true'"
    with RunningMaster(tmp_path, section("web", command, f"ready=listen:{port}")) as master:
        master.wait_for("spawned: 'web'")
        master.say("web", "\n")
        master.wait_for("success: web entered RUNNING state, it is ready")


def test_a_unix_socket_a_file_and_a_command(tmp_path):
    """All conditions of a program have to hold, each once."""
    path, flag = tmp_path / "sock", tmp_path / "flag"
    flag.write_text("of an earlier run")
    os.utime(flag, (1, 1))
    code = (
        f"import socket, sys; sys.stdin.readline(); s = socket.socket(socket.AF_UNIX); s.bind({str(path)!r}); "
        f"s.listen(); open({str(flag)!r}, 'w').write('x'); sys.stdin.readline()"
    )
    ready = f"ready=unix:{path}, file:{flag}, exec:test -e {path}, delay:100ms, listen:{path}"
    with RunningMaster(tmp_path, section("web", python(code), ready)) as master:
        master.wait_for("spawned: 'web'")
        # Each is looked at by itself, and the command takes longer.
        for missing in ("the file is older than this run", "exec:test exit status 1"):
            while missing not in master.info("web")["description"]:
                assert master.info("web")["statename"] == "STARTING"
        master.say("web", "\n")
        master.wait_for("success: web entered RUNNING state, it is ready")


def test_a_line_of_the_log_makes_it_ready_and_all_output_is_in_the_log(tmp_path):
    """The text is literal but for *; colours and long lines before it do no harm."""
    code = (
        "import sys; sys.stdin.readline(); print('x' * 100000); "
        "print('\\033[32mlisten\\033[0ming (on) port 80', flush=True); sys.stdin.readline()"
    )
    lines = ("ready=log:listening (on) * 80", f"stdout_logfile={tmp_path}/out")
    with RunningMaster(tmp_path, section("web", python(code), *lines)) as master:
        master.wait_for("spawned: 'web'")
        assert "log: no such line was written" in master.info("web")["description"]
        master.say("web", "\n")
        master.wait_for("success: web entered RUNNING state, it is ready")
        # On a busy machine, no answer waits for the disk.
        FaultyMaster.wait_until(lambda: (tmp_path / "out").read_text().startswith("x" * 100000))


def test_a_program_says_that_it_is_ready_and_what_it_does(tmp_path):
    """READY=1 counts once; a second one, MAINPID and an unknown field change nothing."""
    command = script(tmp_path, "speaker", SPEAKER)
    with RunningMaster(tmp_path, section("web", command, "ready=notify")) as master:
        master.wait_for("spawned: 'web'")
        master.say("web", "STATUS=loading\n")
        while master.info("web")["status_text"] != "loading":
            assert master.info("web")["statename"] == "STARTING"
        why = json.loads(master.ctl("why", "web", "--json").stdout)
        assert "loading" in json.dumps(why)
        master.say("web", "READY=1;STATUS=serving;MAINPID=1\n")
        master.wait_for("success: web entered RUNNING state, it is ready")
        assert master.text.count("MAINPID") == 1
        master.say("web", "READY=1\nSTATUS=again\n")
        while master.info("web")["status_text"] != "again":
            assert master.info("web")["statename"] == "RUNNING"
        assert master.text.count("entered RUNNING") == 1
        for command in (("why", "web"), ("status", "--long")):
            assert "it says of itself: again" in master.ctl(*command).stdout


def test_systemd_24516_a_child_of_a_shell_that_is_gone_at_once_may_speak(tmp_path):
    """systemd#5239, too: what counts is the socket, and not which process has spoken or whether it still lives."""
    code = "socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b'READY=1', os.environ['NOTIFY_SOCKET'])"
    child = script(tmp_path, "child", f"import os, socket\n{code}\n")
    with RunningMaster(tmp_path, section("web", f"sh -c '{child} & exec sleep 1000'", "ready=notify")) as master:
        master.wait_for("success: web entered RUNNING state, it is ready")


def test_a_descriptor_that_is_closed_without_a_newline_makes_nothing_ready(tmp_path):
    """It is said, and the start fails when its time is over."""
    # On a busy machine, the time of the first tries may be over before they have closed it.
    lines = ("ready=fd:3", "start_timeout=300ms", "startretries=1000", "backoff=10ms")
    with RunningMaster(tmp_path, section("web", "sh -c 'exec 3>&-; exec sleep 1000'", *lines)) as master:
        master.wait_for("web: not ready after 0.3 s (fd was closed without a newline)")


def test_ready_before_startsecs_waits_for_it(tmp_path):
    """If both are said, both hold."""
    command = script(tmp_path, "speaker", SPEAKER)
    with RunningMaster(tmp_path, section("web", command, "ready=notify", "startsecs=2")) as master:
        master.wait_for("spawned: 'web'")
        master.say("web", "READY=1;STATUS=said\n")
        while (info := master.info("web"))["status_text"] != "said":
            pass
        assert info["statename"] == "STARTING" or info["now"] - info["start"] >= 2
        master.wait_for("success: web entered RUNNING state, it is ready")


def test_a_newline_on_its_descriptor_makes_it_ready(tmp_path):
    """The number of the descriptor is in PROCMAN_READY_FD."""
    write = "os.write(int(os.environ['PROCMAN_READY_FD']), b'\\n')"
    code = f"import os, sys; sys.stdin.readline(); {write}; sys.stdin.readline()"
    with RunningMaster(tmp_path, section("web", python(code), "ready=fd")) as master:
        master.wait_for("spawned: 'web'")
        assert "fd: no newline came" in master.info("web")["description"]
        master.say("web", "\n")
        master.wait_for("success: web entered RUNNING state, it is ready")


@pytest.mark.parametrize(
    ("number", "lines", "got"),
    [
        (3, ("rlimit_core=0", "umask=027"), "0 1 2 3 None"),
        (5, ("sockets=two", "\n[socket:two]\nlisten=unix://{folder}/a, unix://{folder}/b"), "0 1 2 3 4 5 2"),
        (200, ("environment=A=b",), "0 1 2 200 None"),
    ],
)
def test_a_newline_on_the_descriptor_that_it_names_makes_it_ready(tmp_path, number, lines, got):
    """As programs for s6 do it; beside sockets and limits. It inherits nothing else."""
    code = f"""
import os, sys
here = [fd for fd in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{{fd}}")]
print("got", *sorted(map(int, here)), os.environ.get("LISTEN_FDS"), flush=True)
sys.stdin.readline()
os.write({number}, b"\\n")
sys.stdin.readline()
"""
    lines = (f"ready=fd:{number}", *(line.format(folder=tmp_path) for line in lines))
    with RunningMaster(tmp_path, section("web", script(tmp_path, "speaker", code), *lines)) as master:
        master.wait_for("spawned: 'web'")
        while "got" not in (said := master.ctl("tail", "web").stdout):
            pass
        assert f"got {got}\n" in said
        assert "fd: no newline came" in master.info("web")["description"]
        master.say("web", "\n")
        master.wait_for("success: web entered RUNNING state, it is ready")


def test_a_program_that_ends_before_it_is_ready_has_failed_to_start(tmp_path):
    """Whatever its exit status."""
    with RunningMaster(tmp_path, section("web", "true", "ready=notify", "startretries=0")) as master:
        master.wait_for("gave up: web entered FATAL state")
        assert "Exited before it was ready (notify: no READY=1 came)" in master.info("web")["description"]


def test_a_program_that_is_stopped_by_a_signal_is_not_ready_in_time(tmp_path):
    """It is stopped for it, and its next try comes."""
    code = "import os, signal; os.kill(os.getpid(), signal.SIGSTOP)"
    lines = ("ready=notify", "start_timeout=500ms", "stopwaitsecs=0", "startretries=1")
    with RunningMaster(tmp_path, section("web", python(code), *lines)) as master:
        master.wait_for("spawned: 'web'")
        master.wait_for("web: not ready after 0.5 s (notify: no READY=1 came); it is stopped")
        master.wait_for("gave up: web entered FATAL state")
        assert master.text.count("spawned: 'web'") == 2


def test_a_start_by_a_client_ends_when_the_program_is_ready(tmp_path):
    """`procmanctl start` waits for that, and says why it did not come to it."""
    programs = section("web", "sleep 100", "ready=tcp:1", "start_timeout=300ms", "autostart=false", "startretries=0")
    with RunningMaster(tmp_path, programs) as master:
        master.wait_for("procman started with pid")
        while master.call("GET", "/v1/processes")["processes"] == []:
            pass
        started = master.ctl("start", "web")
        assert started.returncode != 0
        assert "web: ERROR" in started.stdout
        master.wait_for("gave up: web entered FATAL state")


def test_an_upgrade_goes_on_with_what_a_program_has_still_to_say(tmp_path):
    """Its socket goes over, and looks go on."""
    port = free_port()
    programs = section("said", script(tmp_path, "speaker", SPEAKER), "ready=notify", "start_timeout=none")
    programs += section("seen", f"{script(tmp_path, 'server', SERVER)} {port}", f"ready=listen:{port}")
    with RunningMaster(tmp_path, programs) as master:
        master.wait_for("spawned: 'seen'")
        assert master.ctl("upgrade").returncode == 0
        assert {master.info(name)["phase"] for name in ("said", "seen")} == {"unready"}
        master.say("said", "READY=1\n")
        master.wait_for("success: said entered RUNNING state, it is ready")
        master.say("seen", "\n")
        master.wait_for("success: seen entered RUNNING state, it is ready")
