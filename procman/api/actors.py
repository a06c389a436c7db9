"""The actor behind a request, as far as it is known; operations record it."""

from procman.http.messages import Request


def actor_of(request: Request) -> str:
    """Such as "uid 1000, pid 4711" for a client of a unix socket; else the server that it came by."""
    if request.peer is not None:
        return f"uid {request.peer.uid}, pid {request.peer.pid}"
    return f"client of {request.server}" if request.server else ""
