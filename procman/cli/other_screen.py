"""The terminal's other screen, which a command draws on and then gives back as it was. rich draws it.

Ctrl-Z raises Suspended, and SIGTERM and SIGHUP raise SystemExit: so the terminal is given back first.
"""

import os
import signal
import sys
from collections.abc import Iterable
from shutil import get_terminal_size
from types import FrameType
from typing import Any, Self

from rich.console import Console
from rich.live import Live
from rich.text import Text


class Suspended(Exception):
    """Ctrl-Z; call `suspend`."""


class OtherScreen:
    """Enter it with `with`."""

    def __init__(self, *, colour: bool) -> None:
        """`colour`: whether the colours in the lines count."""
        self._size = os.terminal_size((0, 0))
        self._handlers: dict[int, Any] = {}
        console = Console(color_system="standard" if colour else None, force_terminal=True)
        self._live = Live(
            console=console, screen=True, auto_refresh=False, redirect_stdout=False, redirect_stderr=False
        )

    @property
    def is_stale(self) -> bool:
        """Whether it has to be drawn again, because the terminal has another size now."""
        return get_terminal_size() != self._size

    @property
    def rows(self) -> int:
        """How many lines have room."""
        return get_terminal_size().lines

    def draw(self, lines: Iterable[str]) -> None:
        """Show these lines, from the top: as many as have room, and as much of each as fits."""
        self._size = get_terminal_size()
        text = Text("\n", no_wrap=True, overflow="ellipsis").join(map(Text.from_ansi, lines))
        self._live.update(text, refresh=True)

    def __enter__(self) -> Self:
        for number, handler in ((signal.SIGHUP, _end), (signal.SIGTERM, _end), (signal.SIGTSTP, _suspend)):
            self._handlers[number] = signal.signal(number, handler)
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._live.stop()


def suspend() -> None:
    """Stop this process, as Ctrl-Z does, until it is told to go on."""
    os.kill(os.getpid(), signal.SIGTSTP)


def _suspend(_number: int, _frame: FrameType | None) -> None:
    raise Suspended


def _end(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)
