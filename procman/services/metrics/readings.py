"""Everything that is exported as a metric, read at one time. Times are seconds since the epoch."""

import asyncio
import math
import resource
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import NamedTuple

from procman import __version__
from procman.config.schema.programs import Program
from procman.core.process import Process
from procman.core.spec import Hook
from procman.core.states import State
from procman.runtime.bus import Sequence
from procman.runtime.definitions import program_of
from procman.services.configuration import ConfigService
from procman.services.last_looks import LastLooks
from procman.services.metrics.counters import Counters, OutputCounts, added
from procman.services.metrics.process_counts import ProcessCounts
from procman.services.metrics.tree_figures import KEPT_FOR, TreeFigures
from procman.services.notifying import Notifying
from procman.system.tree_usage import TreeUsage, open_descriptors

_NAMES = {state: state.name for state in State}
STATES = tuple(_NAMES.values())
# In so many turns of the loop its lag is measured.
TURNS = 8


class ProcessReading(NamedTuple):
    """One process: what all have, and then what only some have, with what stands for "it has none" as the default."""

    name: str
    group: str
    state: str  # one of STATES
    is_wanted: bool
    has_process: bool
    exit_code: int | None  # of the last run, or try, as a shell would have it; None: there was none
    counts: ProcessCounts
    tree: TreeUsage | None  # None: there is no process, or it could not be looked at
    log_bytes: Mapping[str, int]  # by channel
    lost_bytes: int
    is_oneshot: bool = False
    memory_limit: int | None = None  # bytes, as memory_max has it
    is_listening: bool | None = None  # a connection starts it; None: it is not lazy
    waiting: int | None = None  # connections that no program has taken yet; None: it has no TCP socket
    has_readiness: bool = False  # with `ready`
    has_check: bool = False  # of its health
    healthy: bool | None = None  # None: it has no health check, or that is not known
    next_run: float | None = None  # by its schedule, in seconds since the epoch
    hooks: tuple[str, ...] = ()  # those that it has commands for, by their names
    watched: bool | None = None  # whether a change of its files would be seen; None: it watches none
    rotations: tuple[int, int] | None = None  # of its logs, and how many failed; None: none, as far as is known

    @property
    def is_plain(self) -> bool:
        """Whether it has nothing of what only some have."""
        return self[_COMMON:] == _NOTHING_MORE


_NOTHING_MORE = tuple(ProcessReading._field_defaults.values())
_COMMON = len(ProcessReading._fields) - len(_NOTHING_MORE)


class _Defined(NamedTuple):
    """What the definition of a process says, which is the same at each scrape."""

    program: Program
    is_oneshot: bool
    memory_limit: int | None
    hooks: tuple[str, ...]
    rotates_by_clock: bool
    is_plain: bool  # nothing in it is for what only some have


class SectionReading(NamedTuple):
    """One notify section, and what has become of its messages."""

    name: str
    sent: int
    failed: int
    dropped: int
    waiting: int


@dataclass(frozen=True, slots=True)
class MasterReading:
    """The master itself; None is what is not known."""

    version: str
    counters: Counters
    writes_file: bool  # whether there is a metrics_file
    events: int  # notifications, ever
    clients: int  # connections
    free_fds: int | None
    loop_lag: float  # seconds
    stop_plan: float  # seconds
    sections: tuple[SectionReading, ...] = ()
    rolling: int = 0  # rolling restarts that go on
    rolling_stopped: int = 0
    scaled: int = 0  # programs with another number of processes than the file says


@dataclass(frozen=True, slots=True)
class Reading:
    """All of it; processes are in the order of their names."""

    master: MasterReading
    processes: list[ProcessReading]


class MetricsService:
    """Reads the metrics of one master; nothing is read, and nothing wakes up, until it is asked to."""

    def __init__(
        self,
        counters: Counters,
        output: OutputCounts,
        configuration: ConfigService,
        sequence: Sequence,
        *,
        clients: Callable[[], int],
        on_end: Callable[[], object] = lambda: None,
        looks: LastLooks | None = None,
        notifying: Notifying | None = None,
        next_run: Callable[[str], float | None] = lambda _: None,
        waiting: Callable[[Process], int | None] = lambda _: None,
        is_watched: Callable[[str], bool | None] = lambda _: None,
    ) -> None:
        """Read nothing yet.

        Args:
            counters: of the master.
            output: what the streams of a process have counted, by its namespec.
            configuration: has the fleet.
            sequence: of the notifications.
            clients: counts the connections to all servers.
            on_end: is called when there is no `obstacle` any more.
            looks: remembers what the trees use.
            notifying: has the notify sections.
            next_run: gives the time at which a process runs next by its schedule.
            waiting: counts the connections that wait for a process.
            is_watched: says whether a change of the files of a process would be seen, None where it watches none.
        """
        self.counters = counters
        self._fleet = configuration.fleet
        self._output = output
        self._clients = clients
        self._next_run = next_run
        self._waiting = waiting
        self._is_watched = is_watched
        self._configuration = configuration
        self._sequence = sequence
        self._notifying = notifying
        self._trees = TreeFigures(self._fleet, counters, on_end, looks)
        self._defined: dict[str, _Defined] = {}  # by namespec
        self._longest_stop = 0.0
        self._planned_at = -math.inf

    @property
    def path(self) -> str | None:
        """Where they are written to from time to time."""
        return self._configuration.started_with.master.metrics_file

    @property
    def obstacle(self) -> str | None:
        """Why an upgrade cannot happen now: the kernel waits for a thread that hangs, and the master with it."""
        return "the processes of this machine are being looked at" if self._trees.is_looking else None

    async def read(self) -> Reading:
        """All of them; everything else goes on meanwhile."""
        lag = await _lag_of_loop()
        trees = await self._trees.read()
        processes = sorted(self._fleet.processes.values(), key=_by_name)
        if len(self._defined) > len(processes):
            self._defined.clear()  # some have left
        return Reading(
            MasterReading(
                version=__version__,
                counters=self.counters,
                writes_file=self.path is not None,
                events=self._sequence.last,
                clients=self._clients(),
                free_fds=_free_descriptors(),
                loop_lag=lag,
                stop_plan=self._stop_plan(),
                sections=self._sections(),
                rolling=self._rolling("going"),
                rolling_stopped=self._rolling("stopped"),
                scaled=len(self._configuration.scales),
            ),
            [self._process(process, trees.get(process.name)) for process in processes],
        )

    def _sections(self) -> tuple[SectionReading, ...]:
        statuses = () if self._notifying is None else self._notifying.statuses()
        return tuple(
            SectionReading(one.rule.name, one.counts.sent, one.counts.failed, one.counts.dropped, one.waiting)
            for one in statuses
        )

    def _rolling(self, state: str) -> int:
        return sum(rolling.state == state for rolling in self._fleet.rollings.by_program.values())

    def _stop_plan(self) -> float:
        # With 1,000 groups it takes 4 ms.
        now = time.monotonic()
        if now - self._planned_at >= KEPT_FOR:
            self._longest_stop, self._planned_at = self._configuration.longest_stop(), now
        return self._longest_stop

    def _process(self, process: Process, tree: TreeUsage | None) -> ProcessReading:
        # There may be thousands: what only some have is asked for only of these.
        name, program = process.name, process.program
        defined = self._defined.get(name)
        if defined is None or defined.program is not program:
            defined = self._defined[name] = _defined(program_of(program))
        counts = self.counters.of(name)
        before = counts.log_bytes_before
        read, lost = self._output(name)
        has_process = process.pid is not None
        reading = ProcessReading(
            program.name,
            program.group,
            _NAMES[process.state],
            process.wanted,
            has_process,
            process.exit_code,
            counts,
            tree if has_process else None,
            {**before, **added(before, read)} if before else read,
            counts.lost_before + lost,
        )
        is_plain = defined.is_plain and process.definition is program and not process.timing.on
        return reading if is_plain and not counts.rotations else self._with_more(reading, process, defined)

    def _with_more(self, reading: ProcessReading, process: Process, defined: _Defined) -> ProcessReading:
        """The same and what only some have."""
        name, program = process.name, process.program
        return reading._replace(
            is_oneshot=defined.is_oneshot,
            memory_limit=defined.memory_limit,
            is_listening=process.listens if program.lazy else None,
            waiting=self._waiting(process) if program.sockets else None,
            has_readiness=bool(program.ready),
            has_check=program.health is not None,
            healthy=process.healthy,
            next_run=self._next_run(name) if process.timing.on else None,
            hooks=defined.hooks,
            watched=self._is_watched(name) if process.definition.watch else None,
            rotations=_rotations(reading.counts, at_all=defined.rotates_by_clock),
        )


def _defined(program: Program) -> _Defined:
    limit = program.memory_max
    memory_limit = None if limit is None or limit[0] < 0 else limit[0]
    hooks = tuple(hook.value for hook in Hook if program.commands_of(hook))
    rotates_by_clock = program.stdout_logfile_rotate[0] != "size" or program.stderr_logfile_rotate[0] != "size"
    features = (
        program.is_oneshot,
        memory_limit is not None,
        program.sockets,
        program.ready,
        program.health,
        hooks,
        program.watch,
        rotates_by_clock,
    )
    return _Defined(program, program.is_oneshot, memory_limit, hooks, rotates_by_clock, is_plain=not any(features))


def _rotations(counts: ProcessCounts, *, at_all: bool) -> tuple[int, int] | None:
    found = counts.rotations
    if found:
        return sum(one.done for one in found.values()), sum(one.failed for one in found.values())
    # A log that is rotated by its size alone has none before the first time.
    return (0, 0) if at_all else None


_by_name = attrgetter("name")


async def _lag_of_loop() -> float:
    """The longest that something which could be done at once had to wait, in seconds: measured only now."""
    loop = asyncio.get_running_loop()
    longest = 0.0
    for _ in range(TURNS):
        began = loop.time()
        await asyncio.sleep(0)
        longest = max(longest, loop.time() - began)
    return longest


def _free_descriptors() -> int | None:
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = open_descriptors("self")
    return None if used is None or limit == resource.RLIM_INFINITY else max(0, limit - used)
