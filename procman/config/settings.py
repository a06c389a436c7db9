"""The effective configuration, option by option, with the origin of each value and with its secrets masked.

The dicts are those of `api/shapes`: SectionSettings.
"""

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any

from procman.config.resolve.origins import COMMAND_LINE, EVERYWHERE
from procman.config.schema.access import AccessSection
from procman.config.schema.configuration import Config
from procman.config.schema.groups import FcgiOptions, Group, GroupOptions, ListenerOptions
from procman.config.schema.master import Master
from procman.config.schema.notify import Notify
from procman.config.schema.options import Kind, Option, options_of
from procman.config.schema.programs import Program
from procman.config.schema.servers import InetServer
from procman.config.schema.sockets import Socket, sockets_of
from procman.config.secrets import is_secret, masked, masked_value, masked_variables

Json = dict[str, Any]
Named = Notify | AccessSection

MASTER = "supervisord"

# Types that JSON has; all other values become text.
_NUMBERS = (bool, int, float)
_IN_DIGITS = frozenset({"octal mode", "signal"})


def of_master(config: Config) -> list[Json]:
    """The options of the master, and those of each server."""
    sections = [_section(config, MASTER, "", options_of(Master), _fields(config.master, Master))]
    for server in config.servers:
        kind: type = type(server)
        values = _fields(server, kind)
        shown = {"port": server.shown} if isinstance(server, InetServer) else {}
        sections.append(_section(config, server.section, "", options_of(kind), values, shown=shown))
    return sections


def of_notify(config: Config, rules: Iterable[Notify]) -> list[Json]:
    """The options of the notify sections that are active; those that differ from the file as last read are marked."""
    return [_named(config, "notify", Notify, rule, config.notify) for rule in rules]


def of_access(config: Config, sections: Iterable[AccessSection]) -> list[Json]:
    """The same of the access sections."""
    return [_named(config, "access", AccessSection, section, config.access) for section in sections]


def _named(config: Config, kind: str, table: type, one: Named, read: Iterable[Named]) -> Json:
    section = _section(config, f"{kind}:{one.name}", "", options_of(table), _fields(one, table))
    said = next((other for other in read if other.name == one.name), None)
    for setting in section["settings"]:
        option = setting["option"]
        if said is None or getattr(said, option) != getattr(one, option):
            setting.update(source="earlier", file=None, line=None)
    return section


def of_group(config: Config, group: Group) -> Json | None:
    """The options that the processes of a group share; None if there are none."""
    section = f"{group.kind}:{group.name}"
    priority = {"priority": options_of(GroupOptions)["priority"]}
    values: dict[str, Any] = {"priority": group.priority}
    if group.listener is not None:
        values |= _fields(group.listener, ListenerOptions)
        return _section(config, section, f"{group.name}:*", {**priority, **options_of(ListenerOptions)}, values)
    if group.socket is not None:
        socket = group.socket
        values |= {"socket": socket.url, "socket_mode": socket.mode, "socket_owner": socket.owner}
        values["socket_backlog"] = socket.backlog
        return _section(config, section, f"{group.name}:*", {**priority, **options_of(FcgiOptions)}, values)
    return _section(config, section, f"{group.name}:*", priority, values) if group.kind == "group" else None


def of_process(config: Config, program: Program) -> Json:
    """The options of one process; those that differ from the file as it was last read are marked."""
    table, values = options_of(Program), _fields(program, Program)
    section = _section(config, program.section, program.namespec, table, values)
    read = next((p for group in config.groups for p in group.programs if p.namespec == program.namespec), None)
    if read != program:
        said = _section(config, program.section, program.namespec, table, _fields(read, Program)) if read else None
        known = said["settings"] if said else []
        for setting in section["settings"]:
            if setting not in known:
                setting.update(source="earlier", file=None, line=None)
    return section


def of_sockets(config: Config, program: Program) -> list[Json]:
    """The options of the sockets of a process; those that differ from the file as it was last read are marked."""
    table, sections = options_of(Socket), []
    everywhere = (p for group in config.groups for p in group.programs)
    read = {socket.name: socket for p in everywhere for socket in sockets_of(p.sockets)}
    for socket in sockets_of(program.sockets):
        section = _section(config, socket.section, program.namespec, table, _fields(socket, Socket))
        said = read.get(socket.name)
        for setting in section["settings"]:
            option = setting["option"]
            if said is None or getattr(said, option) != getattr(socket, option):
                setting.update(source="earlier", file=None, line=None)
        sections.append(section)
    return sections


def origin_of(config: Config, section: str, option: str) -> Json:
    """Where the option of a section was set: its `source`, `file` and `line`, as in a SettingInfo."""
    found = config.origins.get(section, {}).get(option) or config.origins.get(EVERYWHERE, {}).get(option)
    if found is None:
        return {"source": "default", "file": None, "line": None}
    file, line = found
    if file == COMMAND_LINE:
        return {"source": COMMAND_LINE, "file": None, "line": None}
    return {"source": "file", "file": file, "line": line}


def _fields(holder: object, table: type) -> dict[str, Any]:
    return {name: getattr(holder, name) for name in options_of(table)}


def _section(
    config: Config,
    section: str,
    name: str,
    options: Mapping[str, Option],
    values: Mapping[str, Any],
    *,
    shown: Mapping[str, str] | None = None,
) -> Json:
    settings: list[Json] = []
    for option, known in options.items():
        if known.inert:
            continue
        if isinstance(values[option], Mapping):
            settings += _variables(config, section, option, values[option])
        else:
            value, text = shown_value(option, known.kind, values[option])
            text = (shown or {}).get(option, text)
            settings.append({"option": option, "value": value, "shown": text, **origin_of(config, section, option)})
    return {"section": section, "name": name, "settings": settings}


def _variables(config: Config, section: str, option: str, variables: Mapping[str, str]) -> list[Json]:
    """One setting for each variable; those of [supervisord] are in the environment of every program."""
    own = origin_of(config, section, option)
    inherited = origin_of(config, MASTER, option)
    everywhere = config.master.environment if option == "environment" else {}
    settings = []
    for variable, text in masked_variables(variables).items():
        of_master = own["source"] == "default" or everywhere.get(variable) == variables[variable]
        origin = inherited if of_master and variable in everywhere else own
        settings.append({"option": option, "variable": variable, "value": text, "shown": text, **origin})
    return settings


def shown_value(option: str, kind: Kind[Any], value: Any) -> tuple[Any, str]:
    """The value for JSON, and as a file would have it."""
    if value is None:
        return None, ""
    text = kind.show(value)
    if kind.harmless:
        return list(value), text
    if is_secret(option):
        hidden = masked_value(option, text)
        return hidden, hidden
    if isinstance(value, Enum) or kind.name in _IN_DIGITS or kind.slug == "bad-limit":
        return text, text
    if isinstance(value, tuple) and not hasattr(value, "_fields"):
        if kind.name in ("dependencies", "sockets"):
            return masked(text).split(",") if value else [], masked(text)
        return [_item(kind, item) for item in value], masked(text)
    return (value if isinstance(value, _NUMBERS) else masked(text)), masked(text)


def _item(kind: Kind[Any], item: Any) -> Any:
    """One of several values for JSON: what that does not have stands as a file would have it."""
    if isinstance(item, str):
        return masked(item)
    return item if item is None or isinstance(item, _NUMBERS) else masked(kind.show((item,)))
