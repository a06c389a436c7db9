"""Whether an update is kept or rolled back: in every state of a process, and in many lives of a fleet."""

from random import Random

import pytest

from procman.core.events import BootRequested, StopRequested
from procman.core.health import Health
from procman.core.process import Process
from procman.core.rolling import Rolling
from procman.core.spec import Condition, ProcessType, ReadyKind
from procman.core.states import State
from procman.services import confirmation
from procman.services.confirmation import Confirmation, Outcome, Stand, Standing, is_well, stands_of
from tests.support.programs import group, program
from tests.support.virtual_engine import VirtualEngine

READY = Stand("web", Standing.READY)
WAITING = Stand("web", Standing.WAITING, "is not ready yet")
FAILED = Stand("web", Standing.FAILED, "is FATAL")
CHECK = Condition(ReadyKind.TCP, "tcp:80", 0)


@pytest.mark.parametrize(
    ("stand", "by", "now", "outcome", "reason"),
    [
        (READY, ("me", None), 0, Outcome.KEPT, "confirmed by me"),
        (READY, (None, None), 9, None, None),
        (READY, (None, None), 10, Outcome.ROLLED_BACK, "nobody has confirmed it"),
        (READY, ("me", "you"), 0, Outcome.ROLLED_BACK, "aborted by you"),
        (WAITING, ("me", None), 9, None, None),
        (WAITING, ("me", None), 10, Outcome.ROLLED_BACK, "web is not ready yet"),
        (WAITING, (None, None), 10, Outcome.ROLLED_BACK, "web is not ready yet, and nobody has confirmed it"),
        (FAILED, ("me", None), 0, Outcome.ROLLED_BACK, "web is FATAL"),
        (FAILED, (None, None), 0, Outcome.ROLLED_BACK, "web is FATAL"),
    ],
)
def test_it_is_kept_only_when_it_is_confirmed_and_ready(stand, by, now, outcome, reason):
    """A failure and an abort decide at once, everything else at the deadline."""
    waits = Confirmation(("web",), 10, *by)
    decision = waits.decide([stand], now)
    assert (decision and decision.outcome, decision and decision.reason) == (outcome, reason)


def test_many_that_are_missing_are_counted():
    """A message names three of them."""
    stands = [Stand(f"w{number}", Standing.WAITING, "is not up yet") for number in range(5)]
    decision = Confirmation((), 0, "me").decide(stands, 1)
    assert decision.reason == "w0 is not up yet; w1 is not up yet; w2 is not up yet; and 2 more"
    assert decision.failed == ("w0", "w1", "w2", "w3", "w4")


def test_it_goes_on_with_the_time_that_is_left():
    """Another process image has another clock."""
    waits = Confirmation(("web",), 100.0, "me")
    assert Confirmation.restored(waits.snapshot(60.0), 5.0) == Confirmation(("web",), 45.0, "me")
    begins = Confirmation((), float("inf"))
    assert Confirmation.restored(begins.snapshot(1.0), 2.0) == begins


def in_state(state, **more):
    options = more.pop("options", {})
    process = Process(program("web", **options), state, wanted=True)
    for name, value in more.items():
        setattr(process, name, value)
    return process


def stand_of(process):
    [stand] = stands_of(["web"], lambda _: process)
    return stand.standing, stand.words


@pytest.mark.parametrize(
    ("process", "standing", "words"),
    [
        (None, Standing.READY, ""),
        (in_state(State.RUNNING), Standing.READY, ""),
        (in_state(State.RUNNING, leaving=True), Standing.READY, ""),
        (in_state(State.RUNNING, successor=program("web")), Standing.WAITING, "has not stopped yet"),
        (in_state(State.UNKNOWN), Standing.FAILED, "cannot be stopped, so it was not replaced"),
        (in_state(State.STARTING), Standing.WAITING, "is not up yet"),
        (in_state(State.BACKOFF, reason="exited"), Standing.WAITING, "does not stay up (exited)"),
        (in_state(State.STOPPING), Standing.WAITING, "has not stopped yet"),
        (in_state(State.FATAL, reason="too often"), Standing.FAILED, "is FATAL: too often"),
        (in_state(State.FATAL, wanted=False), Standing.READY, ""),
        (in_state(State.EXITED, failed=True, exit_code=3), Standing.FAILED, "has failed: exit status 3"),
        (in_state(State.EXITED, wanted=False), Standing.READY, ""),
        (in_state(State.STOPPED, wanted=False), Standing.READY, ""),
        (in_state(State.STOPPED), Standing.WAITING, "is not up yet"),
    ],
)
def test_how_a_process_stands_in_each_state(process, standing, words):
    """What an operator has stopped does not count."""
    assert stand_of(process) == (standing, words)


def test_a_health_check_has_to_have_succeeded():
    """Also one that the update has brought; a pause of it is an operator's own business."""
    checked = {"options": {"health": CHECK}}
    assert stand_of(in_state(State.RUNNING, **checked)) == (Standing.WAITING, "has not been healthy yet")
    well, ill = Health(healthy=True), Health(healthy=False, words="tcp:80 refused")
    assert stand_of(in_state(State.RUNNING, health=well, **checked)) == (Standing.READY, "")
    assert stand_of(in_state(State.RUNNING, health=ill, **checked)) == (
        Standing.WAITING,
        "is unhealthy (tcp:80 refused)",
    )
    paused = Health(paused_until=99.0)
    assert is_well(in_state(State.RUNNING, health=paused, **checked))
    assert not is_well(in_state(State.RUNNING, health=ill, **checked))
    assert not is_well(None)


def test_a_one_shot_has_to_have_succeeded():
    """While it runs, nobody knows; a scheduled one counts as it is."""
    once = {"options": {"type": ProcessType.ONESHOT, "autorestart": False, "startsecs": 0}}
    assert stand_of(in_state(State.RUNNING, **once)) == (Standing.WAITING, "has not ended yet")
    assert stand_of(in_state(State.EXITED, wanted=False, **once)) == (Standing.READY, "")
    scheduled = in_state(State.EXITED, wanted=False, failed=True, **once)
    scheduled.timing.on = True
    assert stand_of(scheduled) == (Standing.READY, "")


def test_what_is_restarted_in_its_turn_is_waited_for():
    """The one at which a rolling restart has stopped has failed; those after it still have the old definition."""
    processes = {name: in_state(State.RUNNING) for name in ("a", "b", "c")}
    rolling = Rolling("web", 7, 1, coming=["c"], targets={"c": program("c")}, ready=["a"])
    waits = Stand("c", Standing.WAITING, "waits for its turn in the rolling restart")

    def stands():
        return stands_of(processes, processes.get, lambda _: rolling)

    assert stands() == [Stand("a", Standing.READY), Stand("b", Standing.READY), waits]
    rolling.state, rolling.failed, rolling.reason = "stopped", "b", "exited"
    text = "is not ready (exited): the rolling restart has stopped"
    assert stands() == [Stand("a", Standing.READY), Stand("b", Standing.FAILED, text), waits]


# ---- lives of a fleet


def live(seed):
    """One update and what may follow; the rules of the module are checked after each step."""
    chance = Random(seed)
    engine = VirtualEngine(group("web", startretries=1), group("db", autostart=False))
    engine.post(BootRequested())
    waits = Confirmation(("web", "db"), 30.0)
    while True:
        match chance.randrange(7):
            case 0 | 1:
                engine.spawn_all()
            case 2 | 3:
                engine.pass_time(chance.choice([0.5, 2, 7]))
            case 4:
                running = [process.name for process in engine.fleet.processes.values() if process.pid]
                if running:
                    engine.end(chance.choice(running), chance.choice([0, 1]))
            case 5 if chance.random() < 0.5:
                waits.confirmed_by = "me"
            case 6 if chance.random() < 0.1:
                if chance.random() < 0.5:
                    waits.aborted_by = "you"
                else:
                    engine.post(StopRequested("web"))
        decision = waits.decide(stands_of(waits.watched, engine.fleet.processes.get), engine.now)
        check(engine, waits, decision)
        if decision is not None:
            return decision.outcome


def check(engine, waits, decision):
    """The rules, from the states alone."""
    processes = engine.fleet.processes.values()
    up = all(process.state is State.RUNNING for process in processes if process.wanted)
    lost = any(
        process.state is State.FATAL or (process.failed and process.state is State.EXITED) for process in processes
    )
    if decision is None:
        assert engine.now < waits.deadline, "undecided when its time was over"
        assert waits.aborted_by is None, "not rolled back though it was aborted"
        stops = any(process.state is State.STOPPING for process in processes)
        assert not waits.confirmed_by or not up or lost or stops, "undecided though it was confirmed, and all is up"
    elif decision.outcome is Outcome.KEPT:
        assert waits.confirmed_by is not None, "kept without a confirmation"
        assert up, "kept though something is not up"
    else:
        early = engine.now < waits.deadline
        assert not early or lost or waits.aborted_by is not None, "rolled back too early"


def test_the_rules_hold_in_many_lives():
    """Every way to end occurs."""
    assert {live(seed) for seed in range(60)} == set(Outcome)


FAULTS = {
    "the confirmation is not asked for": lambda decide: (
        lambda self, stands, now: decide(Confirmation(self.watched, self.deadline, "x", self.aborted_by), stands, now)
    ),
    "the processes are not looked at": lambda decide: lambda self, stands, now: decide(self, [], now),
    "the deadline is forgotten": lambda decide: lambda self, stands, now: decide(self, stands, min(now, 29.0)),
    "the deadline is too early": lambda decide: lambda self, stands, now: decide(self, stands, now + 20.0),
    "an abort is not heard": lambda decide: (
        lambda self, stands, now: decide(Confirmation(self.watched, self.deadline, self.confirmed_by), stands, now)
    ),
    "what waits has failed": lambda decide: (
        lambda self, stands, now: decide(
            self, [s if s.standing is Standing.READY else Stand(s.name, Standing.FAILED) for s in stands], now
        )
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_seeded_fault_is_found(monkeypatch, fault):
    """The rules are no tautologies."""
    monkeypatch.setattr(confirmation.Confirmation, "decide", FAULTS[fault](Confirmation.decide))
    with pytest.raises(AssertionError):
        _live_often()


def _live_often():
    for seed in range(60):
        live(seed)
