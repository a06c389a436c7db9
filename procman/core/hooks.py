"""The hooks that a process waits for: commands of its own before, after and instead of something. No I/O, no clock.

- A hook is a row of commands, one after the other. A failure ends it, unless the command may fail.
- A process waits for one hook at most: for pre_start in STARTING, for the others in STOPPING. Each command has a
  deadline (`Deadlines.hook`); those of stop_command have the one of the stop, as they stand in for the stop signal.
- What is begun is ended before the process goes on to something else: no hook outlives what it was for.
- post_stop follows each end, and each pre_start that was begun (`Hooks.owed`), even if nothing was spawned.
- When it has to be down at once, or is asked to stop a second time, what runs is killed and the rest is skipped. Both
  are said (`EndHook`, `SkipHook`): nothing is left out in silence.
- Where a shutdown has too little time, each has its share of that (`Hooks.until`), as all other waits have.

`core.hook_chain` has what comes after each of them, and `core.side_hooks` those that nothing waits for.
"""

from dataclasses import replace

from procman.core.actions import Action, EndHook, RunHook, SkipHook, StopReason
from procman.core.events import HookEnded
from procman.core.process import Process
from procman.core.spec import Hook
from procman.core.states import State


def begin(process: Process, hook: Hook, now: float) -> list[Action]:
    """Run it; nothing runs afterwards (`process.hooks.running`) where it has no command, or is skipped."""
    hooks = process.hooks
    assert hooks.running is None, f"{process.name}: {hook} begins, and {hooks.running} has not ended"
    commands = process.program.commands_of(hook)
    if not commands:
        return []
    if hook is Hook.POST_STOP:
        hooks.owed = False
    elif hook is Hook.BEFORE_KILL:
        hooks.dumped = True
    if hooks.hurried:
        return [SkipHook(process.name, hook, hooks.hurried)]
    hooks.running, hooks.commands, hooks.place = hook, commands, 0
    if hook is Hook.PRE_START:
        hooks.owed = True
    return [_run(process, now)]


def next_command(process: Process, now: float) -> list[Action]:
    """The one before has ended well: run the next one; nothing runs afterwards where that was the last."""
    hooks = process.hooks
    hooks.place += 1
    if hooks.place == len(hooks.commands):
        _over(process)
        return []
    return [_run(process, now)]


def is_answered(process: Process, event: HookEnded) -> bool:
    """Is that the answer of the command that the process waits for?"""
    return process.hooks.running is not None and event.number == process.hooks.waited


def succeeded(process: Process, event: HookEnded) -> bool:
    """Does the hook go on?"""
    return event.ok or process.hooks.commands[process.hooks.place].may_fail


def failed(process: Process) -> None:
    """The command has failed by itself, and with it the hook."""
    _over(process)


def end(process: Process, reason: str, *, late: bool = False) -> list[Action]:
    """Kill what runs, if anything does; the reason is in words. `late`: its time is over."""
    hooks = process.hooks
    if hooks.running is None:
        return []
    ended = EndHook(process.name, hooks.running, hooks.waited, reason, late)
    _over(process)
    return [ended]


def skip_rest(process: Process, reason: str) -> None:
    """Whatever hook of this stop comes now, it is skipped."""
    process.hooks.hurried = reason


def timed_out(process: Process) -> str:
    """What is said of the command that runs, when its time is over."""
    hooks = process.hooks
    assert hooks.running is not None
    which = f" command {hooks.place + 1}" if len(hooks.commands) > 1 else ""
    limit = f" after {round(hooks.limit, 2):g} s" if hooks.limit else ""
    return f"{hooks.running.value}{which} timed out{limit}"


def patience(process: Process, now: float) -> float:
    """How long to wait between the stop signal and SIGKILL, from now on, in seconds."""
    return _share(process, process.program.stopwaitsecs, now)


def _run(process: Process, now: float) -> RunHook:
    hooks, program = process.hooks, process.program
    hook, deadlines = hooks.running, process.deadlines
    assert hook is not None
    hooks.number += 1
    hooks.waited = hooks.number
    hooks.since = now
    if hook is Hook.BEFORE_KILL and hooks.place:
        pass  # all of its commands share one deadline
    elif hook is not Hook.STOP_COMMAND:
        limit = program.before_kill_timeout if hook is Hook.BEFORE_KILL else program.hook_timeout
        hooks.limit = _share(process, limit, now)
        process.deadlines = replace(deadlines, hook=now + hooks.limit)
    ended = process.pending_end
    return RunHook(
        name=process.name,
        run=process.attempt,
        hook=hook,
        place=hooks.place,
        command=hooks.commands[hooks.place],
        number=hooks.waited,
        pid=process.pid or (ended.pid if ended is not None else 0),
        status=ended.status if ended is not None else process.last_end if hook is Hook.PRE_START else None,
        by_itself=ended is not None and ended.before is not State.STOPPING,
        why=_why(process),
    )


def _over(process: Process) -> None:
    hooks = process.hooks
    hooks.running, hooks.commands, hooks.place, hooks.limit = None, (), 0, 0.0
    if process.deadlines.hook is not None:
        process.deadlines = replace(process.deadlines, hook=None)


def is_unhealthy(process: Process) -> bool:
    """Is it being stopped because it is unhealthy?"""
    return process.state is State.STOPPING and process.reason.startswith("unhealthy: ")


def _why(process: Process) -> StopReason:
    if is_unhealthy(process):
        return "unhealthy"
    if process.unready:
        return "unready"
    if process.wear.renewing:
        return process.wear.renewing
    if process.timed_out:
        return "timeout"
    if process.use.idle:
        return "idle"
    return "dependency" if process.ties.renewing or process.ties.bound else ""


# ---- the time that a stop takes


def longest_stop(process: Process, now: float) -> float:
    """How long it may take from now until it is down, in seconds, but for the end that SIGKILL brings."""
    program, hooks = process.program, process.hooks
    if process.state is not State.STOPPING:
        if process.pid is not None or process.left_behind:
            return program.stopwaitsecs + (program.hooks_of_stop if process.pid is not None else 0.0)
        return program.longest_hook(Hook.POST_STOP) if hooks.owed else 0.0
    left = max(0.0, (process.deadlines.earliest or now) - now)
    return left + _rest_of_hook(process) + _still_to_come(process)


def shorten_stop(process: Process, until: float, now: float) -> None:
    """Be down by then, or have got SIGKILL: what is under way and what comes has its share of the time."""
    deadlines, hooks = process.deadlines, process.hooks
    if process.state is not State.STOPPING:
        return
    if process.program.hooks_of_stop or process.program.stop_command:
        hooks.until = until
    left = longest_stop(process, now)
    if deadlines.stop is not None and not _still_to_come(process) and hooks.running is None:
        process.deadlines = replace(deadlines, stop=min(deadlines.stop, until))
    elif left > (remains := max(0.0, until - now)):
        part = remains / left
        process.deadlines = replace(
            deadlines,
            stop=None if deadlines.stop is None else now + (deadlines.stop - now) * part,
            hook=None if deadlines.hook is None else now + (deadlines.hook - now) * part,
        )


def _still_to_come(process: Process) -> float:
    """What this stop may take after what is under way, in seconds."""
    program, hooks = process.program, process.hooks
    if hooks.hurried:
        return 0.0
    after = program.longest_hook(Hook.POST_STOP) if _has_to_clean_up(process) else 0.0
    if process.pid is None:
        return after
    if hooks.running is Hook.PRE_STOP or hooks.early:
        after += program.stopwaitsecs
    if hooks.early:
        after += program.longest_hook(Hook.PRE_STOP)
    return after if hooks.dumped else after + program.longest_hook(Hook.BEFORE_KILL)


def _has_to_clean_up(process: Process) -> bool:
    """Is post_stop still to come?"""
    if process.hooks.running is Hook.POST_STOP:
        return False
    ended = process.pending_end
    return process.pid is not None or process.hooks.owed or (ended is not None and ended.status is not None)


def _share(process: Process, seconds: float, now: float) -> float:
    """Its part of what a shutdown has left for this stop: all of it, where that is enough."""
    until = process.hooks.until
    if until is None:
        return seconds
    whole = seconds + _rest_of_hook(process) + _still_to_come(process)
    remains = max(0.0, until - now)
    return seconds if whole <= remains else seconds * remains / whole


def _rest_of_hook(process: Process) -> float:
    """What the commands after the present one may take; those of some hooks share one deadline."""
    hooks = process.hooks
    if hooks.running in (None, Hook.STOP_COMMAND, Hook.BEFORE_KILL):
        return 0.0
    return (len(hooks.commands) - hooks.place - 1) * process.program.hook_timeout
