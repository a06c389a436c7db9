"""Names and passwords, compared in constant time."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Iterable

from procman.http.messages import Role

_SHA = "{SHA}"


class Credentials:
    """The names, passwords and roles of all users."""

    def __init__(self, users: Iterable[tuple[str, str, Role]]) -> None:
        """Take name, password (in clear, or as {SHA}) and role of each."""
        self._users = tuple((_digest(name.encode()), _verifier(password), role) for name, password, role in users)

    def role(self, authorization: str) -> Role | None:
        """Return the role for an Authorization header; None when the name or the password is wrong."""
        given = basic_credentials(authorization)
        role: Role | None = None
        if given is not None:
            name, password = _digest(given[0]), given[1]
            # Every name and password is compared each time, so that the time taken reveals nothing about them.
            for right_name, is_password, its_role in self._users:
                if is_password(password) & hmac.compare_digest(name, right_name):
                    role = its_role
        return role


def basic_credentials(authorization: str) -> tuple[bytes, bytes] | None:
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


def _verifier(stored: str) -> Callable[[bytes], bool]:
    """Return a comparison with the stored password whose time depends only on the length of its argument."""
    if not stored.startswith(_SHA):
        right = _digest(stored.encode())
        return lambda given: hmac.compare_digest(_digest(given), right)
    hashed = stored[len(_SHA) :].strip().lower().encode()
    # SHA-1 is weak, but existing files contain it.
    return lambda given: hmac.compare_digest(hashlib.sha1(given, usedforsecurity=False).hexdigest().encode(), hashed)


def _digest(text: bytes) -> bytes:
    """Give every text the same length: compare_digest is faster where lengths differ."""
    return hashlib.sha256(text).digest()
