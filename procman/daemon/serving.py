"""Answers clients: an HTTP server behind each listening socket. Imported when the first programs have been started."""

from collections.abc import Callable, Iterable
from http import HTTPStatus

from procman.api.actors import actor_of
from procman.api.health import Health
from procman.config.schema.servers import InetServer, UnixServer
from procman.daemon.listeners import Listener
from procman.daemon.routes import Routes
from procman.http.basic_auth import BasicAuth, User
from procman.http.host_guard import HostGuard
from procman.http.messages import Request, Response, Role
from procman.http.router import READ_ONLY
from procman.http.server import Server
from procman.logs.protocol import Log


class Serving:
    """All servers of one master."""

    def __init__(self, routes: Routes, health: Health, log: Log) -> None:
        """`routes` answer every request, on whichever socket it comes; `health` answers probes without a password."""
        self._routes = routes
        self._health = health
        self._log = log
        self._servers: dict[str, Server] = {}

    async def start(self, listeners: Iterable[Listener]) -> None:
        """Answer on these; on one that is served already, instead of the socket that it had."""
        for listener in listeners:
            label = listener.label
            if (server := self._servers.get(label)) is not None:
                if not server.closing:
                    await server.listen_instead(listener.sock, label)
                continue
            self._servers[label] = Server(self._answer, on_error=self._log.critical, gate=self._gate(listener.options))
            await self._servers[label].listen(listener.sock, label)

    @property
    def connections(self) -> int:
        """How many clients have."""
        return sum(server.connections for server in self._servers.values())

    def make_room(self) -> None:
        """Close a few idle connections, to have their descriptors."""
        for server in self._servers.values():
            server.make_room()

    def flush(self) -> None:
        """Take down what is counted of clients: other code goes on from here."""
        self._routes.denials.flush()

    async def close(self, within: float) -> None:
        """End the streams, and give answers that are on their way so many seconds for each server."""
        self._routes.close()
        for server in self._servers.values():
            await server.close(within)

    def _gate(self, options: UnixServer | InetServer | None) -> "_Gate":
        guard = HostGuard()  # a browser that comes through a proxy names the site whose page made it ask
        if isinstance(options, InetServer):
            # A browser sends no password to a host name that was pointed at this address: with one, any name is safe.
            guard = HostGuard(["*"] if options.username else [options.host])
        return _Gate(guard, BasicAuth(_users(options)), self._health, self._deny)

    async def _answer(self, request: Request) -> Response:
        response = await self._routes.router(request)
        if response.status == HTTPStatus.FORBIDDEN:
            self._deny(request, response, READ_ONLY)
        return response

    def _deny(self, request: Request, verdict: Response, reason: str) -> None:
        self._routes.denials.note(actor_of(request), reason, verdict.status)


class _Gate:
    """Decides whether a request may come in, and what it may do."""

    def __init__(
        self, guard: HostGuard, auth: BasicAuth, health: Health, deny: Callable[[Request, Response, str], None]
    ) -> None:
        self._guard = guard
        self._auth = auth
        self._health = health
        self._deny = deny

    def __call__(self, request: Request) -> Response | Role:
        verdict = self._guard.refusal(request) or self._auth.admit(request)
        if not isinstance(verdict, Response):
            return verdict
        if verdict.status == HTTPStatus.UNAUTHORIZED:
            probed = self._health.without_password(request)
            if probed is not None:
                return probed
            came = "authorization" in request.headers
            self._deny(request, verdict, "wrong name or password" if came else "it gave no name and password")
        else:
            self._deny(request, verdict, "it may be a page of another site that asks")
        return verdict


def _users(options: UnixServer | InetServer | None) -> list[User]:
    """The accounts of a server; without any, or with an empty name, it asks for no password."""
    if options is None or not options.username:
        return []
    users = [User(options.username, options.password or "")]
    if options.readonly_username:
        users.append(User(options.readonly_username, options.readonly_password or "", "read"))
    return users
