"""Messages of supervisord and procman to the syslog daemon, which the test plays on a private /dev/log."""

import os
import queue
import re
import shutil
import signal
import socket
import subprocess
import threading
from pathlib import Path

import pytest

from tests.support.log_lines import PATIENCE
from tests.support.side_by_side import PROCMAN, SUPERVISORD, running

pytest.importorskip("supervisor", reason="the oracle is not installed: pip install supervisor==4.3.0")

CONFIG = """\
[supervisord]
logfile=syslog
pidfile=%(here)s/master.pid
childlogdir=%(here)s

[program:both]
command=sh -c 'echo hello; echo oops >&2; printf "two\\nlines\\n"; echo that is all; exec sleep 1000'
stdout_syslog=true
stderr_syslog=true
startsecs=0

[program:name]
command=sh -c 'echo by name; echo elsewhere >&2; echo that is all; exec sleep 1000'
stdout_logfile=syslog
startsecs=0

[program:joined]
command=sh -c 'echo out; echo err >&2; echo that is all; exec sleep 1000'
stdout_syslog=true
redirect_stderr=true
stdout_logfile=NONE
startsecs=0

[program:none]
command=sh -c 'echo nothing of this; exec sleep 1000'
startsecs=0
"""

# In a namespace of its own, with a /dev that has just what is needed, and the test's socket as its log.
APART = """\
mkdir dev && mount -t tmpfs dev dev || exit
for name in null zero full random urandom tty; do touch dev/$name && mount --bind /dev/$name dev/$name; done
ln -s /proc/self/fd dev/fd; ln -s fd/0 dev/stdin; ln -s fd/1 dev/stdout; ln -s fd/2 dev/stderr
touch dev/log && mount --bind log dev/log && mount --rbind dev /dev && exec "$@"
"""
WRAPPER = ("unshare", "--mount", "sh", "-c", APART, "sh")


def may_mount() -> bool:
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        return False
    return subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode == 0


class Daemon:
    """Reads /dev/log at once, because senders block after a few unread messages."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.messages: list[str] = []
        self._come: queue.Queue[str] = queue.Queue()

    def place(self, folder: Path) -> Path:
        self.socket.bind(str(folder / "log"))
        path = folder / "supervisord.conf"
        path.write_text(CONFIG)
        self._thread = threading.Thread(target=self._read)
        self._thread.start()
        return path

    def _read(self) -> None:
        while (message := self.socket.recv(10_000)) != b"the end":
            self._come.put(message.decode().removesuffix("\n"))

    def close(self) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as last:
            last.sendto(b"the end", self.socket.getsockname())
        self._thread.join()
        self.socket.close()

    def wait_for(self, text: str) -> None:
        while not any(text in message for message in self.messages):
            self.messages.append(self._come.get(timeout=PATIENCE))


def sent_by(master: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """The senders, and the programs' messages, sorted since the order of pipes is random."""
    daemon = Daemon()
    with running((*WRAPPER, *master), daemon.place) as folder:
        try:
            for text in ("both that is all", "both oops", "name that is all", "joined that is all"):
                daemon.wait_for(text)
            os.kill(int((folder / "master.pid").read_text()), signal.SIGTERM)
            daemon.wait_for("stopped: both")
        finally:
            daemon.close()
    matches = [re.fullmatch(r"<14>\w{3} [ \d]\d \d\d:\d\d:\d\d ([^:]+): (.*)", text) for text in daemon.messages]
    assert None not in matches
    found = [(match[1], match[2]) for match in matches]
    master_says = [text for _, text in found if re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} [A-Z]{4} ", text)]
    for text in ("started with pid", "spawned: 'none'", "received SIGTERM indicating exit request"):
        assert sum(text in line for line in master_says) == 1
    return sorted({who for who, _ in found}), [text for _, text in sorted(found) if text not in master_says]


@pytest.mark.root
@pytest.mark.skipif(not may_mount(), reason="needs root, and mounts of its own")
def test_both_send_the_same():
    """Both send the same lines: the master's log, and programs by option and by file name, with program names."""
    (theirs, said), (ours, we_said) = sent_by(SUPERVISORD), sent_by(PROCMAN)
    assert we_said == said
    assert "joined err" in said
    # The sender differs: docs/differences.md.
    assert theirs == ["supervisord"]
    assert len(ours) == 1
    assert re.fullmatch(r"procman\[\d+\]", ours[0])
