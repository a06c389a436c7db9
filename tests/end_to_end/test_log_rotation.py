"""Logs of a real master: rotated by hand, compressed by a helper, and shown together."""

import gzip
import os
import re
import time

from tests.support.log_lines import PATIENCE
from tests.support.running_master import COUNTER, RunningMaster


def until(found):
    """Wait for files of another process, which has no line in a log."""
    deadline = time.monotonic() + PATIENCE
    while not found():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_no_byte_is_lost_or_out_of_order(tmp_path):
    """Over rotations by hand and by size, compression, an upgrade, and a program that goes on writing."""
    log = tmp_path / "count.log"
    program = (
        f"[program:count]\ncommand={COUNTER}\nstdout_logfile={log}\nstdout_logfile_maxbytes=200\n"
        "stdout_logfile_compress=gzip\nstdout_logfile_max_total=10MB\n"
    )
    with RunningMaster(tmp_path, program) as master:
        master.wait_for("count entered RUNNING state")
        for _ in range(3):
            until(lambda: log.exists() and log.stat().st_size)
            ran = master.ctl("logs", "rotate", "count")
            assert (ran.stdout, ran.returncode) == ("count: rotated\n", 0)
        assert master.ctl("upgrade").returncode == 0
        master.expect(r"upgraded: procman")
        assert master.ctl("logs", "rotate").stdout == "count: rotated\n"
        assert "1 orphan" not in master.text
        assert master.ctl("stop", "count").returncode == 0
        until(lambda: all(name.endswith(".gz") for name in os.listdir(tmp_path) if name.startswith("count.log.")))
    names = sorted(
        (name for name in os.listdir(tmp_path) if name.startswith("count.log.")),
        key=lambda name: -int(name.split(".")[2]),
    )
    assert len(names) >= 4
    lines = b"".join(gzip.decompress((tmp_path / name).read_bytes()) for name in names) + log.read_bytes()
    *numbers, last = lines.split()
    assert last == b"end"
    assert [int(number) for number in numbers] == list(range(len(numbers)))


def test_logs_are_shown_together(tmp_path):
    """Those of all programs, from files and from memory; with a filter, and as they come."""
    programs = "".join(
        f"[program:{name}]\ncommand=/bin/sh -c 'echo {name} begins; echo {name} fails >&2; exec sleep 1000'\n{more}\n"
        for name, more in (("web", ""), ("db", "stdout_logfile=/dev/stdout\nstderr_logfile=NONE"))
    )
    with RunningMaster(tmp_path, programs) as master:
        master.wait_for("db begins")
        master.hear("db", "db fails", "stderr")
        master.hear("web", "web begins")
        master.hear("web", "web fails", "stderr")
        shown = master.ctl("logs").stdout.splitlines()
        assert sorted(shown) == ["db  | db begins", "db  | db fails", "web | web begins", "web | web fails"]
        assert master.ctl("logs", "--grep", "fails", "--since", "1h", "web").stdout == "web | web fails\n"
        assert master.ctl("logs", "--channel", "stderr", "web", "-n", "1").stdout == "web | web fails\n"
        ran = master.ctl("logs", "rotate", "db")
        assert (ran.stdout, ran.returncode) == ("db: ERROR (no log file that is open)\n", 1)
        records = master.ctl("events", "--kind", "op-begin").stdout
        assert re.search(r"asked for: rotate db, by uid \d+", records)


def test_an_operator_sees_how_logs_are_rotated(tmp_path):
    """When next, how it went last, and what fails: in status, why, the journal and the metrics; over an upgrade."""
    log = tmp_path / "count.log"
    program = (
        f"[program:count]\ncommand={COUNTER}\nstdout_logfile={log}\nstderr_logfile=NONE\nstdout_logfile_rotate=daily\n"
        "stdout_logfile_backups=1\n"
    )
    with RunningMaster(tmp_path, program) as master:
        master.wait_for("count entered RUNNING state")
        until(lambda: log.exists() and log.stat().st_size)
        shown = master.ctl("status", "--long", "count").stdout
        assert re.search(r"count: stdout log: rotate daily@00:00, maxbytes 50MB, backups 1; rotated next at .*", shown)
        assert master.ctl("logs", "rotate").returncode == 0
        (tmp_path / "count.log.1").unlink()
        (tmp_path / "count.log.1").mkdir()
        until(lambda: log.stat().st_size)
        assert "Is a directory" in master.ctl("logs", "rotate").stdout
        assert master.ctl("upgrade").returncode == 0
        master.expect(r"upgraded: procman")
        (info,) = master.call("GET", "/v1/rotations?name=count")["rotations"]
        assert (info["rotations"], info["failures"], info["last_by"]) == (1, 1, "request")
        assert info["next"] > info["last"] > 0
        problem = info["last_problem"]
        assert problem.startswith(f"cannot rotate log {log}: Is a directory")
        assert problem in master.ctl("status", "--long", "count").stdout
        assert re.search(r"count +log of stdout rotated, on request", master.ctl("events").stdout)
        assert re.search(rf"count +{re.escape(problem)}", master.ctl("events", "count").stdout)
        assert (
            'procman_process_log_rotation_failures_total{group="count",name="count"} 1' in master.ctl("metrics").stdout
        )
