"""Reports readiness and status to the launching process of a daemon, and to systemd (sd_notify).

Nothing is reported that was not asked for. Reporting neither waits nor fails.
"""

import asyncio
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from procman.core.actions import Announce, AnnounceMaster
from procman.core.fleet import Fleet
from procman.core.states import MasterState, State
from procman.runtime.bus import Interest, Notification
from procman.system.notify import Notifier

if TYPE_CHECKING:
    from procman.system.daemonize import Readiness

# The line of `systemctl status` follows what happens at this distance, in seconds: a crash loop is not worth more.
STATUS_EVERY = 1.0
# How many that have failed are named in it.
MOST_NAMED = 3


class ServiceNotifier:
    """One for the life of the process, whatever is reloaded in it."""

    def __init__(self, notifier: Notifier, daemon: "Readiness | None" = None) -> None:
        """`daemon` is given where the process that has started this one waits to hear whether it is up."""
        self._daemon = daemon
        self._notifier = notifier
        self._fleet: Fleet | None = None
        self._status: asyncio.TimerHandle | None = None
        self._watchdog: asyncio.TimerHandle | None = None

    def up(self, fleet: Fleet) -> None:
        """Report that the sockets are open and the programs started; the status line is about `fleet` from now on."""
        self._fleet = fleet
        if self._daemon is not None:
            # systemd, if it has started this, knows the pid of the launching process.
            self._notifier.main_pid(os.getpid())
            self._daemon.ready()
            self._daemon = None
        self._notifier.ready(self._summary())
        self._feed_watchdog()

    @property
    def hears(self) -> tuple[Interest, ...]:
        """Most masters have no service manager to tell of their programs."""
        return (AnnounceMaster, Announce) if self._notifier.listens else (AnnounceMaster,)

    @property
    def is_awaited(self) -> bool:
        """Whether the process that has started this one still waits for it to be up."""
        return self._daemon is not None

    @property
    def environment(self) -> Mapping[str, str]:
        """The variables that systemd has set, for the new code after an upgrade."""
        return self._notifier.environment

    def upgrading(self) -> None:
        """Report that the same process is about to continue with other code, which will report when it is up."""
        self._notifier.reloading(self._summary())

    def failed(self, text: str, status: int) -> bool:
        """Report that the master cannot run; True if the launching process will print it."""
        self._notifier.failed(status, text)
        daemon, self._daemon = self._daemon, None
        return daemon is not None and daemon.failed(text, status)

    def ended(self, code: int) -> None:
        """Report that everything has been stopped; `systemctl status` keeps showing it."""
        if self._status is not None:
            self._status.cancel()
        self._notifier.status("everything has been stopped" + (f"; leaving with exit status {code}" if code else ""))

    def tell(self, notification: Notification) -> None:
        """Subscribe this to the engine."""
        if not self._notifier.listens:
            return
        news = notification.event
        if isinstance(news, AnnounceMaster):
            going = self._notifier.stopping if news.state is MasterState.SHUTDOWN else self._notifier.reloading
            going(self._summary())
        elif isinstance(news, Announce) and self._status is None:
            self._status = asyncio.get_running_loop().call_later(STATUS_EVERY, self._tell_status)

    def close(self) -> None:
        """Report nothing more."""
        for timer in (self._status, self._watchdog):
            if timer is not None:
                timer.cancel()
        self._status = self._watchdog = None
        self._notifier.close()

    def _tell_status(self) -> None:
        self._status = None
        self._notifier.status(self._summary())

    def _feed_watchdog(self) -> None:
        """The watchdog is fed as long as the loop turns."""
        every = self._notifier.watchdog_every
        if every is not None:
            if self._watchdog is not None:
                self._watchdog.cancel()
            self._notifier.watchdog()
            self._watchdog = asyncio.get_running_loop().call_later(every, self._feed_watchdog)

    def _summary(self) -> str:
        """How many processes run, of those that should, and which have failed."""
        assert self._fleet is not None
        wanted = [process for process in self._fleet.processes.values() if process.wanted]
        running = sum(process.state is State.RUNNING for process in self._fleet.processes.values())
        failed = [process.name for process in wanted if process.state in (State.FATAL, State.BACKOFF)]
        if self._fleet.state is not MasterState.RUNNING:
            left = len(self._fleet.unsettled())
            return f"{left} {'process' if left == 1 else 'processes'} still to be stopped"
        shown = f"; failing: {', '.join(failed[:MOST_NAMED])}" if failed else ""
        more = f" and {len(failed) - MOST_NAMED} more" if len(failed) > MOST_NAMED else ""
        return f"{running} of {len(wanted)} processes running{shown}{more}"
