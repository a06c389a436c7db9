"""Whether a process that is RUNNING is well, and what is done if it is not. No I/O and no clock here.

- Looks begin when it is RUNNING, the first one after a part of the interval that differs from process to process.
  There is one at a time, and what is late is skipped: looks never pile up.
- health_retries failures in a row make it unhealthy; within health_start_period after RUNNING failures do not count,
  and the first success ends that. Before there is a result it is neither healthy nor unhealthy.
- The judge must be awake: what was not answered in time counts only if procman itself was responsive meanwhile; else it
  looks again at once. A refusal and a bad answer always count.
- A missed watchdog is silence of the program itself, so it counts at once. If procman comes to see it much too late, it
  was not awake, and the program gets its time anew.
- While it stays unhealthy, on_unhealthy is carried out again after as many failures as at first.
- With restart, it is stopped as by request and backs off as after a failed start, but startretries do not count it. How
  long that delay is depends on how long the run was well: one that never was makes the next delay longer.
- An answer counts for the run and the look that it is about. Nothing is looked at in any other state, or in a pause.
"""

import math
from dataclasses import replace

from procman.core.actions import (
    Action,
    AnnounceHealth,
    AnnounceHealthPause,
    AnnounceRefresh,
    CheckHealth,
    Kill,
    RunUnhealthyCommand,
)
from procman.core.chance import STEPS, drawn
from procman.core.events import HealthSeen
from procman.core.health import Health
from procman.core.process import Process
from procman.core.readiness import LOOK_LOST
from procman.core.spec import ReadyKind, Scope
from procman.core.states import State
from procman.core.stopping import take_down

# How the reason of a restart begins that is for being unhealthy.
UNHEALTHY = "unhealthy: "
# Of a time-out, the part that procman may sleep without losing its judgement.
DROWSY = 0.25
# An interval is at least that long, whatever the options say: looks would take the machine.
SHORTEST_INTERVAL = 0.1
# At so many times of an interval looks begin.
TURNS = 64


def begin_checks(process: Process, now: float) -> None:
    """It is RUNNING, or has another check now: look after a while, if there is anything to look at."""
    spec = process.program
    if spec.health is None and spec.watchdog is None:
        process.health = None
        process.deadlines = replace(process.deadlines, health=None, watchdog=None)
        return
    health = process.health = Health() if process.health is None else process.health.of_next_run()
    health.grace_until = now + spec.health_start_period if spec.health_start_period else None
    interval = _interval(process)
    due = now + interval * drawn(process.seed, f"{process.name} {process.attempt} health") / STEPS
    # Those of many programs wake the master together, a few at a time.
    health.due = math.ceil(due * TURNS / interval) * interval / TURNS
    _schedule(process, health.due, now)


def pause_checks(process: Process, seconds: float, reason: str, now: float) -> list[Action]:
    """Do not look for so many seconds, or, with 0, look again from now on."""
    if process.program.health is None and process.program.watchdog is None:
        return []
    health = process.health
    if health is None:
        health = process.health = Health()
    if not seconds and health.paused_until is None:
        return []
    health.paused_until = now + seconds if seconds else None
    health.pause_reason = reason if seconds else ""
    health.looking = False
    health.failures = 0
    if process.state is State.RUNNING and not process.ties.deferred:
        health.due = now
        _schedule(process, now, now)
    return [AnnounceHealthPause(process.name, seconds, health.pause_reason)]


def check_due(process: Process, now: float) -> list[Action]:
    """It is time for a look, or that one is lost, or a pause is over."""
    health = process.health
    assert health is not None
    actions: list[Action] = []
    if health.paused_until is not None:
        actions = pause_checks(process, 0.0, "", now)
        if not _is_looked_at(process):
            return actions
    elif not health.looking:
        health.due = process.deadlines.health or now
    return [*actions, *_look(process, now)]


def _look(process: Process, now: float) -> list[Action]:
    health, condition = process.health, process.program.health
    assert health is not None
    assert condition is not None
    health.looks += 1
    health.looking = True
    timeout = process.program.health_timeout
    process.deadlines = replace(process.deadlines, health=now + timeout + LOOK_LOST)
    return [CheckHealth(process.name, process.attempt, health.looks, condition, timeout, process.pid or 0)]


def check_again(process: Process) -> CheckHealth | None:
    """The look that is under way, as an order: another process image has to begin it anew."""
    health, condition = process.health, process.program.health
    if health is None or condition is None or not health.looking or process.state is not State.RUNNING:
        return None
    timeout = process.program.health_timeout
    return CheckHealth(process.name, process.attempt, health.looks, condition, timeout, process.pid or 0)


def says_nothing(event: HealthSeen, timeout: float) -> bool:
    """There was no answer within `timeout` seconds, and procman itself was not awake enough to have heard it."""
    return event.timed_out and event.asleep >= DROWSY * timeout


def seen(process: Process, event: HealthSeen, now: float) -> list[Action]:
    """A look has been answered."""
    health = process.health
    if health is None or not health.looking or event.look != health.looks or event.run != process.attempt:
        return []
    health.looking = False
    if process.state is not State.RUNNING or process.ties.deferred:
        return []
    if says_nothing(event, process.program.health_timeout):
        health.note(now, None, f"{event.words}, while procman itself was not awake")
        return _look(process, now)
    # On the grid of the interval, so that a thousand of them stay apart; what is late is skipped.
    interval = _interval(process)
    due = health.due + interval * (int(max(0.0, now - health.due) / interval) + 1)
    process.deadlines = replace(process.deadlines, health=max(due, now + SHORTEST_INTERVAL / 2))
    if event.ok:
        health.failures = 0
        return _well(process, event.words, now)
    health.note(now, False, event.words)
    if health.grace_until is not None and now < health.grace_until:
        return []
    health.failures += 1
    if health.failures < process.program.health_retries:
        return []
    return _sick(process, f"{event.words} ({health.failures} in a row)", now)


def heard_watchdog(process: Process, fields: dict[str, str], now: float) -> list[Action]:
    """The program has sent something that may be about its watchdog."""
    health, spec = process.health, process.program
    if health is None or spec.watchdog is None or process.state is not State.RUNNING or process.ties.deferred:
        return []
    if (own := fields.get("WATCHDOG_USEC", "")).isdecimal() and int(own):
        health.watchdog = max(int(own) / 1e6, SHORTEST_INTERVAL)
        _wind_up(process, now)
    match fields.get("WATCHDOG"):
        case "1":
            _wind_up(process, now)
            health.silent = False
            return _well(process, "WATCHDOG=1", now) if _only_watched(process) or health.healthy is False else []
        case "trigger":
            return _silent(process, "it has sent WATCHDOG=trigger", now)
        case _:
            return []


def watchdog_due(process: Process, now: float) -> list[Action]:
    """WATCHDOG=1 has not come in time."""
    health, due = process.health, process.deadlines.watchdog
    assert health is not None
    interval = health.watchdog or process.program.watchdog or 0.0
    late = now - due if due is not None else 0.0
    _wind_up(process, now)
    words = f"no WATCHDOG=1 within {interval:g} s"
    if late >= DROWSY * interval:
        health.note(now, None, f"{words}, while procman itself was not awake")
        return []
    return _silent(process, words, now)


def _silent(process: Process, words: str, now: float) -> list[Action]:
    assert process.health is not None
    process.health.silent = True
    process.health.note(now, False, words)
    return _sick(process, words, now)


def _well(process: Process, words: str, now: float) -> list[Action]:
    health = process.health
    assert health is not None
    health.note(now, True, words)
    health.grace_until = None
    health.good_at = now
    if health.silent or health.failures >= process.program.health_retries or health.healthy:
        return []
    before, health.healthy, health.unanswered = health.healthy, True, 0
    return [AnnounceHealth(process.name, process.program, before=before, healthy=True, words=words)]


def _sick(process: Process, words: str, now: float) -> list[Action]:
    health = process.health
    assert health is not None
    if health.healthy is False:
        health.unanswered += 1
        if health.unanswered < process.program.health_retries:
            return []
        health.unanswered = 0
        return _act(process, words, now)
    before, health.healthy, health.unanswered = health.healthy, False, 0
    news = AnnounceHealth(process.name, process.program, before=before, healthy=False, words=words)
    return [news, *_act(process, words, now)]


def _act(process: Process, words: str, now: float) -> list[Action]:
    """Carry out on_unhealthy; in a shutdown, it is stopped with its wave."""
    if not process.wanted or process.pid is None:
        return []
    todo = process.program.on_unhealthy
    match todo.what:
        case "restart":
            process.sick = process.reason = f"{UNHEALTHY}{words}"
            return take_down(process, now, process.sick)
        case "stop":
            process.wanted = process.ties.bound = process.ties.pulls = False
            process.reason = f"unhealthy: {words}"
            return take_down(process, now, process.reason)
        case "signal":
            return [Kill(process.name, process.pid, todo.signal, Scope.PROCESS)]
        case "reload":
            return [AnnounceRefresh(process.name, f"unhealthy: {words}")]  # core.side_hooks carries it out
        case "exec":
            return [RunUnhealthyCommand(process.name, process.attempt, process.pid, words)]
        case _:
            return []  # nothing, or the end of the master, which core.exit_policy sees to


def _interval(process: Process) -> float:
    return max(process.program.health_interval, SHORTEST_INTERVAL)


def _is_looked_at(process: Process) -> bool:
    """Is there anything to look at, and not only a watchdog to wait for?"""
    return process.program.health is not None and process.program.health.kind is not ReadyKind.WATCHDOG


def _only_watched(process: Process) -> bool:
    return not _is_looked_at(process)


def _wind_up(process: Process, now: float) -> None:
    """The program has its time to say WATCHDOG=1 anew."""
    health = process.health
    assert health is not None
    interval, due = health.watchdog or process.program.watchdog, None
    if process.program.watchdog is not None and interval is not None and health.paused_until is None:
        due = max(now, health.grace_until or now) + interval
    process.deadlines = replace(process.deadlines, watchdog=due)


def _schedule(process: Process, due: float, now: float) -> None:
    """When the next look begins, and when the watchdog is due."""
    health = process.health
    assert health is not None
    if health.paused_until is not None and health.paused_until <= now:
        health.paused_until, health.pause_reason = None, ""
    if health.paused_until is not None:
        process.deadlines = replace(process.deadlines, health=health.paused_until, watchdog=None)
        return
    process.deadlines = replace(process.deadlines, health=due if _is_looked_at(process) else None)
    _wind_up(process, now)


def is_to_become_healthy(process: Process) -> bool:
    """It is RUNNING and looked at, and no look has said yet how it is."""
    program, health = process.program, process.health
    if process.state is not State.RUNNING or (program.health is None and program.watchdog is None):
        return False
    return process.healthy is None and (health is None or health.paused_until is None)
