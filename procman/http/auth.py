"""Who may ask: a name and password, and a guard against what a browser can be talked into.

Pure functions of a request: each `refusal` is an answer to give instead of the real one, or None. They fit as the
gate of a `Server`, one after the other.
"""

import base64
import binascii
import hashlib
import hmac
import re
import socket
from collections.abc import Iterable

from procman.http.messages import Request, Response, problem

_SHA = "{SHA}"
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^\s:/@\[\]]+)(?::[0-9]*)?", re.IGNORECASE)
_LOOKING = ("GET", "HEAD", "OPTIONS")


class BasicAuth:
    """HTTP Basic authentication with one name and one password.

    Without them everybody may ask, and a client that authenticates all the same is not looked at (npm's supervisord
    client sends "undefined:undefined" then).

    Args:
        username: the name, or None.
        password: in clear, or supervisor's "{SHA}" followed by the hexadecimal SHA-1 of the password; or None.
    """

    def __init__(self, username: str | None, password: str | None) -> None:
        if (username is None) != (password is None):
            raise ValueError("cannot authenticate by a name or a password alone: expected both, or neither")
        self._username = username
        self._password = password

    def refusal(self, request: Request) -> Response | None:
        """Answer 401 unless the request carries the right name and password."""
        if self._username is None or self._password is None:
            return None
        given = credentials(request.headers.get("authorization", ""))
        if given is not None:
            name, password = given
            # Both are always compared: how long it takes must not tell which of them was wrong.
            right_name = hmac.compare_digest(name, self._username.encode())
            if password_matches(self._password, password) and right_name:
                return None
        return problem(401, "wrong name or password", [("WWW-Authenticate", 'Basic realm="default"')])


def credentials(authorization: str) -> tuple[bytes, bytes] | None:
    """Take an Authorization header apart: name and password, or None when it is not a proper Basic one."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        decoded = base64.b64decode(encoded.strip().encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        return None
    name, colon, password = decoded.partition(b":")
    return (name, password) if colon else None


def password_matches(stored: str, given: bytes) -> bool:
    """Compare a password with the stored form of the right one, in constant time."""
    if not stored.startswith(_SHA):
        return hmac.compare_digest(stored.encode(), given)
    digest = hashlib.sha1(given, usedforsecurity=False).hexdigest()  # weak, but it is what the files hold
    return hmac.compare_digest(stored[len(_SHA) :].strip().lower().encode(), digest.encode())


class HostGuard:
    """Refuses what only a browser does, on behalf of a page that is not ours.

    DNS rebinding: a page's own name is made to resolve to our address, and then its script is of our origin; but its
    requests carry that name as Host. Cross-site requests: any page can post a form to us, and the browser says so in
    Sec-Fetch-Site or Origin. A request without Host is let pass: no browser sends one. Over a unix socket, which no
    browser reaches but through a proxy that is set up for it, only Sec-Fetch-Site counts.

    Args:
        allowed_hosts: names (without port) under which the server is known, besides loopback names and IP literals,
            which cannot be rebound; also the origins that a proxy in front of it may have. "*" lets every Host pass (a
            password makes that safe: a browser does not send it to a name it was not typed in for).
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
            return problem(403, f"this server is not known as {host!a}: ask for it by address, or allow the name")
        if changes is None:
            changes = request.method not in _LOOKING
        if changes and not self._from_here(request, host):
            return problem(403, "another site's page may not change anything here")
        return None

    def _knows(self, host: str) -> bool:
        name = host_name(host)
        if name is None:
            return False
        return "*" in self._allowed or name in self._allowed or is_loopback_name(name) or is_address(name)

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


def host_name(host: str) -> str | None:
    """Take the port, the brackets of an IPv6 address and a last dot off a Host header; None when it is malformed."""
    found = _HOST.fullmatch(host)
    return found[1].lower().strip("[]").rstrip(".") if found else None


def is_loopback_name(name: str) -> bool:
    """Tell a name that resolves to this machine by definition (RFC 6761), without looking it up."""
    return name == "localhost" or name.endswith(".localhost")


def is_address(name: str) -> bool:
    """Tell an IP address from a name."""
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, name)
        except (OSError, ValueError):
            continue
        return True
    return False
