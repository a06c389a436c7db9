"""The last lines of a program's output for people: bounded, and harmless on a terminal. No I/O and no clock here."""

import re
from collections.abc import Iterable, Sequence

# Of each stream: so many bytes are kept, and so many lines of them are shown.
OUTPUT_BYTES = 16 * 1024
LINES = 50
LINE_CHARACTERS = 1000

_MASK = "********"
# A shorter value is no secret, and would be found in any text.
_SHORTEST_SECRET = 6
_CSI = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")  # ECMA-48, 5.4: colours, cursor movements, modes
# C0 but for TAB, DEL, C1, and the marks that change the direction of text.
_UNSAFE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def last_lines(raw: bytes, wrote: int, secrets: Sequence[str] = ()) -> list[str]:
    """The last LINES lines of `raw`, the end of an output of `wrote` bytes; `secrets` are masked."""
    lines = raw.split(b"\n")
    if not lines[-1]:
        lines.pop()
    is_cut = wrote > len(raw)
    if is_cut and len(lines) > 1:
        del lines[0]  # its beginning is missing
        is_cut = False
    shown = [_shown(line, secrets, is_cut=is_cut) for line in lines[-LINES:]]
    return [line if len(line) <= LINE_CHARACTERS else f"{line[:LINE_CHARACTERS]}…" for line in shown]


def secrets_of(values: Iterable[str]) -> list[str]:
    """The texts to mask, the longest first: each line of a value of several lines is one."""
    pieces = {line.strip() for value in values for line in value.splitlines()}
    return sorted((piece for piece in pieces if len(piece) >= _SHORTEST_SECRET), key=len, reverse=True)


def _shown(line: bytes, secrets: Sequence[str], *, is_cut: bool) -> str:
    text = _CSI.sub("", line.decode(errors="backslashreplace")).rstrip("\r")
    for secret in secrets:
        text = text.replace(secret, _MASK)
    if is_cut:
        # It may begin in the middle of a secret.
        text = text[len(secrets[0]) if secrets else 0 :]
        text = f"…{text[-LINE_CHARACTERS + 1 :]}"
    return _UNSAFE.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}"  # noqa: PLR2004 - two digits
