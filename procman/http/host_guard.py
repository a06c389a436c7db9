"""Refuses requests that a page of another site made a browser send. Pure functions of a request."""

import re
import socket
from collections.abc import Iterable

from procman.http.messages import Request, Response, problem

_HOST = r"(\[[0-9a-fA-F:.]+\]|[^\s:/@\[\]]+)(?::[0-9]*)?"
_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


class HostGuard:
    """Protects against DNS rebinding and cross-site requests.

    DNS rebinding: a page's name is made to resolve to our address, which puts its script in our origin; but its
    requests carry that name as Host. Cross-site requests: any page can post a form to us, and the browser says so in
    Sec-Fetch-Site or Origin. A request without Host passes: no browser sends one. Browsers reach a unix socket only
    through a proxy that is set up for it, so there only Sec-Fetch-Site counts.

    Args:
        allowed_hosts: names (without port) of the server, besides those that no outsider can make resolve to it:
            loopback names, IP literals, and names without a dot, which are local to a network (`app` of a container);
            also the origins of proxies in front of it. With "*" every Host passes (a password makes that safe: a
            browser sends it only to the name that it was typed in for).
    """

    def __init__(self, allowed_hosts: Iterable[str] = ()) -> None:
        self._allowed = frozenset(name.lower().rstrip(".") for name in allowed_hosts)

    def refusal(self, request: Request, *, changes: bool | None = None) -> Response | None:
        """Answer 403 to a request that another site may have caused.

        Args:
            request: the head is enough.
            changes: whether it changes something; None means: unless it is a GET, HEAD or OPTIONS.
        """
        host = request.headers.get("host")
        if request.peer is None and host is not None and not self._knows(host):
            why = f"this server has no password and is not known as {host!a}"
            return problem(403, f"{why}: use its address, or set username= and password= for it")
        if changes is None:
            changes = request.method not in _SAFE_METHODS
        if changes and not self._from_here(request, host):
            return problem(403, _not_from_here(request, host))
        return None

    def _knows(self, host: str) -> bool:
        name = host_name(host)
        if name is None:
            return False
        if "*" in self._allowed or name in self._allowed:
            return True
        return "." not in name or name.endswith(".localhost") or is_address(name)  # RFC 6761

    def _from_here(self, request: Request, host: str | None) -> bool:
        """Return whether this comes from a page of ours, or from no browser."""
        site = request.headers.get("sec-fetch-site")
        if site is not None:  # the browser itself knows better than a server behind a proxy
            return site in ("same-origin", "none")
        origin = request.headers.get("origin")
        if origin is None or request.peer is not None:
            return True
        scheme, mark, authority = origin.lower().partition("://")
        if not mark or scheme not in ("http", "https"):
            return False  # "null", say: a sandboxed frame or a file
        return authority == (host or "").lower() or host_name(authority) in self._allowed


def _not_from_here(request: Request, host: str | None) -> str:
    why = "pages of other sites may not change anything here"
    origin = request.headers.get("origin", "null")
    if "sec-fetch-site" in request.headers or origin == "null":
        return why
    return f"{why}: the page is from {origin!a}, the server is {host!a}; a proxy must pass on the Host header"


def host_name(host: str) -> str | None:
    """Take the port, the brackets of an IPv6 address and a last dot off a Host header; None when it is malformed."""
    found = re.fullmatch(_HOST, host)
    return found[1].lower().strip("[]").rstrip(".") if found else None


def is_address(name: str) -> bool:
    """Return whether this is an IP address."""
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, name)
        except (OSError, ValueError):
            continue
        return True
    return False
