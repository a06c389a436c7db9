"""All that answers clients: their services, the endpoints, and a server behind each listening socket.

It is imported and built when the first programs have been started, which do not wait for it. Its clients do: their
sockets listen before that. The first client would be too late for it: that may be one that asks for an upgrade, when
the files are those of another version.
"""

from collections.abc import Awaitable, Callable, Coroutine, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from procman.api.health import Health
from procman.config.schema.configuration import Config
from procman.daemon.about import About
from procman.daemon.client_services import build_services
from procman.daemon.context import ProcessContext
from procman.daemon.listeners import Listener
from procman.daemon.rooms import Rooms
from procman.daemon.routes import Routes
from procman.daemon.serving import Serving
from procman.daemon.snapshot import MasterSnapshot

if TYPE_CHECKING:
    from procman.daemon.metrics_file import MetricsFile
    from procman.services.metrics.readings import MetricsService


class ControlPlane:
    """Of one run of the master."""

    def __init__(
        self,
        context: ProcessContext,
        config: Config,
        rooms: Rooms,
        snapshot: MasterSnapshot | None,
        *,
        began: int,
        upgrades: int,
        upgrade: Callable[[], Awaitable[int]],
        obstacle: Callable[[], str | None],
        do: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        """Build it; nobody is answered yet.

        Args:
            context: lasts as long as the process.
            config: what the run began with.
            rooms: the rest of the master.
            snapshot: what to go on from; None: this is no upgrade.
            began: when the master did, in seconds since the epoch.
            upgrades: how many it has been through.
            upgrade: begins one.
            obstacle: says why no other code could go on from here just now, `obstacle` of this included.
            do: runs something on the loop for as long as the run lasts.
        """
        self._context, self._config, self._rooms = context, config, rooms
        self.services = build_services(context, config, rooms, snapshot, obstacle)
        self._metrics: MetricsService | None = None
        self._metrics_file: MetricsFile | None = None
        health = Health(rooms.master, self.services.processes.table)
        about = About(config, rooms, began, upgrades)
        warnings = partial(context.source.warnings, context.blocking)
        routes = Routes(
            rooms, self.services, about, health, upgrade, file_warnings=warnings, metrics=self._read_metrics
        )
        routes.denials.on_refused = context.counters.client_was_refused
        self.serving = Serving(routes, health, rooms.outputs.log)
        self.services.configuration.after_reading = lambda: do(self.serving.read_certificates())

    async def open(self, listeners: Iterable[Listener], *, is_upgrade: bool) -> None:
        """Answer on these, and do what else clients would notice; an update that an upgrade has cut off goes on."""
        confirming = self.services.updates.confirming
        if is_upgrade:
            confirming.go_on()
        else:
            confirming.report_unfinished()
        await self.serving.start(listeners)
        self._write_metrics()

    @property
    def obstacle(self) -> str | None:
        """Why no other code could go on from here just now, as far as clients and metrics are concerned."""
        theirs = [what.obstacle for what in (self._metrics, self._metrics_file) if what is not None]
        return self.services.obstacle or next(filter(None, theirs), None)

    async def close(self, within: float) -> None:
        """End the streams, and give answers that are on their way so many seconds for each server."""
        await self.serving.close(within)
        if self._metrics_file is not None:
            await self._metrics_file.close()

    def _write_metrics(self) -> None:
        path = self._config.master.metrics_file
        if path is None:
            return
        from procman.api.metrics.exposition import PROMETHEUS, exposition  # noqa: PLC0415 - few have such a file
        from procman.daemon.metrics_file import MetricsFile  # noqa: PLC0415

        metrics, rooms = self._read_metrics(), self._rooms

        async def content() -> bytes:
            return b"".join(await exposition(await metrics.read(), PROMETHEUS))

        self._metrics_file = MetricsFile(path, content, metrics.counters, rooms.outputs.log, on_end=rooms.bus.nudge)
        self._metrics_file.start()

    def _read_metrics(self) -> "MetricsService":
        if self._metrics is None:
            # 0.2 MiB, for masters that are asked for metrics.
            from procman.services.metrics.readings import MetricsService  # noqa: PLC0415

            context, rooms, services = self._context, self._rooms, self.services
            self._metrics = MetricsService(
                context.counters,
                rooms.outputs.written.counted,
                services.configuration,
                context.sequence,
                next_run=rooms.timetable.next,
                waiting=services.sockets.waiting,
                is_watched=services.watches.is_watched,
                clients=lambda: self.serving.connections,
                on_end=rooms.bus.nudge,
                looks=rooms.looks,
                notifying=rooms.notifying,
            )
        return self._metrics
