"""What the clients of a server may use."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Sizes are bytes, times are seconds.

    An idle keep-alive connection has no time limit (supervisor's clients hold one for hours and do not recover from a
    close); it is closed only to make room for a new one when `connections` are open, the longest idle first. A client
    that reads slowly has no time limit either; it is cut off only to make room for other bodies when `held` is reached,
    the one without progress for the longest time first. A single body may be larger than `held`. What a client sends
    after an answer that ends its connection is discarded for `request_timeout` at most.
    """

    header_bytes: int = 16 * 1024  # request line and headers together
    headers: int = 100
    body: int = 1024 * 1024
    connections: int = 256
    request_timeout: float = 30.0  # from the first byte of a request to its last, at whatever speed they arrive
    light: int = 64 * 1024  # a body up to this size does not count towards `held`
    held: int = 32 * 1024 * 1024  # larger ones, partly received or partly sent, of all clients together
    linger: float = 2.0  # after an answer that ends the connection: the longest pause of what is read and discarded
