"""How the last run of each process ended: keeps for every process of the fleet what `endings` makes of the facts."""

from dataclasses import dataclass
from signal import SIGKILL

from procman.core.actions import Announce, Kill, ProcessRemoved
from procman.core.events import Adopted, ExitStatus, Spawned
from procman.core.fleet import Fleet
from procman.core.states import State
from procman.runtime.bus import Notification
from procman.runtime.definitions import program_of
from procman.services.endings import End, Oom, Sent, describe_end
from procman.services.memory_watch import MemoryWatch
from procman.services.signals_sent import SignalsSent
from procman.system.memory_events import MemoryChange


@dataclass(slots=True)
class _Facts:
    """What is known of an end; put into words when somebody asks, which for most ends nobody does."""

    status: ExitStatus
    sent: Sent | None
    all_is_known: bool
    memory: MemoryChange | None
    command: str
    end: End | None = None


class Ends:
    """Subscribe `hear` before those who ask: they find the end with the announcement of it."""

    hears = (Announce, Spawned, Adopted, Kill, ProcessRemoved)

    def __init__(self, fleet: Fleet, memory: MemoryWatch | None = None, signals: SignalsSent | None = None) -> None:
        """The fleet is only read."""
        self.memory = memory or MemoryWatch()
        self.signals = signals or SignalsSent(fleet)
        self._fleet = fleet
        self._last: dict[str, _Facts] = {}
        self._looked: dict[str, tuple[int, MemoryChange]] = {}  # of ends that are not announced yet, with their pids

    def hear(self, notification: Notification) -> None:
        """Take note of an end."""
        event = notification.event
        # By type first: hundreds of these come in a second where programs end at once.
        if isinstance(event, Announce):
            self._announced(notification, event)
            return
        self.signals.hear(notification)
        if isinstance(event, ProcessRemoved):
            self.memory.forget(event.name)
            self._looked.pop(event.name, None)
            self._last.pop(event.name, None)

    def last(self, name: str) -> End | None:
        """How the last run of the process of that namespec ended; None: none has, or it could not be started."""
        facts, process = self._last.get(name), self._fleet.processes.get(name)
        if facts is None:
            if process is None or process.last_end is None:
                return None
            # Another process image of this master has seen it, and what that knew of it has gone.
            command = program_of(process.program).command
            return describe_end(process.last_end, all_is_known=False, program=_program(command))
        if facts.end is None:
            facts.end = describe_end(
                facts.status,
                sent=facts.sent,
                all_is_known=facts.all_is_known,
                memory=facts.memory,
                program=_program(facts.command),
            )
        return facts.end

    def was_oom(self, name: str) -> bool:
        """Whether that run ended for want of memory, as far as anybody counts that."""
        end = self.last(name)
        return end is not None and end.oom in (Oom.CERTAIN, Oom.LIKELY)

    def _announced(self, notification: Notification, news: Announce) -> None:
        match news.after:
            case State.STARTING | State.RUNNING:
                self.memory.hear(news)
            case State.STOPPING:
                self.signals.hear(notification)
            case State.FATAL:
                pass  # that end was announced with BACKOFF
            case _ if news.status is not None:
                self._last[news.name] = self._facts(news, news.status)
            case State.BACKOFF if news.before is State.STARTING:
                self._last.pop(news.name, None)  # it could not even be started
            case _:
                pass

    def is_oom(self, name: str, pid: int, status: ExitStatus) -> bool:
        """The same of a run that has just ended, and whose end is not announced yet."""
        if status.signal != SIGKILL or self.signals.sent_to(name, pid, status.signal) is not None:
            return False
        self._looked[name] = pid, self.memory.change(name)
        end = describe_end(
            status, all_is_known=self.signals.knows_all(name, pid), memory=self._looked[name][1], program=""
        )
        return end.oom in (Oom.CERTAIN, Oom.LIKELY)

    def _memory(self, news: Announce) -> MemoryChange:
        pid, seen = self._looked.pop(news.name, (0, None))
        return seen if seen is not None and pid == news.pid else self.memory.change(news.name)

    def _facts(self, news: Announce, status: ExitStatus) -> _Facts:
        sent = None if status.signal is None else self.signals.sent_to(news.name, news.pid, status.signal)
        return _Facts(
            status,
            sent,
            all_is_known=self.signals.knows_all(news.name, news.pid),
            memory=self._memory(news) if status.signal == SIGKILL and sent is None else None,
            command=program_of(news.program).command,
        )


def _program(command: str) -> str:
    words = command.split(maxsplit=1)
    return words[0].strip("'\"") if words else ""
