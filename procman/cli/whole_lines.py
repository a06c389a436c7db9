"""What arrives in pieces: lines of JSON, events, and the lines of several logs. No I/O here."""

from __future__ import annotations

import json

TYPE_CHECKING = False  # typing's own constant costs the import of typing: 3 ms
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from procman.api.shapes.output import LogPiece


class JsonLines:
    """Reads a stream of lines of JSON."""

    def __init__(self) -> None:
        self._pending = b""

    def feed(self, data: bytes) -> list[Any]:
        """What the lines say that are complete now; empty ones only keep the connection alive."""
        *lines, self._pending = (self._pending + data).split(b"\n")
        return [json.loads(line) for line in lines if line]


class SentEvents:
    """Reads a stream of server-sent events whose data is JSON."""

    def __init__(self) -> None:
        self._pending = b""

    def feed(self, data: bytes) -> list[tuple[str, Any]]:
        """Name and data of the events that are complete now."""
        *messages, self._pending = (self._pending + data).split(b"\n\n")
        return [event for message in messages for event in _event(message)]


class WholeLines:
    """Makes whole lines of the pieces of each log."""

    def __init__(self, longest: int | None = None) -> None:
        """A line that has no end after `longest` bytes is broken there."""
        self._begun: dict[tuple[str, str], bytes] = {}
        self._longest = longest

    def take(self, piece: LogPiece) -> list[bytes]:
        """The lines that are complete now, without their ends."""
        log = piece["name"], piece["channel"]
        data = self._begun.pop(log, b"") + piece["data"].encode("utf-8", "surrogateescape")
        *lines, rest = data.split(b"\n")
        if self._longest is not None and len(rest) > self._longest:
            lines.append(rest)
        elif rest:
            self._begun[log] = rest
        return lines

    def finish(self) -> list[tuple[str, str, bytes]]:
        """Name, channel and text of the lines that have no end yet."""
        left = [(name, channel, line) for (name, channel), line in self._begun.items()]
        self._begun.clear()
        return left


def _event(message: bytes) -> Iterator[tuple[str, Any]]:
    name = "message"
    for line in message.split(b"\n"):
        if line.startswith(b"event: "):
            name = line[7:].decode()
        elif line.startswith(b"data: "):
            yield name, json.loads(line[6:])
