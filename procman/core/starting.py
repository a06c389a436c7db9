"""How a process gets to be spawned, and how it comes to rest. No I/O and no clock here.

- Nothing is started because of a state alone: `settle` and `launch` look at what is wanted.
- A spawn is an order that takes effect later. A stop that comes before it settles the process at once and voids the
  order (`Process.awaits`), so nothing is ever spawned only to be killed.
- With dependencies, STARTING begins with a wait (`ties.waiting`), and `core.dependents` releases it.
- `_order` is the only place where the order to spawn is made. Before it leaves the fleet, `core.hook_chain` puts the
  hook pre_start before it.
- A try has one number, also where it waits before the order is made.
"""

from procman.core.actions import Action, AnnounceSockets, Spawn
from procman.core.deadlines import NO_DEADLINES, Deadlines
from procman.core.events import ExitStatus
from procman.core.process import Process, SocketUse
from procman.core.readiness import Readiness
from procman.core.states import State


def launch(process: Process, now: float, why: str = "") -> list[Action]:
    """Begin to start it: a new try, with the newest definition; `why`: where policy has stopped it for that."""
    process.reason = ""
    process.exit_status = None
    process.limited = process.timed_out = False
    process.readiness = Readiness()
    process.unready = process.sick = process.status_text = ""
    if process.health is not None:
        process.health = process.health.of_next_run()
    process.take_over()
    process.use = SocketUse()
    process.ties.stale = process.ties.renewing = ""
    process.ties.seen.clear()
    hooks = process.hooks
    hooks.prepared = hooks.owed = hooks.early = False
    hooks.hurried, hooks.until = "", None
    starting = process.enter(State.STARTING, reason=why)
    # A program that is scaled to 0 is not waited for.
    process.attempt += 1
    if any(targets for *_, targets in process.program.depends_on) and not process.ties.alone:
        hold(process, now)
        return [starting]
    return [starting, _order(process, now)]


def _order(process: Process, now: float) -> Spawn:
    """The order to spawn it."""
    process.again.started(now)
    return same_order(process)


def same_order(process: Process) -> Spawn:
    """The order that was made last, with the present definition."""
    after_failure = process.failed and process.again.troubles <= 1
    return Spawn(process.name, process.program, process.attempt, after_failure)


def hold_again(process: Process, now: float) -> None:
    """Something that it depends on is gone before it was spawned: the order that was made is void."""
    process.attempt += 1
    hold(process, now)


def hold(process: Process, now: float) -> None:
    """Wait for what it depends on."""
    process.ties.waiting = True
    process.hooks.prepared = False
    timeout = process.program.depends_timeout
    deadline = process.program.schedule_deadline
    if process.program.schedule is not None and deadline is not None:
        timeout = deadline if timeout is None else min(timeout, deadline)
    process.deadlines = NO_DEADLINES if timeout is None else Deadlines(wait=now + timeout)


def release(process: Process, now: float) -> list[Action]:
    """All that it waits for is as it has to be."""
    process.ties.waiting = process.ties.pulls = False
    process.deadlines = NO_DEADLINES
    return [_order(process, now)]


def block(process: Process, reason: str, *, timed_out: bool = False) -> list[Action]:
    """What it waits for cannot come any more by itself."""
    process.failures = 0
    process.reason = reason
    fatal = process.enter(State.FATAL, reason=reason, blocked=not timed_out)
    process.ties.blocked, process.ties.timed_out = True, timed_out
    return [fatal]


def come_back(process: Process, now: float) -> list[Action]:
    """It was blocked by something, or taken down with it, and that is coming up again."""
    process.failures = 0
    return launch(process, now)


def settle(process: Process, now: float, pid: int = 0, status: ExitStatus | None = None, why: str = "") -> list[Action]:
    """It is down. It starts if it is wanted, and nothing holds it down; `why` is for `launch`."""
    stopped = process.enter(State.STOPPED, pid=pid, status=status)
    process.take_over()
    if process.wanted and not process.ties.bound:
        process.failures = 0
        if process.use.idle and process.program.lazy:
            return [stopped, *listen(process)]
        return [stopped, *launch(process, now, why)]
    return [stopped]


def listen(process: Process) -> list[Action]:
    """It is down, and wanted: it starts with the next connection."""
    process.use = SocketUse(listening=True)
    return [AnnounceSockets(process.name, process.program, "listening")]
