"""The options of the restart policy, in both forms, and what `procman check` says of limits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from procman.config.checks.restart_limits import doubts
from procman.config.load import read
from procman.config.schema.groups import Group
from procman.config.schema.master import Master
from procman.core.events import BootRequested, DeadlineReached, ExitStatus
from procman.core.spec import FOREVER, Autorestart, EarlyExit
from procman.core.states import State
from tests.support.driven_fleet import Drive
from tests.support.programs import program as spec


def program(tmp_path, text: str, form: str = "ini"):
    """The one program of a file with these lines, or the problems."""
    path = tmp_path / f"p.{'conf' if form == 'ini' else 'toml'}"
    head = (
        "[supervisord]\n[program:web]\ncommand=/bin/cat\n"
        if form == "ini"
        else '[procman]\n[program.web]\ncommand = "/bin/cat"\n'
    )
    path.write_text(head + text)
    loaded = read(str(path))
    if loaded.config is None:
        return [str(problem) for problem in loaded.problems]
    return loaded.config.groups[0].programs[0]


@pytest.mark.parametrize(
    ("ini", "toml", "option", "value"),
    [
        ("startretries=forever", 'startretries = "forever"', "startretries", FOREVER),
        ("backoff=linear", 'backoff = "linear"', "backoff", None),
        ("backoff=500ms..60s", 'backoff = "500ms..60s"', "backoff", (0.5, 60)),
        ("backoff=5", "backoff = 5", "backoff", (5, 5)),
        ("backoff_factor=1.5", "backoff_factor = 1.5", "backoff_factor", 1.5),
        ("backoff_jitter=20%%", 'backoff_jitter = "20%%"', "backoff_jitter", 0.2),
        ("backoff_jitter=20%", 'backoff_jitter = "20%"', "backoff_jitter", 0.2),
        ("backoff_jitter=20", "backoff_jitter = 20", "backoff_jitter", 0.2),
        ("backoff_reset=1m30s", 'backoff_reset = "1m30s"', "backoff_reset", 90),
        ("restart_limit=5/10m", 'restart_limit = "5/10m"', "restart_limit", (5, 600)),
        ("restart_limit=none", 'restart_limit = "none"', "restart_limit", None),
        ("on_restart_limit=wait:5m", 'on_restart_limit = "wait:5m"', "on_restart_limit", ("wait", 300)),
        ("on_restart_limit=shutdown", 'on_restart_limit = "shutdown"', "on_restart_limit", ("shutdown", 0)),
        ("exitcodes=0,2,SIGTERM", 'exitcodes = [0, 2, "SIGTERM"]', "exitcodes", (0, 2, -15)),
        ("norestart_exitcodes=78,sigsegv", 'norestart_exitcodes = ["78", "sigsegv"]', "norestart_exitcodes", (78, -11)),
        ("early_exit=judge", 'early_exit = "judge"', "early_exit", EarlyExit.JUDGE),
        ('debug_restart=DEBUG="1"', 'debug_restart = { DEBUG = "1" }', "debug_restart", {"DEBUG": "1"}),
    ],
)
def test_both_forms_say_the_same(tmp_path, ini, toml, option, value):
    """Each option has one value in an INI and a TOML file."""
    assert getattr(program(tmp_path, ini), option) == value
    assert getattr(program(tmp_path, toml, "toml"), option) == value


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("backoff=60s..1s", "did you mean 1s..1m?"),
        ("backoff=soon", "expected"),
        ("backoff=0", "above 0"),
        ("backoff_factor=0.5", "from 1 to 100"),
        ("backoff_jitter=200", "from 0 to 100"),
        ("restart_limit=5", "such as 5/10m"),
        ("restart_limit=0/10m", "such as 5/10m"),
        ("on_restart_limit=wait", "such as wait:5m"),
        ("exitcodes=0,SIGFOO", "exit codes from 0 to 255"),
        ("early_exit=maybe", "one of failure, judge"),
    ],
)
def test_a_value_that_makes_no_sense_is_answered_with_what_does(tmp_path, line, words):
    """With the file, the line and the option."""
    (problem,) = program(tmp_path, line)
    assert f"p.conf:4: [program:web] {line.split('=')[0]}: " in problem
    assert words in problem


def unreachable(tmp_path, lines):
    """What is said of limits that are not reached, of a program with these lines and three processes."""
    path = tmp_path / "p.conf"
    path.write_text(
        f"[supervisord]\n[program:web]\ncommand=/bin/cat\nnumprocs=3\nprocess_name=w%(process_num)d\n{lines}\n"
    )
    return [str(problem) for problem in read(str(path), places=True).problems if problem.slug == "unreachable-limit"]


def test_systemd_42912_delays_up_to_a_maximum_for_which_the_time_of_the_limit_has_no_room(tmp_path):
    """There: RestartSteps, RestartMaxDelaySec and a burst that is never counted together."""
    (said,) = unreachable(tmp_path, "backoff=1s..60s\nrestart_limit=20/60s")
    assert said.startswith(f"{tmp_path}/p.conf:7: [program:web] restart_limit: 20/1m can never be reached: with")
    assert (
        "with backoff = 1s..1m there are at most 6 restarts in that time: allow fewer, name a longer time, or" in said
    )


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("backoff=10s\nrestart_limit=7/60s", "at most 6 restarts in that time"),
        ("backoff=10s\nrestart_limit=6/60s", None),
        # Runs that are long enough begin the delays anew, and are followed at once.
        ("backoff=1s..60s\nrestart_limit=18/5m", None),
        ("backoff=1s..60s\nbackoff_reset=1h\nrestart_limit=18/5m", "at most 10 restarts in that time"),
        ("restart_limit=12/1s", "with restart_brake there are at most 11 restarts in that time"),
        ("restart_limit=11/1s", None),
        ("restart_limit=5000/1d", None),
        ("type=oneshot\nrestart_limit=5/10m", "as startretries says, 0 times"),
        ("type=oneshot\nstartretries=6\nrestart_limit=5/10m", "startretries: 6 is never reached"),
        ("type=oneshot\nschedule=@hourly\nrestart_limit=5/10m", None),
        # What nobody has written is no doubt about what somebody has; tries may be slow.
        ("restart_limit=2/10m", None),
        ("startretries=9\nready=tcp:80\nstart_timeout=5m\nrestart_limit=3/10m", None),
        ("startretries=9\nready=tcp:80\nstart_timeout=none\nrestart_limit=3/10m", None),
        ("startretries=9\nrestart_limit=3/10m", "startretries: 9 is never reached: restart_limit = 3/10m comes first"),
        ("startretries=3\nrestart_limit=5/10m", None),
        ("startretries=forever\nrestart_limit=5/10m", None),
    ],
)
def test_a_limit_that_cannot_be_reached_is_found_by_check(tmp_path, lines, said):
    """With how many restarts there can be, and the way out."""
    found = unreachable(tmp_path, lines)
    assert len(found) == (0 if said is None else 1)
    assert said is None or said in found[0]


def restarts_until_fatal(program, ages, *, brake):
    """Let it run for these times one after the other; how many restarts there were if the limit stops it, else None."""
    drive = Drive(Group(name="web", programs=(program,)), boot=False, master=Master(restart_brake=brake))
    drive.says(BootRequested())
    drive.now = 1000.0
    process = drive.fleet.processes["web"]
    for number, age in enumerate((0.0, *ages)):
        drive.now += age
        drive.ends("web", ExitStatus(1))
        if process.state is State.FATAL:
            return number
        if process.state is State.BACKOFF:
            drive.now = process.deadlines.retry
            drive.says(DeadlineReached())
    return None


AGES = st.lists(st.sampled_from([0.0, 0.0, 0.0, 0.0, 1.0, 5.0, 10.0, 60.0]), min_size=40, max_size=40)


@given(
    backoff=st.sampled_from([None, (0.1, 0.1), (1.0, 1.0), (1.0, 60.0), (0.5, 8.0), (10.0, 10.0)]),
    reset=st.sampled_from([None, 1.0, 5.0, 60.0]),
    limit=st.tuples(st.integers(1, 30), st.sampled_from([1.0, 10.0, 60.0, 120.0])),
    brake=st.booleans(),
    ages=AGES,
)
def test_what_check_calls_out_of_reach_the_core_never_reaches(backoff, reset, limit, brake, ages):
    """However its runs end."""
    usual = {"startsecs": 0, "autorestart": Autorestart.ALWAYS, "backoff_jitter": 0.0}
    made = spec("web", backoff=backoff, backoff_reset=reset, restart_limit=limit, **usual)
    if any(option == "restart_limit" for option, _ in doubts(made, brake=brake, limits_tries=False)):
        assert restarts_until_fatal(made, ages, brake=brake) is None


@pytest.mark.parametrize("brake", [True, False])
@pytest.mark.parametrize("backoff", [(1.0, 60.0), (0.1, 0.1), (10.0, 10.0), (0.5, 8.0)])
def test_what_check_calls_reachable_a_program_that_ends_at_once_reaches(backoff, brake):
    """Where the time is too short for a run that begins the delays anew: neither too much is said, nor too little."""
    usual = {"startsecs": 0, "autorestart": Autorestart.ALWAYS, "backoff_jitter": 0.0, "backoff_reset": 60.0}
    for count in range(1, 40):
        made = spec("web", backoff=backoff, restart_limit=(count, 60.0), **usual)
        is_reached = restarts_until_fatal(made, [0.0] * 40, brake=brake) is not None
        assert is_reached != bool(list(doubts(made, brake=brake, limits_tries=False))), count
