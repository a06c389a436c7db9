"""What a master keeps for the life of its process, whatever is reloaded in it."""

import os
from collections.abc import Callable
from typing import Any

from procman.config.problems import ConfigError
from procman.config.runtime_dir import state_files
from procman.config.schema.configuration import Config
from procman.config.schema.servers import UnixServer
from procman.core.fleet import Fleet
from procman.daemon.config_source import READ_WITHIN, ConfigSource
from procman.daemon.service_notify import ServiceNotifier
from procman.daemon.upgrade import Start
from procman.runtime.adoption import Adoption
from procman.runtime.bus import Bus, Sequence
from procman.runtime.call_queue import CallQueue
from procman.runtime.journal.ring import Ring
from procman.runtime.ledger import NoLedger, ProcessLedger
from procman.runtime.rolling_mark import RollingMark, rolling_path
from procman.runtime.scales_file import write_scales
from procman.runtime.times_file import TimesFile
from procman.runtime.update_mark import UpdateMark
from procman.services.metrics.counters import Counters
from procman.services.operations import Operations
from procman.system.held_sockets import HeldSockets


class ProcessContext:
    """Made once, by `bootstrap`."""

    def __init__(
        self,
        source: ConfigSource,
        start: Start,
        notifier: ServiceNotifier,
        ledger: ProcessLedger | NoLedger,
        *,
        adopts: bool,
        first_serial: int = 0,
        first_operation: int = 1,
    ) -> None:
        """`adopts`: orphans become our children; the numbers are those of the next event and the next operation."""
        self.source = source
        self.start = start
        self.notifier = notifier
        self.ledger = ledger
        self.adopts = adopts
        self.serials = Sequence(first_serial - 1)  # of events: no two have the same
        self.sequence = Sequence()  # of notifications: no two have the same number
        self.records = Ring()  # of the journal
        self.operations = Operations(first_operation, self._nudge)
        self.blocking = CallQueue(READ_WITHIN, self._nudge)
        self.counters = Counters()  # they go on over reloads
        self.unsent: dict[str, Any] | None = None  # messages that the run before a reload has not sent
        self.crash_reports: dict[str, Any] | None = None  # of the run before, where the configuration was reloaded
        self.run_history: dict[str, Any] = {}  # of one-shots, of the run before a reload
        self.hook_results: dict[str, Any] = {}  # of the run before a reload
        self.held_sockets = HeldSockets()  # those of the run before a reload that go on
        self._bus: Bus | None = None
        self._times: TimesFile | None = None

    def use(self, bus: Bus, fleet: Fleet, complain: Callable[[str], None]) -> None:
        """Nudge this one, of a run that begins, when an obstacle to an upgrade may have gone.

        Its rolling restarts are noted for the next master, if this one is killed.
        """
        self._bus = bus
        self.operations.use(bus)
        if not isinstance(self.ledger, NoLedger):
            mark = RollingMark(rolling_path(self.ledger.file.path), fleet.rollings, complain)
            bus.subscribe(mark.hear, *mark.hears)

    def take_unsent(self) -> dict[str, Any] | None:
        """The messages of the run before, once."""
        unsent, self.unsent = self.unsent, None
        return unsent

    def _nudge(self) -> None:
        if self._bus is not None:
            self._bus.nudge()

    def remember_scales(self, complain: Callable[[str], None]) -> None:
        """For the next master, if this one is killed; without a ledger, there is none that takes anything over."""
        if isinstance(self.ledger, NoLedger):
            return
        if trouble := write_scales(f"{self.ledger.file.path}.scales", self.source.scales):
            complain(trouble)

    async def read(self) -> Config:
        """Read the configuration again, beside the loop; raises ConfigError."""
        try:
            config = await self.source.read_again(self.blocking)
        except ConfigError:
            self.counters.config_was_read(good=False)
            raise
        self.counters.config_was_read(good=True)
        return config

    def times(self, config: Config, complain: Callable[[str], None]) -> TimesFile:
        """What is known of the times of schedules; it lasts over reloads. `complain` is for a disk that is full."""
        if self._times is None:
            self._times = TimesFile(times_path(config))
        self._times.complain = complain
        return self._times

    def update_mark(self, config: Config, complain: Callable[[str], None]) -> UpdateMark:
        """What tells the next master of an update that a kill has cut off."""
        return UpdateMark(_lasting_path(config, ".update"), complain)

    def adoption(self, config: Config) -> Adoption | None:
        """Of what an earlier master has left running; None if this process has been through that already."""
        if isinstance(self.ledger, NoLedger) or self.ledger.begun:
            return None
        return Adoption(self.ledger, config.master.orphans)


def anchor(config: Config) -> str:
    """The path by which a master is known: of its control socket, or of the file that the default one is made of."""
    return next((server.file for server in config.servers if isinstance(server, UnixServer)), config.file)


def times_path(config: Config) -> str | None:
    """Where the times of schedules are remembered; None: nowhere."""
    return _lasting_path(config, ".times")


def _lasting_path(config: Config, ending: str) -> str | None:
    """The path of a small file that outlives this process; None: there is no place for it."""
    name = os.path.basename(ledger_path(config)).removesuffix(".state") + ending
    # Of systemd (StateDirectory=), or set for a container with a volume; there may be several.
    folder = os.environ.get("STATE_DIRECTORY", "").partition(":")[0]
    if os.path.isabs(folder) and os.path.isdir(folder):
        return os.path.join(folder, name)
    return None if os.getpid() == 1 else os.path.join(os.path.dirname(ledger_path(config)), name)


def ledger_path(config: Config) -> str:
    """The file of the process ledger of a master with this configuration."""
    return state_files(anchor(config))[0]
