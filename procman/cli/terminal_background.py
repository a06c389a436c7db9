"""Whether the terminal has a light background: it is asked, or the environment says so."""

import os
import re
import select
import termios
import time
import tty
from collections.abc import Mapping

# OSC 11 asks for the background (xterm's ctlseqs). Not every terminal knows it, but each answers the second question,
# what it is, and in order: so there is nothing to wait for when that answer has come.
_QUESTION = b"\x1b]11;?\x1b\\\x1b[c"
_BACKGROUND = re.compile(rb"\x1b\]11;rgba?:([0-9a-fA-F]{1,4})/([0-9a-fA-F]{1,4})/([0-9a-fA-F]{1,4})")
_LAST = re.compile(rb"\x1b\[\?[0-9;]*c")
# Seconds: more than a packet takes round the world. What came later would be read as keys.
_PATIENCE = 1.0
_LONGEST = 4096  # bytes of an answer
_BRIGHT = 0.5
# How much red, green and blue make a colour bright (ITU-R BT.601).
_SHARES = (0.299, 0.587, 0.114)
# Of the 16 colours, these are light: COLORFGBG has numbers.
_LIGHT = frozenset({"7", "9", "10", "11", "12", "13", "14", "15"})


def is_light(environ: Mapping[str, str], fd: int = 0, out: int = 1) -> bool | None:
    """Ask the terminal at `fd` and `out`; None: nobody knows. What was typed before it answers is lost."""
    try:
        answered = of_answer(_ask(fd, out))
    except (OSError, termios.error):
        answered = None  # it has gone, which others notice too
    return of_environment(environ) if answered is None else answered


def of_answer(data: bytes) -> bool | None:
    """What an answer to OSC 11 says; None: there is none in it."""
    found = _BACKGROUND.search(data)
    if found is None:
        return None
    parts = [int(part, 16) / int(b"f" * len(part), 16) for part in found.groups()]
    return sum(share * part for share, part in zip(_SHARES, parts, strict=True)) > _BRIGHT


def of_environment(environ: Mapping[str, str]) -> bool | None:
    """What COLORFGBG says, which rxvt, Konsole and others set: "0;15" is black on white."""
    background = environ.get("COLORFGBG", "").rpartition(";")[2]
    return background in _LIGHT if background.isdecimal() else None


def _ask(fd: int, out: int) -> bytes:
    before = termios.tcgetattr(fd)
    data = b""
    try:
        # Neither shown, nor kept until the end of a line.
        tty.setcbreak(fd, termios.TCSADRAIN)
        os.write(out, _QUESTION)
        until = time.monotonic() + _PATIENCE
        while _LAST.search(data) is None and len(data) < _LONGEST:
            if not select.select([fd], [], [], max(until - time.monotonic(), 0))[0]:
                break
            piece = os.read(fd, 256)
            if not piece:
                break
            data += piece
    finally:
        termios.tcsetattr(fd, termios.TCSAFLUSH, before)
    return data
