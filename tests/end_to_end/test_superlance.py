"""The listeners of superlance under procman, unchanged."""

import contextlib
import http.server
import shutil
import socketserver
import sys
import threading
from pathlib import Path

import pytest

from tests.support.running_master import SLEEPER, RunningMaster

pytest.importorskip("superlance", reason="superlance is not installed: pip install superlance")

BIN = Path(sys.executable).parent


@contextlib.contextmanager
def serving(server):
    """A server for the length of the block; its port."""
    with server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


class Broken(http.server.BaseHTTPRequestHandler):
    """A web server that answers with errors."""

    def do_GET(self):
        self.send_error(500)

    def log_message(self, *_):
        pass


class Post(socketserver.StreamRequestHandler):
    """A mail server that accepts everything; `server.mails` has the mails."""

    def handle(self):
        self.wfile.write(b"220 here\r\n")
        for line in self.rfile:
            if line.upper().startswith(b"DATA"):
                self.wfile.write(b"354 go on\r\n")
                mail = b"".join(iter(self.rfile.readline, b".\r\n"))
                self.server.mails.append(mail.decode())
            self.wfile.write(b"221 bye\r\n" if line.upper().startswith(b"QUIT") else b"250 fine\r\n")


@pytest.fixture
def mailbox(tmp_path):
    """A sendmail program that writes its mails to a file."""
    program = tmp_path / "sendmail"
    program.write_text(f'#!/bin/sh\n[ "$*" = "-t -i" ] && cat >> {tmp_path}/$MAILBOX\n')
    program.chmod(0o755)
    return program


def listener(name, words, events, mailbox):
    return (
        f"[eventlistener:{name}]\ncommand={BIN}/{words}\nevents={events}\nbuffer_size=100\nstderr_logfile=/dev/stdout\n"
        f"environment=MAILBOX={name}.mail\nstartsecs=0\n"
    )


def program(name, command, **options):
    return f"[program:{name}]\ncommand={command}\n" + "".join(f"{key}={value}\n" for key, value in options.items())


@pytest.mark.skipif(shutil.which("ps") is None, reason="memmon asks ps: apt-get install procps")
def test_superlance_watches_as_it_does_under_supervisord(tmp_path, mailbox):
    """All four listeners of superlance see events, restart programs by XML-RPC, and send mail."""
    post = socketserver.TCPServer(("127.0.0.1", 0), Post)
    post.mails = []
    web = http.server.HTTPServer(("127.0.0.1", 0), Broken)
    mail = f"-s '{mailbox} -t -i' -m who@example.org"
    with serving(web) as web_port, serving(post) as mail_port:
        sections = (
            listener("httpok", f"httpok -p site {mail} http://127.0.0.1:{web_port}/", "TICK_5", mailbox)
            + listener("memmon", f"memmon -p big=1 {mail}", "TICK_5", mailbox)
            + listener("crashmail", f"crashmail -a -o test {mail}", "PROCESS_STATE_EXITED", mailbox)
            + listener(
                "fatalmailbatch",
                f"fatalmailbatch -i 0.01 -t who@example.org -f me@example.org -H 127.0.0.1:{mail_port} -e TICK_5",
                "PROCESS_STATE,TICK_5",
                mailbox,
            )
            + program("site", SLEEPER, startsecs=0)
            + program("big", SLEEPER, startsecs=0)
            + program("crash", "sh -c 'sleep 0.1; exit 3'", startsecs=0, autorestart="false")
            + program("fatal", "false", startretries=0)
        )
        master = RunningMaster(tmp_path, sections, arguments=("-e", "debug"))
        try:
            for name, seen in (
                ("httpok", "site restarted"),
                ("memmon", "Restarting big:big"),
                ("crashmail", "unexpected exit, mailing"),
                ("fatalmailbatch", "Sending notification email:"),
            ):
                position = master.wait_for(seen)
                master.wait_for(f"{name}: event was processed", after=position)
            master.wait_for("stopped: site")
            master.wait_for("stopped: big")
            assert master.stop() == 0
        finally:
            master.close()
    assert "Subject: httpok: http://127.0.0.1:" in (tmp_path / "httpok.mail").read_text()
    assert "status contacting" in (tmp_path / "httpok.mail").read_text()
    assert "process big:big restarted" in (tmp_path / "memmon.mail").read_text()
    crash = (tmp_path / "crashmail.mail").read_text()
    assert "Subject: test: crash crashed at" in crash
    assert "Process crash in group crash exited unexpectedly (pid" in crash
    assert crash.endswith("from state RUNNING")
    assert len(post.mails) == 1
    assert "Process fatal:fatal failed to start too many times" in post.mails[0].replace("=\r\n", "")
