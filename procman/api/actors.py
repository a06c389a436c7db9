"""The actor behind a request, as far as it is known; operations and the journal record it."""

from procman.access.rights import Rights
from procman.http.basic_auth import BasicAuth
from procman.http.messages import Request
from procman.services.actors import Actor, known_user


def actor_of(request: Request) -> Actor:
    """The client: by the kernel over a unix socket, else by its login, or the section of its token, and address."""
    peer = request.peer
    if peer is None:
        via = f"{request.server} {request.address}".strip()
        rights = request.rights
        # With a token the name is not checked: it is known by the section that has the token.
        known = rights.token_source if isinstance(rights, Rights) else ""
        return Actor("client", user=known or BasicAuth.name_in(request), via=via)
    return Actor(
        "client", peer.uid, peer.gid, peer.pid, user=known_user(peer.uid), command=peer.command, via=request.server
    )
