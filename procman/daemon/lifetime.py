"""Runs the master again after each reload, with the configuration as it is then, until it is stopped."""

import asyncio
import errno
import time
from typing import Any

from procman.config.schema.configuration import Config
from procman.daemon.context import ProcessContext, ledger_path
from procman.daemon.master import MasterRun
from procman.daemon.signals import SignalInbox, carry_out
from procman.daemon.snapshot import MasterSnapshot
from procman.errors import ProcmanError
from procman.system.signals import STOP

# How often the same complaint of the event loop is logged, in seconds.
COMPLAIN_EVERY = 60.0


class Lifetime:
    """All runs of the master in this process."""

    def __init__(
        self, context: ProcessContext, config: Config, notes: list[str], snapshot: MasterSnapshot | None
    ) -> None:
        """`notes` are for the first run's log, `snapshot` is what it goes on from."""
        self._context = context
        self._config = config
        self._notes = notes
        self._snapshot = snapshot
        self._master: MasterRun | None = None
        self._stop_asked = asyncio.Event()
        self._signals = SignalInbox(self._take_signal)
        self._complained: dict[str, float] = {}  # when each complaint of the loop was logged last

    async def live(self) -> int:
        """Return the exit status."""
        self._signals.open()
        asyncio.get_running_loop().set_exception_handler(self._complain)
        before: Config | None = None
        while not self._stop_asked.is_set():
            try:
                snapshot, self._snapshot = self._snapshot, None
                # A reload may have brought another socket, and by that the next master looks for what runs.
                self._context.ledger.move(ledger_path(self._config))
                self._master = MasterRun(self._context, self._config, self._notes, self._signals.deliver, snapshot)
                end = await self._master.run()
                self._master = None
                if not end.restart or self._stop_asked.is_set():
                    return end.code
                before, self._notes = self._config, []
                self._config = await self._read_again() or before
            except ProcmanError as error:
                # It could be read when the reload was asked for, and cannot be used now: a socket that cannot be
                # bound, say. What ran before is better than nothing.
                if before is None:
                    raise
                self._config, before = before, None
                self._notes = [f"cannot restart: {error}; going on with the configuration from before"]
            finally:
                self._master = None
        return 0

    async def _read_again(self) -> Config | None:
        """The configuration of the next run; None where a stop was asked for meanwhile. Raises ConfigError."""
        self._context.source.scales.clear()
        self._context.remember_scales(self._notes.append)
        read = asyncio.ensure_future(self._context.read())
        stopped = asyncio.ensure_future(self._stop_asked.wait())
        await asyncio.wait((read, stopped), return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if read.done():
            return read.result()
        read.cancel()
        return None

    def _take_signal(self, number: int) -> None:
        if number in STOP:
            # Also while a master runs: it may be about to reload.
            self._stop_asked.set()
        if self._master is not None:
            carry_out(number, self._master)

    def _complain(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Log in a line, once a minute, what asyncio would print as a traceback."""
        master, error = self._master, context.get("exception")
        if master is None:
            return
        if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
            # asyncio tries in a second again to accept connections that wait.
            master.make_room()
        text = f"{context['message']}: {error}" if error is not None else str(context["message"])
        now = time.monotonic()
        if now - self._complained.get(text, -COMPLAIN_EVERY) >= COMPLAIN_EVERY:
            self._complained[text] = now
            master.complain(text)
