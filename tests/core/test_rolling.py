"""Rolling restarts in virtual time: one batch after the other, what stops them, and what puts them back."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from procman.config.schema.groups import Group
from procman.core.actions import Action, AnnounceRolling, Kill, Spawn
from procman.core.events import (
    DeadlineReached,
    Event,
    Exited,
    ExitStatus,
    GroupChanged,
    GroupRemoved,
    HealthSeen,
    RestartRequested,
    RollingAborted,
    RollingContinued,
    RollingRequested,
    ShutdownRequested,
    Spawned,
    StopRequested,
)
from procman.core.fleet import Fleet
from procman.core.process import Process
from procman.core.spec import Condition, OnUnhealthy, ReadyKind, SocketSpec, batch_size
from procman.core.states import State
from tests.core.test_snapshot import READERS
from tests.support.driven_fleet import Drive, members, of

NAMES = tuple(f"web:web_{number}" for number in range(4))
TERM, BAD = ExitStatus(-1, 15), ExitStatus(1)


def web(command: str = "old", **options) -> Group:
    options = {"section": "program:web", "restart_strategy": "rolling", "startsecs": 1, "startretries": 1} | options
    return members("web", *(name.partition(":")[2] for name in NAMES), command=command, **options)


class Rolled(Drive):
    """Four processes of one program: they end when they are asked to, and at once where their command is bad."""

    def __init__(self, **options) -> None:
        self.news: list[AnnounceRolling] = []
        self.most_down = 0
        self.options = options
        super().__init__(web(**options))
        self.most_down = 0

    def says(self, event: Event) -> list[Action]:
        events, told = [event], []
        while events:
            actions = self.fleet.handle(events.pop(0), self.now)
            told += actions
            self.news += of(AnnounceRolling, actions)
            for action in actions:
                match action:
                    case Spawn() if self.fleet.awaits(action):
                        events.append(Spawned(action.name, self.next_pid()))
                        if getattr(action.program, "command", "") == "bad":
                            events.append(Exited(self.pids, BAD))
                    case Kill(pid=pid):
                        events.append(Exited(pid, TERM))
            self.most_down = max(self.most_down, sum(one.state is not State.RUNNING for one in self.processes))
        return told

    @property
    def processes(self) -> list:
        return list(self.fleet.processes.values())

    def passes(self, seconds: float) -> None:
        """Let the time pass, and all that is due."""
        until = self.now + seconds
        while (when := self.fleet.next_deadline()) is not None and when <= until:
            self.now = max(self.now, when)
            self.says(DeadlineReached())
        self.now = until

    def passes_until_looked_at(self, one: Process) -> None:
        """Let the time pass until it is asked whether it is well."""
        while one.state is not State.RUNNING or one.health is None or not one.health.looking:
            self.passes(0.1)

    def rolls(self, batch: int = 1) -> None:
        self.says(RollingRequested("web", NAMES, batch, 7))

    def updates(self, command: str, operation: int = 8) -> None:
        self.says(GroupChanged(web(command, **self.options), frozenset(NAMES), operation))

    def commands(self) -> list[str]:
        return [one.definition.command for one in self.processes]

    def told(self) -> list[str]:
        """What was said so far, since the last time."""
        news, self.news = self.news, []
        return [f"{one.what} {one.name.partition('_')[2]}".strip() for one in news]


def test_one_after_the_other_is_restarted_and_no_more_than_that_is_down():
    """The next one follows when the one before is RUNNING."""
    drive = Rolled()
    drive.rolls()
    drive.passes(0.5)
    assert drive.told() == ["began", "restarting 0"]
    drive.passes(10)
    told = [f"{what} {n}" for n in range(4) for what in ("restarting", "ready")]
    assert drive.told() == [*told[1:], "done"]
    assert drive.most_down == 1
    assert [one.attempt for one in drive.processes] == [2, 2, 2, 2]
    assert not drive.fleet.rollings


def test_a_batch_is_restarted_together():
    """With two at a time, the last batch is what is left."""
    drive = Rolled()
    drive.says(RollingRequested("web", NAMES[:3], 2, 7))
    drive.passes(10)
    assert drive.told() == [
        "began",
        "restarting 0",
        "restarting 1",
        "ready 0",
        "ready 1",
        "restarting 2",
        "ready 2",
        "done",
    ]
    assert drive.most_down == 2


@pytest.mark.parametrize(
    ("batch", "total", "size"),
    [((1, False), 4, 1), ((9, False), 4, 4), ((25, True), 4, 1), ((50, True), 5, 2), ((1, True), 4, 1)],
)
def test_a_batch_is_a_number_or_a_percentage(batch, total, size):
    """It is rounded down, and is never empty."""
    assert batch_size(batch, total) == size


def test_a_new_version_that_does_not_come_up_stops_it_at_the_first():
    """The others go on with the definition that they have, also when they crash; the failed one tries on."""
    drive = Rolled()
    drive.updates("bad")
    drive.passes(30)
    assert drive.told() == ["began", "restarting 0", "stopped 0"]
    assert drive.states() == dict.fromkeys(NAMES, "RUNNING") | {NAMES[0]: "FATAL"}
    assert drive.commands() == ["bad", "old", "old", "old"]
    drive.says(RestartRequested(NAMES[2]))
    drive.ends(NAMES[3], BAD)
    assert drive.commands() == ["bad", "old", "old", "old"]
    assert drive.fleet.rollings.by_program["web"].reason


def test_abort_puts_the_old_definition_back_into_what_was_changed():
    """The next update finds the difference to the file again."""
    drive = Rolled()
    drive.updates("bad")
    drive.passes(30)
    drive.told()
    before = [one.attempt for one in drive.processes[1:]]
    drive.says(RollingAborted("web", 9))
    drive.passes(10)
    assert drive.told() == ["began", "restarting 0", "ready 0", "done"]
    assert drive.states() == dict.fromkeys(NAMES, "RUNNING")
    assert drive.commands() == ["old"] * 4
    assert [one.attempt for one in drive.processes[1:]] == before
    assert drive.fleet.groups["web"].spec == web()
    assert not drive.fleet.rollings


def test_whoever_waits_for_what_is_aborted_hears_of_its_end():
    """It has not got to its own end: what becomes ready after that has the earlier definition."""
    drive = Rolled()
    drive.updates("new")
    drive.passes(1.5)
    drive.news.clear()
    drive.says(RollingAborted("web", 9))
    drive.passes(10)
    ended, began, *_ = drive.news
    assert (ended.what, ended.operation, ended.aborting, ended.reason) == ("ended", 8, False, "it was aborted")
    assert (began.what, began.operation, began.aborting) == ("began", 9, True)
    assert drive.commands() == ["old"] * 4
    drive.rolls()
    drive.news.clear()
    drive.says(RollingAborted("web", 10))
    assert [(one.what, one.reason) for one in drive.news] == [("ended", "it was aborted")]


def test_an_update_that_is_done_can_still_be_put_back():
    """Until the next update, or the next rolling restart."""
    drive = Rolled()
    drive.updates("new")
    drive.passes(30)
    assert drive.commands() == ["new"] * 4
    drive.says(RollingAborted("web", 9))
    drive.passes(30)
    assert drive.commands() == ["old"] * 4
    assert drive.most_down == 1
    drive.updates("new")
    drive.passes(30)
    drive.rolls()
    drive.passes(30)
    drive.says(RollingAborted("web", 9))
    drive.passes(30)
    assert drive.commands() == ["new"] * 4


def test_it_continues_with_what_has_failed():
    """That comes first, and then those that have not been restarted."""
    drive = Rolled()
    drive.updates("bad")
    drive.passes(30)
    drive.told()
    drive.says(RollingContinued("web", 9))
    drive.passes(30)
    assert drive.told() == ["continued", "restarting 0", "stopped 0"]
    assert drive.most_down == 1


def test_a_further_update_takes_its_place():
    """It restarts what failed first, and then what has still another definition than that of the file."""
    drive = Rolled()
    drive.updates("bad")
    drive.passes(30)
    drive.told()
    drive.updates("new")
    drive.passes(30)
    assert drive.told()[:3] == ["began", "restarting 0", "ready 0"]
    assert drive.commands() == ["new"] * 4
    assert drive.most_down == 1


def test_an_update_back_to_what_runs_restarts_only_what_was_changed():
    """What has waited for its turn runs that definition already."""
    drive = Rolled()
    drive.updates("bad")
    drive.passes(30)
    runs = [one.attempt for one in drive.processes]
    drive.updates("old")
    drive.passes(30)
    assert drive.commands() == ["old"] * 4
    assert [one.attempt for one in drive.processes][1:] == runs[1:]
    assert drive.states() == dict.fromkeys(NAMES, "RUNNING")


def test_what_is_fatal_is_restarted_first():
    """If the new version is bad, nothing that is up goes down for it."""
    drive = Rolled()
    one = drive.fleet.processes[NAMES[2]]
    one.program = replace(one.program, command="bad")
    drive.says(RestartRequested(NAMES[2]))
    drive.passes(30)
    assert one.state is State.FATAL
    drive.most_down = 1
    drive.updates("new")
    assert drive.told() == ["began", "restarting 2"]
    drive.passes(30)
    assert drive.commands() == ["new"] * 4
    assert drive.most_down == 1


def test_a_stop_of_one_of_its_processes_stops_it():
    """What is stopped takes the new definition over, and stays down when it goes on."""
    drive = Rolled()
    drive.updates("new")
    drive.says(StopRequested(NAMES[3]))
    assert drive.told() == ["began", "restarting 0", "stopped 3"]
    drive.passes(30)
    assert drive.commands() == ["new", "old", "old", "new"]
    drive.says(RollingContinued("web", 9))
    drive.passes(30)
    assert drive.told()[-1] == "done"
    assert drive.commands() == ["new"] * 4
    assert drive.states()[NAMES[3]] == "STOPPED"


def test_each_gets_the_sockets_of_its_new_definition_in_its_turn():
    """What listens only from the update on has its own socket when it is started, also in the last batch."""
    drive = Rolled()
    listening = SocketSpec(name="http", listen=("tcp://127.0.0.1:8000",), reuseport=True)
    drive.says(GroupChanged(web("new", sockets=(listening,)), frozenset(NAMES), 8))
    drive.passes(30)
    assert drive.told()[-1] == "done"
    assert [address.owner for address in drive.fleet.sockets.held] == list(NAMES)


def test_a_second_one_is_not_begun():
    """Neither while it goes on, nor while it has stopped between two definitions."""
    drive = Rolled()
    drive.rolls()
    drive.rolls()
    assert drive.told() == ["began", "restarting 0"]
    drive.passes(30)
    drive.updates("bad")
    drive.passes(30)
    drive.told()
    drive.rolls()
    assert drive.told() == []


def test_the_end_of_the_master_ends_it():
    """It says so, and nothing is started any more."""
    drive = Rolled()
    drive.rolls()
    drive.told()
    drive.says(ShutdownRequested())
    assert drive.told() == ["ended"]
    assert drive.states() == dict.fromkeys(NAMES, "STOPPED")


def test_a_group_that_goes_takes_it_along():
    """It ends with its last process."""
    drive = Rolled()
    drive.rolls()
    drive.says(GroupRemoved("web"))
    drive.passes(30)
    assert not drive.fleet.rollings
    assert not drive.fleet.processes


def test_a_process_with_a_health_check_has_to_be_healthy_once():
    """RUNNING alone is not enough; one that is found to be ill stops it."""
    drive = Rolled(health=Condition(ReadyKind.TCP), health_retries=1, on_unhealthy=OnUnhealthy("none"))
    drive.rolls()
    one = drive.fleet.processes[NAMES[0]]
    drive.passes_until_looked_at(one)
    assert drive.told() == ["began", "restarting 0"]
    drive.says(HealthSeen(one.name, one.attempt, one.health.looks, ok=True))
    assert drive.told() == ["ready 0", "restarting 1"]
    one = drive.fleet.processes[NAMES[1]]
    drive.passes_until_looked_at(one)
    drive.says(HealthSeen(one.name, one.attempt, one.health.looks, ok=False, words="http 503"))
    assert drive.told() == ["stopped 1"]


def test_without_the_option_an_update_restarts_all_at_once():
    """As it always has."""
    drive = Rolled(restart_strategy="all")
    drive.updates("new")
    assert drive.told() == []
    assert drive.most_down == 4
    assert drive.commands() == ["new"] * 4


def test_what_a_master_of_this_version_has_handed_over_goes_on():
    """A file of each version is kept: one was restarted, one is on the way, and two are to come."""
    drive = Rolled()
    fleet = Fleet()
    fleet.restore(json.loads((Path(__file__).parent / "snapshots" / "rolling_2.json").read_text()), READERS)
    drive.fleet, drive.pids = fleet, 1000
    rolling = fleet.rollings.by_program["web"]
    assert (rolling.ready, list(rolling.under_way), rolling.coming) == ([NAMES[0]], [NAMES[1]], list(NAMES[2:]))
    drive.passes(30)
    assert drive.commands() == ["new"] * 4
    drive.says(RollingAborted("web", 9))
    drive.passes(30)
    assert drive.commands() == ["old"] * 4


def test_it_goes_over_into_another_process_image():
    """With what still has to be restarted, the new definitions and the ones before."""
    drive = Rolled()
    drive.updates("new")
    drive.passes(1)
    data = json.loads(json.dumps(drive.fleet.snapshot()))
    fleet = Fleet()
    fleet.restore(data, READERS)
    assert fleet.rollings.by_program == drive.fleet.rollings.by_program
    drive.fleet = fleet
    drive.passes(30)
    assert drive.commands() == ["new"] * 4
    assert drive.told()[-1] == "done"
    drive.says(RollingAborted("web", 9))
    drive.passes(30)
    assert drive.commands() == ["old"] * 4
