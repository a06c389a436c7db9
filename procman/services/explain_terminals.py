"""What `why` says of clients that are in front of a program's terminal. Pure."""

from collections.abc import Sequence
from dataclasses import replace

from procman.services.explain_facts import Explanation, Link
from procman.services.terminals import ClientFacts

_THEN = "when that client leaves, or the run ends, it is as before: with its own definition, and up if it was up"


def with_clients(explanation: Explanation, clients: Sequence[ClientFacts]) -> Explanation:
    """The explanation, with who is attached to it, and what follows from that."""
    links = list(explanation.because)
    for client in clients:
        if client.debugs:
            links.append(Link("terminal", f"{client.who} debugs it: limits of time and what follows an end are paused"))
        else:
            reads = ", and only looks" if client.only_reads else ""
            links.append(Link("terminal", f"{client.who} is attached to its terminal{reads}"))
    if any(client.debugs for client in clients):
        # That its definition is not that of the file is the purpose.
        return replace(explanation, because=tuple(links), next=_THEN, next_in=None, options=(), changed=(), commands=())
    return replace(explanation, because=tuple(links)) if clients else explanation
