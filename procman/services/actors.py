"""Actors in words, and the names of accounts for them."""

from procman.core.attribution import Actor
from procman.system.accounts import LocalNames

__all__ = ["Actor", "describe_actor", "known_user"]

_names = LocalNames()


def known_user(uid: int) -> str:
    """The name of the account; "" where /etc/passwd has none."""
    return _names.name(uid)


def describe_actor(actor: Actor | None, operation: str = "") -> str:
    """Such as "uid 0 (root, procmanctl restart db, pid 812)"; `operation` is what was asked for: "restart db"."""
    if actor is None:
        return ""
    if actor.kind not in ("client", "update"):
        return actor.via or actor.kind
    command = f"{actor.command} {operation}".strip()
    pid = None if actor.pid is None else f"pid {actor.pid}"
    if actor.uid is not None:
        details = ", ".join(filter(None, (actor.user, command, pid)))
        return f"uid {actor.uid} ({details})" if details else f"uid {actor.uid}"
    place = f"a client of {actor.via}" if actor.via else "a client"
    details = ", ".join(filter(None, (actor.user, command)))
    return f"{place} ({details})" if details else place
