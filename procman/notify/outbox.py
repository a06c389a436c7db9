"""The messages of one section that wait to be sent: which one is next and when, what came of it, and what was dropped.

One message is under way at a time, so that they arrive in order. One that could not be sent is tried again, after
FIRST_RETRY and then twice as long each time, up to LONGEST_RETRY. At most MOST_WAITING wait: of more, the oldest is
dropped and counted. What the log says comes from here, once for each series of failures.

Times are seconds of a steady clock.
"""

from collections import deque
from dataclasses import dataclass
from typing import Any

from procman.notify.message import Message

MOST_WAITING = 50
FIRST_RETRY = 2.0
LONGEST_RETRY = 300.0
# What a server asks for by Retry-After is respected up to here.
LONGEST_ASKED = 3600.0
# A message that could not be sent for so long is of no use any more.
LONGEST_WAIT = 86400.0

Data = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one try."""

    ok: bool
    words: str  # "HTTP 200", "exit status 0", or what went wrong
    again: bool = False  # it may help to try again
    after: float | None = None  # seconds that the server wants to be left alone


@dataclass(slots=True)
class Counts:
    """What has become of the messages of a section since the master began."""

    sent: int = 0
    failed: int = 0  # were refused for good
    dropped: int = 0  # there were too many, or they were too old
    last_error: str = ""
    last_error_at: float = 0.0  # seconds since the epoch; 0: never
    last_sent_at: float = 0.0


@dataclass(frozen=True, slots=True)
class _Waiting:
    message: Message
    since: float


class Outbox:
    """That of one section."""

    def __init__(self) -> None:
        self.counts = Counts()
        self._waiting: deque[_Waiting] = deque()
        self._under_way: _Waiting | None = None
        self._tries = 0  # of the next one
        self._not_before = 0.0
        self._dropping = False  # the log says so
        self._failing = False  # the log says so

    @property
    def waiting(self) -> int:
        """Messages that are not sent yet, the one under way included."""
        return len(self._waiting) + (self._under_way is not None)

    @property
    def trouble(self) -> str | None:
        """Why messages cannot be sent at present; None: as far as is known, they can."""
        if not self._failing:
            return None
        wait = f"; {self.waiting} wait" if self.waiting else ""
        return f"cannot send messages: {self.counts.last_error}{wait}"

    def put(self, message: Message, now: float) -> str | None:
        """Add a message; returns what the log should say."""
        self._waiting.append(_Waiting(message, now))
        if self.waiting <= MOST_WAITING:
            return None
        self._waiting.popleft()
        return self._drop(1, f"more than {MOST_WAITING} messages wait")

    def take(self, now: float) -> Message | None:
        """The message to be sent now; `done` is to be called with what comes of it."""
        if self._under_way is not None or not self._waiting or now < self._not_before:
            return None
        self._under_way = self._waiting.popleft()
        return self._under_way.message

    def done(self, outcome: Outcome, *, now: float, at: float) -> str | None:
        """What came of the message under way; returns what the log should say."""
        tried, self._under_way = self._under_way, None
        if tried is None:
            return None
        if outcome.ok:
            return self._sent(at)
        self.counts.last_error, self.counts.last_error_at = outcome.words, at
        if not outcome.again:
            self.counts.failed += 1
            self._tries, self._not_before = 0, 0.0
            self._failing = True
            return f"a message was not accepted and is not sent again: {outcome.words}"
        if now >= tried.since + LONGEST_WAIT:
            self._tries, self._not_before = 0, 0.0
            return self._drop(1, "it could not be sent for a day")
        self._waiting.appendleft(tried)
        pause = min(LONGEST_RETRY, FIRST_RETRY * 2.0 ** min(self._tries, 20))
        if outcome.after is not None:
            pause = max(pause, min(outcome.after, LONGEST_ASKED))
        self._tries += 1
        self._not_before = now + pause
        if self._failing:
            return None
        self._failing = True
        return f"cannot send a message: {outcome.words}; trying again until it works"

    def deadline(self) -> float | None:
        """When to call `take` again; None: not before something has happened."""
        return self._not_before if self._waiting and self._under_way is None else None

    def hurry(self) -> None:
        """Try at once, as something has changed."""
        self._tries, self._not_before = 0, 0.0

    def discard(self) -> int:
        """Drop all that wait, as nobody will send them; returns how many."""
        lost = self.waiting
        self.counts.dropped += lost
        self._waiting.clear()
        self._under_way = None
        return lost

    # ---- over an upgrade

    def snapshot(self) -> Data:
        """As plain data. The message under way waits again: whether it has arrived is not known."""
        waiting = [*([] if self._under_way is None else [self._under_way]), *self._waiting]
        counts = self.counts
        return {
            "waiting": [[one.message.to_data(), one.since] for one in waiting],
            "counts": {name: getattr(counts, name) for name in Counts.__slots__},
            "tries": self._tries,
            "not_before": self._not_before,
            "failing": self._failing,
            "dropping": self._dropping,
        }

    def restore(self, data: Data) -> None:
        """Go on from there."""
        self._waiting = deque(_Waiting(Message.from_data(message), since) for message, since in data["waiting"])
        self.counts = Counts(**data["counts"])
        self._tries, self._not_before = data["tries"], data["not_before"]
        self._failing, self._dropping = data["failing"], data["dropping"]

    # ---- the pieces of the above

    def _sent(self, at: float) -> str | None:
        self.counts.sent += 1
        self.counts.last_sent_at = at
        self._tries, self._not_before = 0, 0.0
        was_failing, self._failing, self._dropping = self._failing, False, False
        return f"messages are sent again; {self.counts.dropped} were dropped so far" if was_failing else None

    def _drop(self, number: int, why: str) -> str | None:
        self.counts.dropped += number
        if self._dropping:
            return None
        self._dropping = True
        return f"{why}: the oldest is dropped, and so will be others until messages can be sent again"
