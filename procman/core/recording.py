"""What goes into a fleet, and what it decides, as plain data: for a recording that can be replayed. No I/O here.

A recording has parts. The head of a part holds the whole fleet; each entry after it is one event, its time, and what
the fleet decided. So another fleet that takes in the same events must decide the same.

- Every event stands under a word and its fields under their names, so that a class may be renamed.
- Definitions are written without what no decision depends on: there is no command, no environment and no path in a
  recording. That two definitions differ matters to an update, so each has a number: equal ones have the same.
- When the meaning of a key changes, VERSION goes up. A field that a definition has since gets its value for older
  recordings in `recorded_defaults`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from enum import Enum
from typing import Any

from procman.core.chance import hashed
from procman.core.events import (
    Adopted,
    BootRequested,
    ClockStepped,
    ConnectionSeen,
    DeadlineReached,
    DescendantsGone,
    EndedUnseen,
    Event,
    Exited,
    ExitStatus,
    FilesChanged,
    GroupAdded,
    GroupChanged,
    GroupRemoved,
    HealthPauseRequested,
    HealthSeen,
    HookEnded,
    KillFailed,
    MemoryMeasured,
    Notified,
    ProbeResult,
    RefreshRequested,
    RestartRequested,
    RetryRequested,
    RollingAborted,
    RollingContinued,
    RollingRequested,
    RunRemembered,
    ScheduleDue,
    ScheduleRemembered,
    ShutdownRequested,
    SignalRequested,
    SocketsSeen,
    Spawned,
    SpawnFailed,
    StartRequested,
    StopRequested,
    WatchesRenewed,
)
from procman.core.recorded_defaults import ADDED, ADDED_TO_EVENTS
from procman.core.snapshot import Data, DefinitionReaders, definition, read_status, write_status
from procman.core.spec import (
    Condition,
    GroupSpec,
    Hook,
    HookCommand,
    MasterPolicy,
    OnUnhealthy,
    ProcessSpec,
    ReadyKind,
    Reload,
    Schedule,
    SocketSpec,
    WatchAction,
)

VERSION = 1

WORDS: dict[str, type] = {
    "boot": BootRequested,
    "start": StartRequested,
    "stop": StopRequested,
    "restart": RestartRequested,
    "rolling": RollingRequested,
    "rolling-continued": RollingContinued,
    "rolling-aborted": RollingAborted,
    "retry": RetryRequested,
    "signal": SignalRequested,
    "refresh": RefreshRequested,
    "spawned": Spawned,
    "spawn-failed": SpawnFailed,
    "adopted": Adopted,
    "run-remembered": RunRemembered,
    "schedule-due": ScheduleDue,
    "schedule-remembered": ScheduleRemembered,
    "clock-stepped": ClockStepped,
    "files-changed": FilesChanged,
    "watches-renewed": WatchesRenewed,
    "probe-result": ProbeResult,
    "memory-measured": MemoryMeasured,
    "health-seen": HealthSeen,
    "health-pause": HealthPauseRequested,
    "notified": Notified,
    "hook-ended": HookEnded,
    "connection-seen": ConnectionSeen,
    "sockets-seen": SocketsSeen,
    "ended-unseen": EndedUnseen,
    "exited": Exited,
    "descendants-gone": DescendantsGone,
    "kill-failed": KillFailed,
    "deadline": DeadlineReached,
    "group-added": GroupAdded,
    "group-removed": GroupRemoved,
    "group-changed": GroupChanged,
    "shutdown": ShutdownRequested,
}
_WORD_OF = {kind: word for word, kind in WORDS.items()}
_FIELDS = {kind: tuple(field.name for field in fields(kind)) for kind in WORDS.values()}

_BY_SPEC: dict[type, tuple[str, ...]] = {
    spec: tuple(field.name for field in fields(spec)) for spec in (ProcessSpec, GroupSpec, MasterPolicy)
}
_ENUMS = {
    field.name: field.type
    for spec in _BY_SPEC
    for field in fields(spec)
    if isinstance(field.type, type) and issubclass(field.type, Enum)
}
_HOOKS = tuple(hook.value for hook in Hook if hook is not Hook.RELOAD)
# What a program says of itself that decisions depend on.
_DECIDING = frozenset({"READY", "RELOADING", "WATCHDOG", "WATCHDOG_USEC", "EXTEND_TIMEOUT_USEC"})
# Of each name so many definitions are told apart: what runs, what replaces it, and what is new.
_KEPT = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedProcess(ProcessSpec):
    """A process slot as far as decisions depend on it."""

    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedGroup(GroupSpec):
    """A group as far as decisions depend on it."""

    number: int
    counted: bool

    @property
    def counts(self) -> bool:
        """As its owner has said."""
        return self.counted


# The types of the fields that have a plain one.
_PLAIN = {
    (kind, field.name): (int, float) if field.type is float else field.type
    for kind in (*WORDS.values(), *_BY_SPEC, RecordedProcess, RecordedGroup)
    for field in fields(kind)
    if isinstance(field.type, type) and field.type in {str, int, float, bool}
}


class UnknownEvent(ValueError):
    """An event that this procman does not have."""


# ---- writing


class Definitions:
    """Writes definitions for one part of a recording."""

    def __init__(self) -> None:
        self._last = 0
        self._known: dict[tuple[bool, str], list[tuple[object, Data]]] = {}

    def write(self, spec: GroupSpec | ProcessSpec) -> Data:
        """What decisions depend on, and the number of the definition."""
        key = (True, spec.name) if isinstance(spec, GroupSpec) else (False, spec.namespec)
        known = self._known.setdefault(key, [])
        for earlier, plain in known:
            if earlier is spec or earlier == spec:
                return plain
        plain = self._new(spec)
        self._last += 1
        plain["number"] = self._last
        known.append((spec, plain))
        del known[:-_KEPT]
        return plain

    def _new(self, spec: GroupSpec | ProcessSpec) -> Data:
        if isinstance(spec, ProcessSpec):
            return _plain(ProcessSpec, spec)
        return {
            "name": spec.name,
            "priority": spec.priority,
            "programs": [self.write(program) for program in spec.start_order],
            "counts": spec.counts,
        }


def write_policy(policy: MasterPolicy) -> Data:
    """When the master ends."""
    return _plain(MasterPolicy, policy)


def write_event(event: Event, definitions: Definitions) -> Data:
    """One event, as `read_event` takes it."""
    kind = type(event)
    data: Data = {"in": _WORD_OF[kind]}
    for name in _FIELDS[kind]:
        value = getattr(event, name)
        if isinstance(value, GroupSpec):
            value = definitions.write(value)
        elif isinstance(value, ExitStatus):
            value = write_status(value)
        elif isinstance(value, frozenset):
            value = sorted(value)
        elif isinstance(event, Notified) and name == "fields":
            # No decision depends on the others, and they may hold anything.
            value = [list(pair) for pair in event.fields if pair[0] in _DECIDING]
        elif isinstance(event, HookEnded) and name == "said":
            value = ""  # it is output
        elif isinstance(event, FilesChanged) and name == "first":
            value = ""  # it is a path
        data[name] = value
    return data


def _plain(spec: type, value: object) -> Data:
    plain = {name: definition(getattr(value, name)) for name in _BY_SPEC[spec]}
    if isinstance(value, ProcessSpec):
        # Their texts hold commands and paths.
        plain["ready"] = [definition(replace(condition, text="")) for condition in value.ready]
        plain |= {name: _without_texts(getattr(value, name)) for name in _HOOKS}
        if value.reload is not None:
            plain["reload"] = [value.reload.signal, _without_texts(value.reload.commands)]
        plain["health"] = value.health and definition(replace(value.health, text=""))
        plain["sockets"] = [
            [spec.name, [f"{hashed(url):x}" for url in spec.listen], spec.hold, spec.reuseport]
            for spec in value.sockets
        ]
        plain["on_unhealthy"] = list(value.on_unhealthy._replace(command=""))
        plain["watch"] = [""] * len(value.watch)
        plain["watch_action"] = list(value.watch_action._replace(command=""))
    return plain


def _without_texts(commands: Iterable[HookCommand]) -> list[list[bool]]:
    return [[may_fail, as_master] for _, may_fail, as_master in commands]


# ---- reading


def read_policy(data: Mapping[str, Any]) -> MasterPolicy:
    """What `write_policy` has written; raises ValueError where it is something else."""
    return MasterPolicy(**_values(MasterPolicy, data))


def read_event(data: Mapping[str, Any]) -> Event:
    """What `write_event` has written; raises UnknownEvent, or ValueError where it makes no sense."""
    kind = WORDS.get(data.get("in", ""))
    if kind is None:
        raise UnknownEvent(str(data.get("in")))
    try:
        added = ADDED_TO_EVENTS
        given = {name: added[name] if name in added and name not in data else data[name] for name in _FIELDS[kind]}
        values = {name: _checked(kind, name, value) for name, value in given.items()}
        if "group" in values:
            values["group"] = _read_group(values["group"])
        if kind is Exited:
            values |= {"status": read_status(dict(values["status"])), "descendants": tuple(values["descendants"])}
        if kind is FilesChanged:
            values["files"] = tuple(map(int, values["files"]))
        if kind is Notified:
            values["fields"] = tuple((str(name), str(value)) for name, value in values["fields"])
        if kind is ScheduleRemembered:
            values["behind"] = tuple((float(first), float(last)) for first, last in values["behind"])
        if kind is RollingRequested:
            values["names"] = tuple(map(str, values["names"]))
        if kind is GroupChanged:
            values["replace"] = frozenset(values["replace"])
        event: Event = kind(**values)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"cannot read the event {data.get('in')}: {error!r}") from None
    return event


def _read_group(data: Mapping[str, Any]) -> RecordedGroup:
    return RecordedGroup(
        name=_checked(GroupSpec, "name", data["name"]),
        priority=_checked(GroupSpec, "priority", data["priority"]),
        programs=tuple(_read_process(program) for program in data["programs"]),
        number=data["number"],
        counted=data["counts"],
    )


def _read_process(data: Mapping[str, Any]) -> RecordedProcess:
    return RecordedProcess(number=data["number"], **_values(ProcessSpec, data))


READERS = DefinitionReaders(_read_group, _read_process)


def _values(spec: type, data: Mapping[str, Any]) -> dict[str, Any]:
    values = {}
    for name in _BY_SPEC[spec]:
        given = data[name] if name in data else ADDED[name]
        value: Any = _ENUMS[name][given] if name in _ENUMS else _checked(spec, name, given)
        if name == "ready" and isinstance(value, (list, tuple)):
            value = tuple(map(_condition, value))
        elif name == "schedule" and value is not None:
            value = Schedule(str(value[0]), None if value[1] is None else float(value[1]))
        elif name in _HOOKS:
            value = tuple(HookCommand("", *prefixes) for prefixes in value)
        elif name == "reload" and value is not None:
            value = Reload(value[0], tuple(HookCommand("", *prefixes) for prefixes in value[1]))
        elif name == "health" and value is not None:
            value = _condition(value)
        elif name == "on_unhealthy":
            value = OnUnhealthy(*value)
        elif name == "watch_action":
            value = WatchAction(*value)
        elif name == "sockets":
            value = tuple(map(_socket, value))
        values[name] = value if name in ("schedule", "reload", "sockets", *_HOOKS) else _frozen(value)
    return values


def _condition(value: Any) -> Condition:
    """It is a pair where procman before health checks has written it."""
    kind, delay = (value["kind"], value["delay"]) if isinstance(value, dict) else value
    return Condition(ReadyKind[kind], delay=delay)


def _socket(value: Any) -> SocketSpec:
    """Its addresses are only told apart."""
    name, listen, hold, reuseport = value
    return SocketSpec(name=name, listen=tuple(listen), hold=hold, reuseport=reuseport)


def _frozen(value: Any) -> Any:
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value


def _checked(kind: type, name: str, value: Any) -> Any:
    """The value, if it is of the type that the field has; raises TypeError."""
    wanted = _PLAIN.get((kind, name))
    if wanted is not None and not isinstance(value, wanted):
        raise TypeError(f"{name} is {value!r}")
    return value
