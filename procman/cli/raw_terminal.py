"""This terminal in raw mode: each key as it is typed, and all as it was before at the end."""

import os
import re
import signal
import termios
import tty
from types import FrameType, TracebackType
from typing import Any, Self

# Modes that full-screen programs set, and whether they are on otherwise: another screen, the cursor, bracketed paste,
# the mouse, application keys.
_MODES = {b"1049": False, b"25": True, b"2004": False, b"1000": False, b"1002": False, b"1003": False, b"1006": False}
_MODES |= {b"1": False, b"1004": False}
_SET = re.compile(rb"\x1b\[\?([0-9;]{1,40})([hl])")
_PART = re.compile(rb"\x1b(\[(\?[0-9;]{0,40})?)?\Z")
_TO_RESET = b"\x1b[0m"


class Left(Exception):
    """This process is to end: its terminal was closed, or somebody asked for it."""


class RawTerminal:
    """Enter it with `with`; `wake` is readable when the window has changed."""

    def __init__(self, fd: int = 0, out: int = 1) -> None:
        """The descriptors of the terminal."""
        self._fd = fd
        self._out = out
        self._before: list[Any] = []
        self._handlers: dict[int, Any] = {}
        self._reader, self._writer = -1, -1
        self._wake_up = -1
        self._modes: dict[bytes, bool] = {}
        self._rest = b""

    @property
    def wake(self) -> int:
        """Becomes readable by a signal."""
        return self._reader

    def size(self) -> tuple[int, int]:
        """Rows and columns."""
        try:
            found = os.get_terminal_size(self._out)
        except OSError:
            return 24, 80
        return max(1, found.lines), max(1, found.columns)

    def woken(self) -> None:
        """Take the signals that have come."""
        try:
            os.read(self._reader, 4096)
        except BlockingIOError:
            pass

    def show(self, data: bytes) -> None:
        """Write all of it, and remember which modes it sets."""
        view = memoryview(data)
        while view:
            view = view[os.write(self._out, view) :]
        text = self._rest + data
        for found in _SET.finditer(text):
            for mode in found[1].split(b";"):
                if mode in _MODES:
                    self._modes[mode] = found[2] == b"h"
        part = _PART.search(text[-48:])
        self._rest = b"" if part is None else part[0]

    def restore_modes(self) -> None:
        """Put right what a program has left behind that is still at work, or was killed."""
        wrong = [mode for mode, is_on in self._modes.items() if is_on != _MODES[mode]]
        if wrong or self._modes:
            back = [b"\x1b[?" + mode + (b"h" if _MODES[mode] else b"l") for mode in wrong]
            self.show(b"".join(back) + _TO_RESET)
        self._modes.clear()

    def __enter__(self) -> Self:
        self._reader, self._writer = os.pipe()
        for end in (self._reader, self._writer):
            os.set_blocking(end, False)
        self._wake_up = signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        self._handlers[signal.SIGWINCH] = signal.signal(signal.SIGWINCH, lambda *_: None)
        for number in (signal.SIGHUP, signal.SIGTERM):
            self._handlers[number] = signal.signal(number, _leave)
        self._before = termios.tcgetattr(self._fd)
        tty.setraw(self._fd, termios.TCSADRAIN)  # what was typed already is for the program
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.restore_modes()
            termios.tcsetattr(self._fd, termios.TCSAFLUSH, self._before)
        except (OSError, termios.error):
            pass  # the window is closed
        signal.set_wakeup_fd(self._wake_up)
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        os.close(self._reader)
        os.close(self._writer)


def _leave(_number: int, _frame: FrameType | None) -> None:
    raise Left
