"""The actor behind a request, as far as it is known; operations and the journal record it."""

from procman.http.basic_auth import BasicAuth
from procman.http.messages import Request
from procman.services.actors import Actor, known_user


def actor_of(request: Request) -> Actor:
    """The client: by the kernel over a unix socket, else by its login and address."""
    peer = request.peer
    if peer is None:
        via = f"{request.server} {request.address}".strip()
        return Actor("client", user=BasicAuth.name_in(request), via=via)
    return Actor(
        "client", peer.uid, peer.gid, peer.pid, user=known_user(peer.uid), command=peer.command, via=request.server
    )
