"""The terminals of programs: their size, and the last part of what was written to them."""

import re
from collections.abc import Mapping

from procman.logs.output_stream import OutputStream
from procman.system.terminals import set_size, size_of

# What a terminal answers, as if it were typed (https://invisible-island.net/xterm/ctlseqs/ctlseqs.html): its kind and
# version, where the cursor is, modes, keys, colours, clipboard, size, and names of its capabilities.
_QUESTIONS = rb"""
    \x05 | \x1bZ
    | \x1b\[ (?: [>=]?[0-9;]*c | \??[0-9;]*n | \??[0-9;]*\$p | [0-9;]*x | >[0-9;]*q | \?u | \?[0-9;]*m )
    | \x1b\[ (?: 1[1-9] | 2[01] ) [0-9;]* t
    | \x1b\] [0-9]{1,4} (?: ;[0-9A-Za-z?]{0,8} )* ;\? (?: \x07 | \x1b\\ )
    | \x1bP [+$]q [^\x1b]* \x1b\\
"""


class Terminals:
    """Those of all processes, by namespec. A process without a terminal is left alone."""

    def __init__(self, streams: Mapping[tuple[str, str], OutputStream]) -> None:
        """`streams` are those of the output router."""
        self._streams = streams
        self.sizes: dict[str, tuple[int, int]] = {}  # rows and columns, for the next start of a process as well

    def resize(self, name: str, rows: int, columns: int, *, redraw: bool = False) -> None:
        """Its window is so large now; with `redraw`, what shows a whole screen is told even if that is nothing new."""
        self.sizes[name] = rows, columns
        fd = self._descriptor(name)
        if fd is None:
            return
        try:
            if redraw and size_of(fd) == (rows, columns):
                # SIGWINCH is sent for another size only; when it looks, it sees the right one.
                set_size(fd, rows, max(1, columns - 1))
            set_size(fd, rows, columns)
        except OSError:
            pass  # it has ended at this moment

    def last_part(self, name: str, length: int) -> bytes:
        """What was written last, from the beginning of a line on, to show it once more."""
        stream = self._streams.get((name, "stdout"))
        data = b"" if stream is None else stream.ring.tail(length)
        return without_questions(data if len(data) < length else data[data.find(b"\n") + 1 :])

    def forget(self, name: str) -> None:
        """It has left."""
        self.sizes.pop(name, None)

    def _descriptor(self, name: str) -> int | None:
        stream = self._streams.get((name, "stdout"))
        if stream is None or stream.present is None:
            return None
        pump, _ = stream.present
        return None if pump.closed or pump.is_pipe else pump.fd


def without_questions(written: bytes) -> bytes:
    """What is shown again, but for what a terminal answers: whoever has asked had its answer then.

    Now the program would take a second one for what somebody types.
    """
    return re.sub(_QUESTIONS, b"", written, flags=re.VERBOSE)
