"""`procman check --budget` and `procmanctl stop-plan` print the same plan, from a file and from a running master."""

import json

import pytest

from procman.cli import procman as command
from tests.support.fake_master import Refusal, result

FILE = """\
[program:web]
command=/bin/true
stopwaitsecs=10
[program:cache]
command=/bin/true
stopwaitsecs=4
[program:db]
command=/bin/true
stopwaitsecs=20
priority=10
[supervisord]
"""

PLAN = """\
a shutdown takes at most 31 s:
  10 s  priority 999    web (1 quicker)
  20 s  priority 10     db
   1 s  procman itself
"""

CHANGES = """\
either change
  [program:web] stopwaitsecs = 4 (now 10)
  [program:db] stopwaitsecs = 5 (now 20)
or limit the shutdown, so that SIGKILL comes earlier
  [supervisord] shutdown_timeout = 10 (not set)
or wait for 31 s
  docker stop -t 31, stop_grace_period: 31s, terminationGracePeriodSeconds: 31
"""

HOOKED = """\
[program:web]
command=/bin/true
on_failure=/bin/true
hook_timeout=25s
[supervisord]
"""

HOOKED_PLAN = """\
a shutdown takes at most 26 s:
  10 s  priority 999    web
  15 s  on_failure      the rest of it, if a program fails just before
   1 s  procman itself
the budget gives 8 s: 18 s too little
either limit the shutdown, so that SIGKILL comes earlier
  [supervisord] shutdown_timeout = 8 (not set)
or wait for 26 s
"""

INFO = {
    "seconds": 31,
    "needed": 31,
    "master": 1,
    "shutdown_timeout": None,
    "waves": [
        {"priority": 999, "level": 0, "seconds": 10, "critical": ["web"], "processes": 2},
        {"priority": 10, "level": 0, "seconds": 20, "critical": ["db"], "processes": 1},
    ],
    "budgets": [
        {
            "name": "budget",
            "seconds": 10,
            "fits": False,
            "over": 21,
            "changes": [
                {"section": "[program:web]", "option": "stopwaitsecs", "before": 10, "after": 4},
                {"section": "[program:db]", "option": "stopwaitsecs", "before": 20, "after": 5},
            ],
            "timeout": {"section": "[supervisord]", "option": "shutdown_timeout", "before": None, "after": 10},
        }
    ],
}


@pytest.fixture
def check(tmp_path, capsys):
    """Run `procman check -c FILE WORDS...`; returns its output after the verdict, and its exit status."""
    file = tmp_path / "supervisord.conf"
    file.write_text(FILE)

    def run(*words, text=FILE):
        file.write_text(text)
        status = command.main(["check", "-c", str(file), *words])
        out = capsys.readouterr().out
        return status, out.partition("\n")[2] if "good;" in out else out

    return run


def test_check_ends_with_the_stop_plan(check):
    """The sum, the slowest programs, and the defaults of docker and Kubernetes are shown; the file is good."""
    assert check() == (
        0,
        PLAN + "docker stop gives 10 s: 21 s too little\nKubernetes gives 30 s: 1 s too little\n"
        "--budget 10s shows what would make it fit\n",
    )


def test_check_with_a_budget_says_what_would_make_it_fit(check):
    """The exit status is 1 although the file is good."""
    assert check("--budget", "10s") == (1, PLAN + "the budget gives 10 s: 21 s too little\n" + CHANGES)
    assert check("--budget", "1m") == (0, PLAN + "the budget gives 60 s: fits\n")


def test_the_time_of_on_failure_is_in_the_sum_and_no_stopwaitsecs_shortens_it(check):
    """A program may fail just before the shutdown: the command is waited for, beside the waves."""
    status, out = check("--budget", "8s", text=HOOKED)
    assert (status, out.rpartition("  docker")[0]) == (1, HOOKED_PLAN)


def test_check_json_holds_the_plan(check):
    """The exit status is the same."""
    status, out = check("--budget=10", "--json")
    assert status == 1
    assert json.loads(out)["stop_plan"] == INFO
    assert check("--budget=31", "--json")[0] == 0
    assert check("--json")[0] == 0


def test_a_file_that_cannot_be_used_has_no_plan(check):
    """The exit status is that of bad usage, as without a budget."""
    status, out = check("--budget=10", "--json", text="[program:x]\n")
    assert status == 2
    assert "stop_plan" not in json.loads(out)


def test_a_shutdown_timeout_limits_the_plan(check):
    """The plan shows what the timeout cuts, and that it fits then."""
    status, out = check("--budget=10", text=FILE + "shutdown_timeout=9s\n")
    assert out.splitlines()[0] == "a shutdown takes at most 9 s:"
    assert out.splitlines()[-2:] == ["  cut from 31 s to 9 s by shutdown_timeout", "the budget gives 10 s: fits"]
    assert status == 0


def test_a_budget_that_is_no_time_is_bad_usage(check, capsys):
    """The message shows what is expected."""
    assert command.main(["check", "-c", "/nowhere", "--budget", "soon"]) == 2


def test_procmanctl_prints_the_plan_of_the_master(ctl, master):
    """The words are the same; with a budget the exit status says whether it fits."""
    master.answers["GET", "/v1/stop-plan"] = {**INFO, "budgets": [{**INFO["budgets"][0], "fits": True, "over": 0}]}
    master.answers["GET", "/v1/stop-plan?budget=10s"] = INFO
    ran = ctl("stop-plan")
    assert (ran.text, ran.status) == (PLAN + "the budget gives 10 s: fits\n", 0)
    for words in (["--budget", "10s"], ["--budget=10s"]):
        ran = ctl("stop-plan", *words)
        assert (ran.text, ran.status) == (PLAN + "the budget gives 10 s: 21 s too little\n" + CHANGES, 1)
    ran = ctl("stop-plan", "--budget", "10s", "--json")
    assert (json.loads(ran.out), ran.status) == (INFO, 1)


def test_procmanctl_passes_on_what_the_master_says_of_a_budget(ctl, master):
    """The master reads the budget."""
    refusal = Refusal(400, "BAD_ARGUMENTS", "cannot read the duration 'soon': expected something like 10")
    master.answers["GET", "/v1/stop-plan?budget=soon"] = refusal
    ran = ctl("stop-plan", "--budget", "soon")
    assert ran.text == "ERROR: cannot read the duration 'soon': expected something like 10\n"
    assert ran.status == 1


@pytest.mark.parametrize("words", [["now"], ["--budget"], ["--budget", "1", "2"]])
def test_stop_plan_takes_a_budget_and_nothing_else(ctl, words):
    """Other words show the usage."""
    ran = ctl("stop-plan", *words)
    assert ran.text.startswith("Error: stop-plan takes nothing but --budget DURATION\nstop-plan ")
    assert ran.text.endswith(ctl("help", "stop-plan").text)
    assert ran.status == 1


def test_stop_with_a_hyphen_is_still_stop(ctl, master):
    """As in supervisorctl, `stop-plans` means `stop -plans`."""
    master.results("stop", result("-plans"))
    assert ctl("stop-plans").text == "-plans: stopped\n"
