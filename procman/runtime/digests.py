"""Digests that tell whether two definitions, or two values of a variable, are the same, and nothing else of them.

They are keyed by a salt that each master makes for itself and never shows, so that no value can be guessed.
"""

import os
from collections.abc import Mapping
from typing import Any

_BYTES = 6


class Digests:
    """Equal texts have equal digests for as long as the master lives, upgrades included."""

    def __init__(self, salt: bytes | None = None) -> None:
        self.salt = salt or os.urandom(16)

    def of(self, text: bytes) -> str:
        """12 hexadecimal digits."""
        from hashlib import blake2s  # noqa: PLC0415 - most masters never make a report

        return blake2s(text, digest_size=_BYTES, key=self.salt).hexdigest()

    def of_data(self, data: Any) -> str:
        """Of plain data."""
        import json  # noqa: PLC0415 - as above

        return self.of(json.dumps(data, sort_keys=True, default=repr).encode())

    def of_variables(self, environment: Mapping[bytes, bytes]) -> dict[str, str]:
        """Of each value, by name."""
        return {
            name.decode(errors="backslashreplace"): self.of(name + b"=" + value)
            for name, value in sorted(environment.items())
        }
