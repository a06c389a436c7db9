"""What a running master hands to the code that goes on in its place: plain data with a version.

Each room writes and reads its own part. When any part changes its meaning, VERSION goes up by one, a step that brings
the version before to this one is added to `_STEPS`, and tests/daemon/golden gets an example of the new version.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from procman.config.schema.configuration import Config
from procman.config.snapshot import read_config, read_group, read_program, write_config
from procman.core.fleet import Fleet
from procman.core.snapshot import DefinitionReaders, definition
from procman.daemon.config_source import ConfigSource
from procman.daemon.context import ProcessContext
from procman.daemon.handover import CannotTakeOver
from procman.daemon.rooms import Rooms
from procman.runtime.ledger import ProcessLedger
from procman.runtime.ready_channels import ReadyChannels

Data = dict[str, Any]

VERSION = 3


@dataclass(frozen=True, slots=True)
class MasterSnapshot:
    """All that a running master is. What is Data is read by the room that has written it."""

    source: ConfigSource
    config: Config
    current: Config  # as it was last read
    adopts: bool
    began: int
    upgrades: int
    serial: int  # of the next event
    operation: int  # the id of the next one
    metrics: Data  # the counters
    crashes: Data | None  # the crash reports; procman before 0.3 had none
    pidfile: int | None  # a descriptor
    here: int | None  # a descriptor of the working folder
    listening: dict[str, int]  # descriptors by label
    descriptors: list[int]  # all of them
    ledger: Data | None
    times: Data
    engine: Data
    outputs: Data
    pools: list[Data]
    journal: Data  # {}: a master without one
    schedules: Data = field(default_factory=dict)  # the times that are behind them; procman before 0.3 had none
    explanations: Data = field(default_factory=dict)  # of failures; an older procman forgot them
    hooks: Data = field(default_factory=dict)  # how they ended last; an older procman did not keep that
    access: list[Data] | None = None  # the access sections that are in effect; procman before 0.3 had none
    watches: Data = field(default_factory=dict)  # what of files is known; an older procman watched none
    updates: Data = field(default_factory=dict)  # the one that is under way; an older procman had no roll-back
    notify: Data | None = None  # the notify sections that are active, and what they have not sent


def handed_over(
    context: ProcessContext,
    config: Config,
    rooms: Rooms,
    services: Data,
    *,
    began: int,
    upgrades: int,
    pidfile: int | None,
    listening: Mapping[str, int],
) -> Data:
    """All of it, for `read`; `services` is what those have written."""
    engine, outputs, ledger = rooms.engine.snapshot(), rooms.outputs.snapshot(), None
    if isinstance(context.ledger, ProcessLedger):
        ledger = context.ledger.file.snapshot()
    return {
        "version": VERSION,
        "source": asdict(context.source),
        "config": write_config(config),
        "adopts": context.adopts,
        "began": began,
        "upgrades": upgrades,
        "serial": context.serials.last + 1,
        "operation": context.operations.next_id,
        "metrics": context.counters.snapshot(),
        "crashes": rooms.crashes.snapshot(),
        "explanations": rooms.explanations.snapshot(),
        "pidfile": pidfile,
        "here": None,
        "listening": dict(listening),
        "descriptors": [
            *([] if pidfile is None else [pidfile]),
            *listening.values(),
            *([] if ledger is None else [ledger["fd"]]),
            *(known["fd"] for known in (*engine["sockets"], *engine["held"])),
            *ReadyChannels.descriptors(engine["channels"]),
            *(fd for stream in outputs["streams"] for fd, _ in stream["pipes"]),
            *(known["fd"] for known in outputs["stdin"]),
        ],
        "ledger": ledger,
        "times": rooms.status.snapshot(),
        "engine": engine,
        "outputs": outputs,
        "pools": rooms.hub.snapshot(),
        "notify": {
            "rules": [definition(rule) for rule in rooms.notifying.rules],
            "state": rooms.notifying.snapshot(),
        },
        "journal": rooms.journal.snapshot(),
        "watches": rooms.watching.files.snapshot(),
        "schedules": {"times": rooms.timetable.snapshot(), "runs": rooms.run_history.snapshot()},
        "hooks": rooms.hook_results.snapshot(),
        **services,
    }


def read(data: Any) -> MasterSnapshot:
    """What was handed over, also by older versions; raises CannotTakeOver."""
    try:
        data = _to_present(data)
        return MasterSnapshot(
            source=ConfigSource(**data["source"]),
            config=read_config(data["config"]),
            current=read_config(data["current"]),
            adopts=data["adopts"],
            began=data["began"],
            upgrades=data["upgrades"],
            serial=data["serial"],
            operation=data.get("operation", 1),  # procman before 0.2 had none
            metrics=data.get("metrics") or _counted_before(data),
            crashes=data.get("crashes"),
            pidfile=data["pidfile"],
            here=data["here"],
            listening=data["listening"],
            descriptors=data["descriptors"],
            ledger=data["ledger"],
            times=data["times"],
            engine=data["engine"],
            outputs=data["outputs"],
            pools=data["pools"],
            schedules=data.get("schedules", {}),
            hooks=data.get("hooks", {}),
            explanations=data.get("explanations", {}),
            access=data.get("access"),
            watches=data.get("watches", {}),
            updates=data.get("updates", {}),
            notify=data.get("notify"),  # procman before 0.3 had none
            journal=data.get("journal", {}),  # procman before 0.3 had none
        )
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise CannotTakeOver(f"cannot understand what was handed over: {error!r}") from None


def restored_fleet(snapshot: MasterSnapshot) -> Fleet:
    """A fleet that goes on from there; raises CannotTakeOver."""
    fleet = Fleet(policy=snapshot.config.master)
    try:
        fleet.restore(snapshot.engine["fleet"], DefinitionReaders(read_group, read_program))
    except ValueError as error:
        raise CannotTakeOver(str(error)) from None
    return fleet


def obstacle(rooms: Rooms, context: ProcessContext) -> str | None:
    """Why no other code could go on from here just now; None: it could."""
    if rooms.trees.waits:
        return "what a program has left behind is being stopped"
    if awaited := context.operations.awaited:
        return f"a client waits for {awaited[0]}"
    if (hook := rooms.hooks.obstacle) is not None:
        return hook
    if context.blocking.busy:
        return "the configuration is being read"
    if (silent := rooms.start_gate.silent) is not None:
        return silent
    looks = rooms.memory.obstacle or rooms.health_looks.obstacle
    looks = looks or rooms.watching.commands.obstacle
    return rooms.notifying.obstacle or looks or rooms.crashes.obstacle or rooms.outputs.obstacle()


def _to_present(data: Data) -> Data:
    version = data["version"]
    while version in _STEPS:
        data, version = _STEPS[version](data), version + 1
    if version != VERSION:
        text = f"what was handed over is of version {version}, and this procman reads version {VERSION}"
        raise CannotTakeOver(text)
    return data


def _from_version_2(data: Data) -> Data:
    """Procman 0.1 wrote the fields of its classes, with the name of each class as "_"."""
    master = data["master"]
    engine, ledger = master["engine"], master["journal"]
    for config in (master["config"], master["current"]):
        for server in config["servers"]:
            server["kind"] = "unix" if server["_"] == "UnixServer" else "inet"
    sockets = [{**socket, "wanted": _nameless(socket["wanted"])} for socket in engine["sockets"]]
    trees = {name: {"ended": False, "elders": [], **tree} for name, tree in engine["trees"].items()}
    return {
        **master,
        "source": _nameless(master["source"]),
        "here": data.get("here"),
        "descriptors": [*master["fds"], *([] if master["pidfile"] is None else [master["pidfile"]])],
        "journal": {},  # what had that name is the ledger
        "ledger": ledger and {**ledger, "records": [_nameless(record) for record in ledger["records"]]},
        "times": {name: _nameless(times) for name, times in master["times"].items()},
        "engine": {**engine, "seq": 0, "trees": trees, "sockets": sockets},
    }


def _counted_before(data: Data) -> Data:
    """What procman 0.1, which had no metrics, counted all the same."""
    return {"began": data["began"], "orphans": data["engine"]["orphans"], "upgrades": data["upgrades"]}


def _nameless(record: Data) -> Data:
    return {key: value for key, value in record.items() if key != "_"}


_STEPS: dict[int, Callable[[Data], Data]] = {2: _from_version_2}
