"""What becomes known of one process: each to the part of its life that waits for it. No I/O and no clock here."""

from procman.core.actions import Action
from procman.core.coming_up import heard, remember_run
from procman.core.ending import descendants_gone, kill_failed
from procman.core.events import (
    ConnectionSeen,
    DescendantsGone,
    EndedUnseen,
    HealthPauseRequested,
    HealthSeen,
    HookEnded,
    KillFailed,
    MemoryMeasured,
    News,
    Notified,
    ProbeResult,
    RunRemembered,
    SocketsSeen,
)
from procman.core.health_checks import pause_checks, seen
from procman.core.hook_chain import ended_unseen, hook_ended
from procman.core.idling import connected, use_seen
from procman.core.process import Process
from procman.core.wear import measured


def note(event: News, process: Process, now: float) -> list[Action]:
    """Something is known of a process that is there."""
    match event:
        case ProbeResult() | Notified():
            return heard(process, event, now)
        case MemoryMeasured():
            measured(process, event, now)
            return []
        case HealthSeen():
            return seen(process, event, now)
        case HealthPauseRequested(_, seconds, reason):
            return pause_checks(process, seconds, reason, now)
        case ConnectionSeen():
            return connected(process, event, now)
        case SocketsSeen():
            return use_seen(process, event, now)
        case DescendantsGone():
            return descendants_gone(process, now)
        case KillFailed(_, reason):
            return kill_failed(process, reason, now)
        case RunRemembered(_, code):
            return remember_run(process, code)
        case HookEnded():
            return hook_ended(process, event, now)
        case EndedUnseen():
            return ended_unseen(process, now)
