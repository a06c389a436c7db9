"""What the commands of hooks are told, in their environment."""

from procman.core.actions import RunHook
from procman.core.attribution import Actor, Origin
from procman.core.events import ExitStatus
from procman.system.signals import signal_name

PREFIX = "PROCMAN_"
# What is behind each kind of actor, for PROCMAN_REASON.
_REASONS = {"client": "operator", "signal": "operator", "health": "unhealthy", "policy": ""}


def hook_environment(order: RunHook, origin: Origin, *, ending: bool, oom: bool) -> dict[str, str]:
    """The variables for that command; what is not known is empty.

    Args:
        order: the command.
        origin: what it follows from.
        ending: the master shuts down.
        oom: the process has ended for want of memory.
    """
    status = order.status
    code = "" if status is None or status.signal is not None or not status.known else str(status.code)
    signal = "" if status is None or status.signal is None else signal_name(status.signal).removeprefix("SIG")
    values = {
        "HOOK": order.hook.value,
        "NAME": order.name,
        "PID": str(order.pid or ""),
        "EXIT_CODE": code,
        "EXIT_SIGNAL": signal,
        "REASON": _reason(order, origin, ending=ending, oom=oom),
        "ATTEMPT": str(order.run),
        "ACTOR": _actor(origin.actor),
    }
    return {f"{PREFIX}{name}": value for name, value in values.items()}


def _reason(order: RunHook, origin: Origin, *, ending: bool, oom: bool) -> str:
    """One word: what has brought this about."""
    if order.by_itself and order.status is not None:
        return _end(order.status, oom=oom)
    if order.why:
        return order.why
    if ending:
        return "shutdown"
    kind = "" if origin.actor is None else origin.actor.kind
    reason = _REASONS.get(kind, kind)
    # A start by policy follows from the end before it.
    return reason or (_end(order.status, oom=oom) if order.status is not None else "exit")


def _end(status: ExitStatus, *, oom: bool) -> str:
    if oom:
        return "oom"
    return "exit" if status.signal is None else "signal"


def _actor(actor: Actor | None) -> str:
    """Such as client root, or policy; empty where it happened by itself."""
    if actor is None:
        return ""
    return " ".join(filter(None, (actor.kind, actor.user or (actor.via if actor.kind == "signal" else ""))))
