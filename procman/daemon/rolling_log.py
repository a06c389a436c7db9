"""The lines of the master's log about rolling restarts."""

from procman.core.actions import AnnounceRolling
from procman.logs.protocol import Log
from procman.runtime.bus import Notification
from procman.services.explain_texts import counted
from procman.services.rolling import why_stopped


class RollingLog:
    """Subscribe `tell` to the bus."""

    hears = (AnnounceRolling,)

    def __init__(self, log: Log) -> None:
        self._log = log

    def tell(self, notification: Notification) -> None:
        """Write down what has happened."""
        news = notification.event
        if not isinstance(news, AnnounceRolling):
            return
        what = "putting back the earlier definition" if news.aborting else "rolling restart"
        match news.what:
            case "began":
                self._log.info(f"{news.program}: {what} of {counted(news.total, 'process', 'processes')} began")
            case "continued":
                self._log.info(f"{news.program}: {what} goes on, {news.ready} of {news.total} are ready")
            case "ready":
                self._log.info(f"{news.program}: {what}: {news.name} is ready, {news.ready} of {news.total}")
            case "done":
                self._log.info(f"{news.program}: {what} is done, {news.ready} of {news.total} were restarted")
            case "stopped" | "ended":
                self._log.warn(why_stopped(news) or f"{news.program}: {what} ended: {news.reason}")
            case _:
                pass
