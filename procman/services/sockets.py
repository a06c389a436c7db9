"""The listening sockets of each process: which there are, whether they are open, and how many connections wait."""

from dataclasses import dataclass

from procman.config.schema.sockets import sockets_of
from procman.core.fleet import Fleet
from procman.core.process import Process
from procman.runtime.program_sockets import ProgramSockets
from procman.services.selectors import ALL, Narrowable, Selectors


@dataclass(frozen=True, slots=True)
class SocketOfProcess:
    """One address at which a process listens, or will."""

    namespec: str
    name: str  # of its section
    url: str
    own: bool  # with reuseport: no other process has it
    hold: str
    backlog: int
    is_open: bool
    waiting: int | None  # connections that no program has taken yet; None: not known, as of unix sockets
    why: str  # where it is not open: what has kept it from that, as far as that is known
    awaited: bool  # a connection to it starts the process


class SocketService(Narrowable):
    """Reads them when somebody asks."""

    def __init__(self, fleet: Fleet, held: ProgramSockets) -> None:
        """Both are only read."""
        self._fleet = fleet
        self._held = held
        self._selectors = Selectors(fleet)

    def of(self, spec: str) -> list[SocketOfProcess]:
        """Of the processes that are meant, in the order in which they start; raises UnknownProcess."""
        meant = self._selectors.matching(spec)
        if spec != ALL and not meant:
            raise self._selectors.unknown(spec)
        return [one for process in meant for one in self._of(process)]

    def waiting(self, process: Process) -> int | None:
        """How many connections wait for it; None: it has no socket of which that is known."""
        counts = [self._held.held.waiting(address) for address in process.program.addresses]
        known = [count for count in counts if count is not None]
        return sum(known) if known else None

    def _of(self, process: Process) -> list[SocketOfProcess]:
        return [
            SocketOfProcess(
                namespec=process.name,
                name=socket.name,
                url=address.url,
                own=bool(address.owner),
                hold=socket.hold,
                backlog=socket.backlog,
                is_open=self._held.held.fileno(address) is not None,
                waiting=self._held.held.waiting(address),
                why=self._held.failures.get(address, ""),
                awaited=process.listens,
            )
            for socket in sockets_of(process.program.sockets)
            for address in socket.addresses(process.name)
        ]
