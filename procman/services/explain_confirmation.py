"""What `why` says of an update that waits for its confirmation. Pure."""

from dataclasses import replace

from procman.services.actors import describe_actor
from procman.services.confirming import Pending
from procman.services.explain_facts import Explanation, Link
from procman.services.explain_texts import duration

_COMMANDS = ("procmanctl confirm", "procmanctl update --abort")


def with_confirmation(explanation: Explanation, pending: Pending | None) -> Explanation:
    """The explanation of a process; that of one which such an update has changed says so."""
    if pending is None or explanation.name not in pending.names:
        return explanation
    link = Link("request", f"update {pending.operation.id} has changed it: {_in_words(pending)}")
    commands = tuple(dict.fromkeys((*explanation.commands, *_COMMANDS)))
    return replace(explanation, because=(*explanation.because, link), commands=commands)


def master_with_confirmation(explanation: Explanation, pending: Pending | None) -> Explanation:
    """The explanation of the master itself."""
    if pending is None:
        return explanation
    who = describe_actor(pending.operation.actor)
    by = f" by {who}" if who else ""
    missing = "; ".join(map(str, pending.missing[:3]))
    still = f"; still missing: {missing}" if missing and pending.stage == "waiting" else ""
    link = Link("request", f"update {pending.operation.id}{by}: {_in_words(pending)}{still}")
    commands = (*_COMMANDS, *explanation.commands)
    return replace(explanation, because=(*explanation.because, link), commands=commands)


def _in_words(pending: Pending) -> str:
    match pending.stage:
        case "applying":
            return "it is being carried out, and then to be confirmed"
        case "rolling back":
            return "it is being rolled back"
        case _:
            left = duration(pending.left or 0.0)
            if pending.confirmed_by:
                return f"it is confirmed, and rolled back in {left} unless all of it is ready and healthy by then"
            return f"it is rolled back in {left} unless it is confirmed, and all of it is ready and healthy"
