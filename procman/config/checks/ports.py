"""Checks whether the ports of a file are free, by binding each for a moment without listening (`procman check`).

A port that the running master of the same file holds is not reported. No name server is contacted.
"""

import errno
import os
import socket
from collections.abc import Iterator

from procman.config.resolve.option_reader import OptionReader
from procman.config.runtime_dir import default_sockets
from procman.config.schema.configuration import Config
from procman.config.schema.kinds.readiness import target_of
from procman.config.schema.kinds.sockets import place_of
from procman.config.schema.servers import InetServer, UnixServer, bracketed
from procman.config.schema.sockets import sockets_of
from procman.core.spec import ReadyKind
from procman.system.address_holders import TcpPort, holders_of, listening_inodes
from procman.system.sockets import listener_pid

_LOCAL = ("localhost", "127.0.0.1", "::1")

_WAYS_OUT = {
    errno.EADDRINUSE: ("another program listens on {shown}", "stop it, or name another port"),
    errno.EADDRNOTAVAIL: (
        "this machine has no address {host}",
        "name one that it has, or write *:{port} for all of them",
    ),
    errno.EACCES: ("only root may listen on {shown}", "name a port above 1023, or start it as root"),
}


def warn_of_ports(reading: OptionReader, config: Config) -> None:
    """Warn of each port that is not available."""
    if reading.machine.is_assumed:
        return
    masters = list(_masters(config))
    asked: dict[int, set[str]] = {}
    for section, option, host, port, consequence in _ports(config):
        shown = f"{bracketed(host) or '*'}:{port}"
        found = _why_not(host, port)
        others = asked.setdefault(port, set())
        if others and ({"", host} & others or host == ""):
            why, way_out = f"another section of this file listens on port {port} too", "name another port"
        elif found is None or (found == errno.EADDRINUSE and any(_may_hold(pid, port) for pid in masters)):
            why, way_out = "", ""
        else:
            why, way_out = (text.format(shown=shown, host=host, port=port) for text in _WAYS_OUT[found])
        others.add(host)
        if why:
            message = f"{why}, so {consequence}: {way_out}"
            reading.complain(reading.sections.sections[section], option, message, "port-in-use", "warning")


def warn_of_ready_ports(reading: OptionReader, config: Config) -> None:
    """Warn of each `ready` that connects to a local port which something else holds now: that would be taken for it."""
    if reading.machine.is_assumed:
        return
    masters: set[int] | None = None
    seen: set[tuple[str, str]] = set()
    for program in (program for group in config.groups for program in group.programs):
        for condition in program.ready:
            target = target_of(condition)
            asked = condition.kind in (ReadyKind.TCP, ReadyKind.HTTP) and target.host in _LOCAL
            if not asked or (program.section, condition.text) in seen:
                continue
            seen.add((program.section, condition.text))
            masters = set(_masters(config)) if masters is None else masters
            for holder in holders_of(TcpPort(target.port)).processes:
                if masters.isdisjoint((holder.pid, *holder.ancestors)):
                    # Only the name of its command: the arguments may be secret.
                    name = os.path.basename(holder.command.partition(" ")[0])
                    message = (
                        f"{condition.text}: pid {holder.pid} ({name}) holds port {target.port} now, and would be taken "
                        f"for this program: stop it, or write listen:{target.port}, which only this program can fulfil"
                    )
                    section = reading.sections.sections[program.section]
                    reading.complain(section, "ready", message, "port-in-use", "warning")
                    break


def _ports(config: Config) -> Iterator[tuple[str, str, str, int, str]]:
    """Section, option, host, port, and the consequence if the port is not available."""
    for server in config.servers:
        if isinstance(server, InetServer) and (server.allow_unauthenticated or not server.is_open):
            yield server.section, "port", server.host, server.port, "the master could not start"
    for group in config.groups:
        if group.programs and group.socket is not None and group.socket.port is not None:
            host = group.socket.host or ""
            yield group.programs[0].section, "socket", host, group.socket.port, "the program could not be started"

    sockets = {one.name: one for group in config.groups for p in group.programs for one in sockets_of(p.sockets)}
    for held in sockets.values():
        for place in map(place_of, held.listen):
            if place.path is None:
                yield held.section, "listen", place.host, place.port, "its programs could not be started"


def _why_not(host: str, port: int) -> int | None:
    """The error of a bind, if it is one that can be explained."""
    try:
        found = socket.getaddrinfo(
            "127.0.0.1" if host == "localhost" else host or None,
            port,
            type=socket.SOCK_STREAM,
            flags=socket.AI_PASSIVE | socket.AI_NUMERICHOST,
        )
        # As at a start, IPv4 comes first unless the host is an IPv6 address.
        family, kind, protocol, _, where = min(found, key=lambda info: info[0] != socket.AF_INET)
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(where)
    except (OSError, UnicodeError) as error:
        number = error.errno if isinstance(error, OSError) else None
        return number if number in _WAYS_OUT else None
    return None


# ------------------------------------------------------------------------------------------------ the running master


def _masters(config: Config) -> Iterator[int]:
    """The pids that listen on the control sockets, and the one in the pid file; 0 for an unknown one."""
    paths = [server.file for server in config.servers if isinstance(server, UnixServer)]
    for path in paths or default_sockets(config.file):
        if (listener := listener_pid(path)) is not None:
            yield listener
    try:
        with open(config.master.pidfile, encoding="ascii") as file:
            pid = int(file.read(20))
        if os.path.exists(f"/proc/{pid}"):
            yield pid
    except (OSError, ValueError):
        pass


def _may_hold(pid: int, port: int) -> bool:
    """Whether the process holds this port; True if that cannot be known."""
    sockets = {f"socket:[{inode}]" for inode in listening_inodes(port)}
    try:
        held = {os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")}
    except OSError:
        return True
    return not sockets.isdisjoint(held)
