"""The master's listening sockets, and the HTTP server behind each.

A control socket in the file system is there even if the configuration names none, and links lead to it by which the
client finds it from the path of the configuration alone. A TCP socket that anyone could use from outside is refused.
"""

import os
import socket
from collections.abc import Mapping
from http import HTTPStatus

from procman.api.health import Health
from procman.config.runtime_dir import default_socket, ensure_runtime_dir, own_sockets, runtime_dir
from procman.config.schema.configuration import Config
from procman.config.schema.kinds.addresses import is_loopback
from procman.config.schema.servers import InetServer, UnixServer
from procman.errors import CannotListen, ProcmanError
from procman.http.basic_auth import BasicAuth, User
from procman.http.host_guard import HostGuard
from procman.http.messages import Request, Response, Role
from procman.http.router import Router
from procman.http.server import Server
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


class Listeners:
    """All of one master; `open` raises CannotListen, and may leave some open, which `close` closes."""

    def __init__(
        self, config: Config, router: Router, health: Health, log: Log, inherited: Mapping[str, int] | None
    ) -> None:
        """Opens nothing yet.

        Args:
            config: says where to listen.
            router: answers every request, on whichever socket it comes.
            health: answers probes that have no password.
            log: the master's own.
            inherited: the descriptors of sockets that are open, by label, after an upgrade; else None.
        """
        self._config = config
        self._router = router
        self._health = health
        self._log = log
        self._inherited = inherited
        self._servers: list[Server] = []
        self._unix: list[tuple[UnixAddress, Server]] = []
        self._files: dict[str, tuple[int, int] | None] = {}  # sockets and links in the file system, and their identity
        self._descriptors: dict[str, int] = {}

    @property
    def descriptors(self) -> Mapping[str, int]:
        """Of the sockets that are open, by label."""
        return self._descriptors

    async def open(self) -> None:
        """Listen on all of them."""
        unix = [server for server in self._config.servers if isinstance(server, UnixServer)]
        for server in unix:
            await self._serve_unix(UnixAddress(server.file, server.chmod, server.chown_ids), _users(server))
        if not unix:
            try:
                ensure_runtime_dir()
                await self._serve_unix(UnixAddress(default_socket(self._config.file)), [])
            except CannotListen:
                raise
            except ProcmanError as error:
                # The configuration does not ask for it, and a container without a writable directory works without.
                self._log.warn(f"there is no control socket: {error}")
        self._link()
        for inet in self._config.servers:
            if isinstance(inet, InetServer):
                await self._serve_tcp(inet)

    async def open_again(self) -> None:
        """Listen on each control socket whose file has been removed: no client could reach this master any more."""
        for address, server in self._removed():
            if server.closing:
                return
            path = address.path
            try:
                if os.path.dirname(path) == runtime_dir():
                    ensure_runtime_dir()
                sock = listen_unix(address)
            except ProcmanError as error:
                self._log.critical(str(error))
                continue
            self._descriptors[path] = sock.fileno()
            self._files[path] = identity_of(path)
            await server.listen_instead(sock, path)
            self._log.warn(f"the control socket {path} had been removed; it is there again")
        self._link()

    def make_room(self) -> None:
        """Close a few idle connections, to have their descriptors."""
        for server in self._servers:
            server.make_room()

    async def close(self, within: float) -> None:
        """Close all, and give answers that are on their way so many seconds each."""
        for server in self._servers:
            await server.close(within)
        for path, file in self._files.items():
            # Another manager may have put its own socket there meanwhile.
            if file is not None and identity_of(path) == file:
                remove_socket(path)

    def _removed(self) -> list[tuple[UnixAddress, Server]]:
        return [(address, server) for address, server in self._unix if not os.path.lexists(address.path)]

    def _link(self) -> None:
        """Lead the client to the socket by the configuration's path alone, which may name another socket by then."""
        if not self._unix:
            return
        target = os.path.abspath(self._unix[0][0].path)
        try:
            folder = ensure_runtime_dir()
        except ProcmanError as error:
            self._log.debug(f"procmanctl finds this master only while it can read {self._config.file}: {error}")
            return
        for path in own_sockets(self._config.file):
            if path != target and lead_to(path, target):
                self._files[path] = identity_of(path)
        remove_stale(folder)

    async def _serve_unix(self, address: UnixAddress, users: list[User]) -> None:
        sock = self._open_already(address.path) or listen_unix(address)
        self._files[address.path] = identity_of(address.path)
        # A browser that comes through a proxy names the site whose page made it ask.
        self._unix.append((address, self._serve(sock, address.path, HostGuard(), users)))
        await self._unix[-1][1].listen(sock, address.path)

    async def _serve_tcp(self, options: InetServer) -> None:
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
                f"[{options.section}] asks nobody for a password: everybody who reaches {options.shown} can run "
                "programs here as this user"
            )
        elif not (options.is_locked or options.allow_unauthenticated):
            self._log.warn(
                f"[{options.section}] asks nobody for a password: every user of this machine, and every program, can "
                f"start and stop programs on {options.shown}; set username= and password=, or leave the section out "
                "(the unix socket needs none); allow_unauthenticated=true says that it is meant"
            )
        # A browser sends no password to a host name that was pointed at this address, so with one any name is safe.
        guard = HostGuard(["*"] if options.username else [options.host])
        await self._serve(sock, options.shown, guard, _users(options)).listen(sock, options.shown)

    def _refuse(self, options: InetServer, where: str) -> None:
        self._log.critical(
            f"not listening on {where}: everybody who reaches it could run programs here; set username= and password= "
            f"in [{options.section}], listen on 127.0.0.1, or say allow_unauthenticated=true"
        )

    def _serve(self, sock: socket.socket, label: str, guard: HostGuard, users: list[User]) -> Server:
        auth = BasicAuth(users)

        def gate(request: Request) -> Response | Role:
            verdict = guard.refusal(request) or auth.admit(request)
            if isinstance(verdict, Response) and verdict.status == HTTPStatus.UNAUTHORIZED:
                return self._health.without_password(request) or verdict
            return verdict

        server = Server(self._router, on_error=self._log.critical, gate=gate)
        self._servers.append(server)
        self._descriptors[label] = sock.fileno()
        return server

    def _open_already(self, label: str) -> socket.socket | None:
        fd = None if self._inherited is None else self._inherited.get(label)
        return None if fd is None else socket.socket(fileno=fd)


def _users(options: UnixServer | InetServer) -> list[User]:
    """The accounts of a server; without any, or with an empty name, it asks for no password."""
    if not options.username:
        return []
    users = [User(options.username, options.password or "")]
    if options.readonly_username:
        users.append(User(options.readonly_username, options.readonly_password or "", "read"))
    return users
