"""What a running master should do after a fault, by its configuration and from its present state; and what it did."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from procman.core.fleet import Fleet
from procman.core.snapshot import Data, DefinitionReaders
from procman.core.spec import MasterPolicy
from procman.core.states import RESTING, State
from procman.runtime.journal.record import Record
from procman.simulator.notation import Given
from procman.simulator.scenario import CALM, MOST, happening, longest_judgement
from procman.simulator.world import TooManyEvents, World

# A prediction takes no longer than so many events do, nor reaches further than so many seconds.
MOST_STEPS = 20_000
# How much a delay before the next try may differ, in seconds: a real master has other things to do.
TOLERANCE = 1.0


class Step(NamedTuple):
    """A process went from one state to another."""

    at: float  # seconds after the fault
    name: str
    before: str
    after: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Prediction:
    """What should follow from a fault."""

    steps: tuple[Step, ...]
    ends_master: bool  # the master ends by itself
    is_whole: bool  # False: more would follow that is not predicted


class Judgement(NamedTuple):
    """Of one process."""

    name: str
    as_expected: bool
    words: str


def _same(value: object) -> object:
    """Definitions never change, so the copy has the same."""
    return value


def copied(fleet: Fleet) -> Data:
    """What `predict` needs of a fleet; it stays as it is when that goes on."""
    return fleet.snapshot(_same)


def predict(data: Data, policy: MasterPolicy, fault: Given, now: float, names: Collection[str]) -> Prediction:
    """What the processes `names` do after the fault, which happens now; `data` is what `copied` has returned."""
    fleet = Fleet(policy=policy)
    fleet.restore(data, DefinitionReaders(_same, _same))  # type: ignore[arg-type]  # they were written so
    steps: list[Step] = []

    def hear(at: float, record: Record) -> None:
        if record.kind == "state" and record.after and record.name in names:
            steps.append(Step(at - now, record.name, record.before, record.after, record.reason))

    world = World(fleet, {}, hear, now, most_steps=MOST_STEPS, only_looks=True)
    is_whole = True
    try:
        world.take_over()
        steps.clear()
        happening(world, fault, _ignore)()
        is_whole = _run(world, steps, fault, names)
    except TooManyEvents:
        is_whole = False
    return Prediction(tuple(steps), fleet.state.name != "RUNNING", is_whole)


def _ignore(_fault: Given, _words: str, *, possible: bool) -> None:
    """Whether it is possible was asked before."""


def _run(world: World, steps: list[Step], fault: Given, names: Collection[str]) -> bool:
    """Until nothing more is expected of the processes; False: it does not come to rest."""
    begin, lasts = world.now, fault.lasts or 0.0
    calm = CALM + max((longest_judgement(world.fleet.processes[name].program) for name in names), default=0.0)
    while world.quit is None and world.fleet.state.name == "RUNNING" and (when := world.next()) is not None:
        known = [process for name in names if (process := world.fleet.processes.get(name)) is not None]
        rests = all(process.state in RESTING or process.state is State.RUNNING for process in known)
        last = max(lasts, steps[-1].at if steps else 0.0)
        if rests and when > begin + last + calm:
            return True
        if when > begin + lasts + MOST + calm:
            return False
        world.step()
    return True


def path(steps: Iterable[Step]) -> list[str]:
    """The states that one process goes through: RUNNING, EXITED, STARTING, RUNNING."""
    found = list(steps)
    return [found[0].before, *(step.after for step in found)] if found else []


def is_on_its_way(expected: Sequence[Step], seen: Sequence[Step], names: Iterable[str]) -> bool:
    """Whether what was seen is the beginning of what is expected, for each process."""
    return all(path(_of(expected, name))[: len(have)] == have for name in names if (have := path(_of(seen, name))))


def is_complete(expected: Sequence[Step], seen: Sequence[Step], names: Iterable[str]) -> bool:
    """Whether all that is expected was seen."""
    return all(len(_of(seen, name)) >= len(_of(expected, name)) for name in names)


def judge(expected: Sequence[Step], seen: Sequence[Step], names: Iterable[str], *, is_whole: bool) -> list[Judgement]:
    """Compare for each process: the states that it goes through, and how long it waits before the next try."""
    return [_judge(name, _of(expected, name), _of(seen, name), is_whole=is_whole) for name in names]


def _judge(name: str, expected: list[Step], seen: list[Step], *, is_whole: bool) -> Judgement:
    wanted, found = path(expected), path(seen)
    same = found == wanted if is_whole else found[: len(wanted)] == wanted
    if not same:
        return Judgement(name, False, f"expected {_words(wanted)}; it was {_words(found)}")
    if not found:
        return Judgement(name, True, "stays as it is")
    for place, step in enumerate(expected[:-1]):
        if step.after == "BACKOFF":
            by_file, real = (one[place + 1].at - one[place].at for one in (expected, seen))
            if abs(real - by_file) > TOLERANCE:
                return Judgement(
                    name, False, f"waits {real:.1f} s before the next try; by the file it is {by_file:.1f} s"
                )
    back = next((step.at for step in reversed(seen) if step.after == "RUNNING"), None)
    waits = [seen[n + 1].at - one.at for n, one in enumerate(seen[:-1]) if one.after == "BACKOFF"]
    backs_off = f"; waits {', '.join(f'{one:.1f} s' for one in waits[:5])} before the next try"
    ready = f"; ready again after {back:.2f} s" if back is not None and seen[-1].after == "RUNNING" else ""
    return Judgement(name, True, f"{_words(found)}{backs_off if waits else ''}{ready}")


def _of(steps: Iterable[Step], name: str) -> list[Step]:
    return [step for step in steps if step.name == name]


def _words(states: Sequence[str]) -> str:
    most = 12
    if not states:
        return "no change"
    return " -> ".join(states[:most]) + (f" and {len(states) - most} more" if len(states) > most else "")
