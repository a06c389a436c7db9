"""A real master whose programs are made to fail on purpose: what follows is what was predicted, or that is said."""

import os
import shlex
import signal
from pathlib import Path

from tests.support.pages import DOCS, run_by
from tests.support.running_master import RunningMaster, python
from tests.support.terminals import on_terminal

STACK = (
    "[program:db]\ncommand=sh -c 'echo up; exec sleep 1000'\nready=log:up\nstartsecs=0\n"
    "[program:web]\ncommand=sleep 1000\ndepends_on=db\non_dependency_restart=restart\nstartsecs=0\n"
)
SLEEPS = "[program:web]\ncommand=sleep 1000\nstartsecs=0\n"
# Says that it goes on, if it does.
GOES_ON = python(
    "import os, signal, time\nsignal.signal(signal.SIGCONT, lambda *_: os.write(1, b'goes on\\n'))\nprint('armed')\n"
    "while True: time.sleep(1000)"
)


def pid_of(master, name):
    return int(master.ctl("pid", name).stdout)


def is_stopped(pid):
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def test_a_kill_is_predicted_made_and_judged_and_why_says_whose_it_was(tmp_path):
    """With what depends on it; the journal and the history have the client."""
    with RunningMaster(tmp_path, STACK, master="restart_brake=false") as master:
        master.wait_for("success: web")
        ran = master.ctl("chaos", "db", "--kill", "--yes")
        assert ran.returncode == 0, ran
        lines = ran.stdout.splitlines()
        assert lines[0] == "kill db: by the configuration, this follows:"
        verdicts = [line.split("; ")[0] for line in lines if line.startswith("as expected")]
        assert verdicts == [
            "as expected  db   RUNNING -> EXITED -> STARTING -> RUNNING",
            "as expected  web  RUNNING -> STOPPING -> STOPPED -> STARTING -> RUNNING",
        ]
        assert "chaos db" in master.ctl("why", "web").stdout
        assert "had made it fail on purpose" in master.ctl("why", "web").stdout
        history = master.ctl("history", "db").stdout
        assert "terminated by SIGKILL (stopped by uid" in history
        assert "chaos db" in history
        assert "asked for: chaos db, by uid" in master.ctl("events").stdout


def test_the_command_of_the_page_asks_and_goes_on_with_y(tmp_path):
    """On a terminal it shows what should follow, waits for an answer, and judges, in the words of the page."""
    ((command,),) = run_by("tests/end_to_end/test_chaos.py", DOCS / "how-to" / "test-your-configuration.md")
    asks = next(line for line in command.shown if line.endswith(" y"))
    verdicts = [line.partition(";")[0] for line in command.shown if line.startswith("as expected")]
    with RunningMaster(tmp_path, STACK, master="restart_brake=false") as master:
        master.wait_for("success: web")
        with on_terminal(master, *shlex.split(command.line)[1:], columns=160) as child:
            child.expect_exact(command.shown[0])
            child.expect_exact(asks.removesuffix("y"))
            child.send("y\r")
            for line in ("what happens:", *verdicts):
                child.expect_exact(line)


def test_what_is_otherwise_is_status_1(tmp_path):
    """A program that does not come up again was not in the prediction."""
    once = f"sh -c 'test -e {tmp_path}/gone && exit 3; touch {tmp_path}/gone; exec sleep 1000'"
    config = f"[program:web]\ncommand={once}\nstartretries=0\nready=file:{tmp_path}/gone\n"
    with RunningMaster(tmp_path, config, master="restart_brake=false") as master:
        master.wait_for("success: web")
        ran = master.ctl("chaos", "web", "--kill", "--yes")
        assert ran.returncode == 1
        assert ran.stdout.splitlines()[-1] == (
            "OTHERWISE    web  expected RUNNING -> EXITED -> STARTING -> RUNNING; it was "
            "RUNNING -> EXITED -> STARTING -> BACKOFF -> FATAL"
        )


def test_a_stopped_process_goes_on_when_its_time_is_over_and_its_client_gone(tmp_path):
    """It does, by itself, and that was expected."""
    config = f"[program:web]\ncommand={GOES_ON}\nstartsecs=0\n"
    with RunningMaster(tmp_path, config) as master:
        master.wait_for("success: web")
        master.hear("web", "armed")
        begun = master.call("POST", "/v1/processes/web/chaos", {"what": "stop", "seconds": 1})
        assert begun["expected"] == []
        found = master.call("GET", f"/v1/chaos/{begun['id']}?timeout=20")
        assert (found["over"], found["as_expected"]) == (True, True)
        master.hear("web", "goes on")
        assert not is_stopped(master.info("web")["pid"])


def test_while_a_process_is_stopped_no_other_is_made_to_fail(tmp_path):
    """One at a time; what is asked for meanwhile is refused."""
    with RunningMaster(tmp_path, SLEEPS) as master:
        master.wait_for("success: web")
        master.call("POST", "/v1/processes/web/chaos", {"what": "stop", "seconds": 600})
        pid = master.info("web")["pid"]
        while not is_stopped(pid):  # a signal is carried out by the process that gets it
            os.sched_yield()
        refused = master.ctl("chaos", "web", "--kill", "--yes")
        assert "chaos with web is under way" in refused.stdout
        assert is_stopped(pid)


def test_a_shutdown_does_not_wait_for_a_process_that_is_stopped_by_chaos(tmp_path):
    """It goes on first, and obeys."""
    with RunningMaster(tmp_path, SLEEPS + "stopwaitsecs=600\n") as master:
        master.wait_for("success: web")
        master.call("POST", "/v1/processes/web/chaos", {"what": "stop", "seconds": 600})
        master.process.send_signal(signal.SIGTERM)
        master.wait_for("stopped: web (terminated by SIGTERM)")


def test_looks_that_are_made_to_fail_are_told_as_such(tmp_path):
    """The health check finds it, and restarts it; afterwards it is looked at as ever."""
    # The fault lasts longer than any look of a busy machine, and is over before the next start.
    config = SLEEPS + "health=exec:/bin/true\nhealth_interval=100ms\nhealth_retries=1\nbackoff=3s\nbackoff_jitter=0\n"
    with RunningMaster(tmp_path, config, master="restart_brake=false") as master:
        master.wait_for("success: web")
        ran = master.ctl("chaos", "web", "--unready", "1500ms", "--yes")
        assert ran.returncode == 0, ran
        assert "unhealthy: exec:true was made to fail (chaos)" in ran.stdout
        assert ran.stdout.splitlines()[-1].startswith("as expected  web  RUNNING -> STOPPING -> BACKOFF -> STARTING")
        refused = master.ctl("chaos", "web", "--unready", "2h", "--yes")
        assert "it may last up to an hour" in refused.stdout
