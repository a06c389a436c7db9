"""Writes into the master's log what becomes of updates that are to be confirmed."""

from procman.logs.protocol import Log
from procman.runtime.bus import ConfirmationNews, Notification

_WARNINGS = frozenset({"rolling back", "rolled back", "left", "unfinished"})


class UpdateLog:
    """Subscribe `tell` to the bus."""

    hears = (ConfirmationNews,)

    def __init__(self, log: Log) -> None:
        self._log = log

    def tell(self, notification: Notification) -> None:
        """Write down what has happened."""
        news = notification.event
        if isinstance(news, ConfirmationNews):
            say = self._log.warn if news.what in _WARNINGS else self._log.info
            say(f"update {news.operation} {news.words}")
