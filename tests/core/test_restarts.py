"""Restarts by policy in virtual time: delays, limits, and the brake."""

from itertools import pairwise

import pytest

from procman.config.schema.master import Master
from procman.core.actions import Announce, Quit, Spawn
from procman.core.events import (
    DeadlineReached,
    ExitStatus,
    RestartRequested,
    RetryRequested,
    StartRequested,
    StopRequested,
)
from procman.core.requests import change_in_place
from procman.core.restarts import BRAKED
from procman.core.spec import FOREVER, Autorestart, EarlyExit
from procman.core.states import State
from tests.support.driven_fleet import Drive, of
from tests.support.programs import group

BAD, TERM, SEGV = ExitStatus(1), ExitStatus(-1, 15), ExitStatus(-1, 11)


def crashing(*, master: Master | None = None, **options) -> Drive:
    """One program without startsecs that has just come up, on request."""
    options = {"startsecs": 0, "autorestart": Autorestart.ALWAYS, "backoff_jitter": 0.0} | options
    drive = Drive(group("web", **options), master=master)
    drive.says(RestartRequested("web"))
    drive.ends("web", TERM)
    return drive


def delays(drive: Drive, times: int, *, age: float = 0.0) -> list[float]:
    """How long it waits after each of so many ends of runs of that age."""
    found = []
    for _ in range(times):
        drive.now += age
        drive.ends("web", BAD)
        ended = drive.now
        if drive.states()["web"] == "BACKOFF":
            drive.now = drive.fleet.next_deadline()
            drive.says(DeadlineReached())
        found.append(round(drive.now - ended, 6))
    return found


def state(drive: Drive) -> str:
    return drive.states()["web"]


def test_with_a_range_a_run_that_was_too_short_is_followed_by_a_delay():
    """It doubles up to the longest; a run as old as that begins it anew, and is followed at once."""
    drive = crashing(backoff=(1, 20))
    assert delays(drive, 7, age=0.5) == [1, 2, 4, 8, 16, 20, 20]
    assert delays(drive, 1, age=19.9) == [20]
    assert delays(drive, 1, age=20) == [0]
    assert delays(drive, 2, age=1) == [1, 2]


def test_an_end_that_is_followed_by_a_delay_is_exited_then_backoff():
    """EXITED comes as ever, for listeners; BACKOFF says when the next try is."""
    drive = crashing(backoff=(4, 8))
    told = of(Announce, drive.ends("web", BAD))
    assert [(news.before, news.after, news.reason) for news in told] == [
        (State.RUNNING, State.EXITED, ""),
        (State.EXITED, State.BACKOFF, "next try in 4 s"),
    ]


def test_a_constant_delay_does_not_grow():
    """Neither after ends nor after failed starts."""
    assert delays(crashing(backoff=(5, 5)), 4) == [5, 5, 5, 5]
    drive = crashing(backoff=(5, 5), startsecs=1, startretries=10)
    assert delays(drive, 4) == [5, 5, 5, 5]


def test_a_stop_during_a_delay_takes_effect_at_once_and_a_start_is_refused_as_in_supervisor():
    """`retry` is what starts it now; it counts anew."""
    drive = crashing(backoff=(60, 600))
    drive.ends("web", BAD)
    assert drive.says(StartRequested("web")) == []
    assert state(drive) == "BACKOFF"
    assert of(Spawn, drive.says(RetryRequested("web")))
    assert (state(drive), drive.fleet.processes["web"].again.troubles) == ("RUNNING", 0)
    drive.ends("web", BAD)
    drive.says(StopRequested("web"))
    assert state(drive) == "STOPPED"
    assert drive.says(RetryRequested("web")) == []


def test_a_hundred_crashes_of_a_program_without_startsecs_take_89_seconds():
    """The first ten restarts come at once, as ever; from then on there is a second between two starts."""
    drive = crashing()
    found = delays(drive, 100)
    assert found[:10] == [0] * 10
    assert found[10:] == [1] * 90
    assert drive.fleet.processes["web"].reason == ""


def test_the_brake_says_so_and_is_released_by_a_run_of_ten_seconds_or_an_operator():
    """A run that is shorter does not release it."""
    drive = crashing()
    delays(drive, 10)
    assert [news.reason for news in of(Announce, drive.ends("web", BAD))] == ["", BRAKED]
    drive.now += 1
    drive.says(DeadlineReached())
    assert delays(drive, 2, age=0.25) == [0.75, 0.75]
    assert delays(drive, 2, age=9) == [0, 0]
    assert drive.fleet.processes["web"].again.braking
    assert delays(drive, 11, age=0)[-1] == 1
    delays(drive, 1, age=10)
    assert not drive.fleet.processes["web"].again.braking
    assert delays(drive, 10) == [0] * 10
    delays(drive, 1)
    drive.says(RestartRequested("web"))
    drive.ends("web", TERM)
    assert delays(drive, 3) == [0, 0, 0]


def test_the_brake_can_be_turned_off():
    """Then it is as under procman 0.2."""
    assert delays(crashing(master=Master(restart_brake=False)), 500) == [0] * 500


def test_more_restarts_than_the_limit_are_not_done():
    """It is FATAL, and says what has brought it there; an operator may start it all the same."""
    drive = crashing(restart_limit=(3, 60), exitcodes=(0,))
    delays(drive, 2, age=5)
    drive.now += 5
    drive.ends("web", SEGV)
    assert state(drive) == "RUNNING"
    drive.now += 5
    told = of(Announce, drive.ends("web", BAD))
    assert [news.after for news in told] == [State.EXITED, State.BACKOFF, State.FATAL]
    assert told[-1].reason == "3 restarts in 60 s (2 x exit status 1, 1 x signal 11)"
    drive.says(StartRequested("web"))
    assert state(drive) == "RUNNING"
    assert delays(drive, 3, age=1) == [0, 0, 0]


def test_restarts_that_are_longer_ago_than_the_window_do_not_count():
    """One restart every 20 s is no more than three a minute."""
    drive = crashing(restart_limit=(3, 60))
    assert delays(drive, 50, age=20) == [0] * 50
    assert state(drive) == "RUNNING"


def test_failed_starts_count_for_the_limit_too():
    """With startretries=forever it is the only end."""
    drive = crashing(startsecs=10, startretries=FOREVER, restart_limit=(5, 600))
    assert delays(drive, 5) == [1, 2, 3, 4, 5]
    drive.ends("web", BAD)
    assert state(drive) == "FATAL"


def test_a_limit_may_be_waited_out():
    """The window is empty then."""
    drive = crashing(restart_limit=(2, 60), on_restart_limit=("wait", 300))
    assert delays(drive, 6, age=1) == [0, 0, 300, 0, 0, 300]


@pytest.mark.parametrize(("what", "ends"), [("shutdown", True), ("fatal", False)])
def test_a_limit_may_end_the_master(what, ends):
    """With the exit status of the program."""
    drive = crashing(restart_limit=(1, 60), on_restart_limit=(what, 0))
    delays(drive, 1)
    actions = drive.ends("web", ExitStatus(7))
    assert [action.code for action in of(Quit, actions)] == ([7] if ends else [])


def test_a_critical_program_that_reaches_its_limit_ends_the_master():
    """A program that dies every two seconds ends the container, too."""
    drive = crashing(restart_limit=(5, 60), critical=True)
    delays(drive, 5, age=2)
    drive.now += 2
    assert [action.code for action in of(Quit, drive.ends("web", BAD))] == [1]


@pytest.mark.parametrize(("codes", "status"), [((3,), ExitStatus(3)), ((-11,), SEGV)])
@pytest.mark.parametrize("startsecs", [0, 10])
def test_after_some_ends_it_is_never_started_again(codes, status, startsecs):
    """Not even where it has not been up for startsecs; it is EXITED, and not as expected."""
    drive = crashing(norestart_exitcodes=codes, startsecs=startsecs, exitcodes=(0, 3))
    told = of(Announce, drive.ends("web", status))
    assert (told[-1].after, told[-1].expected, state(drive)) == (State.EXITED, False, "EXITED")


def test_a_signal_may_be_expected():
    """The exit codes and the signals of the list are alike; an unknown end is never expected."""
    drive = crashing(exitcodes=(0, -15), autorestart=Autorestart.UNEXPECTED)
    told = of(Announce, drive.ends("web", TERM))
    assert (told[0].expected, state(drive)) == (True, "EXITED")
    drive.says(StartRequested("web"))
    told = of(Announce, drive.ends("web", ExitStatus(-1, known=False)))
    assert (told[0].expected, state(drive)) == (False, "RUNNING")


@pytest.mark.parametrize(
    ("early", "status", "ends"),
    [
        (EarlyExit.FAILURE, ExitStatus(0), "BACKOFF"),
        (EarlyExit.JUDGE, ExitStatus(0), "EXITED"),
        (EarlyExit.JUDGE, ExitStatus(1), "BACKOFF"),
    ],
)
def test_exit_codes_may_decide_before_startsecs_too(early, status, ends):
    """Then it was RUNNING before it EXITED, as listeners expect it."""
    drive = Drive(group("web", startsecs=100, early_exit=early, autorestart=Autorestart.UNEXPECTED))
    told = of(Announce, drive.ends("web", status))
    assert state(drive) == ends
    if ends == "EXITED":
        assert [news.after for news in told] == [State.RUNNING, State.EXITED]


def test_the_first_start_after_an_unexpected_end_is_marked():
    """The next ones in a row are not, and none that somebody asks for."""
    drive = crashing(backoff=(1, 8), exitcodes=(0,))
    drive.ends("web", BAD)
    marked = []
    for _ in range(3):
        drive.now = drive.fleet.next_deadline()
        (order,) = of(Spawn, drive.says(DeadlineReached()))
        marked.append(order.after_failure)
        drive.ends("web", BAD)
    (order,) = of(Spawn, drive.says(RetryRequested("web")))
    assert (marked, order.after_failure) == ([True, False, False], False)


def test_a_day_of_crashes_has_a_bounded_number_of_starts():
    """500 ms to 60 s: little more than one a minute."""
    drive = crashing(backoff=(0.5, 60), backoff_jitter=0.1)
    end, starts = drive.now + 24 * 3600, 0
    while drive.now < end:
        starts += len(delays(drive, 1, age=0.1))
    assert 1300 < starts < 1450


def test_a_change_of_the_range_cuts_the_delay_that_runs():
    """To the new longest one."""
    drive = crashing(backoff=(600, 600))
    drive.ends("web", BAD)
    process = drive.fleet.processes["web"]
    change_in_place(process, group("web", startsecs=0, backoff=(1, 30), backoff_jitter=0.0).programs[0], drive.now)
    assert process.next_deadline == drive.now + 30


def test_jitter_lengthens_a_delay_and_never_shortens_it():
    """By no more than its share."""
    drive = crashing(backoff=(10, 10), backoff_jitter=0.5)
    found = delays(drive, 30)
    assert min(found) >= 10
    assert max(found) <= 15
    assert len(set(found)) > 20
    assert all(a != b for a, b in pairwise(found))
