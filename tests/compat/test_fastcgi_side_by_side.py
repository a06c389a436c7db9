"""The same FastCGI programs under supervisord and procman: their fd 0, and how long their socket lives."""

import contextlib
import json
import os
import pwd
import re
import signal
import socket
import stat
import sys
import xmlrpc.client
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.log_lines import PATIENCE
from tests.support.side_by_side import PROCMAN, SUPERVISORD, running

supervisor_xmlrpc = pytest.importorskip(
    "supervisor.xmlrpc", reason="the oracle is not installed: pip install supervisor"
)

PROBE = Path(__file__).parents[1] / "support" / "fcgi_probe.py"
NOBODY = pwd.getpwnam("nobody")
# An address on the loopback that no other test process has, so that every port on it is free.
HOST = "127." + ".".join(map(str, os.getpid().to_bytes(3, "big")))

CONFIG = """\
[unix_http_server]
file=%(here)s/ctl.sock
[supervisord]
logfile=%(here)s/main.log
pidfile=%(here)s/master.pid
childlogdir=%(here)s
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[fcgi-program:pair]
command=PYTHON PROBE %(here)s/bell
socket=unix://%(here)s/%(program_name)s.sock
socket_mode=0750
numprocs=2
process_name=%(process_num)d
startsecs=0
autorestart=true
[fcgi-program:tcp]
command=PYTHON PROBE %(here)s/bell
socket=tcp://HOST:PORT
socket_backlog=7
startsecs=0
autorestart=true
[fcgi-program:tcp-as-it-comes]
command=PYTHON PROBE %(here)s/bell
socket=tcp://HOST:1PORT
startsecs=0
"""
FOR_ROOT = """\
[fcgi-program:given]
command=sleep 1000
socket=unix://%(here)s/given.sock
socket_owner=nobody
socket_mode=0660
startsecs=0
[fcgi-program:owned]
command=sleep 1000
socket=unix://%(here)s/owned.sock
user=nobody
startsecs=0
"""


def seen(path):
    status = os.stat(path)
    return oct(stat.S_IMODE(status.st_mode)), stat.S_ISSOCK(status.st_mode), status.st_uid, status.st_gid


def answer(address) -> str:
    """The answer on that socket, or the error."""
    with socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET) as client:
        client.settimeout(PATIENCE)
        try:
            client.connect(address)
        except OSError as error:
            return type(error).__name__
        return client.recv(100).decode()


class Conversation:
    """A run with one of the two masters; `facts` is what was observed, in order."""

    def __init__(self, master, port: int) -> None:
        self.facts = []
        self.after_the_last = {}
        self._master = master
        self._port = str(port)

    def hold(self) -> None:
        with running(self._master, self._write) as folder, self._bell:
            self._folder = str(folder)
            transport = supervisor_xmlrpc.SupervisorTransport(None, None, f"unix://{folder}/ctl.sock")
            with xmlrpc.client.ServerProxy("http://127.0.0.1", transport) as server:
                self._talk(server.supervisor, folder / "pair.sock")
            self.facts += self._log(folder / "main.log")
            transport.close()

    def _write(self, folder: Path) -> Path:
        # Each process that starts connects here.
        self._bell = socket.socket(socket.AF_UNIX)
        self._bell.bind(str(folder / "bell"))
        self._bell.listen()
        self._bell.settimeout(PATIENCE)
        path = folder / "supervisord.conf"
        text = CONFIG + (FOR_ROOT if os.geteuid() == 0 else "")
        for word, meaning in (("PYTHON", sys.executable), ("PROBE", str(PROBE)), ("HOST", HOST), ("PORT", self._port)):
            text = text.replace(word, meaning)
        path.write_text(text)
        return path

    def _started(self, *processes: str) -> dict:
        """The reports of these programs after their start."""
        found = {}
        while len(found) < len(processes):
            with contextlib.closing(self._bell.accept()[0]) as caller, caller.makefile() as said:
                report = json.loads(said.read().replace(self._folder, "HERE"))
            found[report["process"]] = report
        assert found.keys() == set(processes)
        return found

    def _talk(self, server, file: Path) -> None:
        everybody = self._started("pair:0", "pair:1", "tcp:tcp", "tcp-as-it-comes:tcp-as-it-comes")
        before = {name: (report.pop("pid"), report.pop("inode")) for name, report in everybody.items()}
        for report in everybody.values():
            if report["family"] == "AF_INET":
                report["address"][1] -= int(f"1{self._port}" if "as-it" in report["process"] else self._port)
        self.facts += ["at first", everybody, before["pair:0"][1] == before["pair:1"][1], seen(file)]
        inode = os.stat(file).st_ino

        self.facts += ["one of two stops", server.stopProcess("pair:0"), os.stat(file).st_ino == inode]
        self.facts.append(answer(str(file)))
        server.startProcess("pair:0")
        again = self._started("pair:0")["pair:0"]
        self.facts += ["and starts again", again["inode"] == before["pair:1"][1], os.stat(file).st_ino == inode]

        os.kill(again["pid"], signal.SIGKILL)
        again = self._started("pair:0")["pair:0"]
        self.facts += ["is killed", again["inode"] == before["pair:1"][1], os.stat(file).st_ino == inode]

        server.stopProcessGroup("pair")
        self.after_the_last = {"file": file.exists(), "who connects": answer(str(file))}
        server.startProcessGroup("pair")
        again = self._started("pair:0", "pair:1")
        self.facts += ["all start anew", again["pair:0"]["inode"] == again["pair:1"]["inode"], seen(file)]
        self.facts.append(again["pair:0"]["inode"] == before["pair:1"][1])

        os.kill(before["tcp:tcp"][0], signal.SIGKILL)
        again = self._started("tcp:tcp")["tcp:tcp"]
        self.facts += ["the only one is killed", again["inode"] == before["tcp:tcp"][1]]
        self.facts.append(answer((HOST, int(self._port))))
        server.stopProcess("tcp")
        self.facts += ["the only one stops", answer((HOST, int(self._port)))]

        if os.geteuid() == 0:
            self.facts += ["owners", seen(file.parent / "given.sock"), seen(file.parent / "owned.sock")]
        try:
            server.sendProcessStdin("pair:0", "x")
        except xmlrpc.client.Fault as fault:
            self.facts += ["input", fault.faultCode, fault.faultString]

    def _log(self, path: Path) -> list[str]:
        """Its log about sockets once it runs: supervisord opens and closes each one before, as a test."""
        said = path.read_text().partition("started with pid")[2].replace(self._folder, "HERE")
        return re.findall(r"(?:Creating|Closing) socket \S+", said.replace(self._port, "PORT"))


def test_programs_find_the_same_and_for_as_long():
    """Fd 0, the socket file and the log are the same, but procman removes the file with the last process."""
    theirs, ours = Conversation(SUPERVISORD, 9001), Conversation(PROCMAN, 9002)
    with ThreadPoolExecutor() as pool:
        for done in [pool.submit(theirs.hold), pool.submit(ours.hold)]:
            done.result()
    assert theirs.facts == ours.facts
    assert "Closing socket unix://HERE/pair.sock" in ours.facts
    assert theirs.after_the_last == {"file": True, "who connects": "ConnectionRefusedError"}
    assert ours.after_the_last == {"file": False, "who connects": "FileNotFoundError"}
