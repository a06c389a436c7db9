"""An upgrade: the master executes new code; no program is started, stopped or forgotten, and no output is lost."""

import contextlib
import http.client
import json
import os
import re
import select
import shutil
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from procman.client.api_client import ApiError, Client, Unreachable
from procman.daemon.snapshot import VERSION
from tests.support.log_lines import PATIENCE
from tests.support.master_process import ROOT, Master
from tests.support.pages import DOCS, run_by
from tests.support.running_master import COUNTER, OBEDIENT, SLEEPER, RunningMaster, python

pytestmark = pytest.mark.slow

ECHO = python("import sys\nfor line in sys.stdin: sys.stdout.write('got ' + line); sys.stdout.flush()")


@pytest.fixture
def running(tmp_path):
    """Starts masters with programs."""
    started = []

    def run(programs, **more):
        started.append(RunningMaster(tmp_path, programs, **more))
        return started[-1]

    yield run
    for master in started:
        master.close()


def upgrade(master):
    """Upgrade with procmanctl, and check its answer."""
    ran = master.ctl("upgrade")
    assert ran.returncode == 0, ran
    assert re.fullmatch(rf"Upgraded: procman \S+ \(pid {master.pid}\)\n", ran.stdout)
    master.expect(r"upgraded: procman")


def processes(master):
    return master.call("GET", "/v1/processes")["processes"]


def pids(master):
    return {process["namespec"]: (process["statename"], process["pid"]) for process in processes(master)}


def descriptors(master):
    with contextlib.closing(Client(f"unix://{master.socket}")) as client:
        # When that is answered the logs are open, too, and who was here before has gone.
        client.call("POST", "/v1/config/reread")
        return len(os.listdir(f"/proc/{master.pid}/fd"))


def test_fifty_programs_lose_no_line_over_twenty_upgrades(running, tmp_path):
    """Master and programs keep their pids, logs are complete, and the master still gets the exit status of each."""
    master = running(
        f"[program:w]\nnumprocs=50\nprocess_name=w%(process_num)02d\ncommand={COUNTER}\nstartsecs=0\n"
        f"stdout_logfile={tmp_path}/%(process_num)02d.log\nstderr_logfile=NONE\n"
        f"[program:x]\ncommand={OBEDIENT}\nstartsecs=0\nautorestart=false\npriority=1000\n"
    )
    master.wait_for("success: x")
    before, open_before = pids(master), descriptors(master)
    for _ in range(20):
        upgrade(master)
    assert pids(master) == before
    assert descriptors(master) <= open_before + 1
    assert master.call("GET", "/v1/master")["upgrades"] == 20
    master.ctl("signal", "USR1", "x")
    master.expect(r"exited: x \(exit status 3; not expected\)")
    assert master.stop() == 0
    for number in range(50):
        *lines, end = (tmp_path / f"{number:02}.log").read_text().splitlines()
        assert end == "end"
        assert lines == [str(count) for count in range(len(lines))]


def code_in(folder):
    """A copy of procman that a test may change, and the environment in which a master runs it.

    What is compiled already comes along. What a test changes is not compiled: Python looks at the size and the second
    of a change, and both may be the same.
    """
    shutil.copytree(ROOT / "procman", folder / "procman", ignore=shutil.ignore_patterns("*.pyc.*"))
    return folder / "procman", {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}


def test_new_code_takes_over_and_broken_code_is_refused(running, tmp_path):
    """Broken code is found before the old code gives anything up."""
    package, environ = code_in(tmp_path / "code")
    master = running(f"[program:x]\ncommand={SLEEPER}\nstartsecs=0\n", **environ)
    master.wait_for("success: x")
    before = pids(master)

    sound = (package / "daemon/master.py").read_text()
    (package / "daemon/master.py").write_text("import nothing_that_is_there\n" + sound)
    ran = master.ctl("upgrade")
    assert ran.returncode == 1
    reason = f"ModuleNotFoundError: No module named 'nothing_that_is_there' ({package}/daemon/master.py, line 1)"
    assert f"cannot upgrade: {reason}; everything goes on as it was" in ran.stdout
    master.wait_for(f"not upgraded: {reason}; everything goes on as it was")

    (package / "daemon/master.py").write_text(sound + "this is (no Python")
    ran = master.ctl("upgrade")
    assert f"cannot upgrade: SyntaxError: '(' was never closed ({package}/daemon/master.py, line " in ran.stdout

    snapshot = (package / "daemon/snapshot.py").read_text()
    (package / "daemon/master.py").write_text(sound)
    (package / "daemon/snapshot.py").write_text(snapshot.replace(f"VERSION = {VERSION}", f"VERSION = {VERSION + 1}"))
    ran = master.ctl("upgrade")
    assert f"what was handed over is of version {VERSION}, and this procman reads version {VERSION + 1}" in ran.stdout
    assert pids(master) == before

    (package / "daemon/snapshot.py").write_text(snapshot)
    (package / "__init__.py").write_text('"""Another."""\n\n__version__ = "9.9.9"\n')
    ran = master.ctl("upgrade")
    assert ran.stdout == f"Upgraded: procman 9.9.9 (pid {master.pid})\n"
    assert pids(master) == before
    assert master.stop() == 0


def test_code_comes_from_where_the_master_was_started_not_from_its_directory(running, tmp_path):
    """`directory` may belong to another user, and `python -m` would import modules from there."""
    home = tmp_path / "home"
    home.mkdir()
    for module in ("procman", "signal", "json", "h11"):
        (home / f"{module}.py").write_text("raise SystemExit('this is not procman')\n")
    master = running(f"[program:x]\ncommand={SLEEPER}\nstartsecs=0\n", master=f"directory={home}")
    master.wait_for("success: x")
    before = descriptors(master)
    for _ in range(2):
        upgrade(master)
        assert Path(f"/proc/{master.pid}/cwd").readlink() == home
    assert descriptors(master) == before


def test_it_works_after_its_folders_were_removed(running, tmp_path):
    """Neither the folder where the master was started nor its working folder has to exist."""
    home, start = tmp_path / "home", tmp_path / "start"
    home.mkdir()
    start.mkdir()
    master = running(f"[program:x]\ncommand={SLEEPER}\nstartsecs=0\n", master=f"directory={home}", cwd=start)
    master.wait_for("success: x")
    home.rmdir()
    start.rmdir()
    assert master.call("POST", "/v1/master/upgrade")["upgrades"] == 1
    master.expect(r"upgraded: procman")
    assert Path(f"/proc/{master.pid}/cwd").readlink() == Path(f"{home} (deleted)")


def test_code_with_another_set_of_options_takes_over(running, tmp_path):
    """The newer code has an option that the older code does not know, in both directions."""
    package, environ = code_in(tmp_path / "code")
    model = package / "config/schema/programs.py"
    master = running(f"[program:x]\ncommand={SLEEPER}\nstartsecs=0\n", **environ)
    master.wait_for("success: x")
    before = pids(master)
    known = "    autostart: bool = option("
    new = '    brand_new: bool = option(kinds.BOOLEAN, "New.", default=True, effect=Effect.NONE)\n'
    old = model.read_text()
    assert old.count(known) == 1
    model.write_text(old.replace(known, new + known))
    upgrade(master)
    model.write_text(old)
    upgrade(master)
    assert pids(master) == before


def test_programs_that_crash_all_the_time_are_no_obstacle(running):
    """Some always wait to be started; the new code starts them, and no exit is lost."""
    # Quiet: nobody reads the console while they are asked.
    master = running(
        "[program:x]\ncommand=/bin/true\nstartsecs=0\nautorestart=true\nnumprocs=8\nprocess_name=%(process_num)d\n",
        master="loglevel=error\nrestart_brake=false",
    )
    seen = dict.fromkeys((f"x:{number}" for number in range(8)), 0)
    for number in range(4):
        deadline = time.monotonic() + PATIENCE
        for name, restarts in seen.items():
            while restarts_of(master, name) < restarts + 5:
                assert time.monotonic() < deadline, f"{name} is forgotten: {master.info(name)}"
        if number < 3:
            assert master.ctl("upgrade").returncode == 0
            seen = {process["namespec"]: process["restarts"] for process in processes(master)}


def restarts_of(master, name):
    try:
        return master.info(name)["restarts"]
    except Unreachable:  # not up yet
        return 0


def test_checks_by_commands_that_always_run_are_no_obstacle(running, tmp_path):
    """They are interrupted, say nothing of their programs, and begin again."""
    check = f"health=exec:sh -c 'sleep 0.2; test ! -e {tmp_path}/ill'\nhealth_interval=100ms\nhealth_retries=1\n"
    names = "numprocs=10\nprocess_name=x%(process_num)d\n"
    master = running(f"[program:x]\ncommand={SLEEPER}\nstartsecs=0\n{names}{check}")
    master.expect_all([f"success: x{number} " for number in range(10)])
    for _ in range(3):
        upgrade(master)
    assert "unhealthy" not in master.text
    (tmp_path / "ill").touch()
    master.expect_all([f"x{number}: unhealthy: " for number in range(10)])


def test_a_process_that_backs_off_is_tried_again_after_it(running):
    """It is tried again in its time, and given up after as many tries as without an upgrade."""
    master = running("[program:x]\ncommand=/bin/false\nstartretries=2\n")
    master.wait_for("exited: x")
    upgrade(master)
    master.wait_for("gave up: x entered FATAL state")
    spawned = [line for line in master.lines if "spawned: 'x'" in line]
    assert len(spawned) == 3


def test_an_incomplete_console_line_is_completed_after_it(running):
    """The console gets it as one line."""
    halves = python(
        "import sys\nsys.stdout.write('first half, '); sys.stdout.flush()\nsys.stdin.readline()\nprint('second half')\n"
        "sys.stdout.flush()\nsys.stdin.readline()"
    )
    master = running(f"[program:x]\ncommand={halves}\nstartsecs=0\nstdout_logfile=-\n")
    master.wait_for("success: x")
    upgrade(master)
    master.say("x", "\n")
    master.expect("^first half, second half$")


def test_a_program_gets_its_input_after_it(running):
    """Its stdin is still the same pipe."""
    master = running(f"[program:x]\ncommand={ECHO}\nstartsecs=0\nstdout_logfile=-\n")
    master.wait_for("success: x")
    upgrade(master)
    master.say("x", "hello\n")
    master.expect("^got hello$")


def test_its_auto_logs_stay_the_same_files(running, tmp_path):
    """No log is made besides those that are in use."""
    master = running(f"[program:x]\ncommand={ECHO}\nstartsecs=0\n")
    master.wait_for("success: x")
    master.has_written("x")
    before = sorted(tmp_path.glob("x-*---*.log"))
    assert len(before) == 2
    upgrade(master)
    master.say("x", "hello\n")
    master.hear("x", "got hello")
    assert sorted(tmp_path.glob("x-*---*.log")) == before


def test_an_event_that_a_listener_handles_is_finished_after_it(running):
    """That event is not sent again, and serials continue."""
    listener = python(
        "import sys\nwhile True:\n sys.stdout.write('READY\\n'); sys.stdout.flush()\n"
        " head = sys.stdin.readline(); header = dict(word.split(':') for word in head.split())\n"
        " body = sys.stdin.read(int(header['len'])); sys.stderr.write(header['serial'] + ' ' + body + chr(10))\n"
        " sys.stderr.flush()\n"
        " input_ = open('gate').read() if body.endswith('wait') else ''\n"
        " sys.stdout.write('RESULT 2\\nOK'); sys.stdout.flush()\n"
    )
    master = running(
        f"[eventlistener:x]\ncommand={listener}\nevents=REMOTE_COMMUNICATION\nstartsecs=0\nstderr_logfile=/dev/stdout\n",
    )
    gate = master.folder / "gate"
    os.mkfifo(gate)
    master.wait_for("success: x")

    def tell(data):
        master.call("POST", "/v1/events/remote", {"type": "t", "data": data})

    tell("wait")
    first = int(master.expect(r"^(\d+) type:t").group(1))
    tell("next")
    upgrade(master)
    gate.write_text("go")
    assert int(master.expect(r"^(\d+) type:t").group(1)) == first + 1
    tell("third")
    assert int(master.expect(r"^(\d+) type:t").group(1)) == first + 2


def test_it_waits_for_clients_that_wait_for_a_process(running):
    """`stop` of a slow program is answered before the new code takes over."""
    slow = python(
        "import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})\nprint('armed', flush=True)\n"
        "signal.sigwait({signal.SIGTERM})\nopen('asked', 'w').close()\nopen('gate').read()"
    )
    master = running(f"[program:x]\ncommand={slow}\nstartsecs=0\nstdout_logfile=-\n")
    gate = master.folder / "gate"
    os.mkfifo(gate)
    master.expect("^armed$")
    with ThreadPoolExecutor() as clients:
        stopped = clients.submit(master.ctl, "stop", "x")
        master.expect("waiting for x to stop")
        upgraded = clients.submit(master.ctl, "upgrade")
        gate.write_text("go")
        assert stopped.result().stdout == "x: stopped\n"
        assert upgraded.result().stdout.startswith("Upgraded")
    master.expect("stopped: x", "upgraded: procman")


@pytest.mark.parametrize("after", [0, 1])
def test_a_stop_during_an_upgrade_is_not_lost(running, after):
    """SIGTERM right before the request or right after its answer stops all programs and the master."""
    master = running(f"[program:x]\ncommand={SLEEPER}\nstartsecs=0\n")
    master.wait_for("success: x")
    pid = master.info("x")["pid"]
    if not after:
        os.kill(master.pid, signal.SIGTERM)
    try:
        master.call("POST", "/v1/master/upgrade")
    except (ApiError, Unreachable):
        assert not after
    if after:
        os.kill(master.pid, signal.SIGTERM)
    assert master.to_the_end() == 0
    assert not Path(f"/proc/{pid}").exists()


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="a pid namespace takes root")
def test_pid_1_can_be_upgraded(running):
    """It stays the same process: nothing would outlive PID 1."""
    master = running(f"[program:x]\ncommand={SLEEPER}\nstartsecs=0\n", as_pid_1=True)
    master.wait_for("success: x")
    before = pids(master)
    ran = master.ctl("upgrade")
    assert ran.stdout.endswith("(pid 1)\n")
    assert pids(master) == before
    assert master.stop() == 0


def test_the_pid_file_stays_locked(running):
    """A second master finds it locked, by the same pid."""
    master = running(f"[program:x]\ncommand={SLEEPER}\nstartsecs=0\n")
    master.wait_for("success: x")
    upgrade(master)
    assert (master.folder / "master.pid").read_text() == f"{master.pid}\n"
    second = RunningMaster(master.folder, f"[program:x]\ncommand={SLEEPER}\nstartsecs=0\n")
    try:
        assert second.to_the_end() == 2
        assert f"is held by pid {master.pid}" in second.text
    finally:
        second.close()


def test_the_process_keeps_its_name(running):
    """`pgrep procman` finds it, although it was executed as an argument of Python."""
    master = running("")
    master.wait_for("procman started")
    for _ in range(2):
        assert Path(f"/proc/{master.pid}/comm").read_text() == "procman\n"
        upgrade(master)


@contextlib.contextmanager
def asked_to_upgrade(master):
    """Request an upgrade that has to wait; yields a function that waits for its answer."""
    connection = http.client.HTTPConnection("localhost", timeout=PATIENCE)
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.settimeout(PATIENCE)
    connection.sock.connect(master.socket)
    with contextlib.closing(connection):
        connection.request("POST", "/v1/master/upgrade")
        # Who comes after that is answered after that.
        assert master.call("GET", "/v1/master")["upgrades"] == 0
        yield lambda: json.load(connection.getresponse())


def test_a_captured_message_is_completed_before_it(running):
    """A message for event listeners is not cut in two."""
    speaker = python("import sys\nfor line in sys.stdin: sys.stdout.write(line.strip().replace('|', chr(10)))")
    master = running(f"[program:x]\ncommand={speaker}\nstartsecs=0\nstdout_capture_maxbytes=1000\nstdout_logfile=-\n")
    master.wait_for("success: x")
    master.say("x", "before|<!--XSUPERVISOR:BEGIN-->half\n")
    master.expect("^before$")
    with asked_to_upgrade(master) as answer:
        master.say("x", "and half<!--XSUPERVISOR:END-->after|\n")
        assert answer()["upgrades"] == 1
    master.expect("^after$")


def test_descendants_that_are_being_stopped_are_gone_before_it(running):
    """A slow child of a process that has ended is waited for."""
    child = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('armed'); open('gate').read()"
    family = python(f"import subprocess, sys; subprocess.run([sys.executable, '-Suc', {child!r}])")
    master = running(f"[program:x]\ncommand={family}\nstartsecs=0\nstop_scope=tree\nstdout_logfile=-\n")
    gate = master.folder / "gate"
    os.mkfifo(gate)
    master.expect("^armed$")
    pid = master.info("x")["pid"]
    master.call("POST", "/v1/processes/x/stop", {"wait": False})
    master.wait_for("x has ended")
    with asked_to_upgrade(master) as answer:
        gate.write_text("go")
        assert answer()["upgrades"] == 1
    master.expect("upgraded: procman")
    assert not Path(f"/proc/{pid}").exists()
    assert pids(master) == {"x": ("STOPPED", 0)}


def test_a_full_console_is_read_before_it(running, tmp_path):
    """Otherwise a line would be cut in two, and programs that wait for the reader would never continue."""
    # More than its own pipe and the console's hold, so that the rest waits in the master; but not too much for all.
    flood = python(
        "import sys\nprint(('x' * 99 + chr(10)) * 11500, end='', flush=True)\nopen('written', 'w').write('yes')\n"
        "print('end', flush=True)\nsys.stdin.read()"
    )
    os.mkfifo(tmp_path / "written")
    written = os.open(tmp_path / "written", os.O_RDONLY | os.O_NONBLOCK)
    master = running(
        f"[program:x]\ncommand={flood}\nstartsecs=0\nstdout_logfile=-\n", master="loglevel=error", cwd=tmp_path
    )
    assert select.select([written], [], [], PATIENCE)[0]
    os.close(written)
    with asked_to_upgrade(master) as answer:
        master.expect("^end$")
        assert answer()["upgrades"] == 1


def test_the_next_master_of_the_page_adopts_what_a_killed_one_has_left(tmp_path):
    """With the command of the page, and the line that it shows."""
    ((command,),) = run_by("tests/end_to_end/test_upgrade.py", DOCS / "how-to" / "upgrade.md")
    *words, file = command.line.split()
    assert words == ["procman", "-c"]
    config = tmp_path / file
    config.write_text(f"[supervisord]\n[program:web]\ncommand={SLEEPER}\nstartsecs=0\n")
    environ = {"XDG_RUNTIME_DIR": str(tmp_path)}
    with Master(config, **environ) as first:
        first.expect("success: web entered RUNNING")
        first.process.kill()
        first.process.wait(PATIENCE)
        with Master(config, **environ) as second:
            started, adopted = (re.sub(r"\d+", r"\\d+", line.removeprefix("...")) for line in command.shown)
            second.expect(started, adopted)
            assert second.stop() == 0
