"""Running programs whose master is killed: the next master adopts them."""

import contextlib
import json
import os
import random
import re
import shutil
import signal
import tempfile
from pathlib import Path

import pytest

from procman.client.api_client import Client
from tests.support.master_process import Master
from tests.support.running_master import COUNTER, OBEDIENT, SLEEPER, STUBBORN, python
from tests.support.tree_fixtures import has_ended

pytestmark = pytest.mark.slow


class Machine:
    """A directory with a configuration from which one master after the other is started."""

    def __init__(self, folder):
        self.folder = folder
        self.file = folder / "list.conf"
        self.runtime_dir = Path(tempfile.mkdtemp(prefix="pm"))
        self.masters = []

    def write(self, programs, master=""):
        self.file.write_text(
            f"[supervisord]\nlogfile={self.folder}/master.log\npidfile={self.folder}/master.pid\n"
            f"childlogdir={self.folder}\n{master}\n{programs}"
        )

    def start(self):
        master = Master(self.file, XDG_RUNTIME_DIR=str(self.runtime_dir))
        self.masters.append(master)
        return master

    def kill(self, master):
        """Kill it as the kernel does when memory is short."""
        master.process.send_signal(signal.SIGKILL)
        master.process.wait()

    def processes(self, master):
        told = json.loads(master.ctl("status", "--json").stdout)
        return {process["namespec"]: process for process in told["processes"]}

    @property
    def state_files(self):
        return list(self.runtime_dir.glob("procman/*.state*"))

    def close(self):
        for master in self.masters:
            master.__exit__(None, None, None)
        shutil.rmtree(self.runtime_dir)


@pytest.fixture
def machine(tmp_path):
    made = Machine(tmp_path)
    yield made
    made.close()


def says(master, text):
    """Wait for a line of the master's log with this text."""
    return master.expect(re.escape(text)).string


def identity(pid):
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]


def test_fifty_programs_keep_their_pids_and_lose_no_line_over_twenty_kills_of_the_master(machine):
    """Fifty programs keep their pids and lose no line over twenty kills of the master, at any moment."""
    names = [f"w{number:02}" for number in range(50)]
    machine.write(
        f"[program:w]\nnumprocs=50\nprocess_name=w%(process_num)02d\ncommand={COUNTER}\nstartsecs=0\n"
        f"stdout_logfile={machine.folder}/%(process_num)02d.log\nstderr_logfile=NONE\n"
    )
    chance = random.Random(7)
    master = machine.start()
    says(master, "success: w49")
    pids = {name: found["pid"] for name, found in machine.processes(master).items()}
    assert len(set(pids.values())) == len(names)
    for _ in range(20):
        machine.kill(master)
        master = machine.start()
        says(master, chance.choice(["procman started", *(f"adopted: '{name}'" for name in names)]))
    says(master, "success: w49")
    now = machine.processes(master)
    assert {name: found["pid"] for name, found in now.items()} == pids
    assert {found["statename"] for found in now.values()} == {"RUNNING"}
    assert master.stop() == 0
    for number in range(50):
        *lines, end = (machine.folder / f"{number:02}.log").read_text().splitlines()
        assert end == "end"
        assert lines == [str(count) for count in range(len(lines))]
    assert machine.state_files == []


def test_a_program_that_was_started_in_the_moment_of_the_kill_loses_no_line_either(machine):
    """A program whose pid was not recorded before the kill is adopted by its tag and its pipes."""
    log = machine.folder / "count.log"
    machine.write(f"[program:count]\ncommand={COUNTER}\nstartsecs=0\nredirect_stderr=true\nstdout_logfile={log}\n")
    first = machine.start()
    says(first, "success: count entered RUNNING")
    pid = machine.processes(first)["count"]["pid"]
    machine.kill(first)
    (file,) = machine.state_files
    lines = file.read_bytes().split(b"\n")
    file.write_bytes(b"\n".join(line for line in lines if not line.startswith(b'["="')))
    second = machine.start()
    says(second, f"adopted: 'count' with pid {pid}")
    assert second.ctl("stop", "count").returncode == 0
    *numbers, end = log.read_text().splitlines()
    assert end == "end"
    assert numbers == [str(number) for number in range(len(numbers))]


def test_an_adopted_program_that_ends_is_told_how_and_is_started_again(machine):
    """The exit status of an adopted program comes from the kernel (Linux 6.15), or is reported as unknown."""
    machine.write(f"[program:x]\ncommand={OBEDIENT}\nstartsecs=0\nready=log:armed\nautorestart=unexpected\n")
    first = machine.start()
    says(first, "success: x")
    machine.kill(first)
    second = machine.start()
    says(second, "adopted: 'x'")
    second.ctl("signal", "USR1", "x")
    assert says(second, "exited: x").endswith(("(exit status 3; not expected)", "(exit status unknown; not expected)"))
    says(second, "spawned: 'x'")
    assert second.stop() == 0


def test_an_adopted_program_is_stopped_with_its_own_signal_and_its_status_is_what_it_was(machine):
    """Stop and restart work for adopted programs, with their own stop signals."""
    machine.write(f"[program:x]\ncommand={SLEEPER}\nstopsignal=INT\nstartsecs=0\n")
    first = machine.start()
    says(first, "success: x")
    pid = machine.processes(first)["x"]["pid"]
    machine.kill(first)
    second = machine.start()
    says(second, "adopted: 'x'")
    assert second.ctl("restart", "x").stdout == "x: stopped\nx: started\n"
    assert machine.processes(second)["x"]["pid"] != pid
    assert has_ended(pid)


def test_what_it_is_given_after_the_adoption_reaches_its_stdin(machine):
    """Stdin of an adopted program works; a read that waits when the master is killed gets the end of the file."""
    echo = python(
        "import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1}); print('armed', flush=True)\n"
        "signal.sigwait({signal.SIGUSR1})\nprint('got', input(), flush=True)"
    )
    machine.write(f"[program:x]\ncommand={echo}\nstartsecs=0\nstdout_logfile=-\n")
    first = machine.start()
    first.expect("^armed$")
    machine.kill(first)
    second = machine.start()
    says(second, "adopted: 'x'")
    (socket,) = machine.runtime_dir.glob("procman/*.sock")
    with contextlib.closing(Client(f"unix://{socket}")) as client:
        client.exchange("POST", "/v1/processes/x/stdin", b"hello\n")
    second.ctl("signal", "USR1", "x")
    second.expect("^got hello$")


def test_auto_logs_of_adopted_programs_are_gone_on_with(machine):
    """AUTO logs of adopted programs are continued, not removed as old ones."""
    machine.write(f"[program:x]\ncommand={COUNTER}\nstartsecs=0\n[program:y]\ncommand={SLEEPER}\nstartsecs=0\n")
    first = machine.start()
    says(first, "success: y")
    before = machine.processes(first)
    machine.kill(first)
    machine.write(f"[program:x]\ncommand={COUNTER}\nstartsecs=0\n")
    second = machine.start()
    says(second, "success: x")
    after = machine.processes(second)
    assert after["x"]["stdout_logfile"] == before["x"]["stdout_logfile"]
    assert second.stop() == 0
    *lines, end = Path(before["x"]["stdout_logfile"]).read_text().splitlines()
    assert (lines, end) == ([str(count) for count in range(len(lines))], "end")
    assert not os.path.exists(before["y"]["stdout_logfile"])


def test_a_program_that_is_not_in_the_file_any_more_is_stopped(machine):
    """A program that is no longer in the file is stopped, with its own stop signal."""
    machine.write(f"[program:x]\ncommand={SLEEPER}\nstopsignal=INT\nstartsecs=0\n")
    first = machine.start()
    says(first, "success: x")
    machine.kill(first)
    machine.write(f"[program:y]\ncommand={SLEEPER}\nstartsecs=0\n")
    second = machine.start()
    assert "is not in the configuration any more: stopping it with SIGINT" in says(second, "x (pid ")
    says(second, "has ended")
    assert list(machine.processes(second)) == ["y"]


def test_a_program_whose_definition_has_changed_is_replaced(machine):
    """Changed options apply in place if possible; otherwise the program is replaced."""
    machine.write(
        f"[program:x]\ncommand={SLEEPER}\nstartsecs=0\n[program:y]\ncommand={SLEEPER}\nstartsecs=0\npriority=1000\n"
    )
    first = machine.start()
    says(first, "success: y")
    before = machine.processes(first)
    machine.kill(first)
    machine.write(
        f"[program:x]\ncommand={OBEDIENT}\nstartsecs=0\n"
        f"[program:y]\ncommand={SLEEPER}\nstartsecs=0\npriority=1001\nstopwaitsecs=3\n"
    )
    second = machine.start()
    says(second, "x is restarted: it was started with another definition")
    says(second, "spawned: 'x'")
    after = machine.processes(second)
    assert after["x"]["pid"] != before["x"]["pid"]
    assert after["y"]["pid"] == before["y"]["pid"]


def test_a_master_that_is_killed_while_it_replaces_a_program_leaves_that_to_the_next(machine):
    """If a master is killed while it replaces a program, the next one completes that."""
    machine.write(f"[program:x]\ncommand={STUBBORN}\nstartsecs=0\nstdout_logfile=-\n")
    first = machine.start()
    says(first, "armed")
    machine.kill(first)
    machine.write(f"[program:x]\ncommand={SLEEPER}\nstartsecs=0\nstopwaitsecs=1000\n")
    second = machine.start()
    says(second, "x is restarted: it was started with another definition")
    machine.kill(second)
    third = machine.start()
    says(third, "x is restarted: it was started with another definition")
    os.kill(machine.processes(third)["x"]["pid"], signal.SIGKILL)
    says(third, "spawned: 'x'")


def test_orphans_stop_replaces_all_of_them(machine):
    """With orphans=stop, each program is stopped before it is started again."""
    machine.write(f"[program:x]\ncommand={SLEEPER}\nstartsecs=0\n", master="orphans=stop")
    first = machine.start()
    says(first, "success: x")
    pid = machine.processes(first)["x"]["pid"]
    machine.kill(first)
    second = machine.start()
    says(second, "x is restarted: orphans=stop")
    says(second, "stopped: x")
    says(second, "spawned: 'x'")
    assert machine.processes(second)["x"]["pid"] != pid


def test_orphans_ignore_leaves_them_alone(machine):
    """With orphans=ignore, each program runs twice, as under supervisord, and the log says so."""
    machine.write(f"[program:x]\ncommand={SLEEPER}\nstartsecs=0\n", master="orphans=ignore")
    first = machine.start()
    says(first, "success: x")
    pid = machine.processes(first)["x"]["pid"]
    born = identity(pid)
    machine.kill(first)
    second = machine.start()
    says(second, f"x (pid {pid}) of an earlier master still runs, and is left alone")
    says(second, "spawned: 'x'")
    assert second.stop() == 0
    assert identity(pid) == born
    os.kill(pid, signal.SIGKILL)


def test_an_event_listener_that_has_not_ended_with_its_input_is_started_again(machine):
    """An event listener is replaced, because its unanswered event was lost with the master."""
    listener = python(
        "import sys, time\nwhile True:\n sys.stdout.write('READY\\n'); sys.stdout.flush()\n"
        " head = sys.stdin.readline() or time.sleep(1000)\n"
        " header = dict(word.split(':') for word in head.split())\n"
        " sys.stdin.read(int(header['len'])); sys.stdout.write('RESULT 2\\nOK')\n"
    )
    machine.write(f"[eventlistener:x]\ncommand={listener}\nevents=PROCESS_STATE\nstartsecs=0\n")
    first = machine.start()
    says(first, "success: x")
    machine.kill(first)
    second = machine.start()
    says(second, "x is restarted: what it was told by the other master is not known")
    says(second, "spawned: 'x'")
    assert second.stop() == 0


def test_a_second_master_does_not_start_although_the_socket_was_removed(machine):
    """A second master does not start even if the socket file was removed."""
    machine.write(f"[program:x]\ncommand={SLEEPER}\nstartsecs=0\n")
    first = machine.start()
    says(first, "success: x")
    for socket in machine.runtime_dir.glob("procman/*.sock"):
        socket.unlink()
    second = machine.start()
    assert second.to_the_end() == 2
    assert f"procman is already running with this configuration (pid {first.process.pid})" in second.text
    assert first.stop() == 0


def test_after_a_reload_with_another_socket_nothing_runs_twice_either(machine):
    """After a reload with another socket, the next master still finds the running programs."""
    program = f"[program:x]\ncommand={SLEEPER}\nstartsecs=0\n"
    machine.write(program)
    first = machine.start()
    says(first, "success: x")
    machine.write(f"[unix_http_server]\nfile={machine.runtime_dir}/other.sock\n{program}")
    first.signal(signal.SIGHUP)
    says(first, "stopped: x")
    says(first, "success: x")
    pid = machine.processes(first)["x"]["pid"]
    machine.kill(first)
    second = machine.start()
    says(second, f"adopted: 'x' with pid {pid}")
    assert second.stop() == 0
    assert machine.state_files == []


def test_a_state_file_that_makes_no_sense_is_no_reason_not_to_start(machine):
    """A master starts despite an invalid state file, as if there were none."""
    machine.write(f"[program:x]\ncommand={SLEEPER}\nstartsecs=0\n")
    first = machine.start()
    says(first, "success: x")
    (state,) = machine.state_files
    assert first.stop() == 0
    assert machine.state_files == []
    state.write_bytes(b'\0\xff{[["+", 1]\n["procman", 99, "x"]\n["=", "nobody", 1, 2, 3]\n')
    second = machine.start()
    says(second, "success: x")
    assert second.stop() == 0


def test_a_run_goes_on_and_what_is_done_is_not_run_again_after_a_kill(machine):
    """The adopted one-shot ends as any does; its client gets the exit status from the next master."""
    task = python(
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(9))\n"
        "print('ready', flush=True)\n"
        "while True: time.sleep(60)"
    )
    machine.write(
        f"[program:quick]\ncommand=/bin/true\ntype=oneshot\n[program:task]\ncommand={task}\ntype=oneshot\n"
        "run_timeout=1h\n[program:job]\ncommand=/bin/true\nschedule=every 9h\nrun_on_start=true\n"
    )
    first = machine.start()
    # Any may come first.
    for _ in range(3):
        first.expect("(done: quick|running: task|done: job)")
    pid = machine.processes(first)["task"]["pid"]
    machine.kill(first)
    second = machine.start()
    second.expect("adopted: 'task'")
    said = [second.expect("(quick|job) was done before the earlier master ended: (.*)").groups() for _ in range(2)]
    assert dict(said) == {"quick": "it is not run again", "job": "it runs by its schedule"}
    known = machine.processes(second)
    assert known["quick"]["done"]
    assert re.search(r", done in \d", known["quick"]["description"])
    assert known["task"]["pid"] == pid
    assert second.ctl("stop", "task").returncode == 0
    assert second.ctl("run", "quick").returncode == 0


def test_what_was_ready_is_ready_after_a_kill_and_nobody_looks_again(machine):
    """Its condition does not hold any more, as a file that it needs only to start; one that is told cannot be again."""
    flag = machine.folder / "flag"
    starts = f"sh -c 'touch {flag}; exec sleep 1000'"
    waits = "sh -c 'exec sleep 1000'"
    machine.write(
        f"[program:web]\ncommand={starts}\nready=file:{flag}\nready_interval=50ms\nstart_timeout=none\n"
        f"[program:mute]\ncommand={waits}\nready=notify\n"
        "[program:app]\ncommand=sleep 1000\nstartsecs=0\ndepends_on=web\n"
    )
    first = machine.start()
    first.expect("spawned: 'app'")
    (web,) = [line for line in first.ctl("graph", "web").stdout.splitlines() if line.startswith("web")]
    assert "RUNNING  ready " in web
    flag.unlink()
    machine.kill(first)
    second = machine.start()
    second.expect("success: web entered RUNNING state")
    second.expect(r"mute may not be ready: it cannot say that again \(notify\), so it counts as said")
    second.expect("success: app entered RUNNING state")
    assert machine.processes(second)["web"]["statename"] == "RUNNING"
    assert web in second.ctl("graph", "web").stdout.splitlines()


def test_a_pause_of_health_checks_stays_after_a_kill(machine):
    """Whoever takes a dump of a program is not disturbed by the next master, until the pause is ended."""
    machine.write("[program:web]\ncommand=sleep 1000\nstartsecs=0\nhealth=exec:false\nhealth_interval=1h\n")
    first = machine.start()
    first.expect("success: web entered RUNNING state")
    assert first.ctl("health", "--pause", "10m", "--reason", "a heap dump", "web").returncode == 0
    machine.kill(first)
    second = machine.start()
    second.expect("adopted: 'web'")
    assert "health paused for 9 m (a heap dump)" in machine.processes(second)["web"]["description"]
    assert second.ctl("health", "--pause", "0", "web").returncode == 0
    machine.kill(second)
    third = machine.start()
    third.expect("adopted: 'web'")
    assert "paused" not in machine.processes(third)["web"]["description"]


@pytest.mark.parametrize("hook", ["pre_start", "post_stop", "post_start"])
def test_a_hook_of_a_killed_master_is_killed_and_begun_anew(machine, hook):
    """The next master finds it by its tag, also where its program has ended."""
    go, begun = machine.folder / "go", machine.folder / "begun"
    command = f"sh -c 'touch {begun}; until [ -e {go} ]; do sleep 0.05; done'"
    machine.write(f"[program:x]\ncommand={SLEEPER}\nstartsecs=0\n{hook}={command}\n")
    first = machine.start()
    if hook == "post_stop":
        says(first, "success: x")
        os.kill(machine.processes(first)["x"]["pid"], signal.SIGTERM)
    while not begun.exists():
        assert first.process.poll() is None
        os.sched_yield()
    machine.kill(first)
    second = machine.start()
    says(second, f"{hook} of x still ran, which an earlier master has begun: killed")
    says(second, f"{hook} of 'x': sh begins")
    go.touch()
    says(second, f"{hook} of 'x': sh is done")
    machine.processes(second)


def test_what_ended_while_there_was_no_master_has_its_post_stop(machine):
    """Before it is started again, whether its end is seen by its pid or, as that of a zombie, by its pidfd."""
    machine.write(f"[program:x]\ncommand={SLEEPER}\nstartsecs=0\npost_stop=sh -c true\n")
    first = machine.start()
    says(first, "success: x")
    pid = machine.processes(first)["x"]["pid"]
    machine.kill(first)
    os.kill(pid, signal.SIGKILL)
    while not has_ended(pid):
        os.sched_yield()
    second = machine.start()
    says(second, "post_stop of 'x': sh is done")
    says(second, "spawned: 'x'")
