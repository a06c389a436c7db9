"""What must hold of restarts for memory and age, judged from events, orders and announcements alone."""

from collections import defaultdict
from random import Random

from procman.config.schema.groups import Group
from procman.config.schema.master import Master
from procman.config.schema.programs import Program
from procman.core.actions import Action, Announce, Kill, Measure
from procman.core.events import Event, MemoryMeasured, RestartRequested, ShutdownRequested, StopRequested
from procman.core.spec import Autorestart, ProcessType
from procman.core.states import MasterState, State
from tests.simulation.fake_kernel import Behaviour, Scenario
from tests.simulation.invariants import Violation

A_HAIR = 1e-6
LIMIT = 100
END = 40.0  # seconds: the looks would go on for ever
FINDINGS = ((50,), (150,), (150, 50), (50, 150, 150, 50), (None,), (None, 150), (50, 50, 150), ())


def renewal_scenario(random: Random) -> Scenario:
    """Programs of several processes that grow, or become old, and what may be asked for meanwhile."""
    pick = random.choice
    groups, behaviours = [], {}
    for name in "ab"[: random.randint(1, 2)]:
        options = {
            "section": f"program:{name}",
            "type": pick([ProcessType.SERVICE] * 9 + [ProcessType.ONESHOT]),
            "startsecs": pick([0, 0, 1]),
            "autorestart": pick([Autorestart.ALWAYS, Autorestart.UNEXPECTED]),
            "stopwaitsecs": pick([1, 10]),
            "memory_restart": pick([None, LIMIT, LIMIT, LIMIT]),
            "memory_interval": pick([0.5, 1, 3]),
            "max_age": pick([None, None, 2, 5]),
            "max_age_jitter": pick([0.0, 0.5]),
            "restart_limit": pick([None, None, None, (2, 20.0)]),
            "backoff_reset": 10,
        }
        programs = []
        for number in range(random.randint(1, 3)):
            program = Program(name=f"{name}{number}", group=name, command="x", **options)
            programs.append(program)
            behaviours[program.namespec] = tuple(_behaviour(random) for _ in range(random.randint(1, 4)))
        groups.append(Group(name=name, programs=tuple(programs)))
    names = sorted(behaviours)
    requests = [
        (random.uniform(0, 9), pick([StopRequested, RestartRequested])(pick(names))) for _ in range(pick([0, 0, 1, 2]))
    ]
    spent = sum(delay for delay, _ in requests)
    requests.append((END - spent, ShutdownRequested()))
    adopted = [(name, pick([0.0, 1.0, 60.0])) for name in names if random.random() < 0.2]
    return Scenario(
        groups=tuple(groups),
        master=Master(),
        behaviours=behaviours,
        adopted=tuple(adopted) if random.random() < 0.3 else (),
        requests=tuple(requests),
        late=pick([0.0, 0.0, 0.05]),
        seed=random.randint(0, 1_000_000),
    )


def _behaviour(random: Random) -> Behaviour:
    pick = random.choice
    return Behaviour(
        lives=pick([None] * 6 + [3.0]),
        obeys_after=pick([0.0, 0.4, 2.0]),
        memory=pick(FINDINGS),
        answers_after=pick([0.0, 0.0, 0.2, None]),
        lies=random.random() < 0.2,
    )


class RenewalRules:
    """Watches one world."""

    def __init__(self, world):
        self.world = world
        self._found: dict[str, list[int | None]] = defaultdict(list)  # by process: of its run
        self._answers = dict[str, float]()  # when the last look was answered
        self._born: dict[str, float] = {}
        self._up: set[str] = set()
        self._up_at: dict[str, float] = {}
        self._down: dict[str, set[str]] = defaultdict(set)  # by section: those that are being restarted for it
        self._delayed: set[str] = set()  # those of them that wait until they may start again
        self._asked: set[str] = set()  # a look at these is under way
        self.renewed: list[tuple[str, str]] = []

    def must(self, truth: object, claim: str) -> None:
        if not truth:
            raise Violation(f"at {self.world.now:.6f}: {claim}\n{self.world.recent()}")

    def event_comes(self, event: Event) -> None:
        if isinstance(event, MemoryMeasured):
            process = self.world.fleet.processes[event.name]
            if event.name in self._asked and event.run == process.attempt and process.state is State.RUNNING:
                self._asked.discard(event.name)
                self._found[event.name].append(event.used)
                self._answers[event.name] = self.world.now

    def decided(self, event: Event, actions: list[Action]) -> None:
        for action in actions:
            match action:
                case Measure(name=name):
                    self._is_looked_at(name)
                case Announce():
                    self._announced(action, event)
                case Kill(name=name):
                    self.must(action.overdue or self._is_stopping(name) or name in self._up, f"{name} is killed")
                case _:
                    pass
        if self.world.fleet.state is MasterState.RUNNING:
            self._nothing_is_forgotten()

    def carried_out(self) -> None:
        pass

    def spawning(self, order) -> None:
        pass

    def killing(self, order) -> None:
        pass

    def reaped(self, child) -> None:
        pass

    def at_rest(self) -> None:
        self.must(self.world.quit is not None, "the shutdown does not end")

    def _is_stopping(self, name: str) -> bool:
        return self.world.fleet.processes[name].state is State.STOPPING

    def _is_looked_at(self, name: str) -> None:
        program = self.world.fleet.processes[name].program
        self.must(name in self._up, f"{name} is looked at and is not RUNNING")
        self.must(program.memory_restart is not None and not program.is_oneshot, f"{name} is looked at for nothing")
        last = max(self._answers.get(name, 0.0), 0.0)
        if last:
            self.must(self.world.now >= last + program.memory_interval - A_HAIR, f"{name} is looked at too soon")
        self._asked.add(name)

    def _announced(self, news: Announce, event: Event) -> None:
        name, now, section = news.name, self.world.now, news.program.section
        if news.after is State.RUNNING:
            self._up.add(name)
            self._found.pop(name, None)
            self._asked.discard(name)
            self._answers[name] = 0.0
            self._up_at[name] = now
            self._born[name] = self.world.fleet.processes[name].born
        else:
            self._up.discard(name)
        if news.after is State.STOPPING and news.reason.startswith(("memory:", "age:")):
            reason = news.reason.partition(":")[0]
            self._is_due(name, reason, news.program, now)
            others = self._down[section] - {name}
            self.must(not others, f"{name} is restarted for its {reason} while {others} are")
            self._down[section].add(name)
            self.renewed.append((name, reason))
        elif news.after is State.BACKOFF and news.before is State.STOPPING and name in self._down[section]:
            self._down[section].discard(name)
            self._delayed.add(name)
        elif news.after is State.STARTING and name in self._delayed:
            self._delayed.discard(name)
            self._down[section].add(name)
        elif news.after not in (State.STOPPING, State.STOPPED, State.STARTING):
            self._down[section].discard(name)
            self._delayed.discard(name)
        elif news.after is State.STOPPED and not self.world.fleet.processes[name].wanted:
            self._down[section].discard(name)
        if news.after is State.STARTING and news.reason:
            self.must(news.before in (State.STOPPED, State.BACKOFF), f"{name} starts for {news.reason}")

    def _is_due(self, name: str, reason: str, program: Program, now: float) -> None:
        if reason == "age":
            self.must(program.max_age is not None, f"{name} has no max_age")
            age = now - self._born[name]
            self.must(age >= program.max_age - A_HAIR, f"{name} is only {age} s old")
            return
        last = self._found[name][-2:]
        over = [found is not None and found > LIMIT for found in last]
        self.must(over == [True, True], f"{name} is restarted for its memory: {self._found[name]}")

    def _nothing_is_forgotten(self) -> None:
        """Who is due is restarted at once, unless another one of its program is being."""
        for name in self._up:
            process = self.world.fleet.processes[name]
            program = process.program
            if program.is_oneshot or not process.wanted or process.state is not State.RUNNING:
                continue
            if self._is_held(process):
                continue
            last = self._found[name][-2:]
            over = program.memory_restart and len(last) == 2 and all(found and found > LIMIT for found in last)
            self.must(not over, f"{name} is over its limit, and is left alone")
            if program.max_age is not None:
                latest = max(self._up_at[name], self._born[name] + program.max_age * (1 + program.max_age_jitter))
                late = self.world.scenario.late
                self.must(self.world.now <= latest + late + A_HAIR, f"{name} is too old")
            if program.memory_restart is not None:
                process_due = process.deadlines.memory
                self.must(process_due is not None, f"the memory of {name} is not looked at any more")

    def _is_held(self, process) -> bool:
        others = self.world.fleet.processes.values()
        return any(
            other is not process
            and other.program.section == process.program.section
            and other.name in self._down[process.program.section]
            for other in others
        )
