"""Who may ask, and for what: names and passwords, and a guard against what a browser can be talked into.

Pure functions of a request. `BasicAuth.admit` fits as the gate of a `Server`, behind `HostGuard.refusal`.
"""

import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass

from procman.http.messages import Request, Response, Role, problem

_HOST = r"(\[[0-9a-fA-F:.]+\]|[^\s:/@\[\]]+)(?::[0-9]*)?"
_LOOKING = ("GET", "HEAD", "OPTIONS")


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who may log in."""

    name: str
    password: str  # in clear, or supervisor's "{SHA}" followed by the hexadecimal SHA-1 of it
    role: Role = "control"


class BasicAuth:
    """HTTP Basic authentication: who shows a name and its password may do what that user may.

    Without users everybody may do everything, and a client that authenticates all the same is not looked at (npm's
    supervisord client sends "undefined:undefined" then).
    """

    def __init__(self, users: Iterable[User] = ()) -> None:
        """Take the users, who have different names."""
        users = tuple(users)
        self._known = None
        if users:
            # Without OpenSSL, which comes with it, a master that asks nobody for a password is 3.5 MiB smaller.
            from procman.http.passwords import Known  # noqa: PLC0415

            self._known = Known((user.name, user.password, user.role) for user in users)

    def admit(self, request: Request) -> Response | Role:
        """Tell what who sent this may do, or answer 401."""
        if self._known is None:
            return "control"
        role = self._known.role(request.headers.get("authorization", ""))
        return role or problem(401, "wrong name or password", [("WWW-Authenticate", 'Basic realm="default"')])


class HostGuard:
    """Refuses what only a browser does, on behalf of a page that is not ours.

    DNS rebinding: a page's own name is made to resolve to our address, and then its script is of our origin; but its
    requests carry that name as Host. Cross-site requests: any page can post a form to us, and the browser says so in
    Sec-Fetch-Site or Origin. A request without Host is let pass: no browser sends one. Over a unix socket, which no
    browser reaches but through a proxy that is set up for it, only Sec-Fetch-Site counts.

    Args:
        allowed_hosts: names (without port) under which the server is known, besides those that nobody outside can have
            made to resolve to it: loopback names, IP literals, and names without a dot, as a network gives them to its
            own (`app` of a container); also the origins that a proxy in front of it may have. "*" lets every Host pass
            (a password makes that safe: a browser does not send it to a name it was not typed in for).
    """

    def __init__(self, allowed_hosts: Iterable[str] = ()) -> None:
        self._allowed = frozenset(name.lower().rstrip(".") for name in allowed_hosts)

    def refusal(self, request: Request, *, changes: bool | None = None) -> Response | None:
        """Answer 403 where a browser may have been misled.

        Args:
            request: the head is enough.
            changes: whether it changes something; None says "unless it is a GET, HEAD or OPTIONS".
        """
        host = request.headers.get("host")
        if request.peer is None and host is not None and not self._knows(host):
            why = f"this server asks nobody for a password and is not known as {host!a}"
            return problem(403, f"{why}: ask for it by its address, or set username= and password= for it")
        if changes is None:
            changes = request.method not in _LOOKING
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
        """Tell whether no browser sent this, or one did for a page of ours."""
        site = request.headers.get("sec-fetch-site")
        if site is not None:  # what the browser itself knows outweighs what can be seen behind a proxy
            return site in ("same-origin", "none")
        origin = request.headers.get("origin")
        if origin is None or request.peer is not None:
            return True
        scheme, mark, authority = origin.lower().partition("://")
        if not mark or scheme not in ("http", "https"):
            return False  # "null", say: a sandboxed frame or a file
        return authority == (host or "").lower() or host_name(authority) in self._allowed


def _not_from_here(request: Request, host: str | None) -> str:
    why = "another site's page may not change anything here"
    origin = request.headers.get("origin", "null")
    if "sec-fetch-site" in request.headers or origin == "null":
        return why
    return f"{why}: it is from {origin!a}, and this is {host!a}; a proxy in between has to pass its Host header on"


def host_name(host: str) -> str | None:
    """Take the port, the brackets of an IPv6 address and a last dot off a Host header; None when it is malformed."""
    found = re.fullmatch(_HOST, host)
    return found[1].lower().strip("[]").rstrip(".") if found else None


def is_address(name: str) -> bool:
    """Tell an IP address from a name."""
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, name)
        except (OSError, ValueError):
            continue
        return True
    return False
