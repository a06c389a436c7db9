"""What a fleet decides, as texts: for a recording, and to compare a replay with it. No I/O here."""

from collections.abc import Iterable
from signal import Signals

from procman.core.actions import (
    Action,
    Announce,
    AnnounceDescendants,
    AnnounceGroup,
    AnnounceGroupChanged,
    AnnounceHealth,
    AnnounceHealthPause,
    AnnounceInPlace,
    AnnounceMaster,
    Announcement,
    AnnounceRefresh,
    AnnounceRefreshed,
    AnnounceRolling,
    AnnounceSchedule,
    AnnounceSockets,
    AnnounceWatch,
    AwaitConnection,
    CheckHealth,
    CloseSocket,
    EndHook,
    KeepDescendants,
    Kill,
    LookAtSockets,
    Measure,
    OpenSocket,
    Probe,
    ProcessRemoved,
    Quit,
    RunHook,
    RunUnhealthyCommand,
    RunWatchCommand,
    ScheduleAt,
    SkipHook,
    SocketOrder,
    Spawn,
)
from procman.core.events import ExitStatus
from procman.core.spec import Hook


def describe(actions: Iterable[Action]) -> list[str]:
    """What was decided, one text for each action: everything in it but the definitions."""
    return [_describe(action) for action in actions]


def _describe(action: Action) -> str:
    match action:
        case Spawn(name, _, attempt):
            return f"spawn {name} #{attempt}"
        case Probe(name, run, number):
            return f"probe {name} #{run} condition={number}"
        case Measure(name, run):
            return f"measure {name} #{run}"
        case CheckHealth(name, run, look):
            return f"check {name} #{run} look={look}"
        case RunUnhealthyCommand(name, run):
            return f"on_unhealthy {name} #{run}"
        case RunWatchCommand(name, run):
            return f"watch_action {name} #{run}"
        case ScheduleAt(name, program, since, behind):
            text = "" if since is None else f" after {since:.3f} but {len(behind)} ranges"
            return f"{name} at its next time{text}" if program else f"{name} never"
        case OpenSocket() | CloseSocket() | AwaitConnection() | LookAtSockets():
            return _describe_socket(action)
        case Kill(name, pid, signal, scope, overdue, hurried, spared):
            text = f"signal {name} {_signal(int(signal))} pid={pid} scope={scope.name}"
            text += f"{' overdue' if overdue else ''}{' hurried' if hurried else ''}"
            return f"{text} spares={spared}" if spared else text
        case KeepDescendants(name, stop_later):
            return f"{name} keeps descendants{' until it is stopped' if stop_later else ''}"
        case _:
            return _describe_announcement(action)


def _describe_socket(order: SocketOrder) -> str:
    """Without addresses: those are paths."""
    match order:
        case OpenSocket((_, owner), spec):
            return f"open socket {spec.name}{f' of {owner}' if owner else ''}"
        case CloseSocket((_, owner)):
            return f"close a socket{f' of {owner}' if owner else ''}"
        case AwaitConnection(name, addresses):
            return f"{name} awaits a connection at {len(addresses)} sockets"
        case LookAtSockets(name, run):
            return f"look at the sockets of {name} #{run}"


def _describe_announcement(action: Announcement) -> str:
    match action:
        case Announce(name, _, before, after, pid, tries, expected, status, reason):
            text = f"{name} {before.name} -> {after.name}"
            text += f" pid={pid}" if pid else ""
            text += f" tries={tries}" if tries else ""
            text += "" if expected else " unexpected"
            text += f" {_ending(status)}" if status is not None else ""
            return f"{text}: {_without_output(reason)}" if reason else text
        case RunHook(name, run, hook, place, _, number, pid, status, by_itself, why):
            text = f"run {hook.value} of {name} #{run} command={place} number={number}"
            text += f" pid={pid}" if pid else ""
            text += f" {_ending(status)}" if status is not None else ""
            text += " by itself" if by_itself else ""
            return f"{text}: {why}" if why else text
        case EndHook(name, hook, number, reason):
            return f"end {hook.value} of {name} number={number}: {reason}"
        case SkipHook(name, hook, reason):
            return f"skip {hook.value} of {name}: {reason}"
        case AnnounceRefresh(name):
            return f"refresh {name}"
        case AnnounceRefreshed(name, ok, words):
            return (
                f"{name} has read its configuration" if ok else f"{name} is not refreshed: {words.partition(': ')[0]}"
            )
        case AnnounceHealth(name, _, _, healthy):
            return f"{name} {'healthy' if healthy else 'unhealthy'}"
        case AnnounceHealthPause(name, seconds):
            return f"{name} health {f'paused for {seconds:g} s' if seconds else 'looked at again'}"
        case AnnounceSchedule(name, what, time, count):
            return f"{name} schedule {what} time={time:.3f}{f' count={count}' if count != 1 else ''}"
        case AnnounceRolling(program, what, name, _, ready, total):
            return f"rolling restart of {program} {what}{f' {name}' if name else ''}: {ready} of {total}"
        case AnnounceSockets(name, _, what, place):
            return f"{name} sockets {what}{f' {place}' if place >= 0 else ''}"
        case AnnounceWatch(name, what, _, count):
            return f"{name} watch {what}{f' files={count}' if count else ''}"
        case AnnounceDescendants(name, status, pids):
            return f"{name} waits for descendants {','.join(map(str, pids))} {_ending(status)}"
        case AnnounceGroup(name, added):
            return f"group {name} {'added' if added else 'removed'}"
        case AnnounceGroupChanged(group):
            return f"group {group.name} changed"
        case ProcessRemoved(name):
            return f"{name} removed"
        case AnnounceInPlace(name):
            return f"{name} changed in place"
        case AnnounceMaster(state, waiting, cause):
            return f"master {state.name} waiting={len(waiting)}{f': {cause}' if cause else ''}"
        case Quit(restart, code, unsettled):
            text = f"master {'comes back' if restart else 'quits'} code={code}"
            return f"{text} unsettled={','.join(unsettled)}" if unsettled else text


def _without_output(reason: str) -> str:
    """What is said of a hook that has failed may end with a line of its output, which no recording holds."""
    before, mark, after = reason.partition(f"{Hook.PRE_START.value}: ")
    return f"{before}{mark}{after.partition(': ')[0]}" if mark else reason


def _ending(status: ExitStatus) -> str:
    if not status.known:
        return "exit=unknown"
    if status.signal is None:
        return f"exit={status.code}"
    return f"killed={_signal(status.signal)}{' core' if status.core_dumped else ''}"


def _signal(number: int) -> str:
    try:
        return Signals(number).name
    except ValueError:
        return str(number)  # a real-time signal
