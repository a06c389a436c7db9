"""The terminal's other screen, which a program draws on and then gives back as it was."""

from __future__ import annotations

import os
import signal
import sys
from shutil import get_terminal_size

TYPE_CHECKING = False  # typing's own constant costs the import of typing: 3 ms
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType
    from typing import Any, Self

# The other screen, no cursor, and no next line for what is too long: the terminal itself cuts it.
_ENTER = b"\x1b[?1049h\x1b[?25l\x1b[?7l"
_LEAVE = b"\x1b[?7h\x1b[?25h\x1b[?1049l"
_HOME = "\x1b[H"
_TO_LINE_END = "\x1b[K"
_TO_SCREEN_END = "\x1b[J"
_ENDS = (signal.SIGHUP, signal.SIGTERM)


class OtherScreen:
    """Enter it with `with`. It is left before this process is stopped by Ctrl-Z, and by SIGTERM or SIGHUP."""

    def __init__(self, fd: int) -> None:
        """`fd` is that of the terminal."""
        self._fd = fd
        self._size = os.terminal_size((0, 0))
        self._handlers: dict[int, Any] = {}

    @property
    def is_stale(self) -> bool:
        """Whether it has to be drawn again: the terminal has another size now, or other things were shown on it."""
        return get_terminal_size() != self._size

    @property
    def rows(self) -> int:
        """How many lines have room."""
        return get_terminal_size().lines

    def draw(self, lines: Sequence[str]) -> None:
        """Show these lines, from the top; at most as many as have room."""
        self._size = get_terminal_size()
        *first, last = [*lines[: self._size.lines]] or [""]
        # In one write, so that it does not flicker. What was there is erased before a line: behind one that fills all
        # columns, the cursor stands on its last letter.
        text = [_HOME, *(f"{_TO_LINE_END}{line}\r\n" for line in first), _TO_SCREEN_END, last]
        self._write("".join(text).encode("utf-8", "surrogateescape"))

    def __enter__(self) -> Self:
        for number in _ENDS:
            self._handlers[number] = signal.signal(number, _end)
        self._handlers[signal.SIGTSTP] = signal.signal(signal.SIGTSTP, self._stop)
        self._write(_ENTER)
        return self

    def __exit__(self, *_: object) -> None:
        self._write(_LEAVE)
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def _stop(self, number: int, _frame: FrameType | None) -> None:
        """Give the terminal back until this process goes on."""
        self._write(_LEAVE)
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
        signal.signal(number, self._stop)
        self._write(_ENTER)
        self._size = os.terminal_size((0, 0))

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._fd, view) :]
        except OSError:
            pass  # the terminal is gone, and SIGHUP follows


def _end(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)
