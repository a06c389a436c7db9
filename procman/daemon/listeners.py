"""The master's listening sockets: opened before any program is started, and answered once `serving` is there.

A control socket in the file system is there even if the configuration names none, and links lead to it by which the
client finds it from the path of the configuration alone. A TCP socket that anyone could use from outside is refused.
"""

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass

from procman.config.runtime_dir import default_socket, ensure_runtime_dir, own_sockets, runtime_dir
from procman.config.schema.configuration import Config
from procman.config.schema.kinds.addresses import is_loopback
from procman.config.schema.servers import InetServer, UnixServer
from procman.errors import CannotListen, ProcmanError
from procman.logs.protocol import Log
from procman.system.sockets import (
    UnixAddress,
    identity_of,
    lead_to,
    listen_tcp,
    listen_unix,
    remove_socket,
    remove_stale,
)


@dataclass(frozen=True, slots=True)
class Listener:
    """One open socket; `options` are those of its section, or None for the default control socket."""

    label: str
    sock: socket.socket
    options: UnixServer | InetServer | None


class Listeners:
    """All of one master; `open` raises CannotListen, and may leave some open, which `close` closes."""

    def __init__(self, config: Config, log: Log, inherited: Mapping[str, int] | None) -> None:
        """Opens nothing yet. `inherited` has the descriptors of sockets by label, after an upgrade."""
        self._config = config
        self._log = log
        self._inherited = inherited
        self._unix: list[UnixAddress] = []
        self._files: dict[str, tuple[int, int] | None] = {}  # sockets and links in the file system, and their identity
        self._open: dict[str, Listener] = {}

    @property
    def all(self) -> list[Listener]:
        """Those that are open."""
        return list(self._open.values())

    @property
    def descriptors(self) -> Mapping[str, int]:
        """Of the sockets that are open, by label."""
        return {label: listener.sock.fileno() for label, listener in self._open.items()}

    def open(self) -> None:
        """Listen on all of them."""
        unix = [server for server in self._config.servers if isinstance(server, UnixServer)]
        for server in unix:
            self._open_unix(UnixAddress(server.file, server.chmod, server.chown_ids), server)
        if not unix:
            try:
                ensure_runtime_dir()
                self._open_unix(UnixAddress(default_socket(self._config.file)), None)
            except CannotListen:
                raise
            except ProcmanError as error:
                # The configuration does not ask for it, and a container without a writable directory works without.
                self._log.warn(f"there is no control socket: {error}")
        self._link()
        for inet in self._config.servers:
            if isinstance(inet, InetServer):
                self._open_tcp(inet)

    def open_again(self) -> list[Listener]:
        """Open each control socket whose file has been removed: no client could reach this master any more."""
        opened = []
        for address in [known for known in self._unix if not os.path.lexists(known.path)]:
            path = address.path
            try:
                if os.path.dirname(path) == runtime_dir():
                    ensure_runtime_dir()
                sock = listen_unix(address)
            except ProcmanError as error:
                self._log.critical(str(error))
                continue
            self._files[path] = identity_of(path)
            self._open[path] = Listener(path, sock, self._open[path].options)
            opened.append(self._open[path])
            self._log.warn(f"the control socket {path} had been removed; it is there again")
        self._link()
        return opened

    def close(self) -> None:
        """Close all, and remove their files."""
        for listener in self._open.values():
            listener.sock.close()
        for path, file in self._files.items():
            # Another manager may have put its own socket there meanwhile.
            if file is not None and identity_of(path) == file:
                remove_socket(path)

    def _link(self) -> None:
        """Lead the client to the socket by the configuration's path alone, which may name another socket by then."""
        if not self._unix:
            return
        target = os.path.abspath(self._unix[0].path)
        try:
            folder = ensure_runtime_dir()
        except ProcmanError as error:
            self._log.debug(f"procmanctl finds this master only while it can read {self._config.file}: {error}")
            return
        for path in own_sockets(self._config.file):
            if path != target and lead_to(path, target):
                self._files[path] = identity_of(path)
        remove_stale(folder)

    def _open_unix(self, address: UnixAddress, options: UnixServer | None) -> None:
        sock = self._open_already(address.path) or listen_unix(address)
        self._files[address.path] = identity_of(address.path)
        self._unix.append(address)
        self._open[address.path] = Listener(address.path, sock, options)

    def _open_tcp(self, options: InetServer) -> None:
        sock = self._open_already(options.shown)
        if self._inherited is not None and sock is None:
            return  # the master before this one has not opened it, and has logged why
        if options.is_open and not options.allow_unauthenticated:
            self._refuse(options, options.shown)
            return
        sock = sock or listen_tcp(options.host, options.port)
        address = sock.getsockname()[0]
        if not (options.is_locked or options.allow_unauthenticated or is_loopback(address)):
            # The name reads like this machine's own, and the resolver gives another address for it.
            sock.close()
            self._refuse(options, f"{options.shown}, which is {address}")
            return
        if options.is_open:
            self._log.warn(
                f"[{options.section}] has no password: everybody who reaches {options.shown} can run programs here as "
                "this user"
            )
        elif not (options.is_locked or options.allow_unauthenticated):
            self._log.warn(
                f"[{options.section}] has no password: every user of this machine, and every program, can start and "
                f"stop programs on {options.shown}; set username= and password=, or leave the section out (the unix "
                "socket needs none); allow_unauthenticated=true silences this warning"
            )
        self._open[options.shown] = Listener(options.shown, sock, options)

    def _refuse(self, options: InetServer, where: str) -> None:
        self._log.critical(
            f"not listening on {where}: everybody who reaches it could run programs here; set username= and password= "
            f"in [{options.section}], listen on 127.0.0.1, or set allow_unauthenticated=true"
        )

    def _open_already(self, label: str) -> socket.socket | None:
        fd = None if self._inherited is None else self._inherited.get(label)
        return None if fd is None else socket.socket(fileno=fd)
