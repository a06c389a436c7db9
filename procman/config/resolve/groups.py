"""Turns program, group, listener and FastCGI sections into groups of processes, in supervisor's order."""

import os
from collections.abc import Iterator
from dataclasses import replace

from procman.config.formats.raw import RawSection
from procman.config.resolve.option_reader import OptionReader
from procman.config.resolve.programs import name_of, processes
from procman.config.schema.groups import (
    LISTENER_PRIORITY,
    FcgiOptions,
    FcgiSocket,
    Group,
    GroupOptions,
    ListenerOptions,
)
from procman.config.schema.master import Master
from procman.config.schema.notation import show_text, show_toml
from procman.config.schema.options import options_of
from procman.config.schema.programs import Program

PROGRAM = options_of(Program)
PRIORITY = PROGRAM["priority"]
LISTENER = options_of(ListenerOptions)
FCGI = options_of(FcgiOptions)
MOST_WAITING = 65535


def read_groups(reading: OptionReader, master: Master) -> tuple[Group, ...]:
    """All groups of the file, by priority and name; each process inherits the master's environment."""
    groups, taken = _groups(reading)
    for section in reading.sections.starting_with("program:"):
        if section.name not in taken:
            groups.append(_own_group(reading, section))
    groups += [_listener(reading, section) for section in reading.sections.starting_with("eventlistener:")]
    for section in reading.sections.starting_with("fcgi-program:"):
        if section.name not in taken:
            groups.append(_fcgi(reading, section))
    groups = [replace(group, programs=_with(master, group.programs)) for group in groups]
    return tuple(sorted(groups, key=lambda group: (group.priority, group.name)))


def _with(master: Master, programs: tuple[Program, ...]) -> tuple[Program, ...]:
    return tuple(
        replace(
            p,
            environment={**master.environment, **p.environment},
            # They give way to what stands in files, and its own do not.
            from_master=tuple(name for name in master.environment if name not in p.environment) if p.is_given else (),
        )
        for p in programs
    )


def _groups(reading: OptionReader) -> tuple[list[Group], set[str]]:
    """The `[group:x]` sections, and the sections of the programs in them."""
    table = options_of(GroupOptions)
    sections = reading.sections.sections
    groups, taken = [], set()
    for section in reading.sections.starting_with("group:"):
        names = reading.names(here=reading.here)
        name = name_of(reading, section)
        programs = reading.option(section, "programs", table["programs"], names)
        priority = reading.option(section, "priority", table["priority"], names)
        members: list[Program] = []
        for program in programs:
            found = [kind for kind in ("program", "fcgi-program") if f"{kind}:{program}" in sections]
            if not found:
                _unknown(reading, section, program)
                continue
            if len(found) > 1:
                message = f"{program} is both a program and an fcgi-program: give one of them another name"
                reading.complain(section, "programs", message, "ambiguous-program-in-group")
            member = sections[f"{found[0]}:{program}"]
            if found == ["fcgi-program"]:
                message = f"{program} loses its socket in a group: leave it out of the group"
                reading.complain(section, "programs", message, severity="warning")
            taken.add(member.name)
            members += processes(reading, member, name)
        groups.append(Group(name=name, kind="group", priority=priority, programs=tuple(members)))
    return groups, taken


def _unknown(reading: OptionReader, section: RawSection, program: str) -> None:
    def known() -> Iterator[str]:
        for kind in ("program:", "fcgi-program:"):
            for other in reading.sections.starting_with(kind):
                yield other.name.partition(":")[2]

    if not program:
        message = "there is an empty name between the commas: take a comma out"
    else:
        header = f"[program{'.' if section.toml else ':'}{program}]"
        parts = program.split()
        if len(parts) > 1:
            written = ", ".join(map(show_toml, parts)) if section.toml else ",".join(parts)
            message = f"there is no program {show_text(program)}: names are separated by commas, {written}"
            reading.complain(section, "programs", message, "unknown-program-in-group")
            return
        hint = reading.did_you_mean(program, known) or f": add {header}, or take it out"
        message = f"there is no program {show_text(program)}{hint}"
    reading.complain(section, "programs", message, "unknown-program-in-group")


def _own_group(reading: OptionReader, section: RawSection) -> Group:
    name = name_of(reading, section)
    priority = reading.option(section, "priority", PRIORITY, reading.names(here=reading.here))
    return Group(name=name, kind="program", priority=priority, programs=tuple(processes(reading, section, name)))


def _listener(reading: OptionReader, section: RawSection) -> Group:
    names = reading.names(here=reading.here)
    name = section.name.partition(":")[2]
    priority = reading.option(section, "priority", replace(PRIORITY, default=LISTENER_PRIORITY), names)
    buffer_size = reading.option(section, "buffer_size", LISTENER["buffer_size"], names)
    if buffer_size < 1:
        reading.complain(section, "buffer_size", "expected a number above 0", "bad-buffer-size")
    handler = reading.plugin(section, "result_handler", names, LISTENER["result_handler"].default)
    events = reading.option(section, "events", LISTENER["events"], names)
    if reading.option(section, "redirect_stderr", PROGRAM["redirect_stderr"], names):
        message = "a listener's stdout carries the event protocol, so stderr cannot go there: take redirect_stderr out"
        reading.complain(section, "redirect_stderr", message, "listener-redirect-stderr")
    programs = processes(reading, section, name)
    listener = ListenerOptions(events=events or (), buffer_size=buffer_size, result_handler=handler)
    return Group(name=name, kind="eventlistener", priority=priority, programs=tuple(programs), listener=listener)


def _fcgi(reading: OptionReader, section: RawSection) -> Group:
    names = reading.names(here=reading.here)
    name = name_of(reading, section)
    priority = reading.option(section, "priority", PRIORITY, names)
    user = reading.option(section, "user", PROGRAM["user"], names)
    backlog = reading.option(section, "socket_backlog", FCGI["socket_backlog"], names)
    if backlog is not None and not 1 <= backlog <= MOST_WAITING:
        reading.complain(section, "socket_backlog", "expected a number from 1 to 65535", "bad-socket")
    owner = reading.option(section, "socket_owner", FCGI["socket_owner"], names)
    mode = reading.option(section, "socket_mode", FCGI["socket_mode"], names)
    url = reading.option(section, "socket", FCGI["socket"], {**names, "program_name": name})
    options = FcgiOptions(socket=url or "", socket_owner=owner, socket_mode=mode, socket_backlog=backlog)
    socket = _socket(reading, section, options, reading.uid(section, user))
    programs = processes(reading, section, name)
    return Group(name=name, kind="fcgi-program", priority=priority, programs=tuple(programs), socket=socket)


def _socket(reading: OptionReader, section: RawSection, options: FcgiOptions, uid: int | None) -> FcgiSocket | None:
    """The socket of a FastCGI program; a unix socket belongs to the program's user by default."""
    ids = reading.owner_ids(section, "socket_owner", options.socket_owner)
    url = options.socket
    if url.startswith("unix://"):
        path = url.removeprefix("unix://")
        if not os.path.isabs(path):
            message = f"cannot read {show_text(url)}: expected unix:// and an absolute path, three slashes in all"
            reading.complain(section, "socket", message, "bad-socket")
        path = reading.machine.normal(path)
        if ids is None and uid is not None and uid != os.getuid():
            ids = (uid, reading.machine.gid_of(uid))
        return FcgiSocket(
            kind="unix",
            url=f"unix://{path}",
            path=path,
            mode=0o700 if options.socket_mode is None else options.socket_mode,
            owner=options.socket_owner,
            owner_ids=ids,
            backlog=options.socket_backlog,
        )
    if options.socket_owner is not None or options.socket_mode is not None:
        option = "socket_mode" if options.socket_owner is None else "socket_owner"
        reading.complain(section, option, "only a unix:// socket has an owner and a mode: take it out", "bad-socket")
    host, port = _tcp(url)
    if port is None:
        # A missing socket has its complaint already.
        if url or reading.raw(section, "socket"):
            message = f"cannot read {show_text(url)}: expected tcp://host:port or unix:///absolute/path"
            reading.complain(section, "socket", message, "bad-socket" if url else "fcgi-without-socket")
        return None
    if not 1 <= port <= MOST_WAITING:
        reading.complain(section, "socket", f"{port} is no port: expected 1 to 65535", "bad-port")
    return FcgiSocket(kind="tcp", url=f"tcp://{host}:{port}", host=host, port=port, backlog=options.socket_backlog)


def _tcp(url: str) -> tuple[str, int | None]:
    """The host in lower case and the port of tcp://host:port; no port if it has another form."""
    host, colon, digits = url.removeprefix("tcp://").partition(":")
    if not url.startswith("tcp://") or not (host and colon and digits.isdecimal()) or any(map(str.isspace, host)):
        return "", None
    return host.lower(), int(digits)
