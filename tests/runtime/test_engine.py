"""The engine carries out what the core orders, and reports what has come of it. The processes are real."""

import asyncio
import os
import signal

from procman.core.actions import Announce, KeepDescendants, Kill, Quit, Spawn
from procman.core.events import (
    Adopted,
    KillFailed,
    ShutdownRequested,
    Spawned,
    SpawnFailed,
    StartRequested,
    StopRequested,
)
from procman.core.spec import Leftovers, Scope
from procman.core.states import State
from procman.runtime import leftovers
from procman.runtime.member_ends import MemberEnded
from procman.runtime.process_trees import OrphanedDescendants
from procman.system.foreign_process import watch
from procman.system.proc import identify
from procman.system.reaper import Reaped
from tests.support.launching import python, shell
from tests.support.programs import group
from tests.support.running_engine import RunningEngine, on_engine

SLEEP = "/bin/sleep 1000"
# Its child leaves its parent, its process group and its session, says its pid, and stays.
DAEMON = shell("setsid sh -c 'echo $$; exec sleep 1000' & wait")
# The same, and it ends after that.
LEAVES = python("import os\nif os.fork() == 0:\n    os.setsid()\n    os.execv('/bin/sleep', ['sleep', '1000'])\n")


def test_what_starts_is_reported_before_the_state_that_follows():
    """Spawned, then RUNNING; every notification has the next number."""

    async def steps():
        run = RunningEngine(group("web", command=SLEEP, startsecs=0))
        run.boot()
        await run.enters("web", State.RUNNING)
        pid = run.pid("web")
        assert [news.seq for news in run.notifications] == list(range(1, len(run.events) + 1))
        started = [event for event in run.events if isinstance(event, Spawned | Announce)]
        assert [type(event) for event in started] == [Announce, Spawned, Announce]
        assert started[1] == Spawned("web", pid)
        assert run.states("web") == ["STARTING", "RUNNING"]
        return run.bugs

    assert on_engine(steps) == []


def test_a_stop_is_carried_out_and_its_end_reported():
    """Until the last word of the process has been taken in, it has not stopped."""

    async def steps():
        run = RunningEngine(group("web", command=shell("trap 'echo bye; exit 3' TERM; echo up; read x"), startsecs=0))
        run.boot()
        await run.enters("web", State.RUNNING)
        assert run.pipes.line("web") == "up"
        pid = run.pid("web")
        run.engine.post(StopRequested("web"))
        await run.enters("web", State.STOPPED)
        assert run.pipes.said == {"web": "bye\n"}
        assert run.of(Kill) == [Kill("web", pid, signal.SIGTERM, Scope.PROCESS)]
        end = run.of(Announce)[-1]
        assert (end.after, end.status.code, end.status.signal) == (State.STOPPED, 3, None)
        assert run.engine.ends.orphans == 0

    on_engine(steps)


def test_a_start_that_fails_is_reported_with_the_reason():
    """With what a shell would exit with."""

    async def steps():
        run = RunningEngine(group("web", command="/no/such/file", startretries=0))
        run.boot()
        await run.enters("web", State.FATAL)
        assert run.of(SpawnFailed) == [SpawnFailed("web", "can't find command '/no/such/file'", 127)]

    on_engine(steps)


def test_a_crowd_of_events_is_handled_in_one_go():
    """Nothing of it before the next turn of the loop, all of it then, in its order, with one look at the deadlines."""

    async def steps():
        run = RunningEngine(*(group(name, command=SLEEP, autostart=False) for name in "ab"))
        asked = []
        ask = run.fleet.next_deadline
        run.fleet.next_deadline = lambda: asked.append(1) or ask()
        for name in "ba":
            run.engine.post_soon(StartRequested(name))
        assert run.events == []
        await asyncio.sleep(0)
        assert [event.name for event in run.of(Announce)][:2] == ["b", "a"]
        assert len(asked) == 1

    on_engine(steps)


def test_a_crowd_of_events_is_dropped_at_the_end():
    """A closed engine handles nothing any more."""

    async def steps():
        run = RunningEngine(group("a", command=SLEEP, autostart=False))
        run.engine.post_soon(StartRequested("a"))
        run.engine.close()
        await asyncio.sleep(0)
        assert run.events == []

    on_engine(steps)


def test_an_event_that_a_subscriber_posts_is_handled_after_the_present_one():
    """Whatever the first one leads to is carried out before."""

    async def steps():
        run = RunningEngine(group("a", command=SLEEP), group("b", command=SLEEP, autostart=False))

        def start_b(notification):
            if isinstance(notification.event, Announce) and notification.event.name == "a":
                run.engine.post(StartRequested("b"))

        run.bus.subscribe(start_b)
        run.boot()
        await run.until(lambda: len(run.of(Spawned)) == 2)
        assert [event.name for event in run.of(Spawned)] == ["a", "b"]

    on_engine(steps)


def test_a_start_that_was_overtaken_by_a_stop_is_not_carried_out():
    """The core is asked again before each."""

    async def steps():
        run = RunningEngine(group("web", command=SLEEP, autostart=False))
        stopped = False

        def stop(notification):
            nonlocal stopped
            if isinstance(notification.event, Announce) and notification.event.after is State.STARTING:
                run.engine.post(StopRequested("web"))
                stopped = True

        run.bus.subscribe(stop)
        run.engine.post(StartRequested("web"))
        await run.engine.caught_up()
        assert stopped
        assert run.of(Spawned) == []
        assert run.states("web") == ["STARTING", "STOPPED"]

    on_engine(steps)


def test_a_bug_in_a_decision_is_reported_and_the_next_event_handled():
    """PID 1 must not die of it."""

    async def steps():
        run = RunningEngine(group("web", command=SLEEP))
        run.engine.post(object())
        run.boot()
        await run.until(lambda: bool(run.of(Spawned)))
        return run.bugs

    [bug] = on_engine(steps)
    assert "please report it" in bug


def test_an_orphan_is_reaped_counted_and_reported():
    """It is nobody's process, and ends as everything does."""

    async def steps():
        run = RunningEngine(group("web", command=shell("(setsid sleep 0.2 &) ; exec sleep 1000"), startsecs=0))
        run.boot()
        await run.until(lambda: bool(run.of(Reaped)))
        assert run.engine.ends.orphans == 1
        assert run.of(Reaped)[0].code == 0

    on_engine(steps)


def test_a_signal_to_a_whole_tree_reaches_what_has_left_its_session():
    """Their ends are reported, too, and the process has stopped when the last of them has ended."""

    async def steps():
        run = RunningEngine(group("web", command=DAEMON, startsecs=0, stop_scope=Scope.TREE, kill_scope=Scope.TREE))
        run.boot()
        await run.enters("web", State.RUNNING)
        daemon = int(run.pipes.line("web"))
        run.engine.post(StopRequested("web"))
        await run.enters("web", State.STOPPED)
        assert identify(daemon) is None
        assert daemon in [member.pid for member in run.of(MemberEnded)]

    on_engine(steps)


def test_what_an_ended_program_has_left_behind_is_reported_later(monkeypatch):
    """Once nothing stops it; `KeepDescendants` is an order, and no news."""
    monkeypatch.setattr(leftovers, "REPORT_AFTER", 0)

    async def steps():
        run = RunningEngine(group("web", command=LEAVES, startsecs=0, autorestart=False))
        run.boot()
        await run.until(lambda: bool(run.of(OrphanedDescendants)))
        [report] = run.of(OrphanedDescendants)
        assert (report.name, len(report.pids)) == ("web", 1)
        assert run.of(KeepDescendants) == []

    on_engine(steps)


def test_a_stop_reaches_what_an_earlier_run_has_left_behind():
    """Of a program with stop_scope=tree; and `has_left` notices when that has ended by itself."""

    async def steps():
        run = RunningEngine(
            group("web", command=LEAVES, startsecs=0, autorestart=False, stop_scope=Scope.TREE, kill_scope=Scope.TREE)
        )
        run.boot()
        await run.enters("web", State.EXITED)
        assert run.engine.has_left("web")
        run.engine.post(StopRequested("web"))
        await run.enters("web", State.STOPPED)
        assert not run.engine.has_left("web")

        run.engine.post(StartRequested("web"))
        await run.until(lambda: run.states("web").count("EXITED") == 2)
        [left] = run.trees.remaining()
        os.kill(left.process.pid, signal.SIGKILL)
        await run.until(lambda: not run.engine.has_left("web"))
        assert run.states("web")[-1] == "EXITED"

    on_engine(steps)


def test_the_shutdown_ends_with_one_quit():
    """After it nothing is started any more."""

    async def steps():
        run = RunningEngine(group("web", command=SLEEP, leftovers=Leftovers.STOP), group("db", command=SLEEP))
        run.boot()
        await run.until(lambda: len(run.of(Spawned)) == 2)
        run.engine.post(ShutdownRequested())
        await run.until(lambda: bool(run.of(Quit)))
        assert run.of(Quit) == [Quit(restart=False)]
        assert run.engine.is_quiet
        assert run.of(Spawn) == []

    on_engine(steps)


def test_an_adopted_process_is_watched_signalled_and_reported():
    """It need not be our child."""

    async def steps():
        run = RunningEngine(group("web", command=SLEEP, autostart=False, startsecs=0))
        sleeper = run.start_sleeper()
        pid = sleeper.pid
        run.engine.adopt("web", sleeper, watch(identify(pid)), "a tag", 5.0)
        await run.enters("web", State.RUNNING)
        assert run.of(Adopted) == [Adopted("web", pid, 5.0)]
        run.engine.post(StopRequested("web"))
        await run.enters("web", State.STOPPED)
        assert run.engine.ends.orphans == 0
        assert run.of(KillFailed) == []

    on_engine(steps)


def test_another_engine_goes_on_from_a_snapshot():
    """With the same processes, and the numbers of the notifications after those of the first."""

    async def steps():
        groups = (group("web", command=SLEEP, startsecs=0), group("late", command=SLEEP))
        first = RunningEngine(*groups)
        first.boot()
        await first.until(lambda: len(first.of(Spawned)) == 2)
        await first.enters("web", State.RUNNING)
        snapshot, pid = first.engine.snapshot(), first.pid("web")
        first.engine._timer.cancel()

        second = RunningEngine(*groups)
        second.fleet.groups, second.fleet.processes = first.fleet.groups, first.fleet.processes
        second.fleet._by_pid = first.fleet._by_pid
        second.pipes.children = first.pipes.children
        second.engine.restore(snapshot)
        assert second.pid("web") == pid
        second.engine.post(StopRequested("web"))
        await second.enters("web", State.STOPPED)
        assert second.engine.ends.orphans == 0
        assert second.notifications[0].seq == len(first.notifications) + 1

    on_engine(steps)
