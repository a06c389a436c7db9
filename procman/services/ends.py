"""How the last run of each process ended: keeps for every process of the fleet what `endings` makes of the facts."""

from signal import SIGKILL

from procman.core.actions import Announce, ProcessRemoved
from procman.core.events import ExitStatus
from procman.core.fleet import Fleet
from procman.core.process import Process
from procman.core.states import State
from procman.runtime.bus import Notification
from procman.runtime.definitions import program_of
from procman.services.endings import End, Oom, describe_end
from procman.services.memory_watch import MemoryWatch
from procman.services.signals_sent import SignalsSent


class Ends:
    """Subscribe `hear` before those who ask: they find the end with the announcement of it."""

    def __init__(self, fleet: Fleet, memory: MemoryWatch | None = None, signals: SignalsSent | None = None) -> None:
        """The fleet is only read."""
        self.memory = memory or MemoryWatch()
        self.signals = signals or SignalsSent(fleet)
        self._fleet = fleet
        self._last: dict[str, End] = {}

    def hear(self, notification: Notification) -> None:
        """Take note of an end."""
        self.signals.hear(notification)
        self.memory.hear(notification)
        match notification.event:
            case Announce(after=State.FATAL):
                pass  # its end was announced with BACKOFF
            case Announce(status=status) as news if status is not None:
                self._last[news.name] = self._describe(news, status)
            case Announce(name=name, after=State.BACKOFF):
                self._last.pop(name, None)  # it could not even be started
            case ProcessRemoved(name):
                self._last.pop(name, None)
            case _:
                pass

    def last(self, name: str) -> End | None:
        """How the last run of the process of that namespec ended; None: none has, or it could not be started."""
        process = self._fleet.processes.get(name)
        if name not in self._last and process is not None and process.last_end is not None:
            # Another process image of this master has seen it, and what that knew of it has gone.
            return describe_end(process.last_end, all_is_known=False, program=_program(process))
        return self._last.get(name)

    def was_oom(self, name: str) -> bool:
        """Whether that run ended for want of memory, as far as anybody counts that."""
        end = self.last(name)
        return end is not None and end.oom in (Oom.CERTAIN, Oom.LIKELY)

    def _describe(self, news: Announce, status: ExitStatus) -> End:
        process = self._fleet.processes.get(news.name)
        sent = None if status.signal is None else self.signals.sent_to(news.name, news.pid, status.signal)
        may_be_memory = status.signal == SIGKILL and sent is None
        return describe_end(
            status,
            sent=sent,
            all_is_known=self.signals.knows_all(news.name, news.pid),
            memory=self.memory.change(news.name) if may_be_memory else None,
            program=_program(process),
        )


def _program(process: Process | None) -> str:
    words = program_of(process.program).command.split(maxsplit=1) if process is not None else []
    return words[0].strip("'\"") if words else ""
