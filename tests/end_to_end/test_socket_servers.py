"""Servers of others with sockets that procman holds: each is asked over a restart, and nobody is refused."""

import os
import shutil
import socket
import subprocess
import sys
import threading
from importlib.util import find_spec

import pytest

from tests.end_to_end.test_sockets import HOST, PATIENCE, answer, connect
from tests.support.master_process import PROGRAMS
from tests.support.running_master import RunningMaster

pytestmark = pytest.mark.slow

# What one server leaves behind must not be in the way of the next.
PORTS = {"gunicorn": 9300, "uvicorn": 9301, "nginx": 9302}
APP = """\
import os

def wsgi(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(os.getpid()).encode()]

async def asgi(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": str(os.getpid()).encode()})
"""
NGINX = """\
daemon off;
worker_processes 1;
pid %(folder)s/nginx.pid;
error_log stderr;
events {}
http {
  access_log off;
  client_body_temp_path %(folder)s/b; proxy_temp_path %(folder)s/p; fastcgi_temp_path %(folder)s/f;
  uwsgi_temp_path %(folder)s/u; scgi_temp_path %(folder)s/s;
  server { listen %(host)s:%(port)d; location / { return 200 "$pid"; } }
}
"""


def missing(what: str) -> None:
    (pytest.fail if os.environ.get("CI") else pytest.skip)(f"{what} is not installed")


def get(port: int) -> str:
    """The body of an answer; raises ConnectionError where there is none."""
    with socket.create_connection((HOST, port), timeout=PATIENCE) as connection, connection.makefile("rb") as file:
        connection.sendall(b"GET / HTTP/1.0\r\nHost: x\r\n\r\n")
        head, _, body = file.read().partition(b"\r\n\r\n")
        assert b" 200 " in head.splitlines()[0], head
        return body.decode()


class Asking:
    """Asks again and again, in a thread of its own; `failures` has what went wrong."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.answers: list[str] = []
        self.failures: list[BaseException] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._ask)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()

    def _ask(self) -> None:
        while not self._over.is_set():
            try:
                self.answers.append(get(self._port))
            except (OSError, AssertionError) as failure:
                self.failures.append(failure)


def command_of(server: str, folder) -> tuple[str, str]:
    """The command, and other options."""
    (folder / "app.py").write_text(APP)
    match server:
        case "gunicorn":
            return f"{sys.executable} -m gunicorn --chdir {folder} app:wsgi", ""
        case "uvicorn":
            return f"{sys.executable} -m uvicorn --app-dir {folder} --fd 3 --lifespan off app:asgi", ""
        case _:
            (folder / "nginx.conf").write_text(NGINX % {"folder": folder, "host": HOST, "port": PORTS[server]})
            return (
                f"nginx -c {folder}/nginx.conf -e stderr",
                'environment=NGINX="3;"\nstopsignal=QUIT\nleftovers=stop\n',
            )


@pytest.mark.parametrize("server", ["gunicorn", "uvicorn", "nginx"])
def test_nobody_is_refused_while_a_server_restarts(tmp_path, server):
    """It finishes what it has begun, and who comes meanwhile waits for the next run."""
    there = shutil.which("nginx") if server == "nginx" else find_spec(server)
    if there is None:
        missing(server)
    command, more = command_of(server, tmp_path)
    port = PORTS[server]
    programs = (
        f"[socket:http]\nlisten=tcp://{HOST}:{port}\nbacklog=1000\n"
        f"[program:web]\ncommand={command}\ndirectory={tmp_path}\nsockets=http\nredirect_stderr=true\n{more}"
    )
    with RunningMaster(tmp_path, programs) as master:
        master.wait_for("success: web")
        before = get(port)
        with Asking(port) as asking:
            assert master.ctl("restart", "web").returncode == 0
            get(port)
        # When it stops, uvicorn drops what it has taken and not read yet.
        own = ConnectionResetError if server == "uvicorn" else ()
        assert [failure for failure in asking.failures if not isinstance(failure, own)] == []
        assert get(port) != before
        assert asking.answers


def test_libsystemd_takes_them(tmp_path):
    """The library itself finds the sockets and their names, in C."""
    if shutil.which("cc") is None:
        missing("a C compiler")
    binary = tmp_path / "listens"
    subprocess.run(["cc", "-o", binary, PROGRAMS / "listens.c", "-ldl"], check=True)
    if subprocess.run([binary], check=False).returncode == 77:
        missing("libsystemd")
    programs = (
        f"[socket:one]\nlisten=tcp://{HOST}:9303\n[socket:two]\nlisten=tcp://{HOST}:9304\n"
        f"[program:web]\ncommand={binary}\nsockets=two, one\nstartsecs=0\n"
    )
    with RunningMaster(tmp_path, programs) as master:
        master.wait_for("success: web")
        pid = master.info("web")["pid"]
        assert answer(connect(9303)) == ("one", pid)
        assert answer(connect(9304)) == ("two", pid)
