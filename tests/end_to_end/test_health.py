"""Health as the probes of orchestrators see it."""

import base64
import contextlib
import json
import os
import tempfile
from http.client import HTTPConnection

import pytest

from procman.client.api_client import ApiError, Client
from tests.support.free_ports import free_port
from tests.support.log_lines import PATIENCE
from tests.support.master_process import Master
from tests.support.running_master import SLEEPER, RunningMaster

PROGRAMS = f"""
[program:web]
command={SLEEPER}
[program:bad]
command=/nonexistent
startretries=0
[program:off]
command={SLEEPER}
autostart=false
"""


@pytest.fixture(scope="module")
def master(tmp_path_factory):
    master = RunningMaster(tmp_path_factory.mktemp("health"), PROGRAMS)
    master.wait_for("web entered RUNNING")
    master.wait_for("bad entered FATAL")
    yield master
    master.close()


def probe(master: RunningMaster, path: str) -> int:
    """The HTTP status, as a kubelet uses it."""
    with contextlib.closing(Client(f"unix://{master.socket}")) as client:
        try:
            client.exchange("GET", path)
        except ApiError as error:
            return error.status
    return 200


def test_ready_is_when_all_runs_that_is_wanted(master):
    """Ready means that every wanted program runs: not one without autostart, nor a FATAL one after a manual stop."""
    missing = "bad: FATAL (can't find command '/nonexistent')"
    found = master.ctl("health")
    assert (found.returncode, found.stdout) == (1, f"{missing}\n")
    assert json.loads(master.ctl("health", "--json").stdout) == {"ready": False, "missing": [missing], "warnings": []}
    assert probe(master, "/readyz") == 503
    master.ctl("stop", "bad")
    found = master.ctl("health")
    assert (found.returncode, found.stdout) == (0, "ok\n")
    assert probe(master, "/readyz") == 200


def test_alive_is_whoever_answers(master):
    """A master that answers is alive, whatever the state of its programs."""
    assert probe(master, "/livez") == 200
    found = master.ctl("health", "--live")
    assert (found.returncode, found.stdout) == (0, "ok\n")


BROKEN = {
    "a line that cannot be parsed": lambda file: file.write_text(file.read_text() + "[program:x]\nthis is no option\n"),
    "an option that cannot be read": lambda file: file.write_text(file.read_text() + "[program:x]\nstartsecs=long\n"),
    "no section at all": lambda file: file.write_text("this is no configuration\n"),
    "the file was removed": lambda file: file.unlink(),
}


@pytest.mark.parametrize("harm", BROKEN.values(), ids=list(BROKEN))
def test_a_broken_file_makes_no_master_unhealthy(tmp_path, harm):
    """A broken file is a warning in `health` and `status --long`, and the master stays healthy."""
    with RunningMaster(tmp_path, f"[program:web]\ncommand={SLEEPER}\nstartsecs=0\n") as master:
        master.wait_for("web entered RUNNING")
        good = master.file.read_text()
        harm(master.file)
        found = master.ctl("health", "--live")
        assert (found.returncode, found.stdout, found.stderr) == (0, "ok\n", "")
        found = master.ctl("health")
        assert (found.returncode, found.stdout) == (0, "ok\n")
        told = f"Warning: the configuration on the disk cannot be used: {master.file}"
        assert found.stderr.startswith(told)
        assert found.stderr.count("\n") == 1
        found = master.ctl("status", "--long")
        assert found.returncode == 0
        assert found.stdout.splitlines()[-1].startswith(told)
        assert len(json.loads(master.ctl("health", "--json").stdout)["warnings"]) == 1
        assert master.ctl("reread").returncode == 1
        master.file.write_text(good)
        found = master.ctl("health")
        assert (found.returncode, found.stdout, found.stderr) == (0, "ok\n", "")
        assert json.loads(master.ctl("status", "--long", "--json").stdout)["warnings"] == []
        master.close()


def test_a_password_that_cannot_be_read_makes_no_master_unhealthy(tmp_path):
    """`health` works without a readable password; all other commands need it, and say why it is missing."""
    folder = tempfile.mkdtemp(prefix="pm")
    file = tmp_path / "procman.toml"
    file.write_text(
        f"""
[procman]
logfile = "/dev/stdout"
pidfile = "/dev/null"
[unix_http_server]
file = "{folder}/s"
username = "me"
password = "word"
[program.web]
command = "{SLEEPER}"
startsecs = 0
"""
    )
    with Master(file) as master:
        master.expect("web entered RUNNING")
        file.write_text(file.read_text() + "bad = [")
        assert master.ctl("health", "--live").returncode == 0
        found = master.ctl("health")
        assert (found.returncode, found.stdout) == (0, "ok\n")
        assert found.stderr.startswith(f"Warning: could not read config file {file}: ")
        found = master.ctl("status")
        assert found.returncode == 1
        assert found.stdout.startswith(f"Server requires authentication; could not read config file {file}: ")
        assert master.stop() == 0
    os.rmdir(folder)


def test_a_file_on_a_disk_that_does_not_answer_is_a_warning(tmp_path):
    """A configuration that hangs when read, here a pipe, delays neither readiness nor liveness."""
    with RunningMaster(tmp_path, f"[program:web]\ncommand={SLEEPER}\nstartsecs=0\n") as master:
        master.wait_for("web entered RUNNING")
        master.file.unlink()
        os.mkfifo(master.file)
        assert master.ctl("health", "--live").returncode == 0
        warnings = master.call("GET", "/v1/health?file=1")["warnings"]
        assert warnings == [
            f"cannot tell whether {master.file} could be used: that takes too long; does its disk answer?"
        ]
        assert master.call("GET", "/v1/health")["warnings"] == []
        master.close()


def test_nobody_is_not_healthy(tmp_path):
    """A probe without a master fails and says why."""
    master = RunningMaster(tmp_path, f"[program:web]\ncommand={SLEEPER}\n")
    master.wait_for("web entered RUNNING")
    assert master.stop() == 0
    found = master.ctl("health", "--live")
    assert found.returncode == 1
    assert "cannot reach procman" in found.stdout + found.stderr
    master.close()


def test_probes_need_no_password_and_get_no_names(tmp_path):
    """Probes work without a password but show no names; with the password they show what is missing."""
    port = free_port()
    server = f"[inet_http_server]\nport=127.0.0.1:{port}\nusername=me\npassword=word\n"
    with RunningMaster(tmp_path, PROGRAMS + server) as master:
        master.wait_for("bad entered FATAL")
        master.wait_for("web entered RUNNING")
        assert asked(port, "/livez") == (200, b"ok\n")
        assert asked(port, "/readyz") == (503, b"not ready\n")
        status, body = asked(port, "/readyz", "me:word")
        assert status == 503
        assert body.startswith(b"bad: FATAL")
        assert asked(port, "/livez", "me:wrong") == (200, b"ok\n")
        assert asked(port, "/v1/health")[0] == 401
        assert asked(port, "/readyz", method="POST")[0] == 401
        master.ctl("stop", "bad")
        assert asked(port, "/readyz") == (200, b"ok\n")
        master.close()


def asked(port: int, path: str, login: str = "", method: str = "GET") -> tuple[int, bytes]:
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    headers = {"Authorization": "Basic " + base64.b64encode(login.encode()).decode()} if login else {}
    with contextlib.closing(connection):
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
