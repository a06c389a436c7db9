"""Talks to the master beside the screen: a stream that is read by a thread, and requests that may wait.

The threads are daemons. Textual joins its own thread workers at the end, so a request that waits for a stop, for
minutes perhaps, would keep the terminal.
"""

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from textual.message import Message
from textual.message_pump import MessagePump

from procman.cli.whole_lines import JsonLines, SentEvents
from procman.client.api_client import Client, Stream
from procman.errors import ProcmanError

# Blocks that may wait for the screen. When it is behind, the stream is not read: the master drops what has no room.
_AHEAD = 4


class Came(Message):
    """Something has come over a stream; the receiver calls `feed.taken`, which lets the next block come."""

    bubble = False

    def __init__(self, feed: "Feed", items: list[Any]) -> None:
        super().__init__()
        self.feed = feed
        self.items = items


class Ended(Message):
    """A stream has ended; `reason` says why."""

    bubble = False

    def __init__(self, feed: "Feed", reason: str) -> None:
        super().__init__()
        self.feed = feed
        self.reason = reason


class Feed:
    """One stream, read from when it is made until `close`."""

    def __init__(
        self, target: MessagePump, connect: Callable[[], Client], path: str, reader: JsonLines | SentEvents
    ) -> None:
        """The messages go to `target`."""
        self._target = target
        self._connect = connect
        self._path = path
        self._reader = reader
        self._room = threading.Semaphore(_AHEAD)
        self._stream: Stream | None = None
        self._closed = False
        threading.Thread(target=self._run, daemon=True, name=path).start()

    def taken(self) -> None:
        """What has come is shown: more may come."""
        self._room.release()

    def close(self) -> None:
        """End the stream; nothing comes of it any more."""
        self._closed = True
        if self._stream is not None:
            self._stream.close()
        self._room.release()

    @property
    def is_closed(self) -> bool:
        """Whether its messages are to be ignored: some may be on their way."""
        return self._closed

    def _run(self) -> None:
        reason = "the master has closed the connection"
        try:
            with self._connect().stream("GET", self._path) as stream:
                self._stream = stream
                for data in stream if not self.is_closed else ():
                    items: list[Any] = self._reader.feed(data)
                    self._room.acquire()
                    if self.is_closed:
                        break
                    _hand_over(partial(self._target.post_message, Came(self, items)))
        except ProcmanError as error:
            reason = str(error)
        except ValueError:
            reason = "what answers is not procman"
        if not self.is_closed:
            _hand_over(partial(self._target.post_message, Ended(self, reason)))


def ask(
    target: MessagePump,
    connect: Callable[[], Client],
    work: Callable[[Client], Any],
    done: Callable[[Any], None],
) -> None:
    """Do the work in a thread, and have `done` called on the screen's with what it returns, or with a ProcmanError."""

    def run() -> None:
        client = None
        try:
            client = connect()
            outcome = work(client)
        except ProcmanError as error:
            outcome = error
        finally:
            if client is not None:
                client.close()
        _hand_over(partial(target.call_later, done, outcome))

    threading.Thread(target=run, daemon=True, name="request").start()


def _hand_over(post: Callable[[], object]) -> None:
    try:
        post()
    except RuntimeError:
        pass  # the screen has just ended, and its loop with it
