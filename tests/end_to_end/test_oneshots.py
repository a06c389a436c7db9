"""One-shots in a real master, and `procmanctl run`, which follows them."""

import json
import os
import re
import signal
import subprocess
import sys

import pytest

from procman.client.api_client import ApiError
from tests.support.log_lines import PATIENCE
from tests.support.running_master import SLEEPER, RunningMaster, python

_BYE = (
    "import os, signal, sys, time\n"
    "def bye(*_): os.write(1, b'bye\\n'); sys.exit(9)\n"
    "signal.signal(signal.SIGTERM, bye); os.write(1, b'ready\\n')\n"
    "while True: "
)
BYE = python(f"{_BYE}time.sleep(60)")
# A line every tenth of a second, in one write, shows a client that it follows.
TALK = python(f"{_BYE}time.sleep(0.1); sys.stdout.write('still here\\n')")


def task(name, command, *lines):
    """A section of a one-shot."""
    return "\n".join([f"[program:{name}]", f"command={command}", "type=oneshot", *lines, ""])


def following(master, *words):
    """A procmanctl in the background, in a session of its own."""
    call = [sys.executable, "-m", "procman.cli.procmanctl", "-s", f"unix://{master.socket}", *words]
    return subprocess.Popen(call, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)


def info(master, name):
    return master.call("GET", f"/v1/processes/{name}")["processes"][0]


def test_a_task_that_ends_at_once_is_done(tmp_path):
    """`status` says so, with exit status 0, and XML-RPC has it as EXITED."""
    with RunningMaster(tmp_path, task("quick", "/bin/true")) as master:
        master.wait_for("done: quick (exit status 0)")
        shown = master.ctl("status", "quick")
        assert shown.returncode == 0, shown
        assert "EXITED" in shown.stdout
        assert re.search(r", done in \d", shown.stdout)
        known = info(master, "quick")
        assert (known["phase"], known["done"], known["wanted"]) == ("done", True, False)
        why = master.ctl("why", "quick")
        assert why.returncode == 0
        assert "quick has been EXITED (done)" in why.stdout
        assert master.ctl("health").returncode == 0


def test_a_task_that_fails_is_tried_again_and_given_up(tmp_path):
    """As often as startretries says; the exit status of `status` says that something is wrong."""
    command = "/bin/sh -c 'echo broken >&2; exit 3'"
    with RunningMaster(tmp_path, task("bad", command, "startretries=1", "backoff=50ms")) as master:
        master.wait_for("bad is FATAL after 2 tries: exit status 3; its last line on stderr: broken")
        assert master.text.count("spawned: 'bad'") == 2
        assert master.ctl("status", "bad").returncode == 3
        assert "2 failed tries" in master.ctl("why", "bad").stdout


def test_a_task_that_takes_too_long_is_stopped_and_has_failed(tmp_path):
    """With the time that it had as the reason, for `why`, the journal and the log."""
    with RunningMaster(tmp_path, task("slow", "/bin/sleep 1000", "run_timeout=200ms")) as master:
        master.wait_for("slow timed out after 0.2 s: stopping it")
        master.wait_for("slow is FATAL after 1 try: timed out after 0.2 s; terminated by SIGTERM")
        assert "timed out after 0.2 s" in master.ctl("status").stdout
        why = master.ctl("why", "slow").stdout
        assert "timed out after 0.2 s; terminated by SIGTERM; by procman: its run_timeout was over" in why
        metrics = master.ctl("metrics").stdout
        assert 'procman_runs_total{group="slow",name="slow",result="timeout"} 1' in metrics
        assert "procman_last_success_time_seconds{" not in metrics


def test_critical_counts_a_failure_and_not_a_success(tmp_path):
    """The master ends with the exit status of the one that has failed."""
    programs = task("good", "/bin/true", "critical=true") + task(
        "bad", "/bin/sh -c 'exit 4'", "critical=true", "autostart=false"
    )
    with RunningMaster(tmp_path, programs) as master:
        master.wait_for("done: good")
        assert master.ctl("run", "bad").returncode == 4
        assert master.process.wait(PATIENCE) == 4


def test_run_passes_on_a_megabyte_and_the_exit_status(tmp_path):
    """Byte for byte, to the stream that it was written to; the log has the same."""
    code = "import os, sys\nfor n in range(256): os.write(1, bytes([n]) * 4096)\nos.write(2, b'end'); sys.exit(7)"
    with RunningMaster(
        tmp_path, task("big", python(code), "autostart=false", f"stdout_logfile={tmp_path}/log")
    ) as master:
        master.wait_for("procman started")
        client = following(master, "run", "big")
        out, err = client.communicate(timeout=PATIENCE)
        assert client.returncode == 7
        assert out == b"".join(bytes([n]) * 4096 for n in range(256))
        assert err == b"endprocmanctl: big: FATAL (exit status 7; stderr: end)\n" or err.startswith(b"end")
        assert (tmp_path / "log").read_bytes() == out


def test_run_takes_arguments_and_variables_whose_values_nobody_sees(tmp_path):
    """Blanks in an argument stay; the next run has none of it."""
    code = "import os, sys; print(sys.argv[1:], os.environ.get('TOKEN'))"
    with RunningMaster(tmp_path, task("show", python(code), "autostart=false")) as master:
        master.wait_for("procman started")
        ran = master.ctl("run", "--env", "TOKEN=hush", "show", "--", "--fake", "a  b")
        assert (ran.returncode, ran.stdout) == (0, "['--fake', 'a  b'] hush\n")
        assert master.ctl("run", "show").stdout == "[] None\n"
        told = [master.ctl(*words).stdout for words in (("events",), ("history", "show"), ("why", "show"))]
        told += [json.dumps(master.call("GET", "/v1/operations")), master.text]
        assert all("hush" not in text for text in told)
        assert "run show --env TOKEN=… -- --fake a  b" in told[1]


def test_ctrl_c_stops_the_run_and_shows_its_last_words(tmp_path):
    """The exit status is that of the run."""
    with RunningMaster(tmp_path, task("bye", BYE, "autostart=false")) as master:
        master.wait_for("procman started")
        client = following(master, "run", "bye")
        assert client.stdout.readline() == b"ready\n"
        os.kill(client.pid, signal.SIGINT)
        out, err = client.communicate(timeout=PATIENCE)
        assert (client.returncode, out) == (9, b"bye\n")
        assert b"stopping bye; Ctrl-C again leaves it alone" in err
        assert info(master, "bye")["statename"] == "STOPPED"


def test_ctrl_c_in_the_middle_of_a_write(tmp_path):
    """Is heard after it: what is written then goes through the same buffer, which cannot be entered twice."""
    code = (
        "import io, os, signal, sys\n"
        "from procman.cli.procmanctl import main\n"
        "class Interrupted(io.FileIO):\n"
        "    def write(self, data):\n"
        "        if bytes(data) == b'ready\\n': os.kill(os.getpid(), signal.SIGINT)\n"
        "        return super().write(data)\n"
        "sys.stdout = io.TextIOWrapper(io.BufferedWriter(Interrupted(1, 'w', closefd=False)))\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    with RunningMaster(tmp_path, task("bye", BYE, "autostart=false")) as master:
        master.wait_for("procman started")
        call = [sys.executable, "-c", code, "-s", f"unix://{master.socket}", "run", "bye"]
        ran = subprocess.run(call, capture_output=True, timeout=PATIENCE, check=False)
    assert (ran.returncode, ran.stdout) == (9, b"ready\nbye\n"), ran.stderr
    assert ran.stderr.startswith(b"procmanctl: stopping bye; ")


def test_a_run_goes_on_without_its_client_and_can_be_followed_again(tmp_path):
    """A second `run` is refused, with the command that follows the first."""
    with RunningMaster(tmp_path, task("bye", TALK, "autostart=false")) as master:
        master.wait_for("procman started")
        client = following(master, "run", "bye")
        assert client.stdout.readline() == b"ready\n"
        client.kill()
        client.communicate(timeout=PATIENCE)
        refused = master.ctl("run", "bye")
        assert refused.returncode == 1
        assert "procmanctl run --attach bye follows it" in refused.stdout
        again = following(master, "run", "--attach", "bye")
        assert again.stdout.readline() == b"still here\n"
        master.ctl("stop", "bye")
        out, _ = again.communicate(timeout=PATIENCE)
        assert (again.returncode, out.splitlines()[-1]) == (9, b"bye")


def test_what_cannot_be_run_is_refused_with_what_to_do(tmp_path):
    """A service that is up, several processes, a name that is not there, a command that is not there."""
    programs = f"[program:web]\ncommand={SLEEPER}\n" + task("gone", "/nonexistent/x", "autostart=false")
    with RunningMaster(tmp_path, programs) as master:
        master.wait_for("spawned: 'web'")
        for words, said in (
            (("run", "web"), "procmanctl restart web restarts it"),
            (("run", "all"), "name one of them"),
            (("run", "wep"), "no such process or group: wep"),
            (("run", "gone"), "can't find command"),
        ):
            ran = master.ctl(*words)
            assert ran.returncode == 1, ran
            assert said in ran.stdout
        assert master.ctl("run").returncode == 2
        assert master.ctl("run", "--env", "x", "web").returncode == 2


def test_a_detached_run_is_an_operation(tmp_path):
    """Its outcome is that of the run."""
    with RunningMaster(tmp_path, task("bad", "/bin/sh -c 'exit 3'", "autostart=false")) as master:
        master.wait_for("procman started")
        number = json.loads(master.ctl("run", "--detach", "bad", "--json").stdout)["operation"]
        operation = master.call("GET", f"/v1/operations/{number}?timeout={int(PATIENCE)}")
        assert (operation["kind"], operation["targets"]) == ("run", ["bad"])
        assert operation["results"][0]["status"] == "ABNORMAL_TERMINATION"


def test_a_client_follows_its_run_over_an_upgrade(tmp_path):
    """And gets the exit status from the new code."""
    with RunningMaster(tmp_path, task("bye", BYE, "autostart=false")) as master:
        master.wait_for("procman started")
        client = following(master, "run", "bye")
        assert client.stdout.readline() == b"ready\n"
        assert master.ctl("upgrade").returncode == 0
        assert b"the master was replaced" in client.stderr.readline()
        master.ctl("stop", "bye")
        out, _ = client.communicate(timeout=PATIENCE)
        assert (client.returncode, out) == (9, b"bye\n")


def test_what_is_done_stays_done_over_an_upgrade(tmp_path):
    """Nothing is run again."""
    with RunningMaster(tmp_path, task("quick", "/bin/true")) as master:
        master.wait_for("done: quick")
        assert master.ctl("upgrade").returncode == 0
        assert info(master, "quick")["done"]
        assert master.text.count("spawned: 'quick'") == 1


def test_a_request_that_makes_no_sense_is_refused_in_words(tmp_path):
    """Nothing is started by it."""
    bodies = (
        {"args": [1]},
        {"args": "x"},
        {"env": ["X=1"]},
        {"env": {"X": 1}},
        {"env": {"X=Y": "1"}},
        {"args": ["a\0b"]},
        {"args": ["\ud800"]},
        {"args": ["x"] * 1001},
        {"env": {"X": "x" * 100_001}},
        {"follow": "no"},
    )
    with RunningMaster(tmp_path, task("quick", "/bin/true", "autostart=false")) as master:
        master.wait_for("procman started")
        for body in bodies:
            with pytest.raises(ApiError) as refused:
                master.call("POST", "/v1/processes/quick/run", body)
            assert refused.value.code == "BAD_ARGUMENTS", body
        with pytest.raises(ApiError, match="is not running"):
            master.call("GET", "/v1/processes/quick/run")
        assert "spawned" not in master.text
