"""Names and passwords, compared in a time that tells nothing of them."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Iterable

from procman.http.messages import Role

_SHA = "{SHA}"


class Known:
    """Those who may log in."""

    def __init__(self, users: Iterable[tuple[str, str, Role]]) -> None:
        """Take name, password (in clear, or as {SHA}) and role of each."""
        self._users = tuple((_digest(name.encode()), _verifier(password), role) for name, password, role in users)

    def role(self, authorization: str) -> Role | None:
        """Tell what who sent this Authorization header may do; None when the name or the password is wrong."""
        given = credentials(authorization)
        role: Role | None = None
        if given is not None:
            name, password = _digest(given[0]), given[1]
            # All are always compared, names and passwords: the time it takes tells nothing of any of them.
            for right_name, is_password, its_role in self._users:
                if is_password(password) & hmac.compare_digest(name, right_name):
                    role = its_role
        return role


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


def _verifier(stored: str) -> Callable[[bytes], bool]:
    """Tell the right password from others in a time that depends on nothing but the length of what is given."""
    if not stored.startswith(_SHA):
        right = _digest(stored.encode())
        return lambda given: hmac.compare_digest(_digest(given), right)
    hashed = stored[len(_SHA) :].strip().lower().encode()
    # SHA-1 is weak, but it is what the files hold.
    return lambda given: hmac.compare_digest(hashlib.sha1(given, usedforsecurity=False).hexdigest().encode(), hashed)


def _digest(text: bytes) -> bytes:
    """Make texts of any length one of a fixed length: compare_digest is quicker where the lengths differ."""
    return hashlib.sha256(text).digest()
