"""`procman.Client`: a master for programs without asyncio. Its calls are those of AsyncClient, over blocking sockets.

The calls themselves stand in `process_calls` and `master_calls` once. Over a blocking transport their coroutines never
wait, so that each is over with its first step; asyncio is not imported.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from procman.client.calls import Calls
from procman.client.master_calls import ConfigurationCalls, MasterCalls
from procman.client.process_calls import ProcessCalls
from procman.client.streams import AsyncStream, Stream, at_once
from procman.client.transport import Addressed, BlockingTransport

if TYPE_CHECKING:
    from typing import Self

    from procman.client.address import Settings

P = ParamSpec("P")
T = TypeVar("T")
C = TypeVar("C", bound=Calls)


class _AllCalls(ProcessCalls, ConfigurationCalls, MasterCalls):
    pass


def _blocking(call: Callable[Concatenate[C, P], Coroutine[Any, Any, T]]) -> Callable[Concatenate[Client, P], T]:
    @wraps(call)
    def blocks(client: Client, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return at_once(call(client.calls, *args, **kwargs))  # type: ignore[arg-type] # they are all in _AllCalls

    return blocks


def _streaming(call: Callable[Concatenate[C, P], AsyncStream[T]]) -> Callable[Concatenate[Client, P], Stream[T]]:
    @wraps(call)
    def streams(client: Client, /, *args: P.args, **kwargs: P.kwargs) -> Stream[T]:
        return Stream(call(client.calls, *args, **kwargs))  # type: ignore[arg-type] # as above

    return streams


class Client(Addressed):
    """A master to ask. One thread uses it at a time. Arguments and errors are those of AsyncClient."""

    def _use(self, settings: Settings) -> None:
        self._transport = BlockingTransport(settings)
        self.calls = _AllCalls(self._transport)

    def close(self) -> None:
        """Close the connection that is kept; it may be used again."""
        at_once(self._transport.close())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    request = _blocking(Calls.request)

    processes = _blocking(ProcessCalls.processes)
    process = _blocking(ProcessCalls.process)
    start = _blocking(ProcessCalls.start)
    stop = _blocking(ProcessCalls.stop)
    restart = _blocking(ProcessCalls.restart)
    signal = _blocking(ProcessCalls.signal)
    rolling_restart = _blocking(ProcessCalls.rolling_restart)
    continue_rolling = _blocking(ProcessCalls.continue_rolling)
    abort_rolling = _blocking(ProcessCalls.abort_rolling)
    rolling = _blocking(ProcessCalls.rolling)
    scale = _blocking(ProcessCalls.scale)
    scales = _blocking(ProcessCalls.scales)
    run = _blocking(ProcessCalls.run)
    run_events = _streaming(ProcessCalls.run_events)
    begin_run = _blocking(ProcessCalls.begin_run)
    schedules = _blocking(ProcessCalls.schedules)
    log = _blocking(ProcessCalls.log)
    follow_log = _streaming(ProcessCalls.follow_log)
    logs = _streaming(ProcessCalls.logs)
    why = _blocking(ProcessCalls.why)
    figures = _blocking(ProcessCalls.figures)
    graph = _blocking(ProcessCalls.graph)

    reread = _blocking(ConfigurationCalls.reread)
    plan = _blocking(ConfigurationCalls.plan)
    apply = _blocking(ConfigurationCalls.apply)
    update = _blocking(ConfigurationCalls.update)
    pending = _blocking(ConfigurationCalls.pending)
    confirm = _blocking(ConfigurationCalls.confirm)
    abort = _blocking(ConfigurationCalls.abort)

    whoami = _blocking(MasterCalls.whoami)
    master = _blocking(MasterCalls.master)
    health = _blocking(MasterCalls.health)
    wait_until_ready = _blocking(MasterCalls.wait_until_ready)
    metrics = _blocking(MasterCalls.metrics)
    operation = _blocking(MasterCalls.operation)
    shutdown = _blocking(MasterCalls.shutdown)
    reload = _blocking(MasterCalls.reload)
    events = _streaming(MasterCalls.events)
    journal = _blocking(MasterCalls.journal)
    follow_journal = _streaming(MasterCalls.follow_journal)
    crashes = _blocking(MasterCalls.crashes)
    crash = _blocking(MasterCalls.crash)
    runs = _blocking(MasterCalls.runs)
