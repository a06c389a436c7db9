"""The socket sections, and what they are for the programs that use them."""

import os
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from procman.config.formats.raw import RawSection
from procman.config.resolve.option_reader import OptionReader
from procman.config.schema.groups import Group
from procman.config.schema.kinds.readiness import FIRST_FD, target_of
from procman.config.schema.kinds.sockets import place_of
from procman.config.schema.notation import assignment, show_text
from procman.config.schema.options import options_of
from procman.config.schema.programs import Program
from procman.config.schema.sockets import Socket
from procman.core.spec import ProcessType

_LETTERS = 255  # of a name, as sd_listen_fds_with_names(3) has it
_NO_SOCKETS = {"fcgi-program": "a FastCGI program has its socket as stdin, and no other one"}
_NOT_LAZY = {"eventlistener": "an event listener is told of events, so it cannot wait for a connection"}


def resolve_sockets(reading: OptionReader, groups: tuple[Group, ...]) -> tuple[Group, ...]:
    """The same groups, with the whole of the sockets that their programs name."""
    sections = list(reading.sections.starting_with("socket:"))
    sockets = {name: _socket(reading, section) for section in sections if (name := _name(reading, section))}
    _refuse_shared(reading, sockets.values())
    users = [program for group in groups for program in group.programs if program.sockets]
    if not sections and not users:
        return groups
    named = {socket.name for program in users for socket in program.sockets}
    for socket in sockets.values():
        if socket.name not in named and named <= sockets.keys():
            section = reading.sections.sections[socket.section]
            use = assignment("sockets", socket.name, toml=section.toml)
            message = f"no program uses it, so it is not opened: add {use} to a program, or take it out"
            reading.complain(section, None, message, "unused-socket", "warning")
    whole = {name: _owned(reading, socket, users) for name, socket in sockets.items()}
    complained: set[tuple[str, str]] = set()
    return tuple(
        replace(group, programs=tuple(_with_sockets(reading, program, whole, complained) for program in group.programs))
        if any(program.sockets for program in group.programs)
        else group
        for group in groups
    )


def settle_lazy(reading: OptionReader, section: RawSection, common: dict[str, Any]) -> None:
    """Complain of what cannot be started by a connection, or has no sockets."""
    kind = section.name.partition(":")[0]
    if common["sockets"] and kind in _NO_SOCKETS:
        reading.complain(section, "sockets", f"{_NO_SOCKETS[kind]}: take sockets out", "not-for-sockets")
    lazy = "lazy = true"
    if common["lazy"]:
        if kind in _NOT_LAZY:
            reading.complain(section, "lazy", f"{_NOT_LAZY[kind]}: take lazy out", "not-for-sockets")
        elif common["type"] is not ProcessType.SERVICE:
            message = "a one-shot does something and ends, and does not wait for connections: take lazy out"
            reading.complain(section, "lazy", message, "not-for-oneshots")
        elif not common["sockets"]:
            message = "no connection can start it, as it has no sockets: add sockets = NAME and a [socket:NAME] section"
            reading.complain(section, "lazy", message, "lazy-without-sockets")
    elif common["idle_stop"] is not None and "idle_stop" in section.options:
        message = f"once it was stopped, nothing would start it again: add {lazy}, or take idle_stop out"
        reading.complain(section, "idle_stop", message, "idle-stop-without-lazy")


def _name(reading: OptionReader, section: RawSection) -> str:
    """It stands in LISTEN_FDNAMES."""
    name = section.name.partition(":")[2].strip()
    if not name:
        reading.complain(section, None, "it needs a name: write [socket:NAME]", "bad-name")
    elif ":" in name or "," in name or len(name) > _LETTERS or not name.isascii() or not name.isprintable():
        message = f"the name {show_text(name)} cannot stand in LISTEN_FDNAMES: use letters, digits, - and _"
        reading.complain(section, None, message, "bad-name")
    return name


def _socket(reading: OptionReader, section: RawSection) -> Socket:
    names = reading.names(here=reading.here, host_node_name=reading.machine.host_node_name)
    values: dict[str, Any] = {
        option: reading.option(section, option, known, names) for option, known in options_of(Socket).items()
    }
    listen = tuple(_normal(reading, url) for url in values.pop("listen") or ())
    has_file = any(url.startswith("unix://") for url in listen)
    for option in ("owner", "mode"):
        if listen and not has_file and values[option] is not None:
            message = f"only a unix:// socket has {_article(option)}: take it out"
            reading.complain(section, option, message, "bad-socket")
    if values["reuseport"] and has_file:
        message = "only tcp:// sockets can share an address: take reuseport out, or give the unix:// socket a section"
        reading.complain(section, "reuseport", message, "bad-socket")
    ids = reading.owner_ids(section, "owner", values["owner"])
    return Socket(
        name=section.name.partition(":")[2].strip(), section=section.name, listen=listen, owner_ids=ids, **values
    )


def _normal(reading: OptionReader, url: str) -> str:
    path = place_of(url).path
    return url if path is None else f"unix://{reading.machine.normal(path)}"


def _article(option: str) -> str:
    return "an owner" if option == "owner" else "a mode"


def _refuse_shared(reading: OptionReader, sockets: Iterable[Socket]) -> None:
    """Two sections cannot listen at one address."""
    seen: dict[str, Socket] = {}
    for socket in sockets:
        section = reading.sections.sections[socket.section]
        for url in socket.listen:
            other = seen.setdefault(url, socket)
            if other is not socket:
                message = f"[{other.section}] listens on {url}, too: programs may share one section; take one out"
                reading.complain(section, "listen", message, "shared-address")


def _owned(reading: OptionReader, socket: Socket, users: Iterable[Program]) -> Socket:
    """A unix socket belongs to the user of its program, unless it says otherwise."""
    if socket.owner_ids is not None or not any(url.startswith("unix://") for url in socket.listen):
        return socket
    uid = next((p.uid for p in users if any(one.name == socket.name for one in p.sockets)), None)
    if uid is None or uid == os.getuid():
        return socket
    return replace(socket, owner_ids=(uid, reading.machine.gid_of(uid)))


def _with_sockets(
    reading: OptionReader, program: Program, sockets: dict[str, Socket], complained: set[tuple[str, str]]
) -> Program:
    found = [sockets[one.name] for one in program.sockets if one.name in sockets]
    for one in program.sockets:
        if one.name not in sockets and (program.section, one.name) not in complained:
            complained.add((program.section, one.name))
            section = reading.sections.sections[program.section]
            header = f"[socket{'.' if section.toml else ':'}{one.name}]"
            hint = reading.did_you_mean(one.name, lambda: sockets) or f": add a section {header}, or take it out"
            reading.complain(section, "sockets", f"there is no socket {show_text(one.name)}{hint}", "unknown-socket")
    program = replace(program, sockets=tuple(found))
    first = FIRST_FD + len(program.addresses)
    for condition in program.ready:
        fd = target_of(condition).fd
        if fd is not None and fd < first and (program.section, condition.text) not in complained:
            complained.add((program.section, condition.text))
            message = f"its sockets are the descriptors 3 to {first - 1}: say fd:{first}, or fd alone"
            reading.complain(reading.sections.sections[program.section], "ready", message, "fd-of-a-socket")
    return program
