"""How long a process took to be ready: seconds from its spawn, of its present run."""

import pytest

from procman.core.events import (
    Adopted,
    BootRequested,
    DeadlineReached,
    Notified,
    RestartRequested,
    StopRequested,
)
from procman.core.readiness import TOLD
from procman.core.spec import Condition, ReadyKind
from procman.core.states import State
from tests.core.test_snapshot import restored
from tests.support.driven_fleet import Drive
from tests.support.programs import group

NOTIFY = (Condition(ReadyKind.NOTIFY),)


def web(**options):
    """A fleet with one program, and its process."""
    drive = Drive(group("web", **options), boot=False)
    return drive, drive.fleet.processes["web"]


def says_ready(drive, now):
    """It sends READY=1 then."""
    drive.now = now
    drive.says(Notified("web", drive.fleet.processes["web"].attempt, (("READY", "1"),)))


def test_it_is_the_time_from_the_spawn_to_running():
    """Of the present run: a restart begins anew."""
    drive, process = web(ready=NOTIFY, startsecs=0)
    drive.now = 10.0
    drive.says(BootRequested())
    assert process.ready_after is None
    says_ready(drive, 12.5)
    assert (process.state, process.ready_after) == (State.RUNNING, 2.5)
    drive.says(RestartRequested("web"))
    drive.ends("web")
    assert (process.state, process.ready_after) == (State.STARTING, None)
    says_ready(drive, 13.0)
    assert process.ready_after == 0.5


def test_without_conditions_it_is_startsecs():
    """That is how long what depends on it has waited."""
    drive, process = web(startsecs=3)
    drive.says(BootRequested())
    drive.now = 3.0
    drive.says(DeadlineReached())
    assert process.ready_after == 3.0


def test_it_goes_on_over_an_upgrade():
    """The next process image of the master shows the same."""
    drive, _ = web(ready=NOTIFY, startsecs=0)
    drive.says(BootRequested())
    says_ready(drive, 2.5)
    assert restored(drive.fleet.snapshot()).processes["web"].ready_after == 2.5


@pytest.mark.parametrize("kind", [ReadyKind.TCP, ReadyKind.FILE, *sorted(TOLD, key=str)])
def test_what_was_ready_before_a_kill_of_the_master_is_ready(kind):
    """Nobody looks again, so a survivor is never stopped for not being ready."""
    drive, process = web(ready=(Condition(kind),), startsecs=0, start_timeout=None)
    drive.now = 100.0
    drive.says(Adopted("web", 77, 60.0, ready=True, ready_after=2.5))
    assert (process.state, process.ready_after) == (State.RUNNING, 2.5)


def test_of_an_adopted_one_that_nobody_has_looked_at_it_is_not_known():
    """Its age would be a lie."""
    drive, process = web(startsecs=1)
    drive.now = 100.0
    drive.says(Adopted("web", 77, 60.0))
    assert (process.state, process.ready_after) == (State.RUNNING, None)
    drive.says(StopRequested("web"))


def test_nobody_fails_for_the_sleep_of_procman():
    """It was stopped or starved when the time was over, and nobody has looked: the program has its time again."""
    drive, process = web(ready=NOTIFY, startsecs=0, start_timeout=8.0)
    drive.says(BootRequested())
    drive.now = 30.0
    assert drive.says(DeadlineReached()) == []
    assert (process.state, process.deadlines.unready) == (State.STARTING, 38.0)
    says_ready(drive, 31.0)
    assert process.state is State.RUNNING


def test_not_ready_in_time_is_a_failed_start_after_such_a_sleep_too():
    """With procman awake, the time counts."""
    drive, process = web(ready=NOTIFY, startsecs=0, start_timeout=8.0)
    drive.says(BootRequested())
    for drive.now in (30.0, 38.0):
        drive.says(DeadlineReached())
    assert (process.state, process.reason) == (State.STOPPING, "Not ready after 8 s (notify: no READY=1 came)")
