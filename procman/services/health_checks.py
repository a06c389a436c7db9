"""What is known of the health of programs, a look beside the schedule, and a pause of the looks."""

import asyncio
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from procman.config.schema.kinds.health import ON_UNHEALTHY
from procman.core.actions import AnnounceHealth
from procman.core.attribution import Actor, Origin
from procman.core.events import HealthPauseRequested
from procman.core.health import Result
from procman.core.process import Process
from procman.core.spec import ReadyKind
from procman.core.states import State
from procman.errors import BadRequest, OperationError, Reason
from procman.runtime.bus import Notification
from procman.runtime.definitions import program_of
from procman.runtime.engine import Engine
from procman.runtime.health_looks import HealthLooks
from procman.runtime.looks import Seen
from procman.services.explain_health import shown_check
from procman.services.selectors import ALL, Narrowable, Selectors

# A pause ends by itself, and not after years.
LONGEST_PAUSE = 7 * 86400.0
# From so many programs on, more than half of them at a time are probably not ill themselves.
WORTH_A_DOUBT = 3


@dataclass(frozen=True, slots=True)
class HealthState:
    """The health check of one process. Times are in seconds from now, or before it."""

    namespec: str
    check: str  # what is looked at, such as http://127.0.0.1:8080/health
    running: bool
    healthy: bool | None  # None: it is not known
    failures: int  # in a row
    retries: int  # how many failures in a row make it unhealthy
    interval: float
    on_unhealthy: str  # as a file would have it
    looking: bool  # a look is under way
    next_in: float | None  # None: none is planned
    paused_for: float | None  # None: it is not paused
    pause_reason: str
    results: tuple[Result, ...]  # the latest ones, the oldest first; `when` is how long ago it was


class HealthChecks(Narrowable):
    """On the running loop."""

    def __init__(self, engine: Engine, looks: HealthLooks, warn: Callable[[str], object]) -> None:
        """Subscribes to the engine's bus for as long as it lives; `warn` writes a line into the log."""
        self._engine = engine
        self._looks = looks
        self._warn = warn
        self._selectors = Selectors(engine.fleet)
        self._failed: dict[str, float] = {}  # when each was last found to be unhealthy
        self._doubted = -math.inf
        engine.bus.subscribe(self._hear, AnnounceHealth)

    def states(self, spec: str = ALL) -> list[HealthState]:
        """Of each process with a health check that it names; raises UnknownProcess, or OperationError if none has."""
        now = asyncio.get_running_loop().time()
        return [_state(process, now) for process in self._checked([spec], may_be_none=spec == ALL)]

    async def look_now(self, spec: str) -> list[tuple[str, Seen]]:
        """Look at each of them, without counting what is seen; raises as `states`, or if none of them runs."""
        processes = [process for process in self._checked([spec]) if process.state is State.RUNNING]
        if not processes:
            raise OperationError(f"{spec} is not running, so there is nothing to look at", Reason.NOT_RUNNING)
        seen = await asyncio.gather(*(self._look(process) for process in processes))
        return list(zip((process.name for process in processes), seen, strict=True))

    def pause(self, specs: Iterable[str], seconds: float, reason: str, actor: Actor | None = None) -> list[str]:
        """Do not look for so many seconds, or, with 0, look again; returns the namespecs. Raises as `states`."""
        if not 0 <= seconds <= LONGEST_PAUSE:
            raise BadRequest(f"a pause of {seconds:g} s: it may last up to 7 days")
        processes = self._checked(specs)
        for process in processes:
            self._engine.post(HealthPauseRequested(process.name, seconds, reason), Origin(actor))
        return [process.name for process in processes]

    def _checked(self, specs: Iterable[str], *, may_be_none: bool = False) -> list[Process]:
        found: dict[str, Process] = {}
        for spec in specs:
            named = self._selectors.matching(spec)
            if not named and not may_be_none:
                raise self._selectors.unknown(spec)
            checked = [process for process in named if shown_check(process.program)]
            if not checked and not may_be_none:
                raise BadRequest(f"{spec} has no health check: set its option health")
            found.update((process.name, process) for process in checked)
        return list(found.values())

    async def _look(self, process: Process) -> Seen:
        condition = process.program.health
        if condition is None or condition.kind is ReadyKind.WATCHDOG:
            health = process.health
            return Seen(process.healthy is not False, health.words if health is not None else "")
        return await self._looks.look_now(process.name, condition, process.program.health_timeout)

    def _hear(self, notification: Notification) -> None:
        news = notification.event
        if not isinstance(news, AnnounceHealth):
            return
        if news.healthy:
            self._failed.pop(news.name, None)
            return
        now = asyncio.get_running_loop().time()
        self._failed[news.name] = now
        checked = [process for process in self._engine.fleet.processes.values() if shown_check(process.program)]
        lately = [p.name for p in checked if now - self._failed.get(p.name, -math.inf) <= p.program.health_interval]
        longest = max((process.program.health_interval for process in checked), default=0.0)
        if len(lately) >= WORTH_A_DOUBT and len(lately) > len(checked) / 2 and now - self._doubted > longest:
            self._doubted = now
            self._warn(
                f"{len(lately)} of {len(checked)} programs with a health check have become unhealthy at about the same "
                "time: probably it is not them, but what all of them need, such as the network or a disk"
            )


def _state(process: Process, now: float) -> HealthState:
    program, health = process.program, process.health
    due, running = process.deadlines.health, process.state is State.RUNNING
    paused = health.paused_until if health is not None else None
    paused_for = None if paused is None or paused <= now else paused - now
    looking = health is not None and health.looking and running
    planned = running and due is not None and not looking and paused_for is None
    return HealthState(
        namespec=process.name,
        check=shown_check(program),
        running=running,
        healthy=process.healthy,
        failures=health.failures if health is not None else 0,
        retries=program.health_retries,
        interval=program.health_interval,
        on_unhealthy=ON_UNHEALTHY.show(program_of(program).on_unhealthy),
        looking=looking,
        next_in=max(0.0, due - now) if planned and due is not None else None,
        paused_for=paused_for,
        pause_reason=health.pause_reason if health is not None and paused_for is not None else "",
        results=tuple(one._replace(when=now - one.when) for one in health.results) if health is not None else (),
    )
