"""What is done with a stream between its pipe and its sinks, where it is not just kept: colours, messages, listeners.

Pure: no I/O and no clock here. A stream that needs none of this has no tap, and pays nothing for it.
"""

from collections.abc import Callable

from procman.logs.capture import Message, Part, Splitter
from procman.logs.lines import AnsiStripper

Hearer = Callable[[bytes], object]


class StreamFilter:
    """Hands on what belongs into the log, and tells whoever wants to know.

    `on_raw` hears every chunk as it came. `on_text` hears the text in pieces, after colours and tokens are out of it,
    and what is inside of messages too, as in supervisor. `on_message` gets each message, once it is complete. `on_lost`
    gets the number of bytes of messages that did not fit or have no end. The sinks come before all of these.
    """

    def __init__(
        self,
        *,
        strip_ansi: bool = False,
        capture_maxbytes: int = 0,
        on_raw: Hearer | None = None,
        on_text: Hearer | None = None,
        on_message: Hearer | None = None,
        on_lost: Callable[[int], None] | None = None,
    ) -> None:
        """With `capture_maxbytes` of 0 tokens are text like any other."""
        self._log_stripper = AnsiStripper() if strip_ansi else None
        self._message_stripper = AnsiStripper() if strip_ansi else None
        self._splitter = Splitter() if capture_maxbytes else None
        self._message = Message(capture_maxbytes)
        self._on_raw = on_raw
        self._on_text = on_text
        self._on_message = on_message
        self._on_lost = on_lost

    @property
    def captures(self) -> bool:
        """Whether messages are looked for."""
        return self._splitter is not None

    @property
    def capture_maxbytes(self) -> int:
        """How much of a message is kept; may be changed while one is written, but not from 0 or to it."""
        return self._message.maxbytes

    @capture_maxbytes.setter
    def capture_maxbytes(self, size: int) -> None:
        self._message.maxbytes = size

    @property
    def between(self) -> bool:
        """Nothing is held back: neither of a message, nor of a token or a colour."""
        return (self._splitter is None or self._splitter.between) and (
            self._log_stripper is None or self._log_stripper.between
        )

    def feed(self, data: bytes, out: Hearer) -> None:
        """Take in a chunk; `out` gets what belongs into the log."""
        if self._splitter is None:
            self._log(data, out)
        else:
            self._pieces(self._splitter.feed(data), out)
        if self._on_raw is not None:
            self._on_raw(data)

    def flush(self, out: Hearer) -> None:
        """The stream has ended: what was held back is text, and a message that has no end is lost."""
        if self._splitter is not None:
            self._pieces(self._splitter.flush(), out)
            self._end_message()
            self._lose(len(self._message.take()))
        if self._log_stripper is not None:
            self._hand_on(self._log_stripper.flush(), out)

    def _pieces(self, pieces: list[tuple[Part, bytes]], out: Hearer) -> None:
        for part, piece in pieces:
            match part:
                case Part.LOG:
                    self._log(piece, out)
                case Part.INSIDE:
                    text = piece if self._message_stripper is None else self._message_stripper.feed(piece)
                    self._hand_on(text, self._keep)
                case Part.MESSAGE:
                    self._end_message()
                    message = self._message.take()
                    if self._on_message is not None:
                        self._on_message(message)

    def _log(self, data: bytes, out: Hearer) -> None:
        self._hand_on(data if self._log_stripper is None else self._log_stripper.feed(data), out)

    def _end_message(self) -> None:
        if self._message_stripper is not None:
            self._hand_on(self._message_stripper.flush(), self._keep)

    def _hand_on(self, text: bytes, out: Hearer) -> None:
        if text:
            out(text)
            if self._on_text is not None:
                self._on_text(text)

    def _keep(self, text: bytes) -> None:
        self._lose(self._message.append(text))

    def _lose(self, count: int) -> None:
        if count and self._on_lost is not None:
            self._on_lost(count)
