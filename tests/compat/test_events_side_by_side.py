"""The same events in supervisord and in procman, as a listener gets them."""

import contextlib
import re
import sys
import xmlrpc.client
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.event_recorder import Record
from tests.support.side_by_side import PROCMAN, SUPERVISORD, running

supervisor_xmlrpc = pytest.importorskip(
    "supervisor.xmlrpc", reason="the oracle is not installed: pip install supervisor"
)

CONFIG = """\
[unix_http_server]
file=%(here)s/ctl.sock

[supervisord]
logfile=%(here)s/main.log
pidfile=%(here)s/master.pid
childlogdir=%(here)s
identifier=both

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface

[eventlistener:recorder]
command={recorder}
; all but TICK: when those come is chance
events=PROCESS_STATE,PROCESS_COMMUNICATION,PROCESS_LOG,REMOTE_COMMUNICATION,SUPERVISOR_STATE_CHANGE,PROCESS_GROUP
buffer_size=1000
startsecs=0

; not too quick: supervisord may miss that it was ever up
[program:good]
command=sh -c 'sleep 0.3'
autostart=false
autorestart=false
startsecs=0

[program:bad]
command=sh -c 'sleep 0.3; exit 3'
autostart=false
autorestart=false
startsecs=0

[program:twice]
command=sh -c 'sleep 0.3; test -e %(here)s/was && exec sleep 1000; touch %(here)s/was; exit 1'
autostart=false
startsecs=0

[program:quick]
command=sh -c 'exit 1'
autostart=false
startsecs=30
startretries=1

[program:nowhere]
command=true
directory=%(here)s/nowhere
autostart=false
startsecs=30
startretries=0

[program:flapping]
command=sh -c 'exit 1'
autostart=false
startsecs=30
startretries=100

[program:stubborn]
command=sh -c 'trap "" TERM; echo armed; sleep 1000'
autostart=false
startsecs=0
stopwaitsecs=1
killasgroup=true
stdout_events_enabled=true

[program:one]
command=sleep 1000
autostart=false
autorestart=false
startsecs=0

[group:site]
programs=one

[program:last]
command=sleep 1000
autostart=false
startsecs=0
priority=7

[program:first]
command=sleep 1000
autostart=false
startsecs=0
priority=3

[group:team]
programs=last,first

[program:pool]
command=sleep 1000
process_name=%(program_name)s_%(process_num)d
numprocs=2
autostart=false
startsecs=0

[program:talker]
command={talker}
autostart=false
startsecs=0
stdout_events_enabled=true
stderr_events_enabled=true
stdout_capture_maxbytes=1MB
stderr_capture_maxbytes=1MB

[program:slow]
command=sh -c 'trap "sleep 0.5; exit 0" TERM; while true; do sleep 0.1; done'
autostart=false
startsecs=0
"""

FRESH = "\n[program:fresh]\ncommand=sleep 1000\nautostart=false\n"

# Writes each line of its input in one piece, as it would stand in a string.
TALKER = """\
import os, sys
for line in sys.stdin:
    channel, _, text = line.rstrip("\\n").partition(" ")
    os.write(int(channel), text.encode().decode("unicode_escape").encode("latin-1"))
"""


class RecordedMaster:
    """One of the two masters, and its recorder."""

    def __init__(self, master):
        self.master = master

    def write(self, folder: Path) -> Path:
        (folder / "talker.py").write_text(TALKER)
        self.folder = folder
        self.record = Record(folder)
        return self.place("")

    def place(self, more: str) -> Path:
        path = self.folder / "supervisord.conf"
        talker = f"{sys.executable} -u {self.folder}/talker.py"
        path.write_text(CONFIG.format(recorder=self.record.command, talker=talker) + more)
        return path

    def tell(self):
        """Cause all events; return what the listener got."""
        with running(self.master, self.write) as folder:
            transport = supervisor_xmlrpc.SupervisorTransport(None, None, f"unix://{folder}/ctl.sock")
            self._happen(xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport).supervisor)
            transport.close()
        # The master is stopping by now, and this is the last event that is certain to come.
        self.record.expect("PROCESS_STATE_STOPPING", "processname:slow")
        self.record.close()
        return self.record.passed

    def _happen(self, rpc):
        expect = self.record.expect
        expect("PROCESS_STATE_RUNNING", "processname:recorder")
        # These early, because a SIGTERM that comes right after the start is lost in supervisord.
        rpc.startProcess("slow")
        rpc.startProcess("pool:pool_1")
        for name, *states in (
            ("good", "EXITED"),
            ("bad", "EXITED"),
            ("twice", "EXITED", "RUNNING"),
            ("quick", "FATAL"),
            ("nowhere", "FATAL"),
            # The second time it waits for two seconds, and supervisord may need one to tell of it.
            ("flapping", "BACKOFF", "BACKOFF"),
        ):
            # It may have failed before this is answered.
            with contextlib.suppress(xmlrpc.client.Fault):
                rpc.startProcess(name, False)
            for state in states:
                expect(f"PROCESS_STATE_{state}", f"processname:{name} ")
        rpc.stopProcess("flapping")
        expect("PROCESS_STATE_STOPPED", "processname:flapping")
        rpc.startProcess("stubborn")
        expect("PROCESS_LOG_STDOUT", "armed")
        rpc.stopProcess("stubborn")
        rpc.startProcess("site:one")
        rpc.signalProcess("site:one", "KILL")
        expect("PROCESS_STATE_EXITED", "processname:one")
        rpc.startProcessGroup("team")
        rpc.stopProcess("team:last")
        rpc.stopProcess("team:first")
        self._talk(rpc)
        rpc.sendRemoteCommEvent("deploy now", "für €\nall\n")
        rpc.sendRemoteCommEvent("", "")
        self.place(FRESH)
        rpc.reloadConfig()
        rpc.addProcessGroup("fresh")
        rpc.removeProcessGroup("fresh")
        for name in ("twice", "pool:pool_1", "talker"):
            rpc.stopProcess(name)
        expect("PROCESS_STATE_STOPPED", "processname:talker")

    def _talk(self, rpc):
        rpc.startProcess("talker")
        # All are longer than a token: in capture mode supervisord holds back whatever is not.
        for channel, text, name in (
            (1, r"hello, all of you who are here\n", "PROCESS_LOG_STDOUT"),
            (2, r"oops, and no line end, but a bit more than a token", "PROCESS_LOG_STDERR"),
            (1, r"f\xc3\xbcr \xe2\x82\xac, which is a bit more than a token\n", "PROCESS_LOG_STDOUT"),
            (1, r"bytes \x88\x00\xff, which are a bit more than a token\n", "PROCESS_LOG_STDOUT"),
            (1, r"<!--XSUPERVISOR:BEGIN-->message\xc3\xa9\n<!--XSUPERVISOR:END-->", "PROCESS_COMMUNICATION_STDOUT"),
            (2, r"<!--XSUPERVISOR:BEGIN-->\x88<!--XSUPERVISOR:END-->", "PROCESS_COMMUNICATION_STDERR"),
        ):
            rpc.sendProcessStdin("talker", f"{channel} {text}\n")
            self.record.expect(name)


def plain(events):
    """An event without pids. The length has been right, or the recorder would have failed."""
    for header, payload in events:
        words = {name: value for name, value in header.items() if name != "len"}
        yield words, re.sub(r"\bpid:[1-9][0-9]*", "pid:PID", payload)


def test_a_listener_is_told_the_same():
    """A listener gets the same headers and payloads in the same order, from boot to shutdown."""
    sides = [RecordedMaster(SUPERVISORD), RecordedMaster(PROCMAN)]
    with ThreadPoolExecutor(2) as both:
        theirs, ours = [list(plain(events)) for events in both.map(RecordedMaster.tell, sides)]
    assert ours == theirs
    names = {header["eventname"] for header, _ in ours}
    assert len(names) == 16, f"nobody has told {names}"
