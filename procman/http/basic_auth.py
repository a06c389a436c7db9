"""HTTP Basic authentication: which client may do what.

`BasicAuth.admit` fits as the gate of a `Server`, behind `HostGuard.refusal`.
"""

import binascii
from collections.abc import Iterable
from dataclasses import dataclass

from procman.http.messages import Request, Response, Role, problem


@dataclass(frozen=True, slots=True)
class User:
    """An account."""

    name: str
    password: str  # in clear, or supervisor's "{SHA}" followed by the hexadecimal SHA-1 of it
    role: Role = "control"


class BasicAuth:
    """A client with a user's name and password has that user's role.

    Without users every client may do everything, and credentials are ignored (npm's supervisord client sends
    "undefined:undefined" then).
    """

    def __init__(self, users: Iterable[User] = ()) -> None:
        """Take the users, who have different names."""
        users = tuple(users)
        self._credentials = None
        if users:
            # Imports OpenSSL: 3.5 MiB that a master without passwords does not need.
            from procman.http.credentials import Credentials  # noqa: PLC0415

            self._credentials = Credentials((user.name, user.password, user.role) for user in users)

    @staticmethod
    def name_in(request: Request) -> str:
        """The name that the client gave; "" without one, or where it cannot be read."""
        scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
        try:
            return binascii.a2b_base64(encoded).decode().partition(":")[0] if scheme.lower() == "basic" else ""
        except ValueError:
            return ""

    def admit(self, request: Request) -> Response | Role:
        """Return the role of the client that sent this request, or answer 401."""
        if self._credentials is None:
            return "control"
        role = self._credentials.role(request.headers.get("authorization", ""))
        return role or problem(401, "wrong name or password", [("WWW-Authenticate", 'Basic realm="default"')])
