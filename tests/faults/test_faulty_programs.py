"""Programs that do what nobody should: flood, fall silent, hang, multiply, end by the thousand, leave others behind."""

import contextlib
import os
import re
import shlex
import signal
import xmlrpc.client
from concurrent.futures import ThreadPoolExecutor

from tests.support.faulty_master import assert_well, is_alive, program
from tests.support.log_lines import PATIENCE
from tests.support.running_master import SLEEPER, STUBBORN, python

MIB = 1024 * 1024
PIPES_AND_LOGS = 5  # of a program that was started for the first time: stdin, stdout, stderr, and two files


def test_a_line_of_a_gigabyte(run, tmp_path):
    """It is cut into pieces that are marked as such, every byte comes through, and no more than a piece is kept."""
    code = (
        "import os, time\nblock = b'y' * (1 << 20)\n"
        "for _ in range(1024): os.write(1, block)\n"
        "os.write(1, b' the end' + bytes([10]))\ntime.sleep(1000)\n"
    )
    both = f"{tmp_path}/loud.log, /dev/stdout"
    master = run(
        program("loud", python(code), stdout_logfile=both, stdout_logfile_backups=1, autostart="false"),
        arguments=("-e", "critical"),
    ).begins(reads=False)
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


def test_output_that_is_not_utf_8(run, tmp_path):
    """It is in the file as it was written, and every interface shows the rest of the line."""
    said = b"a \xff\xfe\x80 \xc3( \xed\xa0\x80 \x00 \x1b[31m z\n"
    code = f"import os, time; os.write(1, {said!r}); os.write(2, {said!r}); time.sleep(1000)"
    master = run(
        program(
            "odd",
            python(code),
            stdout_logfile=f"{tmp_path}/odd.log, /dev/stdout",
            stderr_logfile="/dev/stdout",
            log_format="json",
            stdout_events_enabled="true",
        ),
        arguments=("-e", "debug"),
    ).begins("odd")
    master.expect(r'"stream": ?"stdout".*a .* z', r"a .* z")
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


def test_a_program_closes_its_stdout(run, tmp_path):
    """And its stderr and stdin: it goes on, its pipes are let go, and its next run is heard again."""
    code = "import os, time\nos.write(1, b'begins' + bytes([10]))\nfor fd in range(3): os.close(fd)\ntime.sleep(1000)"
    log = tmp_path / "mute.log"
    mute = program("mute", python(code), stdout_logfile=log, autostart="false")
    master = run(mute, arguments=("-e", "debug")).begins()
    after = 0
    for times in (1, 2):
        master.call("POST", "/v1/processes/mute/restart")
        heard = after
        for channel in ("stdout", "stderr"):
            after = max(after, master.wait_for(f"stopped monitoring mute ({channel})", after=heard))
        master.serves()
        assert master.info("mute")["statename"] == "RUNNING"
        assert log.read_text() == "begins\n" * times
        # Its stdin, and two files: what is not open cannot wake anybody.
        master.leaks_nothing(held=3)
    assert_well(master, held=3)


def test_a_grandchild_keeps_the_pipe_open(run, tmp_path):
    """Its parent's end is noticed at once, the next run begins, and what it says later is in the log, too."""
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
    master = run(program("parent", python(code), stdout_logfile=log, directory=tmp_path, startretries=100))
    master.begins()
    master.wait_for("exited: parent (exit status 3; not expected)")
    master.until("parent", "RUNNING", "BACKOFF")
    master.serves()
    orphan = int((tmp_path / "orphan").read_text())
    try:
        with contextlib.closing(master.follow("parent")) as said:
            with (tmp_path / "go").open("w") as go:
                go.write("from the grave\n")
            assert next(said) == b"from the grave\n"
        master.has_written("witness")  # and so has everybody
        assert log.read_text() == "from the grave\n"
        os.kill(orphan, signal.SIGKILL)
        master.until("parent", "RUNNING")
        assert_well(master, held=PIPES_AND_LOGS)
    finally:
        if is_alive(orphan):
            os.kill(orphan, signal.SIGKILL)


def test_a_program_is_stopped_with_sigstop(run):
    """It cannot leave when it is asked to, so it is killed in time; and it is RUNNING as long as nobody asks."""
    master = run(program("frozen", SLEEPER, stopwaitsecs=1)).begins("frozen")
    pid = master.info("frozen")["pid"]
    os.kill(pid, signal.SIGSTOP)
    master.serves()
    assert master.info("frozen")["statename"] == "RUNNING"
    assert master.ctl("restart", "frozen").stdout == "frozen: stopped\nfrozen: started\n"
    assert not is_alive(pid)
    master.wait_for("stopped: frozen (terminated by SIGKILL)")
    os.kill(master.info("frozen")["pid"], signal.SIGSTOP)
    assert_well(master)


def test_a_program_ignores_sigterm(run):
    """Nobody waits for it but who has asked, and only for its stopwaitsecs; so with the end of the master."""
    master = run(program("mule", STUBBORN, stopwaitsecs=1, stdout_logfile="/dev/stdout")).begins("mule")
    master.wait_for("armed")
    with ThreadPoolExecutor(1) as others:
        stop = others.submit(master.ctl, "stop", "mule")
        master.until("mule", "STOPPING")
        master.serves()
        assert stop.result(PATIENCE).stdout == "mule: stopped\n"
    after = len(master.lines)
    master.call("POST", "/v1/processes/mule/start")
    after = master.wait_for("armed", after=after)
    assert_well(master)
    master.wait_for("stopped: mule (terminated by SIGKILL)", after=after)


def test_a_program_forks_until_its_user_may_have_no_more_processes(run, as_root, anybodys):
    """The master is that user, too: it cannot start others either, says so, and tries again until it can."""
    bomb = "(while :; do sleep 1000 & done) 2> /dev/null; echo no more; exec sleep 1000"
    master = run(
        program("bomb", shlex.join(["sh", "-c", bomb]), stdout_logfile="/dev/stdout", autostart="false")
        + "stopasgroup=true\n"
        + program("late", "sleep 1000", autostart="false", numprocs=3, process_name="late_%(process_num)d"),
        folder=anybodys,
        anybodys=True,
        master="minprocs=100",
        arguments=("--user", "nobody", "--allow-writable-config"),
        wrapper=("prlimit", "--nproc=100:100"),
    ).begins()
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
        master.until(f"late:late_{number}", "RUNNING")
    assert_well(master, held=4 * PIPES_AND_LOGS)


def test_a_program_ends_ten_thousand_times_in_a_row(run, compiled, tmp_path):
    """Each end is noticed and each run counted; nothing is left over, and nothing grows."""
    count, done = tmp_path / "count", tmp_path / "done"
    os.mkfifo(done)
    brief = shlex.join([str(compiled("brief.c", "-static")), str(count), "10000", str(done)])
    master = run(
        program("brief", brief, autorestart="true", autostart="false"), arguments=("-s", "-e", "error")
    ).begins(reads=False)
    before = master.rss()
    master.call("POST", "/v1/processes/brief/start")
    with done.open() as last:
        last.read(1)
    info = master.info("brief")
    assert (info["statename"], info["restarts"]) == ("RUNNING", 9999)
    assert count.stat().st_size == 10_000
    assert master.rss() - before < 16 * MIB
    assert_well(master, held=PIPES_AND_LOGS)
