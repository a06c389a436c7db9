"""What a simulation does: starts, waits, ends, restarts and the shutdown are those of the core, at exact times."""

import pytest

from procman.simulator.notation import clock_of
from procman.simulator.scenario import assumptions
from tests.simulator.timelines import lines, scenario, shutdown, simulated

STACK = """
    [program.db]
    command = "db"
    ready = "tcp:5432"
    [program.migrate]
    type = "oneshot"
    command = "migrate"
    depends_on = ["db"]
    [program.web]
    command = "web"
    depends_on = ["db", "migrate"]
    startsecs = 0
"""


def test_a_program_waits_until_what_it_needs_is_ready_or_done(tmp_path):
    """The timeline says what it waits for. A program is ready a second after its start, and a one-shot is done then."""
    assert lines(simulated(tmp_path, STACK), "db", "migrate", "web") == [
        "0 db STARTING",
        "0 migrate STARTING",
        "0 migrate waits for db@ready",
        "0 web STARTING",
        "0 web waits for db@ready, migrate@done",
        "0 db started",
        "1 db RUNNING",
        "1 migrate started",
        "1 migrate RUNNING",
        "2 migrate ended 0",
        "2 migrate EXITED",
        "2 web started",
        "2 web RUNNING",
    ]


def test_what_is_assumed_can_be_set_and_is_said(tmp_path):
    """A later readiness, a longer run, a slow stop; each is one line for people."""
    told = scenario(tmp_path, STACK, {"db": "ready 3s", "migrate": "ends 5s:1", "web": "stop never"})
    assert assumptions(told) == [
        "db: ready 3s after its start",
        "migrate ends 5s after its start, with exit status 1",
        "web does not end on its stop signal",
    ]
    assert "web has no option ready to wait for: it is RUNNING after its startsecs" in assumptions(
        scenario(tmp_path, STACK, {"web": "ready 3s"})
    )
    found = simulated(tmp_path, STACK, {"db": "ready 3s", "migrate": "ends 5s:1"})
    assert lines(found, "migrate")[2:5] == ["3 migrate started", "3 migrate RUNNING", "8 migrate ended 1"]
    assert found.states == {"db": "RUNNING", "migrate": "FATAL", "web": "FATAL"}


def test_a_delay_is_taken_exactly(tmp_path):
    """`delay:` is time, and nothing is assumed of it."""
    text = '[program.a]\ncommand = "a"\nready = "delay:7s"\nstartsecs = 0\n'
    assert lines(simulated(tmp_path, text), "a")[-1] == "7 a RUNNING"
    assert assumptions(scenario(tmp_path, text)) == []


@pytest.mark.parametrize("ready", ["tcp:5432", "notify", "fd", "log:up", "exec:/bin/true", "file:/run/up"])
def test_each_kind_of_readiness_comes_when_it_is_assumed(tmp_path, ready):
    """Also those that the program says by itself."""
    text = f'[program.a]\ncommand = "a"\nready = "{ready}"\nready_interval = "1s"\nstartsecs = 0\n'
    assert lines(simulated(tmp_path, text, {"a": "ready 4s"}), "a")[-1] == "4 a RUNNING"


def test_a_kill_is_followed_by_what_the_core_does(tmp_path):
    """The process starts again, and what is bound to it is restarted when it is ready."""
    text = STACK + '    on_dependency_restart = "restart"\n'
    assert lines(simulated(tmp_path, text, kill="db@20s"), "db", "web")[7:] == [
        "20 db db is killed from outside, by SIGKILL",
        "20 db ended SIGKILL",
        "20 db EXITED",
        "20 db STARTING",
        "20 db started",
        "21 db RUNNING",
        "21 web STOPPING",
        "21 web gets SIGTERM",
        "21 web ended SIGTERM",
        "21 web STOPPED",
        "21 web STARTING",
        "21 web started",
        "21 web RUNNING",
    ]


def test_failing_starts_back_off_until_it_is_given_up(tmp_path):
    """With the delays of the configuration."""
    text = '[program.a]\ncommand = "a"\nstartretries = 2\nbackoff = "2s..60s"\nbackoff_jitter = 0\n'
    starts = [line for line in lines(simulated(tmp_path, text, {"a": "ends 500ms:1"}), "a") if "started" in line]
    assert starts == ["0 a started", "2.5 a started", "7 a started"]


def test_jitter_comes_from_the_seed(tmp_path):
    """One seed always gives one timeline, and another one another."""
    text = '[program.a]\ncommand = "a"\nbackoff = "5s..60s"\nbackoff_jitter = 0.9\n'
    one, again, other = (lines(simulated(tmp_path, text, {"a": "ends 500ms:1"}, seed=seed), "a") for seed in (1, 1, 2))
    assert one == again != other


def test_a_program_that_is_unready_is_found_by_its_health_check(tmp_path):
    """A restart heals it; with a duration, the next run is unready, too."""
    text = '[program.a]\ncommand = "a"\nstartsecs = 0\nhealth = "tcp:80"\nhealth_interval = "1s"\nhealth_retries = 2\n'
    once = simulated(tmp_path, text, unready="a@10s")
    assert [line.split()[1:] for line in lines(once, "a")].count(["a", "RUNNING"]) == 2
    long = simulated(tmp_path, text, unready="a@10s+30s")
    assert [line.split()[1:] for line in lines(long, "a")].count(["a", "RUNNING"]) > 3
    assert long.states == {"a": "RUNNING"}


def test_what_cannot_happen_is_said(tmp_path):
    """A kill of what does not run is no kill."""
    assert simulated(tmp_path, STACK, kill="migrate@30s").impossible == [
        "at 30s: migrate cannot be ended: it is not running (EXITED)"
    ]


def test_dependents_stop_first_and_what_does_not_obey_is_killed_in_its_time(tmp_path):
    """The shutdown has its waves and its deadlines."""
    text = STACK + "    stopwaitsecs = 4\n"
    assert shutdown(simulated(tmp_path, text, {"web": "stop never", "db": "stop 2s"})) == [
        "0 master SHUTDOWN",
        "0 web STOPPING",
        "0 web gets SIGTERM",
        "4 web gets SIGKILL",
        "4 web ended SIGKILL",
        "4 web STOPPED",
        "4 db STOPPING",
        "4 db gets SIGTERM",
        "6 db ended SIGTERM",
        "6 db STOPPED",
        "6 master quit",
    ]


def test_hooks_take_a_moment_and_succeed(tmp_path):
    """A stop_command stops the program."""
    text = (
        '[program.a]\ncommand = "a"\nstartsecs = 0\npre_start = ["x", "y"]\nstop_command = ["z"]\npost_stop = ["w"]\n'
    )
    found = simulated(tmp_path, text)
    assert [line for line in lines(found, "a") if "started" in line or "RUNNING" in line] == [
        "0.2 a started",
        "0.2 a RUNNING",
    ]
    assert "0.1 a ended 0" in shutdown(found)
    assert "0.2 a STOPPED" in shutdown(found)


def test_requests_are_those_of_a_client(tmp_path):
    """A process that was stopped stays down until it is started."""
    found = simulated(tmp_path, STACK, stop="web@5s", start="web@9s")
    assert lines(found, "web")[4:] == [
        "5 web stop web is asked for",
        "5 web STOPPING",
        "5 web gets SIGTERM",
        "5 web ended SIGTERM",
        "5 web STOPPED",
        "9 web start web is asked for",
        "9 web STARTING",
        "9 web started",
        "9 web RUNNING",
    ]


def test_a_lazy_program_starts_with_a_connection_and_stops_when_it_is_idle(tmp_path):
    """Nobody connects by itself."""
    text = """
        [socket.s]
        listen = "tcp://127.0.0.1:1"
        [program.a]
        command = "a"
        sockets = ["s"]
        lazy = true
        idle_stop = "20s"
        startsecs = 0
    """
    assert lines(simulated(tmp_path, text), "a") == ["0 a listening"]
    states = [line for line in lines(simulated(tmp_path, text, connect="a@5s"), "a") if line.isupper() or "ST" in line]
    assert states == ["5 a STARTING", "25 a STOPPING", "25 a STOPPED"]


def test_with_a_clock_a_schedule_comes_at_its_times(tmp_path):
    """In its zone; what comes while a run is under way is left out."""
    text = '[program.a]\ncommand = "a"\nschedule = "0,5 3 * * *"\nschedule_tz = "UTC"\n'
    clock = clock_of("2026-11-29T02:58:30+00:00")
    found = lines(simulated(tmp_path, text, {"a": "ends 6m"}, clock=clock, until=86400.0), "a")
    assert [line for line in found if "started" in line or "skipped" in line] == [
        "90 a started",
        "390 a skipped",
    ]
    assert not any("the clock" in line for line in assumptions(scenario(tmp_path, text, clock=clock)))


def test_a_run_by_the_seconds_comes_and_one_by_the_clock_does_not(tmp_path):
    """There is no clock on the wall here, which is said."""
    every = '[program.a]\ncommand = "a"\nschedule = "every 30s"\n'
    assert "30 a started" in lines(simulated(tmp_path, every, until=100.0), "a")
    clock = '[program.a]\ncommand = "a"\nschedule = "0 3 * * *"\n'
    assert "the clock does not start a (0 3 * * *); --clock 2026-11-29T02:59 or --start a@10s does" in assumptions(
        scenario(tmp_path, clock)
    )
    assert "10 a started" in lines(simulated(tmp_path, clock, start="a@10s"), "a")


def test_a_watchdog_is_fed_until_it_is_unready(tmp_path):
    """WATCHDOG=1 comes twice in its time."""
    text = '[program.a]\ncommand = "a"\nstartsecs = 0\nwatchdog = "10s"\n'
    assert sum("started" in line for line in lines(simulated(tmp_path, text, until=120.0), "a")) == 1
    found = lines(simulated(tmp_path, text, unready="a@30s", until=120.0), "a")
    assert sum("started" in line for line in found) == 2
    assert "35 a STOPPING" in found


def test_a_master_that_ends_by_itself_has_its_exit_status(tmp_path):
    """There is no shutdown to ask for then."""
    text = '[procman]\nshutdown_when = "all_done"\n[program.a]\ntype = "oneshot"\ncommand = "a"\n'
    found = simulated(tmp_path, text, {"a": "ends 2s:3"})
    assert found.by_itself
    assert found.exit_status == 3


def test_a_simulation_of_a_busy_year_ends_with_an_explanation(tmp_path, monkeypatch):
    """Instead of taking hours."""
    monkeypatch.setattr("procman.simulator.world.MOST_STEPS", 1000)
    text = '[program.a]\ncommand = "a"\nstartsecs = 0\nautorestart = true\n'
    found = simulated(tmp_path, text, {"a": "ends 1s"}, until=30e6)
    assert "too much happens: 1001 events by" in found.why
    assert found.impossible == [found.why]


def test_a_program_that_hangs_answers_nobody_and_does_not_obey(tmp_path):
    """Its health check times out, and SIGKILL ends it; where the kernel answers for it, nothing is noticed."""
    text = (
        '[program.a]\ncommand = "a"\nstartsecs = 0\nhealth = "http://127.0.0.1:1/"\nhealth_interval = "1s"\n'
        'health_timeout = "2s"\nhealth_retries = 1\nstopwaitsecs = 3\n'
    )
    found = [line.split(" ", 1) for line in lines(simulated(tmp_path, text, hang="a@10s+60s"), "a")]
    at = {what: float(when) for when, what in found}
    assert at["a gets SIGKILL"] == at["a gets SIGTERM"] + 3
    assert at["a ended SIGKILL"] == at["a gets SIGKILL"]
    assert 12 <= at["a STOPPING"] <= 13
    tcp = text.replace("http://127.0.0.1:1/", "tcp:1")
    assert not any("STOPPING" in line for line in lines(simulated(tmp_path, tcp, hang="a@10s+60s"), "a"))
    short = [line for line in lines(simulated(tmp_path, text, hang="a@10s+4s"), "a") if "ended" in line]
    assert short == ["14 a ended SIGTERM"]
