"""Writes systemd unit files: words, values and sections.

The syntax is that of systemd.syntax(7) and of the command lines in systemd.service(5): `%` begins a specifier nearly
everywhere, `$` a variable in a command, a backslash an escape inside quotes, and one at a line's end joins the next.
"""

import re
from collections.abc import Mapping, Sequence

# All other words are quoted.
_SAFE = re.compile(r"[A-Za-z0-9_./:=@,+-]+", re.ASCII)
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def quoted(text: str, *, dollars: bool = False) -> str:
    """One word of a command or of Environment=; `dollars`: whether $ begins a variable there."""
    text = text.replace("%", "%%")
    if dollars:
        text = text.replace("$", "$$")
    if _SAFE.fullmatch(text):
        return text
    return f'"{"".join(_escaped(letter) for letter in text)}"'


def _escaped(letter: str) -> str:
    if letter in _ESCAPES:
        return _ESCAPES[letter]
    if letter.isprintable():
        return letter
    code = ord(letter)
    if code < 0x80:  # noqa: PLR2004 - ASCII: beyond it \x is a byte, and not a character
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004 - four digits


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else _escaped(letter) for letter in text)


def raw(text: str) -> str | None:
    """A value that takes the rest of its line, such as a path; None if it cannot be expressed that way."""
    if not text.isprintable() or text != text.strip() or text.endswith("\\"):
        return None
    return text.replace("%", "%%")


def unit(comments: Sequence[str], parts: Mapping[str, Sequence[str]]) -> str:
    """Write a file: the lines of a comment, and the lines of each section."""
    blocks = ["\n".join(f"# {_printable(line)}".rstrip() for line in comments)] if comments else []
    blocks += ["\n".join([f"[{name}]", *lines]) for name, lines in parts.items()]
    return "\n\n".join(blocks) + "\n"
