"""Programs that misbehave: they flood, fall silent, hang, multiply, crash by the thousand or leave processes behind."""

import contextlib
import os
import re
import shlex
import signal
import xmlrpc.client
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.faulty_master import assert_well, is_alive, program
from tests.support.log_lines import PATIENCE
from tests.support.running_master import SLEEPER, STUBBORN, python

pytestmark = pytest.mark.slow

MIB = 1024 * 1024
PIPES_AND_LOGS = 5  # of a program that was started for the first time: stdin, stdout, stderr, and two files


def test_a_line_of_a_gigabyte(start_master, tmp_path):
    """A line of a gigabyte is split into marked pieces; every byte arrives, and only a piece is in memory at a time."""
    code = (
        "import os, time\nblock = b'y' * (1 << 20)\n"
        "for _ in range(1024): os.write(1, block)\n"
        "os.write(1, b' the end' + bytes([10]))\ntime.sleep(1000)\n"
    )
    both = f"{tmp_path}/loud.log, /dev/stdout"
    master = start_master(
        program("loud", python(code), stdout_logfile=both, stdout_logfile_backups=1, autostart="false"),
        arguments=("-e", "critical"),
    ).wait_until_up(reads=False)
    before = master.rss()
    master.call("POST", "/v1/processes/loud/start")
    count, end = 0, b""
    while b" the end\n" not in end:
        data = os.read(master.process.stdout.fileno(), MIB)
        assert data, master.log()
        count += data.count(b"y")
        end = end[-100:] + data[-100:]
    assert count == 1024 * MIB
    assert master.rss() - before < 32 * MIB
    assert master.info("loud")["lost"] == 0
    assert_well(master, held=PIPES_AND_LOGS)


def test_output_that_is_not_utf_8(start_master, tmp_path):
    """Output that is not UTF-8 is in the file as written, and every interface shows the rest of the line."""
    said = b"a \xff\xfe\x80 \xc3( \xed\xa0\x80 \x00 \x1b[31m z\n"
    code = f"import os, time; os.write(1, {said!r}); os.write(2, {said!r}); time.sleep(1000)"
    master = start_master(
        program(
            "odd",
            python(code),
            stdout_logfile=f"{tmp_path}/odd.log, /dev/stdout",
            stderr_logfile="/dev/stdout",
            log_format="json",
            stdout_events_enabled="true",
        ),
        arguments=("-e", "debug"),
    ).wait_until_up("odd")
    master.expect_all([rf'"stream": ?"{name}".*a .* z' for name in ("stdout", "stderr")])
    with contextlib.closing(master.follow("odd")) as follower:
        assert next(follower) == said
    master.has_written("odd")
    assert (tmp_path / "odd.log").read_bytes() == said
    tail = master.ctl("tail", "odd")
    assert tail.stdout.startswith("a ")
    assert tail.stdout.rstrip().endswith(" z")
    call = xmlrpc.client.dumps(("odd", 0, 100), "supervisor.tailProcessStdoutLog").encode()
    with contextlib.closing(master.client()) as client:
        (answer,), _ = xmlrpc.client.loads(client.exchange("POST", "/RPC2", call))
    assert answer[0].startswith("a ")
    assert_well(master)


def test_a_program_closes_its_stdout(start_master, tmp_path):
    """A program that closes its stdin, stdout and stderr keeps running, and its next run is read again."""
    code = "import os, time\nos.write(1, b'begins' + bytes([10]))\nfor fd in range(3): os.close(fd)\ntime.sleep(1000)"
    log = tmp_path / "mute.log"
    mute = program("mute", python(code), stdout_logfile=log, autostart="false")
    master = start_master(mute, arguments=("-e", "debug")).wait_until_up()
    after = 0
    for times in (1, 2):
        master.call("POST", "/v1/processes/mute/restart")
        heard = after
        for channel in ("stdout", "stderr"):
            after = max(after, master.wait_for(f"stopped monitoring mute ({channel})", after=heard))
        master.assert_serves()
        assert master.info("mute")["statename"] == "RUNNING"
        assert log.read_text() == "begins\n" * times
        # Its stdin, and two files: what is not open cannot wake anybody.
        master.assert_no_leaks(held=3)
    assert_well(master, held=3)


def test_a_grandchild_keeps_the_pipe_open(start_master, tmp_path):
    """A parent's end is noticed while its child holds the pipe; the child's later output is logged too."""
    code = (
        "import os, sys, time\n"
        "if os.path.exists('orphan'): time.sleep(1000)\n"
        "ready, told = os.pipe()\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    with open('orphan', 'w') as file: file.write(str(os.getpid()))\n"
        "    os.write(told, b'x')\n"
        "    with open('go') as go: os.write(1, go.read().encode())\n"
        "    time.sleep(1000)\n"
        "os.read(ready, 1)\n"
        "os._exit(3)\n"
    )
    os.mkfifo(tmp_path / "go")
    log = tmp_path / "parent.log"
    master = start_master(program("parent", python(code), stdout_logfile=log, directory=tmp_path, startretries=100))
    master.wait_until_up()
    master.wait_for("exited: parent (exit status 3; not expected)")
    master.wait_for_state("parent", "RUNNING", "BACKOFF")
    master.assert_serves()
    orphan = int((tmp_path / "orphan").read_text())
    try:
        with contextlib.closing(master.follow("parent")) as said:
            with (tmp_path / "go").open("w") as go:
                go.write("from the grave\n")
            assert next(said) == b"from the grave\n"
        master.has_written("witness")  # and so has everybody
        assert log.read_text() == "from the grave\n"
        os.kill(orphan, signal.SIGKILL)
        master.wait_for_state("parent", "RUNNING")
        assert_well(master, held=PIPES_AND_LOGS)
    finally:
        if is_alive(orphan):
            os.kill(orphan, signal.SIGKILL)


def test_a_program_is_stopped_with_sigstop(start_master):
    """A program frozen by SIGSTOP stays RUNNING; a stop kills it after its stopwaitsecs."""
    master = start_master(program("frozen", SLEEPER, stopwaitsecs=1)).wait_until_up("frozen")
    pid = master.info("frozen")["pid"]
    os.kill(pid, signal.SIGSTOP)
    master.assert_serves()
    assert master.info("frozen")["statename"] == "RUNNING"
    assert master.ctl("restart", "frozen").stdout == "frozen: stopped\nfrozen: started\n"
    assert not is_alive(pid)
    master.wait_for("stopped: frozen (terminated by SIGKILL)")
    os.kill(master.info("frozen")["pid"], signal.SIGSTOP)
    assert_well(master)


def test_a_program_ignores_sigterm(start_master):
    """A program that ignores SIGTERM delays only the client that stops it, and a shutdown, by its stopwaitsecs."""
    master = start_master(program("mule", STUBBORN, stopwaitsecs=1, stdout_logfile="/dev/stdout")).wait_until_up("mule")
    master.wait_for("armed")
    with ThreadPoolExecutor(1) as others:
        stop = others.submit(master.ctl, "stop", "mule")
        master.wait_for("waiting for mule to stop")
        master.assert_serves()
        assert stop.result(PATIENCE).stdout == "mule: stopped\n"
    after = len(master.lines)
    master.call("POST", "/v1/processes/mule/start")
    after = master.wait_for("armed", after=after)
    assert_well(master)
    master.wait_for("stopped: mule (terminated by SIGKILL)", after=after)


def test_a_program_forks_until_its_user_may_have_no_more_processes(start_master, needs_root, open_folder):
    """A master without processes left for its user says so, and retries starts until they succeed."""
    bomb = "(while :; do sleep 1000 & done) 2> /dev/null; echo no more; exec sleep 1000"
    master = start_master(
        program("bomb", shlex.join(["sh", "-c", bomb]), stdout_logfile="/dev/stdout", autostart="false")
        + "stopasgroup=true\n"
        + program("late", "sleep 1000", autostart="false", numprocs=3, process_name="late_%(process_num)d"),
        folder=open_folder,
        world_writable=True,
        master="minprocs=100",
        arguments=("--user", "nobody", "--allow-writable-config"),
        wrapper=("prlimit", "--nproc=100:100"),
    ).wait_until_up()
    master.call("POST", "/v1/processes/bomb/start")
    after = master.wait_for("no more")
    # One may find the place of the one that could fork no more.
    with ThreadPoolExecutor(1) as others:
        start = others.submit(master.ctl, "start", "late:*")
        master.wait_for("Too many processes in process table to spawn 'late_", after=after)
        assert re.search("^bomb +RUNNING", master.ctl("status").stdout, re.MULTILINE)
        assert master.ctl("stop", "bomb").stdout == "bomb: stopped\n"
        start.result(PATIENCE)
    for number in range(3):
        master.wait_for_state(f"late:late_{number}", "RUNNING")
    assert_well(master, held=4 * PIPES_AND_LOGS)


def test_a_program_ends_ten_thousand_times_in_a_row(start_master, compile_c, tmp_path):
    """Ten thousand ends in a row are all counted, leave nothing open, and do not grow the master."""
    count, done = tmp_path / "count", tmp_path / "done"
    os.mkfifo(done)
    brief = shlex.join([str(compile_c("brief.c", "-static")), str(count), "10000", str(done)])
    master = start_master(
        program("brief", brief, autorestart="true", autostart="false"),
        master="restart_brake=false",
        arguments=("-s", "-e", "error"),
    ).wait_until_up(reads=False)
    before = master.rss()
    master.call("POST", "/v1/processes/brief/start")
    with done.open() as last:
        last.read(1)
    info = master.info("brief")
    assert (info["statename"], info["restarts"]) == ("RUNNING", 9999)
    assert count.stat().st_size == 10_000
    assert master.rss() - before < 16 * MIB
    assert_well(master, held=PIPES_AND_LOGS)
