"""Actor and cause of what the core does, by stories of one or two processes."""

from signal import SIGHUP, SIGTERM

import pytest

from procman.core.actions import Action, Announce, AnnounceMaster, Kill, RunHook, Spawn
from procman.core.attribution import BOOT, DEPENDENCY, NOBODY, POLICY, Actor, Attribution, Origin
from procman.core.events import (
    BootRequested,
    DeadlineReached,
    Event,
    Exited,
    ExitStatus,
    HookEnded,
    RestartRequested,
    ShutdownRequested,
    SignalRequested,
    Spawned,
    StartRequested,
    StopRequested,
)
from procman.core.fleet import Fleet
from procman.core.spec import Autorestart, Edge, HookCommand
from procman.core.states import State
from tests.support.programs import group, program

ROOT = Actor("client", uid=0, command="procmanctl")
OTHER = Actor("client", uid=1000)


class Story:
    """A fleet and its attribution, as the engine couples them; `told` is what was published, by number."""

    def __init__(self, **options):
        self.fleet = Fleet((group("web", program("web", startsecs=1, **options)), group("db", program("db"))))
        self.attribution = Attribution()
        self.told: dict[int, tuple[object, Origin]] = {}
        self.now = 0.0
        self.pid = 100
        self.spawns: list[Spawn] = []
        self.request(BootRequested(), Origin(BOOT))

    def publish(self, what, origin) -> int:
        self.told[len(self.told) + 1] = (what, origin)
        return len(self.told)

    def ask(self, event: Event, actor: Actor) -> int:
        """A client's request: its operation is published first."""
        seq = self.publish("operation", Origin(actor, None, 7))
        self.request(event, Origin(actor, seq, 7))
        return seq

    def request(self, event: Event, origin: Origin = NOBODY, subject: str | None = None) -> list[Action]:
        self.attribution.begin(event, origin, subject or getattr(event, "name", None))
        actions = self.fleet.handle(event, self.now)
        for action in actions:
            if isinstance(action, Spawn):
                self.spawns.append(action)
                continue
            origin = self.attribution.origin_of(action)
            self.attribution.published(action, origin, self.publish(action, origin))
        return actions

    def spawn_all(self):
        spawns, self.spawns = self.spawns, []
        for order in spawns:
            self.pid += 1
            event = Spawned(order.name, self.pid)
            origin = self.attribution.latest(order.name)
            self.attribution.happened(order.name, origin, self.publish(event, origin), new_run=True)
            self.request(event)

    def wait(self, seconds: float):
        self.now += seconds
        self.request(DeadlineReached())

    def end(self, name: str, status: ExitStatus):
        pid = self.fleet.processes[name].pid
        origin = self.attribution.origin_of_end(name, status.signal)
        seq = self.publish("end", origin)
        self.attribution.happened(name, origin, seq)
        self.request(Exited(pid, status), self.attribution.latest(name), name)

    def latest(self, kind, name: str | None = None) -> tuple[int, Origin]:
        """The number and the origin of the latest of that class."""
        return next(
            (seq, origin)
            for seq, (what, origin) in reversed(self.told.items())
            if isinstance(what, kind) and name in (None, getattr(what, "name", None))
        )

    def chain(self, seq: int) -> list[object]:
        found = []
        next_seq: int | None = seq
        while next_seq is not None:
            found.append(next_seq)
            next_seq = self.told[next_seq][1].cause
        return found


def up(**options) -> Story:
    story = Story(**options)
    story.spawn_all()
    story.wait(1)
    return story


def test_a_boot_is_the_root_of_what_it_starts():
    """What starts at boot has the actor boot, to the process that is up; there, a deadline has made it RUNNING."""
    story = up()
    running, origin = story.latest(Announce, "web")
    assert origin.actor == POLICY
    first = story.chain(running)[-1]
    assert (story.told[first][0].after.name, story.told[first][1]) == ("STARTING", Origin(BOOT))
    assert story.attribution.wanted_by("web") == Origin(BOOT)


def test_a_stop_is_of_the_client_to_the_end():
    """The signal, the end and STOPPED all follow from the operation of the client that asked."""
    story = up()
    operation = story.ask(StopRequested("web"), ROOT)
    story.end("web", ExitStatus(-1, SIGTERM))
    seq, origin = story.latest(Announce, "web")
    assert (story.told[seq][0].after.name, origin.actor, origin.operation) == ("STOPPED", ROOT, 7)
    assert story.chain(seq)[-1] == operation
    assert any(isinstance(story.told[number][0], Kill) for number in story.chain(seq))


def test_an_order_to_run_a_hook_is_no_cause():
    """The journal has how its commands end, and not that they begin: its number would lead nowhere."""
    story = up(before_kill=(HookCommand("dump"),), stopwaitsecs=5)
    operation = story.ask(StopRequested("web"), ROOT)
    story.wait(5)
    order, _ = story.latest(RunHook)
    hook = story.told[order][0]
    origin = story.attribution.latest("web")
    ran = story.publish("hook ran", origin)
    story.attribution.happened("web", origin, ran)
    story.request(HookEnded("web", hook.number, ok=True))
    kill, _ = story.latest(Kill)
    assert story.chain(kill)[:2] == [kill, ran]
    assert story.chain(kill)[-1] == operation
    assert order not in story.chain(kill)


def test_an_end_of_its_own_has_no_actor_and_is_a_root():
    """Nobody is behind a crash; the restart that follows is policy, caused by the crash, and of no operation."""
    story = up(autorestart=Autorestart.ALWAYS)
    story.ask(RestartRequested("web"), ROOT)
    story.end("web", ExitStatus(-1, SIGTERM))
    story.spawn_all()
    story.wait(1)
    story.end("web", ExitStatus(3))
    seq, origin = story.latest(Announce, "web")
    assert (story.told[seq][0].after.name, origin.actor, origin.operation) == ("STARTING", POLICY, None)
    root = story.chain(seq)[-1]
    assert story.told[root] == ("end", NOBODY)


def test_a_start_after_a_stop_is_of_the_one_that_wants_it_up():
    """One client stops it, another one wants it back meanwhile: the new start is the other one's."""
    story = up()
    story.ask(StopRequested("web"), ROOT)
    second = story.ask(StartRequested("web"), OTHER)
    story.end("web", ExitStatus(-1, SIGTERM))
    seq, origin = story.latest(Announce, "web")
    assert (story.told[seq][0].after.name, origin) == ("STARTING", Origin(OTHER, second, 7))


def test_sigkill_after_stopwaitsecs_follows_from_the_stop():
    """The second signal is policy's, and its chain leads to the client that asked for the stop."""
    story = up(stopwaitsecs=5)
    operation = story.ask(StopRequested("web"), ROOT)
    story.wait(5)
    seq, origin = story.latest(Kill)
    assert (story.told[seq][0].overdue, origin.actor, story.chain(seq)[-1]) == (True, POLICY, operation)
    story.end("web", ExitStatus(-1, 9))
    assert story.chain(story.latest(Announce, "web")[0])[-1] == operation


def test_a_retry_follows_from_the_failed_start():
    """BACKOFF follows from the end, and the next try from BACKOFF."""
    story = Story()
    story.spawn_all()
    story.end("web", ExitStatus(1))
    backoff, _ = story.latest(Announce, "web")
    story.wait(1)
    starting = next(s for s, (what, _) in reversed(story.told.items()) if getattr(what, "name", "") == "web")
    assert story.told[starting][1] == Origin(POLICY, backoff)


@pytest.mark.parametrize(("signal", "died_of", "caused"), [(SIGHUP, SIGHUP, True), (SIGHUP, 9, False)])
def test_an_end_follows_from_a_signal_that_was_sent_only_if_it_is_the_one(signal, died_of, caused):
    """A client's HUP that kills is the cause of the end; a SIGKILL from elsewhere is nobody's."""
    story = up()
    story.ask(SignalRequested("web", signal), ROOT)
    story.end("web", ExitStatus(-1, died_of))
    end = next(s for s, (what, _) in reversed(story.told.items()) if what == "end")
    assert (story.told[end][1].actor == ROOT) is caused


def test_all_waves_of_a_shutdown_follow_from_its_announcement():
    """Whatever event lets a later wave begin, what it stops is stopped by the shutdown."""
    story = Story()
    story.spawn_all()
    story.wait(1)
    story.request(ShutdownRequested(), Origin(Actor("signal", via="SIGTERM")))
    master, origin = story.latest(AnnounceMaster)
    assert origin.actor == Actor("signal", via="SIGTERM")
    for name in ("web", "db"):
        kill, origin = story.latest(Kill, name)
        assert (origin.actor, master in story.chain(kill)) == (Actor("signal", via="SIGTERM"), True)


def test_a_snapshot_goes_on_where_it_was():
    """Who wants what, and what an end follows from, is known to the code that takes over."""
    story = up()
    story.ask(StopRequested("web"), ROOT)
    other = Attribution()
    other.restore(story.attribution.snapshot())
    assert other.snapshot() == story.attribution.snapshot()
    assert other.origin_of_end("web", 15) == story.attribution.origin_of_end("web", 15) != NOBODY


# ------------------------------------------------------------------------------------------------ dependencies

NEEDS_DB = (Edge("db", "ready", optional=False, processes=("db",)),)


def entered(story: Story, name: str, after: State) -> tuple[int, Origin]:
    """The number and the origin of the latest announcement that the process is in that state."""
    return next(
        (seq, origin)
        for seq, (what, origin) in reversed(story.told.items())
        if isinstance(what, Announce) and (what.name, what.after) == (name, after)
    )


def test_what_a_start_pulls_in_is_of_the_one_that_asked():
    """It was not asked for by name, and the client is responsible all the same."""
    story = up(depends_on=NEEDS_DB)
    story.ask(StopRequested("web"), ROOT)
    story.end("web", ExitStatus(0))
    story.ask(StopRequested("db"), ROOT)
    story.end("db", ExitStatus(0))
    asked = story.ask(StartRequested("web"), OTHER)
    _, origin = entered(story, "db", State.STARTING)
    assert (origin.actor, origin.cause) == (OTHER, asked)


def test_a_dependent_is_blocked_and_comes_back_because_of_its_target():
    """The actor is the dependency; the chain leads over the target to the request about that."""
    story = Story(depends_on=NEEDS_DB)
    for _ in range(4):
        story.spawn_all()
        story.end("db", ExitStatus(1))
        story.wait(10)
    failed, _ = entered(story, "db", State.FATAL)
    blocked, origin = entered(story, "web", State.FATAL)
    assert (origin.actor, failed in story.chain(blocked)) == (DEPENDENCY, True)
    asked = story.ask(StartRequested("db"), OTHER)
    back, origin = entered(story, "web", State.STARTING)
    assert asked in story.chain(back)
    assert origin.actor in (DEPENDENCY, OTHER)


def test_a_restart_for_a_dependency_is_of_that_from_its_stop_to_its_start():
    """Whoever started the dependent before has no part in it; a request in between takes over."""
    story = up(depends_on=NEEDS_DB, on_dependency_restart=("restart", 0))
    story.spawn_all()
    story.wait(1)

    def restart_db():
        asked = story.ask(RestartRequested("db"), OTHER)
        story.end("db", ExitStatus(0))
        story.spawn_all()
        story.wait(1)
        return asked

    asked = restart_db()
    stopping, origin = entered(story, "web", State.STOPPING)
    assert (origin.actor, asked in story.chain(stopping)) == (DEPENDENCY, True)
    story.end("web", ExitStatus(0))
    starting, origin = entered(story, "web", State.STARTING)
    assert (origin.actor, asked in story.chain(starting)) == (DEPENDENCY, True)
    story.spawn_all()
    story.wait(1)
    restart_db()
    story.attribution.restore(story.attribution.snapshot())
    mine = story.ask(RestartRequested("web"), ROOT)
    story.end("web", ExitStatus(0))
    starting, origin = entered(story, "web", State.STARTING)
    assert (origin.actor, mine in story.chain(starting)) == (ROOT, True)


def test_a_bound_process_goes_down_and_comes_back_because_of_its_target():
    """Its stop is part of the stop that was asked for; its way back is not of whoever asked for that stop."""
    story = up(depends_on=NEEDS_DB, on_dependency_stop="stop")
    story.spawn_all()
    story.wait(1)
    asked = story.ask(StopRequested("db"), ROOT)
    stopping, _ = entered(story, "web", State.STOPPING)
    assert asked in story.chain(stopping)
    story.end("web", ExitStatus(0))
    story.end("db", ExitStatus(0))
    again = story.ask(StartRequested("db"), OTHER)
    starting, _ = entered(story, "web", State.STARTING)
    assert again in story.chain(starting)
    assert asked not in story.chain(starting)
