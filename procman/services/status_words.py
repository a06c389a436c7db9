"""The words of a status line for what supervisor does not know: waits, hooks, readiness, health. No I/O, no clock."""

from functools import lru_cache
from typing import NamedTuple

from procman.core.fleet import Fleet
from procman.core.process import Process
from procman.core.spec import FOREVER, Hook
from procman.core.states import Phase, State
from procman.runtime.hook_words import short_command
from procman.services.explain_texts import duration


def waits_for(fleet: Fleet, process: Process) -> tuple[str, ...]:
    """What it waits for, as it was written: ("db@ready", "migrate@exited"); empty where it waits for nothing."""
    if process.phase not in (Phase.WAITING, Phase.BLOCKED, Phase.BOUND):
        return ()
    return tuple(dict.fromkeys(need.written for need in fleet.dependencies.unmet(process)))


def waits_in_words(fleet: Fleet, process: Process) -> str:
    """`waits for db@ready (2 of 3)`, of one that is to start; "" where it is not."""
    if process.phase is Phase.BOUND:
        targets = dict.fromkeys(need.target for need in fleet.dependencies.unmet(process))
        first = next(iter(targets), "what it depends on")
        return f"stopped with {first}, starts with it"
    if process.phase is not Phase.WAITING:
        return ""
    if process.ties.queued:
        return "waits for its turn (start_concurrency)"
    waits = waits_for(fleet, process)
    edges = len(process.program.depends_on)
    of = f" ({len(waits)} of {edges})" if edges > 1 else ""
    return f"waits for {waits[0]}{of}" if waits else "waits for its turn"


class HookUnderWay(NamedTuple):
    """What a status line says of it."""

    text: str
    since: float  # seconds of the core's clock
    limit: float | None  # how long it may take, where that is said

    def in_words(self, now: float) -> str:
        """Such as "pre_start: ./migrate, 4 s", or "pre_stop, 2 s of 30 s"."""
        of = "" if self.limit is None else f" of {round(self.limit, 2):g} s"
        return f"{self.text}, {max(0, int(now - self.since))} s{of}"


def under_way(process: Process) -> HookUnderWay | None:
    """The hook that it waits for, if it does."""
    hooks = process.hooks
    if hooks.running is None:
        return None
    hook, command = running_hook(process)
    if hook is Hook.PRE_START:
        return HookUnderWay(f"{hook.value}: {command}", hooks.since, None)
    return HookUnderWay(hook.value, hooks.since, hooks.limit or process.program.stopwaitsecs)


def running_hook(process: Process) -> tuple[Hook, str]:
    """The hook that it waits for, and its command without arguments."""
    hooks = process.hooks
    assert hooks.running is not None
    return hooks.running, short_command(hooks.commands[hooks.place])


def not_ready_yet(missing: str, age: int, timeout: float | None) -> str:
    """As a status line has it: "not ready yet (tcp:5432 refused), 12 s of 60 s"."""
    of = f" of {timeout:g} s" if timeout is not None else ""
    return f"not ready yet ({missing}), {age} s{of}"


def time_to_be_ready(process: Process) -> float | None:
    """Seconds from its spawn in which it has to be ready: start_timeout, and the time that it was given besides."""
    due, timeout = process.deadlines.unready, process.readiness.timeout
    if due is None or timeout is None or process.born is None:
        return timeout
    return max(timeout, float(round(due - process.born)))


def failed_as_unready(process: Process) -> bool:
    """Whether the latest start has failed because the process was not ready."""
    return bool(process.readiness.conditions)


def health_in_words(process: Process, now: float) -> str:
    """For a line of a status: "unhealthy: http 503 (3 in a row)", "health paused for 9 m"; "" where all is well."""
    health = process.health
    if health is None or process.state is not State.RUNNING:
        return ""
    if health.paused_until is not None:
        why = f" ({health.pause_reason})" if health.pause_reason else ""
        return f"health paused for {duration(max(0.0, health.paused_until - now))}{why}"
    if health.healthy is not False:
        return ""
    return f"unhealthy: {what_is_seen(process)}"


def what_is_seen(process: Process) -> str:
    """What its health check has seen: "http 503 (3 in a row)"."""
    health = process.health
    if health is None:
        return ""
    return f"{health.words} ({health.failures} in a row)" if health.failures else health.words


def tells_next_try(process: Process) -> bool:
    """Whether it waits for what supervisor does not know; what that knows has its words."""
    program, waits = process.program, process.state is State.BACKOFF and not process.waits_out_limit
    asked_for = program.backoff or program.ready or program.is_oneshot or program.startretries >= FOREVER
    return waits and (process.failures == 0 or bool(asked_for))


@lru_cache(maxsize=64)  # most processes have been started in the same second
def uptime(seconds: int) -> str:
    """0:01:02, or "3 days, 4:05:06"."""
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    clock = f"{hour}:{minute:02}:{second:02}"
    return f"{days} day{'s' if days != 1 else ''}, {clock}" if days else clock
