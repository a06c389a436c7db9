"""What is ours goes on, too, from what a master of this version has handed over: hooks, schedules, files, limits."""

import json
from pathlib import Path
from signal import SIGUSR1
from types import SimpleNamespace

import pytest

from procman.core.spec import Hook, ProcessType
from procman.daemon.snapshot import VERSION, read, restored_fleet
from procman.services.hook_results import HookResults
from procman.services.metrics.counters import Counters
from procman.services.run_history import RunHistory

FILE = Path(__file__).parent / "golden" / f"features-{VERSION}.json"


@pytest.fixture(scope="module")
def text():
    """There is one of each version; `python -m tests.daemon.golden.make` makes it."""
    return FILE.read_text()


@pytest.fixture
def snapshot(text):
    return read(json.loads(text))


@pytest.fixture
def programs(snapshot):
    return {program.name: program for group in snapshot.config.groups for program in group.programs}


def test_the_hooks_of_a_program_are_read(programs):
    """With their prefixes, and the signal of a reload."""
    web = programs["web"]
    first, second = web.pre_start
    assert (first.text, first.may_fail, first.as_master) == ("sh -c 'exit 0' \"an argument\"", False, False)
    assert (second.text, second.may_fail) == ("false", True)
    (dump,) = web.before_kill
    assert (dump.text, dump.as_master) == ("true", True)
    assert (web.reload.signal, web.reload.commands) == (SIGUSR1, ())
    assert (web.hook_timeout, web.before_kill_timeout) == (3, 7)
    assert all(web.commands_of(hook) for hook in Hook if hook is not Hook.RELOAD)


def test_what_is_given_from_files_is_read_and_no_value_is_in_it(text, programs):
    """Digests tell whether the files have changed since."""
    web = programs["web"]
    assert web.env_file == ("/srv/golden/web.env", "?/srv/golden/none.env")
    assert web.env_from == ("TOKEN=/srv/golden/token",)
    assert web.credentials == ("db:/srv/golden/db",)
    assert (web.environment_inherit, web.environment_unset) == (("PATH", "LC_*"), ("LC_ALL",))
    digests, folder, *_ = json.loads(text)["engine"]["given"]["runs"]["web"]
    assert digests.keys() == {"COLOUR", "TOKEN"}
    assert "procman-credentials-" in folder
    assert "in-no-snapshot" not in text


def test_limits_and_rotation_are_read(programs):
    web = programs["web"]
    assert (web.memory_restart, web.max_age, web.max_age_jitter) == (1 << 30, 86400, 0)
    assert (web.nice[0], web.oom_score_adj[0]) == (1, 500)
    assert web.rlimit_core[:2] == (0, 0)
    assert (web.stdout_logfile_max_age, web.stdout_logfile_max_total) == (7 * 86400, 1 << 30)


def test_the_fleet_goes_on(snapshot):
    """With the states and phases, and what it waits for."""
    fleet = restored_fleet(snapshot)
    assert {name: (process.state.name, process.phase.value) for name, process in fleet.processes.items()} == {
        "web": ("RUNNING", ""),
        "failed": ("EXITED", ""),
        "unread": ("BACKOFF", "retry"),
        "done": ("EXITED", "done"),
        "nightly": ("EXITED", "scheduled"),
        "hourly": ("RUNNING", ""),
        "off": ("STOPPED", ""),
        "db": ("RUNNING", ""),
        "later": ("STARTING", "unready"),
        "waits": ("STARTING", "waiting"),
    }
    assert {name for name, process in fleet.processes.items() if process.timing.on} == {"nightly", "hourly"}
    assert fleet.processes["unread"].reason == "cannot read env_file /srv/golden/missing.env: there is no such file"
    assert fleet.processes["done"].program.type is ProcessType.ONESHOT
    # The limit of its age is a deadline, and so is the next look at its memory.
    assert fleet.next_deadline() is not None


def test_the_results_of_hooks_go_on(snapshot):
    results = HookResults(restored_fleet(snapshot))
    results.restore(snapshot.hooks)
    found = {(one.namespec, one.hook.value): one.last for one in results.of("all")}
    assert found["web", "pre_start"].result == "ignored"
    assert found["web", "post_start"].words == "sh exited 5"
    assert found["failed", "post_stop"].line == "last words"
    assert found["web", "post_stop"] is None


def test_the_counters_of_hooks_go_on(snapshot):
    counters = Counters()
    counters.restore(snapshot.metrics)
    counters.watch(SimpleNamespace(subscribe=lambda *_: None), restored_fleet(snapshot))
    web = counters.of("web")
    assert web.hook_runs == {"pre_start": 2, "post_start": 1}
    assert web.hook_failures == {"pre_start": 0, "post_start": 1}


def test_runs_and_times_of_schedules_go_on(snapshot):
    """A run that is under way goes on; what is behind a schedule is not run again."""
    history = RunHistory(restored_fleet(snapshot), SimpleNamespace())
    history.restore(snapshot.schedules["runs"])
    assert [run.result for name in ("done", "nightly", "hourly") for run in history.of(name)] == [
        "success",
        "success",
        "running",
    ]
    assert history.last("nightly").by == "boot"
    last, _ = snapshot.schedules["times"]["nightly"]
    assert last > 0


def test_a_master_before_hooks_had_results_hands_over_none(text):
    data = json.loads(text)
    del data["hooks"]
    assert read(data).hooks == {}
