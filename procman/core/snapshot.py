"""What a fleet is, as plain data that another process image goes on with: all of it can be written as JSON.

Every key is written and read here by name, so that a class or a field may be renamed and old data still be read. Only
definitions are written field by field, under the names of their options. When the meaning of a key changes, VERSION
goes up, and a step is added to `_to_present`, which brings older data to the present form.

A master that executes other code is RUNNING. A recording may begin anew while it shuts down: then there is an `ending`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, fields, is_dataclass
from enum import Enum
from typing import Any

from procman.core.deadlines import Deadlines
from procman.core.events import ExitStatus
from procman.core.groups import ActiveGroup
from procman.core.health import Health, Result
from procman.core.hook_state import Hooks
from procman.core.process import PendingEnd, Process, SocketUse, Wear
from procman.core.readiness import Readiness
from procman.core.restarts import Restarts
from procman.core.spec import Condition, GroupSpec, Hook, HookCommand, ProcessSpec, ReadyKind, Scope
from procman.core.states import State
from procman.core.ties import Ties
from procman.core.timing import Timing

Data = dict[str, Any]

VERSION = 2

# In which state a process waits for what: of data that has one deadline for everything.
_DEADLINES = {State.STARTING.name: "start", State.BACKOFF.name: "retry", State.STOPPING.name: "stop"}


@dataclass(frozen=True, slots=True)
class DefinitionReaders:
    """How definitions are read: the room that makes them knows all their fields."""

    group: Callable[[Any], GroupSpec]
    process: Callable[[Any], ProcessSpec]


Writer = Callable[[Any], Any]

NO_TIES = Ties()
NO_WEAR = Wear()
_WEAR = {field.name for field in fields(Wear)}
NO_HOOKS = Hooks()
NO_TIMING = Timing()
NO_USE = SocketUse()
_USE = {field.name for field in fields(SocketUse)}
_AS_IT_IS = frozenset({str, int, float, bool, type(None)})


def write(groups: Iterable[ActiveGroup], failed: Mapping[str, int], seed: int, write_definition: Writer) -> Data:
    """The groups of a fleet, the exit codes of the processes that are down because they failed, and its seed."""
    return {
        "version": VERSION,
        "groups": [_group(group, write_definition) for group in groups],
        "failed": dict(failed),
        "seed": seed,
    }


def read(data: Any, readers: DefinitionReaders) -> tuple[list[ActiveGroup], dict[str, int], int]:
    """What was written, also by older versions; raises ValueError where it is something else."""
    try:
        present = _to_present(data)
        groups = [_read_group(group, readers) for group in present["groups"]]
        return groups, dict(present["failed"]), present.get("seed", 0)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"cannot go on from this fleet: {error!r}") from None


def definition(value: Any) -> Any:
    """A definition, or a value in it: enums by name, sequences as lists."""
    if type(value) in _AS_IT_IS:
        return value  # most are: this halves the time that a thousand programs take
    if isinstance(value, Enum):
        return value.name
    if is_dataclass(value):
        return {field.name: definition(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {key: definition(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [definition(item) for item in value]
    return value


# ---- groups


def _group(group: ActiveGroup, write_definition: Writer) -> Data:
    return {
        "definition": write_definition(group.spec),
        "processes": {name: _process(process, write_definition) for name, process in group.processes.items()},
        "leaving": group.leaving,
    }


def _read_group(data: Data, readers: DefinitionReaders) -> ActiveGroup:
    return ActiveGroup(
        spec=readers.group(data["definition"]),
        processes={name: _read_process(process, readers) for name, process in data["processes"].items()},
        leaving=data["leaving"],
    )


# ---- processes


def _process(process: Process, write_definition: Writer) -> Data:
    pending, successor = process.pending_end, process.successor
    return {
        "definition": write_definition(process.program),
        "successor": None if successor is None else write_definition(successor),
        "state": process.state.name,
        "wanted": process.wanted,
        "leaving": process.leaving,
        "pid": process.pid,
        "deadlines": {
            "start": process.deadlines.start,
            "retry": process.deadlines.retry,
            **({} if process.deadlines.run is None else {"run": process.deadlines.run}),
            "stop": process.deadlines.stop,
            **({} if process.deadlines.wait is None else {"wait": process.deadlines.wait}),
            **({} if process.deadlines.hook is None else {"hook": process.deadlines.hook}),
        },
        "failures": process.failures,
        "attempt": process.attempt,
        "restarts": process.restarts,
        "exit_status": write_status(process.exit_status),
        "exit_code": process.exit_code,
        "last_end": write_status(process.last_end),
        "pending_end": pending
        and {
            "pid": pending.pid,
            "status": write_status(pending.status),
            "before": pending.before.name,
            **({"failure": pending.failure} if pending.failure else {}),
        },
        "stop_reached": process.stop_reached.name,
        "left_behind": process.left_behind,
        "reason": process.reason,
        "born": process.born,
        **({} if process.ready_after is None else {"ready_after": process.ready_after}),
        "limited": process.limited,
        "failed": process.failed,
        "again": {
            "troubles": process.again.troubles,
            "window": [list(entry) for entry in process.again.window],
            "starts": list(process.again.starts),
            "braking": process.again.braking,
        },
        **({"timed_out": True} if process.timed_out else {}),
        **_readiness(process),
        **_wear(process),
        **({"hooks": _hooks(process.hooks)} if process.hooks != NO_HOOKS else {}),
        **_health(process),
        **({"ties": asdict(process.ties)} if process.ties != NO_TIES else {}),
        **({"timing": asdict(process.timing)} if process.timing != NO_TIMING else {}),
        **_use(process),
    }


def _read_process(data: Data, readers: DefinitionReaders) -> Process:
    pending, successor, deadlines = data["pending_end"], data["successor"], data["deadlines"]
    program = readers.process(data["definition"])
    readiness, wear, health = data.get("readiness", {}), data.get("wear", {}), data.get("health", {})
    use = data.get("use", {})
    return Process(
        program=program,
        successor=None if successor is None else readers.process(successor),
        state=State[data["state"]],
        wanted=data["wanted"],
        leaving=data["leaving"],
        pid=data["pid"],
        deadlines=Deadlines(
            start=deadlines["start"],
            look=readiness.get("look"),
            unready=readiness.get("due"),
            retry=deadlines["retry"],
            run=deadlines.get("run"),
            stop=deadlines["stop"],
            wait=deadlines.get("wait"),
            memory=wear.get("next_look"),
            age=wear.get("old_at"),
            hook=deadlines.get("hook"),
            health=health.get("due_at"),
            watchdog=health.get("watchdog_at"),
            idle=use.get("next_look"),
        ),
        failures=data["failures"],
        attempt=data["attempt"],
        restarts=data["restarts"],
        exit_status=read_status(data["exit_status"]),
        exit_code=data["exit_code"],
        last_end=read_status(data["last_end"]),
        pending_end=pending
        and PendingEnd(
            pending["pid"], read_status(pending["status"]), State[pending["before"]], pending.get("failure", "")
        ),
        stop_reached=Scope[data["stop_reached"]],
        left_behind=data["left_behind"],
        reason=data["reason"],
        born=data.get("born"),
        ready_after=data.get("ready_after"),
        readiness=_read_readiness(readiness, program),
        unready=readiness.get("unready", ""),
        health=_read_health(health) if "looks" in health else None,
        sick=health.get("sick", ""),
        status_text=readiness.get("status_text", ""),
        limited=data.get("limited", False),
        failed=data.get("failed", False),
        timed_out=data.get("timed_out", False),
        ties=_read_ties(data.get("ties")),
        hooks=_read_hooks(data.get("hooks")),
        timing=_read_timing(data.get("timing")),
        again=_read_restarts(data.get("again")),
        wear=Wear(**{name: value for name, value in wear.items() if name in _WEAR}),
        use=SocketUse(**{name: value for name, value in use.items() if name in _USE}),
    )


def _wear(process: Process) -> Data:
    """Nothing of most processes, which have neither memory_restart nor max_age."""
    times = {"next_look": process.deadlines.memory, "old_at": process.deadlines.age}
    if process.wear == NO_WEAR and not any(times.values()):
        return {}
    return {"wear": {**asdict(process.wear), **times}}


def _use(process: Process) -> Data:
    """Nothing of processes without sockets."""
    if not process.program.sockets or (process.use == NO_USE and process.deadlines.idle is None):
        return {}
    return {"use": {**asdict(process.use), "next_look": process.deadlines.idle}}


def _read_ties(data: Data | None) -> Ties:
    """What most processes do not have is not written; a name of another version is ignored."""
    known = {field.name for field in fields(Ties)}
    return Ties(**{name: value for name, value in (data or {}).items() if name in known})


def _hooks(hooks: Hooks) -> Data:
    return {
        **{field.name: getattr(hooks, field.name) for field in fields(Hooks)},
        "running": None if hooks.running is None else hooks.running.name,
        "commands": [["", *command[1:]] for command in hooks.commands],  # a recording holds no command
    }


def _read_hooks(data: Data | None) -> Hooks:
    if data is None:
        return Hooks()
    known = {field.name for field in fields(Hooks)}
    values = {name: value for name, value in data.items() if name in known}
    running, commands = data["running"], data["commands"]
    values["running"] = None if running is None else Hook[running]
    values["commands"] = tuple(HookCommand(*command) for command in commands)
    return Hooks(**values)


def _read_timing(data: Data | None) -> Timing:
    """Nothing for most processes."""
    known = {field.name for field in fields(Timing)}
    timing = Timing(**{name: value for name, value in (data or {}).items() if name in known})
    timing.behind = tuple((float(first), float(last)) for first, last in timing.behind)
    return timing


def _read_restarts(data: Data | None) -> Restarts:
    if data is None:  # procman before 0.3 counted none of this
        return Restarts()
    window = tuple((when, reason) for when, reason in data["window"])
    return Restarts(data["troubles"], window, tuple(data["starts"]), data["braking"])


def _readiness(process: Process) -> Data:
    """Nothing where it has no conditions and has said nothing, as most processes."""
    readiness = process.readiness
    if not (readiness.conditions or process.unready or process.status_text):
        return {}
    return {
        "readiness": {
            "look": process.deadlines.look,
            "due": process.deadlines.unready,
            "unready": process.unready,
            "status_text": process.status_text,
            "timeout": readiness.timeout,
            "held": sorted(readiness.held),
            "words": [[number, words] for number, words in sorted(readiness.words.items())],
            "looking": readiness.looking,
            "looks": readiness.looks,
            "place": readiness.place,
            # Those of the run may be older than the definition. Their texts are only there: a recording has none.
            "conditions": [[one.kind.name, one.delay] for one in readiness.conditions],
        }
    }


def _read_readiness(data: Data, program: ProcessSpec) -> Readiness:
    if not data:
        return Readiness()
    conditions = tuple(Condition(ReadyKind[kind], delay=delay) for kind, delay in data["conditions"])
    as_defined = [(one.kind, one.delay) for one in program.ready] == [(one.kind, one.delay) for one in conditions]
    return Readiness(
        program.ready if as_defined else conditions,
        data["timeout"],
        set(data["held"]),
        dict(data["words"]),
        data["looking"],
        data["looks"],
        data["place"],
    )


# Their names are those of the keys.
_OF_HEALTH = (
    "healthy",
    "failures",
    "unanswered",
    "grace_until",
    "looks",
    "looking",
    "due",
    "silent",
    "watchdog",
    "good_at",
    "words",
    "paused_until",
    "pause_reason",
)


def _health(process: Process) -> Data:
    """Nothing where nobody looks."""
    health = process.health
    if health is None:
        return {}
    return {
        "health": {
            **{name: getattr(health, name) for name in _OF_HEALTH},
            "results": [list(result) for result in health.results],
            "due_at": process.deadlines.health,
            "watchdog_at": process.deadlines.watchdog,
            "sick": process.sick,
        }
    }


def _read_health(data: Data) -> Health:
    health = Health(**{name: data[name] for name in _OF_HEALTH})
    health.results.extend(Result(*result) for result in data["results"])
    return health


def write_status(status: ExitStatus | None) -> Data | None:
    """How a process ended; None: it has not."""
    if status is None:
        return None
    return {"code": status.code, "signal": status.signal, "core_dumped": status.core_dumped, "known": status.known}


def read_status(data: Data | None) -> ExitStatus | None:
    """What `write_status` has written."""
    if data is None:
        return None
    return ExitStatus(data["code"], data["signal"], data["core_dumped"], data["known"])


# ---- older data


def _to_present(data: Data) -> Data:
    """The same in the form of this version."""
    match data.get("version", 0):
        case 0:
            return {**data, "groups": [_group_of_version_0(group) for group in data["groups"]]}
        case 1 | 2:
            return data  # what version 1 did not have is nothing that has happened yet
        case other:
            raise ValueError(f"a fleet of version {other} is newer than this procman, which reads up to {VERSION}")


def _group_of_version_0(data: Data) -> Data:
    """Procman before 0.2 wrote the fields of its classes as they were."""
    processes = {name: _process_of_version_0(process) for name, process in data["processes"].items()}
    return {"definition": data["group"], "processes": processes, "leaving": data["leaving"]}


def _process_of_version_0(data: Data) -> Data:
    state, program = data["state"], data["program"]
    return {
        **data,
        "definition": program,
        "deadlines": {"start": None, "retry": None, "stop": None, _DEADLINES.get(state, "stop"): data["deadline"]},
        "last_end": data["exit_status"],
        "pending_end": data["ended"],
        # It asked what the options asked for.
        "stop_reached": program["stop_scope"] if state == State.STOPPING.name else Scope.PROCESS.name,
        "left_behind": False,
    }
