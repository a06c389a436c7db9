"""Programs that say far too much while they get ready: the master stays quick and small."""

import re
from pathlib import Path

import pytest

from tests.support.running_master import RunningMaster, python

pytestmark = pytest.mark.slow

# It sends as fast as its socket takes it: more than 10,000 datagrams a second.
LOUD = (
    "import os, socket\n"
    "sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n"
    "sock.connect(os.environ['NOTIFY_SOCKET'])\n"
    "sock.send(b'READY=1')\n"
    "while True: sock.send(b'STATUS=still here')\n"
)
SIZE = 256 << 20
ENDLESS_LINE = (
    "import sys, time\n"
    "piece = b'x' * (1 << 20)\n"
    "for _ in range(256): sys.stdout.buffer.write(piece)\n"
    "sys.stdout.buffer.write(b'\\nnow I listen\\n')\n"
    "sys.stdout.buffer.flush()\n"
    "time.sleep(1000)\n"
)
# What the master may use at most, in KiB; that line in memory would be more.
MOST_MEMORY = 150 << 10


def test_a_flood_of_notifications_does_not_keep_others_from_restarting(tmp_path):
    """Of each second's messages 100 count, and the others are dropped, counted and said."""
    programs = (
        f"[program:loud]\ncommand={python(LOUD)}\nready=notify\n[program:other]\ncommand=sleep 1000\nstartsecs=0\n"
    )
    with RunningMaster(tmp_path, programs) as master:
        master.wait_for("success: loud entered RUNNING state, it is ready")
        for _ in range(10):
            assert master.ctl("restart", "other").stdout == "other: stopped\nother: started\n"
        at = master.wait_for("messages of loud to its notification socket were dropped")
        line = master.lines[at - 1]
        assert int(re.search(r"(\d+) messages", line)[1]) > 0, line
        assert "still here" in str(master.info("loud"))


def test_a_quarter_of_a_gibibyte_without_a_newline_is_no_line_and_takes_no_memory(tmp_path):
    """The text is looked for in the first 4 KiB of each line."""
    program = f"[program:talks]\ncommand={python(ENDLESS_LINE)}\nready=log:now I listen\nstart_timeout=none\n"
    with RunningMaster(
        tmp_path, program + f"stdout_logfile={tmp_path}/talks.log\nstdout_logfile_maxbytes=0\n"
    ) as master:
        master.wait_for("success: talks entered RUNNING state, it is ready")
        status = Path(f"/proc/{master.process.pid}/status").read_text()
        assert int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) < MOST_MEMORY
        master.has_written("talks")
        assert (tmp_path / "talks.log").stat().st_size >= SIZE
