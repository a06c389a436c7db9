"""What must hold of rolling restarts, judged from events, orders and announcements alone; and scenarios of them."""

from collections import defaultdict
from dataclasses import dataclass, field, replace
from random import Random

from procman.config.schema.groups import Group
from procman.config.schema.master import Master
from procman.config.schema.programs import Program
from procman.core.actions import Action, Announce, AnnounceRolling, AnnounceWatch, Spawn
from procman.core.events import (
    Event,
    FilesChanged,
    GroupChanged,
    RestartRequested,
    RollingAborted,
    RollingContinued,
    RollingRequested,
    ShutdownRequested,
    StartRequested,
    StopRequested,
)
from procman.core.spec import Autorestart
from procman.core.states import MasterState, State
from tests.simulation.fake_kernel import Behaviour, Scenario
from tests.simulation.invariants import Violation

END = 60.0
LIMIT = 100
FAILED = {State.BACKOFF, State.FATAL, State.EXITED, State.UNKNOWN}


def rolling_scenario(random: Random) -> Scenario:
    """A program of several processes, some of whose runs fail, and what may be asked for meanwhile."""
    pick = random.choice
    batch = pick([1, 1, 2])
    options = {
        "section": "program:a",
        "restart_strategy": "rolling",
        "rolling_batch": (batch, False),
        "startsecs": pick([0, 1, 1]),
        "startretries": pick([0, 2]),
        "autorestart": pick([Autorestart.ALWAYS, Autorestart.UNEXPECTED]),
        "stopwaitsecs": pick([1, 10]),
        "memory_restart": pick([None, None, None, LIMIT]),
        "memory_interval": 1,
        "backoff_reset": 10,
        "watch": pick([(), ("src/",)]),
        "watch_debounce": pick([0.1, 0.5]),
    }
    names = [f"a{number}" for number in range(random.randint(2, 5))]
    behaviours = {f"a:{name}": tuple(_behaviour(random) for _ in range(random.randint(1, 4))) for name in names}

    def group(version: int) -> Group:
        programs = tuple(Program(name=name, group="a", command=f"version {version}", **options) for name in names)
        return Group(name="a", programs=programs)

    requests: list[tuple[float, Event]] = []
    for number in range(random.randint(2, 7)):
        delay = pick([0.0, 0.3, 1.0, 2.5, 6.0, 12.0]) if number else pick([3.0, 6.0])
        requests.append((delay, _request(random, list(behaviours), batch, group, number + 1)))
        if options["watch"] and random.random() < 0.7:
            later = pick([0.0, 0.2, 1.0, 3.0])
            changes = [FilesChanged(name, (number,), 1, "src/a") for name in behaviours if random.random() < 0.9]
            requests += [(0.0 if place else later, change) for place, change in enumerate(changes)]
    spent = sum(delay for delay, _ in requests)
    requests.append((max(0.0, END - spent) if random.random() < 0.8 else pick([0.0, 1.0]), ShutdownRequested()))
    return Scenario(
        groups=(group(0),),
        master=Master(),
        behaviours=behaviours,
        requests=tuple(requests),
        late=pick([0.0, 0.0, 0.05]),
        slice=pick([1000, 1]),
        seed=random.randint(0, 1_000_000),
    )


def _behaviour(random: Random) -> Behaviour:
    pick = random.choice
    return Behaviour(
        fails=pick([None] * 15 + ["cannot be spawned"]),
        lives=pick([None] * 8 + [0.0, 0.5, 4.0]),
        code=pick([0, 1]),
        obeys_after=pick([0.0, 0.4, 2.0]),
        memory=pick([(50,), (150,), ()]),
        answers_after=0.0,
    )


def _request(random: Random, names: list[str], batch: int, group, number: int) -> Event:
    pick = random.choice
    match pick(["roll", "roll", "update", "update", "update", "continue", "abort", "abort", "one", "stop"]):
        case "roll":
            return RollingRequested("a", tuple(names), batch, number)
        case "update":
            changed = group(pick([0, number, number, number]))
            meant = names if random.random() < 0.8 else names[:1]
            programs = tuple(
                one if one.namespec in meant else replace(one, command=group(0).programs[0].command)
                for one in changed.programs
            )
            return GroupChanged(replace(changed, programs=programs), frozenset(names), number)
        case "continue":
            return RollingContinued("a", number)
        case "abort":
            return RollingAborted("a", number)
        case "one":
            return pick([RestartRequested, StartRequested])(pick(names))
        case _:
            return StopRequested(pick(names))


@dataclass
class One:
    """What was said of the one that is going on, or has stopped."""

    batch: int
    going: bool = True
    aborting: bool = False
    restarted: set[str] = field(default_factory=set)
    ready: set[str] = field(default_factory=set)


class RollingRules:
    """Watches one world."""

    def __init__(self, world):
        self.world = world
        program = world.scenario.groups[0].programs[0]
        self.batch = program.rolling_batch[0]
        self.one: One | None = None
        self._states: dict[str, State] = defaultdict(lambda: State.STOPPED)
        self._open: set[str] = set()  # restarted for it, and not RUNNING since
        self._run_since: dict[str, bool] = {}  # RUNNING since its turn has come
        self._definitions: dict[str, Program] = {one.namespec: one for one in world.scenario.groups[0].programs}
        self._pending: dict[str, Program] = {}  # what waits for its turn has this definition
        self._earlier: dict[str, Program] = {}  # before the last update
        self.counts: dict[str, int] = defaultdict(int)

    def must(self, truth: object, claim: str) -> None:
        if not truth:
            raise Violation(f"at {self.world.now:.6f}: {claim}\n{self.world.recent()}")

    def event_comes(self, event: Event) -> None:
        self._before = dict(self._states)
        self._going_before = self.one is not None and self.one.going
        if isinstance(event, ShutdownRequested) and self.world.now > END - 1:
            fleet = self.world.fleet
            for process in fleet.processes.values():
                stopped = "a" in fleet.rollings.by_program and not fleet.rollings.is_going("a")
                waits = fleet.watches.is_due(process.name) and process.state is State.RUNNING and not stopped
                self.must(not waits or self._going_before, f"what has changed for {process.name} is forgotten")

    def decided(self, event: Event, actions: list[Action]) -> None:
        restarted = [one.name for one in actions if isinstance(one, AnnounceRolling) and one.what == "restarting"]
        if restarted:
            self._are_in_order(event, restarted)
        for action in actions:
            match action:
                case Announce():
                    self._announced(action)
                case AnnounceRolling():
                    self._told(action, event)
                case AnnounceWatch(name, "restart"):
                    self.counts["watch"] += 1
                    stopped = any(
                        isinstance(one, Announce) and (one.name, one.after) == (name, State.STOPPING) for one in actions
                    )
                    self.must(not stopped or name in restarted, f"{name} is restarted out of its turn")
        stopped = {one.name for one in actions if isinstance(one, Announce) and one.after is State.STOPPING}
        if isinstance(event, RollingAborted):
            self.must(stopped <= set(restarted), f"{stopped} are put back out of their turn")
        self.must(len(self._down()) <= self.batch, f"{self._down()} are down for it")
        self._ends_with(event)
        if self.world.fleet.state is MasterState.RUNNING:
            self._goes_on()
        self._definitions_are_kept(event, actions)

    def carried_out(self) -> None:
        pass

    def spawning(self, order: Spawn) -> None:
        pending = self._pending.get(order.name)
        if pending is not None:
            self.must(order.program.command == pending.command, f"{order.name} gets the new definition before its turn")

    def killing(self, order) -> None:
        pass

    def reaped(self, child) -> None:
        pass

    def at_rest(self) -> None:
        self.must(self.world.quit is not None, "the shutdown does not end")

    # ---- the rules

    def _down(self) -> set[str]:
        processes = self.world.fleet.processes
        return {
            name
            for name in self._open
            if self._states[name] is not State.RUNNING and processes[name].wanted and not processes[name].left_behind
        }

    def _are_in_order(self, event: Event, restarted: list[str]) -> None:
        """What has failed has its turn before what is up."""
        fleet = self.world.fleet
        rolling = fleet.rollings.by_program.get("a")
        coming = rolling.coming if rolling is not None else []
        up = [name for name in restarted if self._before[name] is State.RUNNING]
        failed = [name for name in coming if self._before[name] is self._states[name] is State.FATAL]
        if up and failed and not any(one in failed for one in restarted):
            self.must(fleet.processes[failed[0]].state is not State.FATAL, f"{up} are restarted before {failed}")

    def _announced(self, news: Announce) -> None:
        self._states[news.name] = news.after
        if news.after is State.RUNNING:
            self._open.discard(news.name)
            self._run_since[news.name] = True

    def _told(self, news: AnnounceRolling, event: Event) -> None:
        self.counts[news.what] += 1
        one = self.one
        match news.what:
            case "began":
                asked_again = isinstance(event, RollingRequested) and self._going_before
                self.must(not asked_again, "a second one begins while the first goes on")
                if not self._going_before:
                    self._open.clear()  # that is past
                self.one = One(self.batch, aborting=news.aborting)
            case "continued":
                self.must(one is not None and not one.going, "it goes on and had not stopped")
                one.going = True
                one.restarted -= one.restarted - one.ready
            case "restarting":
                self.must(one is not None and one.going, f"{news.name} is restarted though it has stopped")
                one.restarted.add(news.name)
                self._open.add(news.name)
                self._run_since[news.name] = False
                self._pending.pop(news.name, None)
            case "ready":
                self.must(self._run_since.get(news.name), f"{news.name} is not ready, as it has not been RUNNING since")
                one.ready.add(news.name)
            case "stopped":
                self.must(one is not None and one.going, "it stops again")
                failing = self._states[news.name] in FAILED or isinstance(event, StopRequested)
                self.must(failing or news.reason, f"it stops at {news.name} for nothing")
                one.going = False
            case "done":
                putting_back = news.aborting and not (one and one.aborting)  # there was nothing to put back
                ready = not (one and one.going) or putting_back or one.restarted <= one.ready
                self.must(ready, "it is done before all are ready")
                self._has_all(one, news)
                self.one = None
            case "ended":
                self.one = None

    def _has_all(self, one: One | None, news: AnnounceRolling) -> None:
        for process in self.world.fleet.processes.values():
            if not process.wanted:
                continue
            spec = next(one for one in self.world.fleet.groups["a"].spec.programs if one.namespec == process.name)
            self.must(process.definition == spec, f"{process.name} has not the definition that it should have")
            if one is not None and news.aborting and process.name in self._earlier:
                wanted = self._earlier[process.name].command
                self.must(process.definition.command == wanted, f"{process.name} has not got its definition back")

    def _ends_with(self, event: Event) -> None:
        """A stop of a process that has its turn, or waits for it, and a shutdown."""
        one = self.one
        if isinstance(event, ShutdownRequested):
            self.must(one is None or not one.going, "it goes on in a shutdown")
        if isinstance(event, StopRequested) and self._going_before and one is not None and one.going:
            rolling = self.world.fleet.rollings.by_program["a"]
            self.must(event.name in rolling.ready or event.name not in self._meant(rolling), f"{event.name} is stopped")

    @staticmethod
    def _meant(rolling) -> set[str]:
        return {*rolling.coming, *rolling.under_way}

    def _goes_on(self) -> None:
        """Nothing is forgotten: as soon as a batch is ready, the next one has its turn."""
        one, fleet = self.one, self.world.fleet
        rolling = fleet.rollings.by_program.get("a")
        if one is None or not one.going or rolling is None:
            return
        waits = one.restarted - one.ready
        renewed = any(
            fleet.processes[name].wear.renewing and self._states[name] is not State.RUNNING for name in rolling.coming
        )
        ready = {name for name in waits if self._run_since.get(name) and self._states[name] is State.RUNNING}
        self.must(not ready, f"{ready} are up, and that is not noticed")
        failed = {name for name in waits if self._states[name] in FAILED and name in self._open}
        self.must(not failed, f"it goes on though {failed} have failed")
        carried = set(rolling.under_way) - one.restarted
        self.must(waits or carried or renewed, "nothing is restarted, and it is not done")

    def _definitions_are_kept(self, event: Event, actions: list[Action]) -> None:
        processes = self.world.fleet.processes
        if isinstance(event, GroupChanged) and self.world.fleet.state is MasterState.RUNNING:
            rolling = self.world.fleet.rollings.by_program.get("a")
            self._pending = {name: processes[name].program for name in (rolling.targets if rolling else ())}
            if rolling is not None:
                self._earlier = dict(rolling.previous)
        if isinstance(event, StopRequested | RollingContinued | RollingAborted | RollingRequested):
            rolling = self.world.fleet.rollings.by_program.get("a")
            targets = rolling.targets if rolling is not None else ()
            self._pending = {name: spec for name, spec in self._pending.items() if name in targets}
