"""The files that a client was given for https."""

from __future__ import annotations


class TlsFiles:
    """Whom it trusts, and what it shows of itself."""

    __slots__ = ("ca", "cert", "key")

    def __init__(self, ca: str | None = None, cert: str | None = None, key: str | None = None) -> None:
        self.ca = ca  # None: the authorities of the system
        self.cert = cert
        self.key = key  # None: it is in `cert`
