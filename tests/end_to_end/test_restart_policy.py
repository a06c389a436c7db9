"""Delays, limits and the brake of restarts in a real master."""

import json

from tests.support.faulty_master import FaultyMaster
from tests.support.log_lines import PATIENCE
from tests.support.running_master import RunningMaster


def test_a_program_that_ends_at_once_is_braked_and_the_log_says_so_once(tmp_path):
    """`procmanctl status` shows that it waits; `retry` starts it now, with its counts begun anew."""
    loop = "[program:loop]\ncommand=sh -c 'exit 3'\nstartsecs=0\nautorestart=true\n"
    with RunningMaster(tmp_path, loop) as master:
        at = master.wait_for("loop: started more than 10 times in 10 s: from now on at most once a second")
        at = master.wait_for("spawned: 'loop'", after=at)
        master.wait_for("spawned: 'loop'", after=at)
        assert master.text.count("at most once a second") == 1
        assert master.text.count("spawned: 'loop'") >= 12
        retried = master.ctl("retry", "loop")
        assert retried.returncode in {0, 7}, retried
        operations = master.call("GET", "/v1/operations")["operations"]
        assert (operations[0]["kind"], operations[0]["targets"]) == ("retry", ["loop"])


def test_a_delay_is_logged_and_the_limit_says_what_has_reached_it(tmp_path):
    """FATAL has the count, the time and the ends; `start` works all the same."""
    lines = "startsecs=0\nautorestart=true\nbackoff=100ms\nbackoff_jitter=0\nrestart_limit=2/60s\n"
    with RunningMaster(tmp_path, f"[program:web]\ncommand=sh -c 'exit 3'\n{lines}") as master:
        master.wait_for("web: next try in 0.1 s")
        master.wait_for("gave up: web entered FATAL state, restart_limit is reached")
        at = master.wait_for("web is FATAL after 2 restarts in 60 s (2 x exit status 3): exit status 3")
        assert "2 restarts in 60 s (2 x exit status 3)" in master.ctl("status").stdout
        master.ctl("start", "web")
        master.wait_for("restart_limit is reached", after=at)
        assert master.ctl("retry", "web").returncode in {0, 7}


def test_status_says_when_the_next_try_is_where_supervisor_has_no_words_for_it(tmp_path):
    """A delay after an exit, or with backoff; a failed start of a file without new options has supervisor's words."""
    text = (
        "[program:ended]\ncommand=sh -c 'exit 3'\nstartsecs=0\nautorestart=true\nbackoff=1h\nbackoff_jitter=0\n"
        "[program:failed]\ncommand=sh -c 'exit 3'\nstartsecs=100\nbackoff=1h\nbackoff_jitter=0\n"
        "[program:plain]\ncommand=sh -c 'exit 3'\nstartsecs=100\nstartretries=100000\n"
    )
    with RunningMaster(tmp_path, text) as master:
        master.wait_for("ended: next try in 3600 s")
        master.wait_for("exited: failed")
        too_quickly = "Exited too quickly (process log may have details)"
        for name, reason in (("ended", "Bad exit code 3"), ("failed", too_quickly)):
            info = master.info(name)
            assert info["phase"] == "retry"
            assert info["description"] in {f"{reason}, next try in {left}" for left in ("1 h", "59 m")}
            assert 3500 < info["next"] - info["now"] < 3602
        while (plain := master.info("plain"))["statename"] != "BACKOFF":
            pass
        assert plain["description"] == too_quickly
        assert "ended: BACKOFF: exit status 3, next try in 3" in master.ctl("status", "--long").stdout


def test_a_limit_may_end_the_master_with_the_status_of_the_program(tmp_path):
    """So that a container ends when its program cannot be kept up."""
    lines = "startsecs=0\nautorestart=true\nrestart_limit=3/60s\non_restart_limit=shutdown\n"
    with RunningMaster(tmp_path, f"[program:web]\ncommand=sh -c 'exit 3'\n{lines}") as master:
        master.wait_for("web: 3 restarts in 60 s (3 x exit status 3) and on_restart_limit=shutdown: shutting down")
        assert master.process.wait(PATIENCE) == 3


def test_the_first_start_after_a_failure_has_the_variables_of_debug_restart(tmp_path):
    """The next ones have not, and no output of procman shows a value that may be a secret."""
    code = "sh -c 'echo debug=$DEBUG; sleep 0.05; exit 1'"
    lines = 'startsecs=0\nautorestart=true\nbackoff=50ms\nrestart_limit=2/60s\ndebug_restart=DEBUG="yes",TOKEN="hush"\n'
    with RunningMaster(tmp_path, f"[program:web]\ncommand={code}\nstdout_logfile={tmp_path}/out\n{lines}") as master:
        master.wait_for("web is FATAL")
        said = ["debug=", "debug=yes", "debug="]
        # On a busy machine, the end of a program does not wait for the disk.
        FaultyMaster.wait_until(lambda: (tmp_path / "out").read_text().split() == said)
        settings = master.ctl("config", "web", "--json").stdout
        assert "hush" not in settings
        assert {"option": "debug_restart", "variable": "DEBUG"}.items() <= next(
            one for one in json.loads(settings)["sections"][0]["settings"] if one.get("variable") == "DEBUG"
        ).items()


def test_what_does_not_wait_for_a_try_is_not_retried(tmp_path):
    """It is said of each; a group means those of it that wait."""
    with RunningMaster(tmp_path, "[program:web]\ncommand=sleep 1000\nautostart=false\n") as master:
        master.wait_for("procman started")
        asked = master.ctl("retry", "web")
        assert (asked.returncode, asked.stdout) == (7, "web: ERROR (not running)\n")
        assert master.ctl("retry", "all").returncode == 0
        assert master.ctl("retry", "wep").returncode == 1
