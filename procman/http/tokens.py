"""Tokens that clients send, compared by their digests in constant time; guesses are answered slower and slower."""

import hashlib
import hmac
import time
from collections.abc import Callable, Collection

from procman.http.credentials import basic_credentials
from procman.http.messages import Response, problem

# So many wrong ones of an address in a second are answered at once, the others after a while.
FREE_FAILURES = 5
WITHIN = 1.0
DELAY = 2.0
# Addresses that are remembered; beyond that, the oldest is forgotten.
MOST_ADDRESSES = 1000
LONGEST = 4096

CHALLENGES = (("WWW-Authenticate", 'Bearer realm="procman"'), ("WWW-Authenticate", 'Basic realm="procman"'))


class Tokens:
    """Knows which are valid."""

    def __init__(self, digests: Callable[[], Collection[str]], clock: Callable[[], float] = time.monotonic) -> None:
        """`digests` gives those of the valid tokens, as hexadecimal digits of their SHA-256."""
        self._digests = digests
        self._clock = clock
        self._failures: dict[str, tuple[float, int]] = {}  # by address: since when, and how many

    def digest_in(self, authorization: str) -> str | None:
        """The digest of the token in the header: as Bearer, or as the password that a browser asks for; None: wrong."""
        token = _token_in(authorization)
        if not token:
            return None
        given = hashlib.sha256(token).hexdigest()
        found = None
        # Each is compared, whether or not one has been found: the time taken tells nothing.
        for digest in self._digests():
            if hmac.compare_digest(given, digest):
                found = digest
        return found

    def refusal(self, address: str) -> Response:
        """The answer to a wrong token; "" for a client that has sent none, which is no guess."""
        delay = 0.0
        if address:
            now = self._clock()
            since, count = self._failures.pop(address, (now, 0))
            if now - since > WITHIN:
                since, count = now, 0
            self._failures[address] = since, count + 1
            delay = DELAY if count >= FREE_FAILURES else 0.0
            while len(self._failures) > MOST_ADDRESSES:
                self._failures.pop(next(iter(self._failures)))
        answer = problem(401, "wrong token: send a valid one, as Authorization: Bearer TOKEN", CHALLENGES)
        answer.delay = delay
        return answer


def _token_in(authorization: str) -> bytes:
    if len(authorization) > LONGEST:
        return b""
    scheme, _, rest = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip().encode("latin-1", "replace")
    given = basic_credentials(authorization)
    return given[1] if given is not None else b""
