"""The logs of supervisord and procman during the same steps, at every level down to trace."""

import contextlib
import re
import signal
import subprocess
import tempfile
import xmlrpc.client
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.log_lines import LogLines
from tests.support.side_by_side import PROCMAN, SUPERVISORD

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
loglevel=trace

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface

[program:cat]
command=cat
startsecs=0
autostart=false

[program:talker]
command=sh %(here)s/talker
stdout_capture_maxbytes=1MB
startsecs=0
autostart=false

[program:bad]
command=sh -c 'sleep 0.3; exit 3'
startsecs=30
startretries=1
autostart=false

[program:flapping]
command=sh -c 'sleep 0.3; exit 4'
startsecs=30
startretries=100
autostart=false

[program:done]
command=sh -c 'sleep 0.3'
startsecs=0
autorestart=false
autostart=false

[program:nowhere]
command=/nonexistent/program
startretries=0

[program:stubborn]
command=sh -c 'trap "" TERM; echo armed; while true; do read line; done'
startsecs=0
stopwaitsecs=3
killasgroup=true
autostart=false
"""

TALKER = """\
printf 'two\\nlines, b\\210d\\n' >&2
sleep 0.3
printf '<!--XSUPERVISOR:BEGIN-->x<!--XSUPERVISOR:END-->'
exec sleep 1000
"""

# supervisord says them of itself, or of what procman does not do or has no words for; docs/differences.md names them.
NOT_OURS = re.compile(
    r"CRIT Supervisor is running as root"
    r"|CRIT Server 'unix_http_server' running without"
    r"|INFO RPC interface 'supervisor' initialized"
    r"|TRAC .*Medusa"
    r'|TRAC localhost:0 - - .*"POST /RPC2'
    # Why something has failed: a line of procman's own beside the one that says that it has.
    r"|WARN \w+ is FATAL after"
    # supervisord does not say it of those that have ended before it looks.
    r"|INFO waiting for (cat|talker|flapping) to stop"
)
# Every level, time and all; what follows it up to the next one belongs to it.
HEAD = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} (?=[A-Z]{4} )")


class LoggingMaster(LogLines):
    """One of the two masters during the steps."""

    def __init__(self, master, folder):
        (folder / "supervisord.conf").write_text(CONFIG)
        (folder / "talker").write_text(TALKER)
        super().__init__(
            subprocess.Popen(
                [*master, "-c", "supervisord.conf"],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
        )
        self.transport = supervisor_xmlrpc.SupervisorTransport(None, None, f"unix://{folder}/ctl.sock")

    def happen(self):
        self.expect("started with pid", "gave up: nowhere")
        rpc = xmlrpc.client.ServerProxy("http://127.0.0.1", transport=self.transport).supervisor
        rpc.startProcess("cat")
        rpc.sendProcessStdin("cat", "Malmö says hello\n")
        self.expect("Malmö")
        rpc.signalProcess("cat", "CONT")
        rpc.startProcess("talker")
        self.expect("emitted a comm event")
        for name in ("cat", "talker"):
            rpc.stopProcess(name)
        for name, *news in (
            ("bad", "gave up: bad"),
            ("done", "exited: done"),
            # The second time it waits for two seconds.
            ("flapping", "exited: flapping", "exited: flapping"),
        ):
            with contextlib.suppress(xmlrpc.client.Fault):
                rpc.startProcess(name, False)
            self.expect(*news)
        rpc.stopProcess("flapping")
        rpc.startProcess("stubborn")
        self.expect("armed")
        rpc.stopProcess("stubborn")
        for call in (lambda: rpc.startProcess("nobody"), lambda: rpc.stopProcess("done"), rpc.nothing):
            with contextlib.suppress(xmlrpc.client.Fault):
                call()
        with contextlib.suppress(xmlrpc.client.ProtocolError):
            self.transport.request("http://127.0.0.1", "/RPC2", b"<no XML")
        rpc.clearLog()
        self.process.send_signal(signal.SIGUSR2)
        self.expect("logreopen")
        self.process.send_signal(signal.SIGTERM)
        self.to_the_end()
        self.transport.close()
        return self

    def records(self):
        """Level and text of each record, without pids and descriptors."""
        records = []
        for line in self.lines:
            head = HEAD.match(line)
            if head is not None:
                records.append(line[head.end() :])
            elif records:
                records[-1] += f"\\n{line}"
        return [plain(record) for record in records if not NOT_OURS.match(record)]


def plain(record):
    record = re.sub(r"procman(?= started| logreopen)", "supervisord", record)
    record = re.sub(
        r"fd \d+ (closed, stopped monitoring )<.* with name (\w+) in state \w+> (\(\w+\))>", r"fd FD \1\2 \3", record
    )
    record = re.sub(r"fd \d+ closed", "fd FD closed", record)
    return re.sub(r"(pid |\()\d+(?=\)|$| )", r"\1PID", record)


@pytest.mark.slow
def test_the_logs_say_the_same():
    """Both logs have the same levels and texts; procman puts several lines of a program on one line."""
    with contextlib.ExitStack() as stack:
        sides = []
        for master in (SUPERVISORD, PROCMAN):
            # A unix socket's path is short; pytest's folders are not.
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="log"))
            side = LoggingMaster(master, Path(folder))
            stack.callback(side.process.stdout.close)
            stack.callback(side.process.wait)
            stack.callback(side.process.kill)
            sides.append(side)
        with ThreadPoolExecutor(2) as both:
            theirs, ours = [side.records() for side in both.map(LoggingMaster.happen, sides)]
    # How many of them there are depends on how many ends one look finds, and on how often one looks.
    chance = ("DEBG received SIGCHLD indicating a child quit", "INFO reopening log file")
    for text in chance:
        assert text in theirs, "nobody has said it"
        assert text in ours
    theirs, ours = (Counter(text for text in side if text not in chance) for side in (theirs, ours))
    assert ours == theirs
    assert len(ours) > 40
