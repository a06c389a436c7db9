"""What must hold of watched files, judged from events, orders and announcements alone."""

from collections import defaultdict
from random import Random

from procman.config.schema.groups import Group
from procman.config.schema.master import Master
from procman.config.schema.programs import Program
from procman.core.actions import (
    Action,
    Announce,
    AnnounceMaster,
    AnnounceRefresh,
    AnnounceWatch,
    Kill,
    RunWatchCommand,
    Spawn,
)
from procman.core.events import (
    Event,
    FilesChanged,
    GroupChanged,
    RestartRequested,
    RetryRequested,
    ShutdownRequested,
    Spawned,
    StartRequested,
    StopRequested,
    WatchesRenewed,
)
from procman.core.spec import Autorestart, Edge, Reload, WatchAction
from procman.core.states import MasterState, State
from tests.simulation.fake_kernel import Behaviour, Scenario
from tests.simulation.invariants import Violation

A_HAIR = 1e-6
END = 60.0
# As the documentation has them.
CEILING, MOST, WINDOW, SOON = 10, 5, 30.0, 5.0
ACTIONS = (WatchAction(),) * 4 + (
    WatchAction("signal", signal=10),
    WatchAction("exec", command="make"),
    WatchAction("reload"),
)


def watch_scenario(random: Random) -> Scenario:
    """Programs that watch files, some of which they write themselves, and what may be asked for meanwhile."""
    pick = random.choice
    groups, behaviours = [], {}
    names = list("abc"[: random.randint(1, 3)])
    for number, name in enumerate(names):
        needs = tuple(Edge(other, "ready", False, (other,)) for other in names[:number] if random.random() < 0.5)
        program = Program(
            name=name,
            group=name,
            command="x",
            startsecs=pick([0, 0, 1, 3]),
            startretries=pick([0, 1, 3]),
            autostart=random.random() < 0.9,
            autorestart=pick([Autorestart.NEVER, Autorestart.ALWAYS, Autorestart.UNEXPECTED]),
            stopwaitsecs=pick([1, 10]),
            depends_on=needs,
            reload=Reload(signal=1),
            watch=("src/",) if random.random() < 0.9 else (),
            watch_debounce=pick([0.1, 0.3, 1]),
            watch_action=pick(ACTIONS),
            watch_cascade=random.random() < 0.4,
        )
        groups.append(Group(name=name, programs=(program,)))
        behaviours[name] = tuple(_behaviour(random) for _ in range(random.randint(1, 4)))
    requests = sorted((random.uniform(0, 9), _request(random, names)) for _ in range(pick([0, 1, 3])))
    requests += _changes(random, names)
    end = pick([END, END, END, random.uniform(1, 10)])
    requests = sorted((one for one in requests if one[0] < end), key=lambda one: one[0])
    delays, before = [], 0.0
    for when, event in [*requests, (end, ShutdownRequested())]:
        delays.append((when - before, event))
        before = when
    return Scenario(
        groups=tuple(groups),
        master=Master(),
        behaviours=behaviours,
        requests=tuple(delays),
        late=pick([0.0, 0.0, 0.05]),
        seed=random.randint(0, 1_000_000),
    )


def _request(random: Random, names: list[str]) -> Event:
    name = random.choice(names)
    kinds = [StopRequested, StopRequested, StartRequested, RestartRequested, RetryRequested]
    return random.choice([*(kind(name) for kind in kinds), WatchesRenewed()])


def _changes(random: Random, names: list[str]) -> list[tuple[float, Event]]:
    found: list[tuple[float, Event]] = []
    for _ in range(random.randint(1, 3)):
        name, when = random.choice(names), random.uniform(0, 10)
        # A save, a build that goes on and on, or a program that writes its own file.
        pause = random.choice([0.02, 0.05, 0.2, 1.3, 2.5, 4.0, 6.0])
        files = random.choice([(1,), (1, 2), (3,)])
        for number in range(random.choice([1, 1, 4, 12, 40])):
            changed = files if random.random() < 0.9 else (100 + number,)
            found.append((when, FilesChanged(name, changed, len(changed), "f")))
            when += pause
            if when > END - 1:
                break
    return found


def _behaviour(random: Random) -> Behaviour:
    pick = random.choice
    return Behaviour(
        fails=pick([None] * 9 + ["no such file"]),
        lives=pick([None] * 5 + [0.0, 0.5, 3.0, 8.0]),
        code=pick([0, 1]),
        obeys_after=pick([0.0, 0.0, 0.4, 2.0, None]),
    )


class _Changed:
    """Files have changed, for all that the rules know."""

    def __init__(self, now: float) -> None:
        self.first = self.last = now
        self.files: set[int] = set()


class WatchRules:
    """Watches one world."""

    def __init__(self, world):
        self.world = world
        self._changed: dict[str, _Changed] = {}
        self._done: dict[str, list[tuple[float, float, frozenset[int]]]] = defaultdict(list)
        self._suspended: set[str] = set()
        self._states: dict[str, State] = {}
        self._born: dict[str, float] = {}
        self._pids: dict[str, int | None] = {}
        self.what: list[str] = []

    def must(self, truth: object, claim: str) -> None:
        if not truth:
            raise Violation(f"at {self.world.now:.6f}: {claim}\n{self.world.recent()}")

    def event_comes(self, event: Event) -> None:
        self._states = {name: process.state for name, process in self.world.fleet.processes.items()}
        self._pids = {name: process.pid for name, process in self.world.fleet.processes.items()}
        match event:
            case FilesChanged(name, files):
                program = self.world.fleet.processes[name].program
                if program.watch and name not in self._suspended and self.world.fleet.state is MasterState.RUNNING:
                    changed = self._changed.setdefault(name, _Changed(self.world.now))
                    changed.last = self.world.now
                    changed.files.update(files)
            case Spawned(name):
                self._born[name] = self.world.now
                self._has_seen(name)

    def decided(self, event: Event, actions: list[Action]) -> None:
        self._is_resumed(event, actions)
        for at, action in enumerate(actions):
            match action:
                case AnnounceWatch(what="resumed"):
                    pass
                case AnnounceWatch():
                    self._is_right(action, actions[at + 1 :])
                case AnnounceMaster():
                    self._changed.clear()
                case Announce(name=name, after=State.STARTING):
                    self._has_seen(name)
        self._nothing_is_forgotten(event)

    def carried_out(self) -> None:
        pass

    def spawning(self, order: Spawn) -> None:
        pass

    def killing(self, order: Kill) -> None:
        pass

    def reaped(self, child) -> None:
        pass

    def at_rest(self) -> None:
        self.must(self.world.quit is not None, "the shutdown does not end")

    def _has_seen(self, name: str) -> None:
        """It starts after the changes, so it needs no restart for them; a command is another thing."""
        if self.world.fleet.processes[name].program.watch_action.what != "exec":
            self._changed.pop(name, None)

    # ---- the rules

    def _is_resumed(self, event: Event, actions: list[Action]) -> None:
        names: set[str] = set()
        match event:
            case StartRequested(name) | RestartRequested(name) | RetryRequested(name):
                names = {name}
            case GroupChanged(group):
                names = {program.namespec for program in group.programs}
            case WatchesRenewed():
                names = set(self._suspended)
        if self.world.fleet.state is not MasterState.RUNNING:
            return
        for name in names:
            self._done.pop(name, None)
        told = {one.name for one in actions if isinstance(one, AnnounceWatch) and one.what == "resumed"}
        self.must(told == names & self._suspended, f"{told} are watched again, and not {names & self._suspended}")
        self._suspended -= told

    def _is_right(self, news: AnnounceWatch, after: list[Action]) -> None:
        name, now = news.name, self.world.now
        process, changed = self.world.fleet.processes[name], self._changed.pop(name, None)
        program = process.program
        self.what.append(news.what)
        self.must(changed is not None, f"nothing has changed for {name}")
        self.must(name not in self._suspended, f"{name} is not watched")
        self.must(self.world.fleet.state is MasterState.RUNNING, "the master ends")
        quiet = changed.last + program.watch_debounce
        longest = changed.first + CEILING * program.watch_debounce
        self.must(now >= min(quiet, longest) - A_HAIR, f"it is too soon for {name}")
        is_loop = self._is_loop(name, changed, now)
        self.must(
            (news.what == "suspended") == is_loop,
            f"{name}: {news.what}, and that is the {len(self._done[name])}th time",
        )
        if news.what == "suspended":
            self._suspended.add(name)
            self._done.pop(name, None)
            return
        self._does(news, after)

    def _is_loop(self, name: str, changed: _Changed, now: float) -> bool:
        first = changed.first
        done = [one for one in self._done[name] if now - one[0] < WINDOW]
        latest = max([self._born.get(name, float("-inf")), *(when for when, _, _ in done)])
        if first - latest > SOON or (done and not done[-1][2] & changed.files):
            done = []
        if len(done) >= MOST:
            return True
        self._done[name] = [*done, (now, first, frozenset(changed.files))]
        return False

    def _does(self, news: AnnounceWatch, after: list[Action]) -> None:
        """What was said is what is done."""
        name, process = news.name, self.world.fleet.processes[news.name]
        states = [one.after for one in after if isinstance(one, Announce) and one.name == name]
        if news.what == "start":
            was = self._states[name]
            down = (State.BACKOFF, State.FATAL, State.EXITED)
            entered = was in (*down, State.STARTING, State.RUNNING, State.STOPPING)
            self.must(entered, f"{name} is started out of {was}")
            self.must(states[:1] == [State.STARTING], f"{name} is not started")
            self.must(process.failures == 0, f"{name} goes on counting")
            return
        self.must(news.what == process.program.watch_action.what, f"{name} is to be something else: {news.what}")
        match news.what:
            case "restart":
                self.must(states[:1] == [State.STOPPING] or process.ties.deferred, f"{name} is not restarted")
                self.must(process.wanted, f"{name} stays down")
                self._cascades(process, after)
            case "reload":
                self.must(any(isinstance(one, AnnounceRefresh) and one.name == name for one in after), "no reload")
            case "signal":
                sent = [one.signal for one in after if isinstance(one, Kill) and one.name == name]
                self.must(sent == [process.program.watch_action.signal], f"{name} gets {sent}")
            case "exec":
                self.must(any(isinstance(one, RunWatchCommand) and one.name == name for one in after), "no command")

    def _cascades(self, process, after: list[Action]) -> None:
        fleet = self.world.fleet
        dependents = {one.name for one in fleet.dependencies.dependents(process.name)}
        for other in dependents:
            was_up = self._states[other] in (State.STARTING, State.RUNNING) and self._pids[other] is not None
            goes = fleet.processes[other].goes_down
            if was_up and process.program.watch_cascade:
                self.must(goes or not fleet.processes[other].wanted, f"{other} is not restarted with {process.name}")
        stopped = {one.name for one in after if isinstance(one, Announce) and one.after is State.STOPPING}
        if not process.program.watch_cascade:
            self.must(not stopped & dependents, f"{stopped & dependents} are restarted with {process.name}")
        self.must(stopped <= dependents | {process.name} | self._others_due(), f"{stopped} are stopped")

    def _others_due(self) -> set[str]:
        return set(self.world.fleet.processes)

    def _nothing_is_forgotten(self, event: Event) -> None:
        """What is up, and has changed files for long enough, is not left alone."""
        if self.world.fleet.state is not MasterState.RUNNING:
            return
        for name, changed in list(self._changed.items()):
            process = self.world.fleet.processes[name]
            quiet = process.program.watch_debounce
            due = min(changed.last + quiet, changed.first + CEILING * quiet)
            stays_down = process.state is State.STOPPED or (process.state is State.FATAL and process.ties.blocked)
            if self.world.now >= due - A_HAIR and (stays_down or not (process.wanted or process.state is State.EXITED)):
                del self._changed[name]
            # A timer may ring late, and what comes meanwhile moves it on.
            elif self.world.now > due + self.world.scenario.late + A_HAIR and not isinstance(event, FilesChanged):
                is_up = process.state is State.RUNNING and not process.ties.deferred
                has_failed = process.state in (State.BACKOFF, State.FATAL, State.EXITED)
                self.must(not (is_up or has_failed), f"{name} has changed files, and is left alone")
