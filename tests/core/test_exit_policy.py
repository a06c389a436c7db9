"""What ends the master by itself, and the exit status."""

from dataclasses import replace

import pytest

from procman.config.schema.groups import ListenerOptions
from procman.config.schema.master import Master
from procman.core.actions import (
    AnnounceMaster,
    Quit,
)
from procman.core.events import (
    BootRequested,
    ExitStatus,
    ShutdownRequested,
    Spawned,
    SpawnFailed,
    StartRequested,
    StopRequested,
)
from procman.core.spec import Autorestart, Leftovers, ShutdownWhen
from procman.core.states import MasterState
from tests.support.driven_fleet import OK, Drive, of
from tests.support.programs import group, program

BAD = ExitStatus(3)


@pytest.mark.parametrize(
    ("options", "status", "ends"),
    [
        ({"critical": True, "autorestart": Autorestart.NEVER}, BAD, True),
        ({"critical": True, "autorestart": Autorestart.NEVER}, OK, True),
        ({"critical": True, "autorestart": Autorestart.UNEXPECTED}, OK, True),
        ({"critical": True, "autorestart": Autorestart.UNEXPECTED}, BAD, False),
        ({"critical": True, "autorestart": Autorestart.ALWAYS}, OK, False),
        ({"critical": True, "autorestart": Autorestart.NEVER, "exitcodes": (3,)}, BAD, True),
        ({"critical": True, "autorestart": Autorestart.NEVER, "leftovers": Leftovers.STOP}, OK, True),
        ({"autorestart": Autorestart.NEVER}, BAD, False),
    ],
)
def test_the_end_of_a_critical_process_ends_the_master(options, status, ends):
    """Whatever its exit code, unless it is started again."""
    drive = Drive(group("db", **options), group("web"))
    actions = drive.ends("db", status)
    assert bool(of(AnnounceMaster, actions)) is ends
    assert drive.states()["web"] == ("STOPPING" if ends else "RUNNING")


def test_a_critical_process_that_is_given_up_ends_the_master():
    """FATAL is for good."""
    drive = Drive(group("db", critical=True, startretries=0), group("web"), boot=False)
    drive.fleet.handle(BootRequested(), 0.0)
    drive.says(Spawned("web", 100))
    drive.says(SpawnFailed("db", "no such file", 127))
    assert drive.states() == {"db": "FATAL", "web": "STOPPING"}
    assert of(Quit, drive.ends("web")) == [Quit(restart=False, code=127)]


@pytest.mark.parametrize(
    ("exitcodes", "status", "code"),
    [((0,), OK, 0), ((0, 3), BAD, 3), ((0,), BAD, 3), ((3,), OK, 1), ((0,), ExitStatus(-1, 15), 143)],
)
def test_the_exit_code_of_a_critical_process_is_the_masters(exitcodes, status, code):
    """Expected or not, and whatever else has failed; only a failure with code 0 becomes 1."""
    programs = [group("job", autorestart=Autorestart.NEVER), group("web")]
    drive = Drive(group("db", critical=True, autorestart=Autorestart.NEVER, exitcodes=exitcodes), *programs)
    drive.ends("job", ExitStatus(7))
    drive.ends("db", status)
    assert of(Quit, drive.ends("web")) == [Quit(restart=False, code=code)]


def test_a_critical_process_that_ends_while_others_stop_is_not_the_cause():
    """The exit code is of the one that brought the end about."""
    options = {"critical": True, "autorestart": Autorestart.NEVER}
    early = group("early", program("early", priority=1, **options), priority=1)
    drive = Drive(early, group("web", priority=2), group("db", priority=3, **options))
    drive.ends("db", ExitStatus(4))
    assert drive.states() == {"early": "RUNNING", "web": "STOPPING", "db": "EXITED"}
    drive.ends("early", BAD)
    assert of(Quit, drive.ends("web")) == [Quit(restart=False, code=4)]


@pytest.mark.parametrize("leftovers", Leftovers)
def test_an_operator_may_stop_a_critical_process(leftovers):
    """The master goes on, so that it can be started again."""
    drive = Drive(group("db", critical=True, autorestart=Autorestart.NEVER, leftovers=leftovers), group("web"))
    drive.says(StopRequested("db"))
    drive.ends("db", BAD)
    assert drive.states() == {"db": "STOPPED", "web": "RUNNING"}
    assert drive.fleet.state is MasterState.RUNNING


@pytest.mark.parametrize(
    ("when", "name", "status", "ends"),
    [
        (ShutdownWhen.NEVER, "a", BAD, False),
        (ShutdownWhen.ANY_EXIT, "a", OK, True),
        (ShutdownWhen.ANY_EXIT, "a", BAD, True),
        (ShutdownWhen.ANY_EXIT, "comes back", OK, False),
        (ShutdownWhen.ANY_EXIT, "listener", OK, False),
        (ShutdownWhen.ANY_FATAL, "a", BAD, False),
        (ShutdownWhen.ALL_DONE, "a", BAD, False),
    ],
)
def test_a_policy_ends_the_master(when, name, status, ends):
    """shutdown_when says which ends of which programs do."""
    listener = replace(group("listener", autorestart=Autorestart.NEVER), listener=ListenerOptions(events=("TICK_5",)))
    drive = Drive(
        group("a", autorestart=Autorestart.NEVER),
        group("comes back", autorestart=Autorestart.ALWAYS),
        listener,
        master=Master(shutdown_when=when),
    )
    assert bool(of(AnnounceMaster, drive.ends(name, status))) is ends


def test_the_master_of_jobs_ends_with_the_last_of_them():
    """all_done: listeners do not count, and neither do programs that were never started."""
    listener = replace(group("listener"), listener=ListenerOptions(events=("TICK_5",)))
    jobs = [group(name, autorestart=Autorestart.NEVER) for name in "ab"]
    drive = Drive(*jobs, group("spare", autostart=False), listener, master=Master(shutdown_when=ShutdownWhen.ALL_DONE))
    assert not of(AnnounceMaster, drive.ends("a", BAD))
    assert of(AnnounceMaster, drive.ends("b"))
    assert of(Quit, drive.ends("listener")) == [Quit(restart=False, code=3)]


def test_a_stop_by_hand_ends_nothing():
    """With all_done, too: the operator may start the last one again."""
    drive = Drive(group("a"), master=Master(shutdown_when=ShutdownWhen.ALL_DONE))
    drive.says(StopRequested("a"))
    assert drive.ends("a")
    assert drive.fleet.state is MasterState.RUNNING


@pytest.mark.parametrize(
    ("code_from", "expected"), [(None, 0), ("none", 0), ("first_failure", 3), ("a", 3), ("b", 143), ("c", 0)]
)
def test_the_exit_status_is_of_whom_the_file_says(code_from, expected):
    """Asked to end from outside, the master leaves with 0 unless exit_code_from says otherwise."""
    groups = [group(name, autorestart=Autorestart.NEVER) for name in "abc"]
    drive = Drive(*groups, master=Master(exit_code_from=code_from))
    drive.ends("a", BAD)
    drive.ends("c", OK)
    drive.says(ShutdownRequested())
    assert of(Quit, drive.ends("b", ExitStatus(-1, 15))) == [Quit(restart=False, code=expected)]


def test_a_failure_that_was_made_good_does_not_count():
    """first_failure is of those that are down; and a failure with code 0 is one all the same."""
    options = {"autorestart": Autorestart.NEVER, "exitcodes": (2,), "startsecs": 0}
    drive = Drive(group("a", **options), group("b", **options), master=Master(exit_code_from="first_failure"))
    drive.ends("a", BAD)
    drive.ends("b", OK)
    drive.says(StartRequested("a"))
    drive.says(ShutdownRequested())
    assert of(Quit, drive.ends("a")) == [Quit(restart=False, code=1)]


EVERY_END = [*((ExitStatus(code), code) for code in range(256)), *((ExitStatus(-1, n), 128 + n) for n in range(1, 65))]


@pytest.mark.parametrize("code_from", ["first_failure", "a"])
def test_every_code_and_every_signal_becomes_the_masters_exit_status(code_from):
    """All 256 codes as they are, and 128+n for signal n."""
    for status, code in EVERY_END:
        options = {"autorestart": Autorestart.NEVER, "critical": True}
        drive = Drive(group("a", **options), master=Master(exit_code_from=code_from))
        assert of(Quit, drive.ends("a", status)) == [Quit(restart=False, code=code)]
