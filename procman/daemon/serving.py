"""Answers clients: an HTTP server behind each listening socket."""

import os
from collections.abc import AsyncIterator, Iterable
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

from procman.access.rights import READ_ONLY, Rights
from procman.api.actors import actor_of
from procman.api.health import Health
from procman.api.rest.answers import route_problem
from procman.config.schema.servers import InetServer, UnixServer
from procman.daemon.gate import Gate, is_refused
from procman.daemon.listeners import Listener
from procman.daemon.routes import Routes
from procman.errors import ProcmanError
from procman.http.messages import Request, Response
from procman.http.server import Server
from procman.logs.protocol import Log

if TYPE_CHECKING:
    from procman.system.certificates import Certificate

LONGEST_NAME = 80
NO_LONGER = "the access sections have changed meanwhile, and you may not do this any more"


class WhileAllowed:
    """A stream that ends when the access sections change: its client comes again, and is judged anew."""

    def __init__(self, body: AsyncIterator[bytes], rights: Rights) -> None:
        self._body = body
        self._rights = rights

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        piece = await anext(self._body)
        if self._rights.has_changed:
            raise StopAsyncIteration
        return piece

    async def aclose(self) -> None:
        """The client has gone, or the stream has ended."""
        close = getattr(self._body, "aclose", None)
        if close is not None:
            await close()


class Serving:
    """All servers of one master."""

    def __init__(self, routes: Routes, health: Health, log: Log) -> None:
        """`routes` answer every request, on whichever socket it comes; `health` answers probes without a password."""
        self._routes = routes
        self._health = health
        self._log = log
        self._servers: dict[str, Server] = {}
        self._certificates: dict[str, Certificate] = {}  # by label
        self._warned: set[str] = set()  # what was said of certificates: each reread looks at them
        self._waiting: list[Listener] = []  # for a certificate that can be used

    async def start(self, listeners: Iterable[Listener]) -> None:
        """Answer on these; on one that is served already, instead of the socket that it had."""
        for listener in listeners:
            label = listener.label
            if (server := self._servers.get(label)) is not None:
                if not server.closing:
                    await server.listen_instead(listener.sock, label)
                continue
            options = listener.options
            if isinstance(options, InetServer) and options.certfile and not self._certify(label, options):
                self._waiting.append(listener)
                continue
            self._servers[label] = Server(self._answer, on_error=self._log.critical, gate=self._gate(listener.options))
            certificate = self._certificates.get(label)
            context = None if certificate is None else partial(getattr, certificate, "context")
            await self._servers[label].listen(listener.sock, label, context)

    async def read_certificates(self) -> None:
        """Read them again, for connections from now on; one that cannot be used leaves the one before in its place."""
        waiting, self._waiting = self._waiting, []
        await self.start(waiting)
        for label, certificate in self._certificates.items():
            try:
                certificate.read_again()
            except ProcmanError as error:
                self._log.critical(f"{label} goes on with the certificate that it had: {error}")
            else:
                self._warn_of(certificate)

    def _certify(self, label: str, options: InetServer) -> bool:
        """Read the certificate; without one that can be used, nobody is answered there."""
        from procman.system.certificates import Certificate  # noqa: PLC0415 - 84 KiB, for those that have one

        assert options.certfile is not None
        try:
            self._certificates[label] = Certificate(options.certfile, options.keyfile, options.client_ca)
        except ProcmanError as error:
            self._log.critical(f"not answering on {label}: {error} (procmanctl reread tries again)")
            return False
        self._warn_of(self._certificates[label])
        return True

    def _warn_of(self, certificate: "Certificate") -> None:
        warning = certificate.warning()
        if warning and warning not in self._warned:
            self._warned.add(warning)
            self._log.warn(warning)

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

    def _gate(self, options: UnixServer | InetServer | None) -> Gate:
        return Gate(options, self._routes.rules, self._health, self._deny, trusted={0, os.geteuid()})

    async def _answer(self, request: Request) -> Response:
        response = await self._routes.router(request)
        rights = request.rights
        if isinstance(rights, Rights):
            if rights.has_changed and not rights.still_allowed():
                # It has waited, and what it may do is another thing now.
                response = route_problem(HTTPStatus.FORBIDDEN, NO_LONGER, [])
            elif not isinstance(response.body, bytes | tuple) and not rights.is_full_for_good:
                response.body = WhileAllowed(response.body, rights)
        if is_refused(response):
            denial = rights.denial if isinstance(rights, Rights) else ""
            self._deny(request, response, denial or READ_ONLY)
        elif isinstance(rights, Rights) and rights.hidden:
            # Its answer is that of a name that does not exist; the journal knows better.
            self._deny(request, response, f"{rights.hidden[:LONGEST_NAME]} is hidden from it")
        return response

    def _deny(self, request: Request, verdict: Response, reason: str) -> None:
        # The query may have a secret in it.
        asked = f"{request.method} {request.path}"
        self._routes.denials.note(actor_of(request), reason, verdict.status, asked)
