"""Text for a terminal: colours of states, and bytes made harmless, so that nothing a program wrote moves the cursor.

The colours are plain SGR codes: to import rich takes longer (50 ms) than everything else that `procmanctl status` does.
"""

from __future__ import annotations

import os
import re

TYPE_CHECKING = False  # typing's own constant costs the import of typing: 3 ms
if TYPE_CHECKING:
    from typing import BinaryIO

_RESET = "\x1b[0m"
_COLOURS = {
    "RUNNING": "\x1b[32m",
    "STARTING": "\x1b[33m",
    "BACKOFF": "\x1b[33m",
    "STOPPING": "\x1b[33m",
    "STOPPED": "\x1b[2m",
    "EXITED": "\x1b[36m",
    "FATAL": "\x1b[1;31m",
    "UNKNOWN": "\x1b[1;31m",
}

_SGR = r"\x1b\[[0-9;:]{0,32}m"
# C0 except TAB and LF, DEL, C1, and the marks that change the direction of text: all can falsify what is shown.
_UNSAFE = r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\udc80-\udcff]"
# re compiles patterns on first use: off a terminal none is used, and they cost 1 ms.
_LOG_TEXT = rf"({_SGR})|\r(?=\n)|({_UNSAFE})"
_NAME_TEXT = rf"()[\t\n]|({_UNSAFE})"
# What the next block may continue: a carriage return, an escape sequence, or the first bytes of a UTF-8 character.
_UNFINISHED = rb"(?:\r|\x1b(?:\[[0-9;:]{0,32})?|[\xc2-\xdf]|[\xe0-\xef][\x80-\xbf]?|[\xf0-\xf4][\x80-\xbf]{0,2})\Z"


def on_terminal(out: BinaryIO) -> bool:
    """Whether `out` is a terminal."""
    return out.isatty()


def colours_wanted(out: BinaryIO) -> bool:
    """Whether `out` is a terminal, and plain text was not asked for (https://no-color.org)."""
    return out.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def coloured(text: str, state: str) -> str:
    """Give text the colour of a state."""
    return f"{_COLOURS.get(state, '')}{text}{_RESET}"


def safe(text: str) -> str:
    """Spell out everything in a name or a description that would act on a terminal."""
    # Most texts are harmless, and a pattern takes 1 ms to compile.
    return text if text.isprintable() else re.sub(_NAME_TEXT, _shown, text)


def safe_lines(text: str) -> str:
    """Make text of several lines safe, and keep its line ends."""
    return "\n".join(safe(line) for line in text.split("\n"))


class LogCleaner:
    """Makes a stream of log bytes safe for a terminal: colours and line ends stay, other controls are spelt out."""

    def __init__(self) -> None:
        self._rest = b""
        self._coloured = False

    def feed(self, data: bytes) -> str:
        """Return what can be shown now; an incomplete sequence is kept back."""
        data = self._rest + data
        unfinished = re.search(_UNFINISHED, data[-40:])
        cut = len(data) - len(unfinished[0]) if unfinished else len(data)
        data, self._rest = data[:cut], data[cut:]
        return self._clean(data)

    def flush(self) -> str:
        """Return what was kept back, and reset the colour if one was set."""
        data, self._rest = self._rest, b""
        return self._clean(data) + (_RESET if self._coloured else "")

    def _clean(self, data: bytes) -> str:
        def replace(match: re.Match[str]) -> str:
            if match[1]:
                self._coloured = True
                return match[1]
            return _shown(match)

        return re.sub(_LOG_TEXT, replace, data.decode("utf-8", "surrogateescape"))


def _shown(match: re.Match[str]) -> str:
    r"""Spell out an unsafe character: `\x1b`, `\u202e`; in a name also line ends and tabs; drop a CR before LF."""
    if match[2] is None:
        return "" if match[0] == "\r" else {"\t": r"\t", "\n": r"\n"}[match[0]]
    code = ord(match[2])
    if 0xDC80 <= code <= 0xDCFF:  # noqa: PLR2004 - surrogateescape's range: a byte that is not UTF-8
        code -= 0xDC00
    return f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}"  # noqa: PLR2004 - two digits
