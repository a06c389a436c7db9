"""What comes after a hook that a process has waited for. No I/O and no clock here.

- pre_start comes before the order to spawn leaves the fleet, when all that the start waits for is there. Where it has
  failed, so has the start.
- After pre_stop comes the stop signal, whether it has failed or not. A stop_command that has failed is followed by it.
- After before_kill comes SIGKILL, and after post_stop what the end means: both whatever has become of the hook.
"""

from collections.abc import Mapping

from procman.core.actions import Action, EndHook, Spawn
from procman.core.ending import finish
from procman.core.events import HookEnded
from procman.core.hooks import begin, end, failed, is_answered, next_command, succeeded, timed_out
from procman.core.process import PendingEnd, Process
from procman.core.restarting import spawn_failed
from procman.core.spec import Hook
from procman.core.starting import same_order
from procman.core.states import State
from procman.core.stopping import ask_to_end, begin_to_stop, clean_up, send_sigkill, signal_to_stop


def prepare(actions: list[Action], processes: Mapping[str, Process], now: float) -> list[Action]:
    """The same with pre_start in the place of the orders to spawn that it has to come before."""
    prepared: list[Action] = []
    for action in actions:
        process = processes.get(action.name) if isinstance(action, Spawn) else None
        if process is None or process.hooks.prepared or process.state is not State.STARTING:
            prepared.append(action)
        elif process.hooks.running is not None:
            pass  # the order follows when that has ended
        elif process.program.pre_start and process.awaits(process.attempt):
            prepared += begin(process, Hook.PRE_START, now)
        else:
            prepared.append(action)
    return prepared


def hook_ended(process: Process, event: HookEnded, now: float) -> list[Action]:
    """A command of a hook has ended, or could not be started."""
    hook = process.hooks.running
    if hook is None or not is_answered(process, event):
        return []
    if not succeeded(process, event):
        failed(process)
        reason = f"{hook.value}: {event.words}{f': {event.said}' if event.said else ''}"
        return _after_failure(process, hook, reason, event.code or 1, now)
    actions = next_command(process, now)
    return actions if process.hooks.running is not None else [*actions, *_after(process, hook, now)]


def overdue(process: Process, now: float) -> list[Action]:
    """The time of the command that runs is over."""
    hooks = process.hooks
    hook, reason = hooks.running, timed_out(process)
    assert hook is not None
    if not hooks.commands[hooks.place].may_fail or hook is Hook.BEFORE_KILL:
        return [*end(process, reason, late=True), *_after_failure(process, hook, reason, 1, now)]
    ended = EndHook(process.name, hook, hooks.waited, reason, late=True)
    actions = next_command(process, now)
    return [ended, *actions] if hooks.running is not None else [ended, *actions, *_after(process, hook, now)]


def skip(process: Process, now: float) -> list[Action]:
    """Kill the hook of a stop that runs, and go on."""
    hook = process.hooks.running
    if hook is None or process.state is not State.STOPPING:
        return []
    return [*end(process, process.hooks.hurried), *_go_on(process, hook, now)]


def ended_unseen(process: Process, now: float) -> list[Action]:
    """Another master has started it, and none has seen its end."""
    if process.state is not State.STOPPED or process.attempt:
        return []
    process.hooks.owed = True
    return clean_up(process, PendingEnd(0, None, State.STOPPING), now)


def _after(process: Process, hook: Hook, now: float) -> list[Action]:
    """All of its commands have done what they were to do."""
    match hook:
        case Hook.PRE_START:
            process.hooks.prepared = True
            return [same_order(process)]
        case Hook.STOP_COMMAND:
            return []
        case _:
            return _go_on(process, hook, now)


def _after_failure(process: Process, hook: Hook, reason: str, code: int, now: float) -> list[Action]:
    """One of its commands has failed."""
    if hook is Hook.PRE_START:
        return spawn_failed(process, reason, code, now)
    return _go_on(process, hook, now)


def _go_on(process: Process, hook: Hook, now: float) -> list[Action]:
    match hook:
        case Hook.PRE_STOP:
            return ask_to_end(process, now)
        case Hook.STOP_COMMAND:
            return [signal_to_stop(process)]
        case Hook.BEFORE_KILL if process.hooks.early:
            return begin_to_stop(process, now)
        case Hook.BEFORE_KILL:
            return send_sigkill(process, now)
        case _:
            ended, process.pending_end = process.pending_end, None
            assert ended is not None
            return finish(process, ended, now)
