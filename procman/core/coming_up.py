"""From the spawn to RUNNING: when a process counts as up. No I/O and no clock here.

- Without `ready`, it is RUNNING when it has been up for startsecs. With it, all conditions have to have held once as
  well, within start_timeout; `core.readiness` has the conditions.
- Answers and notifications count for the run that they are about only.
"""

from dataclasses import replace

from procman.core.actions import Action, Announce, Probe
from procman.core.deadlines import NO_DEADLINES, Deadlines
from procman.core.events import Adopted, ExitStatus, Notified, ProbeResult
from procman.core.health_checks import begin_checks, heard_watchdog
from procman.core.idling import begin_use
from procman.core.process import Process
from procman.core.readiness import LOOK_LOST, Readiness, is_said_ready
from procman.core.states import State
from procman.core.wear import begin_wear

# Between two rounds of looks. Not 0, whatever ready_interval says: they would take the machine.
SHORTEST_PAUSE = 0.01
# More than that a program does not get at a time, in seconds; it may ask again.
LONGEST_EXTENSION = 86400.0


def spawned(process: Process, pid: int, now: float) -> list[Action]:
    """The ordered spawn succeeded."""
    process.ready_after = None
    process.pid = pid
    process.born = now
    if process.program.ready:
        return _wait_until_ready(process, Readiness(process.program.ready, process.program.start_timeout), now, now)
    if process.program.startsecs <= 0:
        return [run(process, now)]
    process.deadlines = Deadlines(start=now + process.program.startsecs)
    return []


def adopted(process: Process, event: Adopted, now: float) -> list[Action]:
    """An earlier master started it, and has seen whether it was ready."""
    if process.state is not State.STOPPED:
        return []
    pid, age, ready = event.pid, event.age, event.ready
    process.wanted = True
    process.attempt += 1
    actions: list[Action] = [process.enter(State.STARTING, pid=pid)]
    process.pid = pid
    process.born = now - age
    timeout = process.program.start_timeout
    # Had it not been ready in time, it would have been stopped.
    if process.program.ready and not ready and (timeout is None or age < timeout):
        # It has all of its time: nobody has looked meanwhile.
        readiness = Readiness(process.program.ready, process.program.start_timeout)
        readiness.cannot_be_told()
        return [*actions, *_wait_until_ready(process, readiness, now - age, now)]
    if age >= process.program.startsecs:
        actions.append(run(process, now))
        process.ready_after = event.ready_after  # it was that before
        return actions
    process.deadlines = Deadlines(start=now - age + process.program.startsecs)
    return actions


def remember_run(process: Process, code: int) -> list[Action]:
    """An earlier process of this master has seen it succeed; nothing is announced, as nothing happens."""
    if process.state is State.STOPPED and process.attempt == 0 and process.program.is_oneshot:
        process.attempt = 1
        process.state = State.EXITED
        process.exit_code = code
        process.exit_status = process.last_end = ExitStatus(code)
    return []


def heard(process: Process, event: ProbeResult | Notified, now: float) -> list[Action]:
    """There is news about whether it is ready, or about what it does."""
    if event.run != process.attempt or process.pid is None:
        return []
    waits = process.state is State.STARTING
    match event:
        case Notified(fields=fields):
            said = dict(fields)
            process.status_text = said.get("STATUS", process.status_text)
            _extend(process, said.get("EXTEND_TIMEOUT_USEC", ""), now)
            if not waits:
                return heard_watchdog(process, said, now)
            if not is_said_ready(fields):
                return []
            process.readiness.notified()
        case ProbeResult(number=number, ok=ok, words=words):
            if not waits:
                return []
            answers_look = process.readiness.looking == number
            process.readiness.answered(number, ok=ok, words=words)
            if answers_look:
                return run_when_ready(process, now) or look(process, now)
    return run_when_ready(process, now)


def _wait_until_ready(process: Process, readiness: Readiness, born: float, now: float) -> list[Action]:
    """It runs since `born`, and the conditions have to hold."""
    process.readiness = readiness
    up_at = born + max(process.program.startsecs, readiness.delay)
    timeout = readiness.timeout
    process.deadlines = Deadlines(
        start=up_at if up_at > now else None, unready=None if timeout is None else now + timeout
    )
    return run_when_ready(process, now) or look(process, now)


def run_when_ready(process: Process, now: float) -> list[Action]:
    """It is RUNNING if nothing is missing."""
    return [run(process, now)] if process.deadlines.start is None and process.readiness.holds else []


def _extend(process: Process, microseconds: str, now: float) -> None:
    """It asks for more time to be ready, or to stop: so much from now on."""
    if not microseconds.isdecimal():
        return
    until, deadlines = now + min(int(microseconds) / 1e6, LONGEST_EXTENSION), process.deadlines
    if process.state is State.STARTING and deadlines.unready is not None:
        process.deadlines = replace(deadlines, unready=max(deadlines.unready, until))
    elif process.state is State.STOPPING and deadlines.stop is not None:
        process.deadlines = replace(deadlines, stop=max(deadlines.stop, until))


def look(process: Process, now: float) -> list[Action]:
    """The next look of the round, or the pause before the next round."""
    process.readiness.lost()
    number = process.readiness.next_look()
    if number is None:
        again = now + max(process.program.ready_interval, SHORTEST_PAUSE) if process.readiness.looked_at else None
        process.deadlines = replace(process.deadlines, look=again)
        return []
    process.deadlines = replace(process.deadlines, look=now + LOOK_LOST)
    return [Probe(process.name, process.attempt, number, process.readiness.conditions[number], process.pid or 0)]


def look_again(process: Process) -> Probe | None:
    """The look that is under way, as an order: another process image has to begin it anew."""
    number = process.readiness.looking
    if process.state is not State.STARTING or process.pid is None or number is None:
        return None
    return Probe(process.name, process.attempt, number, process.readiness.conditions[number], process.pid)


def run(process: Process, now: float) -> Announce:
    """It is up."""
    if not process.program.is_oneshot:
        process.failures = 0
    process.ties.alone = False
    process.ready_after = process.age(now)
    running = process.enter(State.RUNNING, pid=process.pid or 0)
    limit_run(process)
    begin_wear(process)
    begin_use(process, now)
    if process.program.health is not None or process.program.watchdog is not None:
        begin_checks(process, now)
    return running


def limit_run(process: Process) -> None:
    """A one-shot that has just been spawned, or that has another run_timeout now."""
    if process.program.is_oneshot and process.program.run_timeout is not None and process.born is not None:
        process.deadlines = Deadlines(run=process.born + process.program.run_timeout)
    elif process.deadlines.run is not None:
        process.deadlines = NO_DEADLINES
