"""Supervisor's events: their types, and the text that a listener reads. Pure: no I/O and no clock here.

The texts are those of supervisord 4.3.0, to the character. A payload is text; on its way to a listener it is UTF-8, and
the header's `len` counts its characters (not its bytes: listeners that read text would wait for more).
"""

from dataclasses import dataclass, field
from functools import cache
from typing import Literal

from procman.api.supervisor_states import supervisor_state
from procman.config.schema.event_types import lineage
from procman.core.actions import Announce
from procman.core.spec import ProcessSpec
from procman.core.states import MasterState, State

Channel = Literal["stdout", "stderr"]

TICKS = {"TICK_5": 5, "TICK_60": 60, "TICK_3600": 3600}  # the periods in seconds

# The names of the classes of events, for result handlers that check them.
_CLASSES = {
    "PROCESS_STATE_STOPPED": "ProcessStateStoppedEvent",
    "PROCESS_STATE_EXITED": "ProcessStateExitedEvent",
    "PROCESS_STATE_STARTING": "ProcessStateStartingEvent",
    "PROCESS_STATE_STOPPING": "ProcessStateStoppingEvent",
    "PROCESS_STATE_BACKOFF": "ProcessStateBackoffEvent",
    "PROCESS_STATE_FATAL": "ProcessStateFatalEvent",
    "PROCESS_STATE_RUNNING": "ProcessStateRunningEvent",
    "PROCESS_STATE_UNKNOWN": "ProcessStateUnknownEvent",
    "PROCESS_COMMUNICATION_STDOUT": "ProcessCommunicationStdoutEvent",
    "PROCESS_COMMUNICATION_STDERR": "ProcessCommunicationStderrEvent",
    "PROCESS_LOG_STDOUT": "ProcessLogStdoutEvent",
    "PROCESS_LOG_STDERR": "ProcessLogStderrEvent",
    "REMOTE_COMMUNICATION": "RemoteCommunicationEvent",
    "SUPERVISOR_STATE_CHANGE_RUNNING": "SupervisorRunningEvent",
    "SUPERVISOR_STATE_CHANGE_STOPPING": "SupervisorStoppingEvent",
    "TICK_5": "Tick5Event",
    "TICK_60": "Tick60Event",
    "TICK_3600": "Tick3600Event",
    "PROCESS_GROUP_ADDED": "ProcessGroupAddedEvent",
    "PROCESS_GROUP_REMOVED": "ProcessGroupRemovedEvent",
}


@dataclass(slots=True, eq=False)
class Event:
    """One event. A result handler gets it as a subclass with the name of supervisor's class."""

    name: str  # its type, such as PROCESS_STATE_EXITED
    text: str
    serial: int = -1  # counts the events wanted by any pool since the start of the first master
    pool_serials: dict[str, int] = field(default_factory=dict)  # by pool: counts the events wanted by it

    def payload(self) -> str:
        """What follows the header."""
        return self.text

    @property
    def types(self) -> tuple[str, ...]:
        """All type names whose subscribers get it."""
        return lineage(self.name)


def new_event(name: str, text: str) -> Event:
    """Return an event of that type."""
    return _class(name)(name, text)


@cache
def _class(name: str) -> type[Event]:
    """The class of that type, made with its first event."""
    return type(_CLASSES[name], (Event,), {"__slots__": ()})


def state_changed(news: Announce) -> Event:
    """Return PROCESS_STATE_*: "processname:… groupname:… from_state:…", and what belongs to the state."""
    text = f"{_process(news.program)} from_state:{supervisor_state(news.before).name}"
    match news.after:
        case State.STARTING | State.BACKOFF:
            text += f" tries:{news.tries}"
        case State.EXITED:
            text += f" expected:{int(news.expected)} pid:{news.pid}"
        case State.RUNNING | State.STOPPING | State.STOPPED:
            text += f" pid:{news.pid}"
        case State.FATAL | State.UNKNOWN:
            pass
    return new_event(f"PROCESS_STATE_{supervisor_state(news.after).name}", text)


def logged(program: ProcessSpec, pid: int, channel: Channel, data: bytes) -> Event:
    """Return PROCESS_LOG_*: a process has written something."""
    text = f"{_process(program)} pid:{pid} channel:{channel}\n{_text(data)}"
    return new_event(f"PROCESS_LOG_{channel.upper()}", text)


def captured(program: ProcessSpec, pid: int, channel: Channel, data: bytes) -> Event:
    """Return PROCESS_COMMUNICATION_*: a process has written a message in capture mode."""
    text = f"{_process(program)} pid:{pid}\n{_text(data)}"
    return new_event(f"PROCESS_COMMUNICATION_{channel.upper()}", text)


def remote(kind: str, data: str) -> Event:
    """Return REMOTE_COMMUNICATION: a client has sent something through the API."""
    return new_event("REMOTE_COMMUNICATION", f"type:{kind}\n{data}")


def master_changed(state: MasterState) -> Event:
    """Return SUPERVISOR_STATE_CHANGE_*: the master runs, or has begun to stop everything."""
    name = "RUNNING" if state is MasterState.RUNNING else "STOPPING"
    return new_event(f"SUPERVISOR_STATE_CHANGE_{name}", "")


def group_changed(name: str, *, added: bool) -> Event:
    """Return PROCESS_GROUP_ADDED or _REMOVED."""
    return new_event(f"PROCESS_GROUP_{'ADDED' if added else 'REMOVED'}", f"groupname:{name}\n")


def tick(name: str, now: float) -> Event:
    """Return TICK_*; it tells the beginning of the slice of time that `now` (seconds since the epoch) is in."""
    return new_event(name, f"when:{time_slice(name, now)}")


def time_slice(name: str, now: float) -> int:
    """Return the last multiple of the tick's period."""
    return int(now // TICKS[name]) * TICKS[name]


def envelope(event: Event, server: str, pool: str) -> bytes:
    """Return the header line and the payload, as one of the pool's listeners gets them."""
    text = event.payload()
    header = (
        f"ver:3.0 server:{server} serial:{event.serial} pool:{pool} poolserial:{event.pool_serials[pool]} "
        f"eventname:{event.name} len:{len(text)}\n"
    )
    # Bytes of names that are not UTF-8 are lone surrogates here.
    return (header + text).encode("utf-8", "surrogateescape")


def _process(program: ProcessSpec) -> str:
    return f"processname:{program.name} groupname:{program.group}"


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return f"Undecodable: {data!r}"
