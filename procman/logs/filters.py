"""What happens to a stream between its pipe and its sinks: colours are stripped, messages captured, receivers called.

Pure: no I/O and no clock here. A stream that needs none of this has no filter, and pays nothing for it.
"""

from collections.abc import Callable

from procman.logs.capture import CapturedMessage, CaptureSplitter, Part
from procman.logs.lines import AnsiStripper

Receiver = Callable[[bytes], object]


class StreamFilter:
    """Hands on what belongs into the log, and calls the receivers of what else there is.

    `on_raw` gets every chunk as it came. `on_text` gets the text in pieces, without colours and tokens, including the
    text inside messages, as in supervisor. `on_message` gets each message, once it is complete. `on_lost` gets the
    number of bytes of messages that did not fit or have no end. The sinks are served before all of these.
    """

    def __init__(
        self,
        *,
        strip_ansi: bool = False,
        capture_maxbytes: int = 0,
        on_raw: Receiver | None = None,
        on_text: Receiver | None = None,
        on_message: Receiver | None = None,
        on_lost: Callable[[int], None] | None = None,
    ) -> None:
        """With a `capture_maxbytes` of 0, tokens are text."""
        self._log_stripper = AnsiStripper() if strip_ansi else None
        self._message_stripper = AnsiStripper() if strip_ansi else None
        self._splitter = CaptureSplitter() if capture_maxbytes else None
        self._message = CapturedMessage(capture_maxbytes)
        self._on_raw = on_raw
        self._on_text = on_text
        self._on_message = on_message
        self._on_lost = on_lost

    @property
    def captures(self) -> bool:
        """Whether messages are captured."""
        return self._splitter is not None

    @property
    def capture_maxbytes(self) -> int:
        """How much of a message is kept; may be changed while one is written, but not from or to 0."""
        return self._message.maxbytes

    @capture_maxbytes.setter
    def capture_maxbytes(self, size: int) -> None:
        self._message.maxbytes = size

    @property
    def is_idle(self) -> bool:
        """Whether nothing is held back: no part of a message, a token or a colour."""
        return (self._splitter is None or self._splitter.is_idle) and (
            self._log_stripper is None or self._log_stripper.is_idle
        )

    def feed(self, data: bytes, out: Receiver) -> None:
        """Take a chunk; `out` gets what belongs into the log."""
        if self._splitter is None:
            self._log(data, out)
        else:
            self._pieces(self._splitter.feed(data), out)
        if self._on_raw is not None:
            self._on_raw(data)

    def flush(self, out: Receiver) -> None:
        """The stream has ended: what was held back is text, and an unfinished message is lost."""
        if self._splitter is not None:
            self._pieces(self._splitter.flush(), out)
            self._end_message()
            self._lose(len(self._message.take()))
        if self._log_stripper is not None:
            self._hand_on(self._log_stripper.flush(), out)

    def _pieces(self, pieces: list[tuple[Part, bytes]], out: Receiver) -> None:
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

    def _log(self, data: bytes, out: Receiver) -> None:
        self._hand_on(data if self._log_stripper is None else self._log_stripper.feed(data), out)

    def _end_message(self) -> None:
        if self._message_stripper is not None:
            self._hand_on(self._message_stripper.flush(), self._keep)

    def _hand_on(self, text: bytes, out: Receiver) -> None:
        if text:
            out(text)
            if self._on_text is not None:
                self._on_text(text)

    def _keep(self, text: bytes) -> None:
        self._lose(self._message.append(text))

    def _lose(self, count: int) -> None:
        if count and self._on_lost is not None:
            self._on_lost(count)
