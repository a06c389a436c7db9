"""The keys that leave a terminal, found in what is typed; written as docker has them: ctrl-p,ctrl-q."""

from procman.errors import BadRequest

DEFAULT = "ctrl-p,ctrl-q"
_EXPECTED = "expected keys such as ctrl-p,ctrl-q or ctrl-a,d: letters, or ctrl- with one of a-z @ [ \\ ] ^ _"


def read_keys(text: str) -> bytes:
    """What they send; raises BadRequest."""
    found = bytearray()
    for word in text.split(","):
        key = word.strip()
        if key.lower().startswith("ctrl-"):
            letter = key[5:].upper()
            if len(letter) != 1 or not "@" <= letter <= "_":
                raise BadRequest(f"cannot read the key {key!r}: {_EXPECTED}")
            found.append(ord(letter) & 0x1F)
        elif len(key) == 1 and key.isascii() and key.isprintable():
            found.append(ord(key))
        else:
            raise BadRequest(f"cannot read the key {key!r}: {_EXPECTED}")
    return bytes(found)


class DetachKeys:
    """Looks through what is typed; the beginning of the keys is held back until the next one is typed."""

    def __init__(self, keys: bytes) -> None:
        """`keys` are from `read_keys`."""
        self._keys = keys
        self._held = b""

    def feed(self, data: bytes) -> tuple[bytes, bool]:
        """What goes to the program, and whether the keys were typed; what comes after them is dropped."""
        data = self._held + data
        place = data.find(self._keys)
        if place >= 0:
            self._held = b""
            return data[:place], True
        keep = next((n for n in range(len(self._keys) - 1, 0, -1) if data.endswith(self._keys[:n])), 0)
        self._held = data[len(data) - keep :]
        return data[: len(data) - keep], False
