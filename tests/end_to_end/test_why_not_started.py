"""`why` of a real master says what kept a program from running: who holds its port, what is wrong with its file."""

import os
import time
from contextlib import closing

from tests.support.elf_files import elf64
from tests.support.free_ports import free_port
from tests.support.log_lines import PATIENCE
from tests.support.running_master import RunningMaster, python

# It has failed when it ends before it says that it listens, which is not what a traceback shows of its source, however
# slow the machine is. Nothing outlives the test.
ONCE = "autorestart=false\nstartretries=0\nready=log:listens\nstop_scope=tree\n"
LISTENS = "import socket, time; s = socket.create_server(('127.0.0.1', {port})); print('listen' 's'); time.sleep(1000)"
# Listens, leaves a child behind that has the socket, and ends when it is told to.
LEAVES = (
    "import os, socket, time\ns = socket.create_server(('127.0.0.1', {port}))\n"
    "if os.fork() == 0:\n os.setsid()\n time.sleep(1000)\nprint('listen' 's')\ninput()\n"
)


def troubles(master: RunningMaster, name: str, now: str = "") -> list[str]:
    """What `why` says beyond how it ended, or was refused, once it has found that out, and says `now`.

    On a busy machine, that takes longer than `why` waits.
    """
    deadline = time.monotonic() + PATIENCE
    while True:
        (answer,) = master.call("GET", f"/v1/why?name={name}")["explanations"]
        found = [link["text"] for link in answer["because"] if link["kind"] == "trouble"]
        if now in "\n".join(found) and found:
            return found
        assert time.monotonic() < deadline, answer


def test_a_port_that_another_program_holds(tmp_path):
    """Its process is named; when that has stopped, the port is said to be free."""
    listens = python(LISTENS.format(port=(port := free_port())))
    programs = (
        f"[program:first]\ncommand={listens}\nstdout_logfile=/dev/stdout\nstdout_logfile_maxbytes=0\n{ONCE}"
        f"[program:second]\ncommand={listens}\nautostart=false\n{ONCE}"
    )
    with closing(RunningMaster(tmp_path, programs)) as master:
        master.wait_for("listens")
        pid = master.info("first")["pid"]
        master.call("POST", "/v1/processes/second/start")
        (said,) = troubles(master, "second")
        assert said.startswith(f"port {port} is held by pid {pid} (")
        assert said.endswith("of the program first: give one of the two another address")
        master.call("POST", "/v1/processes/first/stop")
        assert troubles(master, "second", now="is free now") == [f"port {port} was in use, and is free now"]


def test_a_port_that_its_own_leftover_holds(tmp_path):
    """The run that has left it behind has its number."""
    leaves = python(LEAVES.format(port=(port := free_port())))
    program = f"[program:web]\ncommand={leaves}\nstdout_logfile=/dev/stdout\nstdout_logfile_maxbytes=0\n{ONCE}"
    with closing(RunningMaster(tmp_path, program)) as master:
        master.wait_for("web entered RUNNING state")
        master.say("web", "end\n")
        master.wait_for("exited: web (exit status 0; expected)")
        master.call("POST", "/v1/processes/web/start")
        (said,) = troubles(master, "web")
        assert said.startswith(f"port {port} is held by pid ")
        assert "a leftover of run 1 of web: kill " in said


def test_files_that_cannot_be_executed(tmp_path):
    """Each is said to be what it is."""
    other, machine = (183, "aarch64") if os.uname().machine == "x86_64" else (62, "x86_64")
    files = {
        "script": b"#!/no/such/python\n",
        "windows": b"#!/bin/sh\r\n",
        "binary": elf64(other, None) + bytes(512),
        "nothing": b"",
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
        (tmp_path / name).chmod(0o755)
    programs = "".join(f"[program:{name}]\ncommand={tmp_path}/{name}\n{ONCE}" for name in (*files, "missing/app"))
    with closing(RunningMaster(tmp_path, programs.replace("[program:missing/app]", "[program:missing]"))) as master:
        for name in (*files, "missing"):
            master.wait_for(f"gave up: {name} entered FATAL state")
        (script,), (windows,), (binary,), (nothing,) = (troubles(master, name) for name in files)
        assert script.startswith("its interpreter /no/such/python, as the first line of")
        assert "end as on Windows" in windows
        assert f"is built for {machine}, and this machine is {os.uname().machine}" in binary
        assert nothing == f"{tmp_path}/nothing is empty: was it copied to its end?"
        assert troubles(master, "missing") == [f"{tmp_path}/missing does not exist: check the path in command="]


def test_a_program_that_daemonizes(tmp_path):
    """What runs on is counted, and the way out is said."""
    program = f"[program:web]\ncommand=sh -c 'sleep 1000 & sleep 1000 & exit 0'\n{ONCE}"
    with closing(RunningMaster(tmp_path, program)) as master:
        master.wait_for("has put itself into the background")
        (said,) = troubles(master, "web")
        assert said.startswith("it has daemonized: 2 processes of it run; run it in the foreground (")
