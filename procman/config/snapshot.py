"""A configuration as plain data, and back: for another process image to go on with. All of it can be written as JSON.

Values stand under the names of their fields, which are those of the options: enums by name, sequences as lists. What is
read may come from another version of procman: a field that is missing has its default, and an unknown one is ignored.
"""

from dataclasses import fields
from enum import Enum
from signal import Signals
from typing import Any, TypeVar

from procman.config.problems import Problem
from procman.config.schema.access import AccessSection
from procman.config.schema.configuration import Config, RpcInterface
from procman.config.schema.groups import FcgiSocket, Group, ListenerOptions
from procman.config.schema.master import Master
from procman.config.schema.notify import Notify
from procman.config.schema.options import Orphans
from procman.config.schema.programs import Program
from procman.config.schema.sections import Ctl
from procman.config.schema.servers import InetServer, UnixServer
from procman.config.schema.sockets import Socket
from procman.core.snapshot import definition
from procman.core.spec import (
    Autorestart,
    Condition,
    EarlyExit,
    Edge,
    Hook,
    HookCommand,
    Leftovers,
    OnUnhealthy,
    ProcessType,
    ProgramTemplate,
    ReadyKind,
    Reload,
    Schedule,
    Scope,
    ShutdownWhen,
    WatchAction,
)

T = TypeVar("T")
Data = dict[str, Any]

# The fields whose values are neither text, numbers, sequences nor mappings.
_ENUMS: dict[str, type[Enum]] = {
    "autorestart": Autorestart,
    "early_exit": EarlyExit,
    "kill_scope": Scope,
    "leftovers": Leftovers,
    "orphans": Orphans,
    "shutdown_when": ShutdownWhen,
    "stop_scope": Scope,
    "stopsignal": Signals,
    "type": ProcessType,
}
_HOOKS = frozenset(hook.value for hook in Hook if hook is not Hook.RELOAD)


def write_config(config: Config) -> Data:
    """All of it."""
    return {**definition(config), "servers": [_write_server(server) for server in config.servers]}


def read_config(data: Data) -> Config:
    """What `write_config` returned; raises KeyError, TypeError or ValueError where it is something else."""
    return _record(
        Config,
        data,
        master=_record(Master, data["master"]),
        servers=tuple(_read_server(server) for server in data["servers"]),
        rpcinterfaces=tuple(_record(RpcInterface, interface) for interface in data["rpcinterfaces"]),
        groups=tuple(read_group(group) for group in data["groups"]),
        notify=read_rules(data.get("notify", [])),
        access=read_access(data.get("access", [])),
        templates=tuple(_record(ProgramTemplate, template) for template in data.get("templates", ())),
        ctl=_record(Ctl, data["ctl"]),
        warnings=tuple(_record(Problem, warning) for warning in data["warnings"]),
    )


def read_rules(data: list[Data]) -> tuple[Notify, ...]:
    """The notify sections of it."""
    return tuple(_record(Notify, section) for section in data)


def read_access(data: list[Data]) -> tuple[AccessSection, ...]:
    """The access sections of it."""
    return tuple(_record(AccessSection, section) for section in data)


def read_group(data: Data) -> Group:
    """One group of it."""
    listener, socket = data["listener"], data["socket"]
    return _record(
        Group,
        data,
        programs=tuple(read_program(program) for program in data["programs"]),
        listener=None if listener is None else _record(ListenerOptions, listener),
        socket=None if socket is None else _record(FcgiSocket, socket),
    )


def read_program(data: Data) -> Program:
    """One program of it."""
    return _record(Program, data)


def _write_server(server: UnixServer | InetServer) -> Data:
    return {"kind": "unix" if isinstance(server, UnixServer) else "inet", **definition(server)}


def _read_server(data: Data) -> UnixServer | InetServer:
    return _record(UnixServer, data) if data["kind"] == "unix" else _record(InetServer, data)


def _record(kind: type[T], data: Data, **parts: Any) -> T:
    known = {field.name for field in fields(kind) if field.init}  # type: ignore[arg-type]
    values = {name: _value(name, value) for name, value in data.items() if name in known and name not in parts}
    return kind(**values, **parts)


def _value(name: str, value: Any) -> Any:
    match value:
        case list() if name == "ready":
            return tuple(Condition(ReadyKind[item["kind"]], item["text"], item["delay"]) for item in value)
        case dict() if name == "health":
            return Condition(ReadyKind[value["kind"]], value["text"], value["delay"])
        case list() if name == "on_unhealthy":
            return OnUnhealthy(*value)
        case list() if name == "watch_action":
            return WatchAction(*value)
        case str() if name in _ENUMS:
            return _ENUMS[name][value]
        case list() if name == "schedule":
            return Schedule(*value)
        case list() if name == "depends_on":
            return tuple(Edge(*_value("", edge)) for edge in value)
        case list() if name in _HOOKS:
            return tuple(HookCommand(*item) for item in value)
        case list() if name == "reload":
            return Reload(value[0], tuple(HookCommand(*item) for item in value[1]))
        case list() if name == "sockets":
            return tuple(_record(Socket, item) for item in value)
        case list():
            return tuple(_value("", item) for item in value)
        case dict():
            return {key: _value("", item) for key, item in value.items()}
        case _:
            return value
