"""The gates of servers: who may come in, and what they may do.

A server with access = socket asks for a password, if it has one. With access = roles it knows local users by the
kernel, and others by a token; `procman.access` judges what follows from that.
"""

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING

from procman.access.rights import READ_ONLY, Rights
from procman.access.rules import Door, Grant, Identity, Rules
from procman.api.health import Health
from procman.config.schema.servers import InetServer, UnixServer
from procman.http.basic_auth import BasicAuth, User
from procman.http.host_guard import HostGuard
from procman.http.messages import Request, Response
from procman.http.messages import Rights as HttpRights
from procman.services.access import door_of

if TYPE_CHECKING:
    from procman.http.tokens import Tokens

Deny = Callable[[Request, Response, str], None]

# What a client is to the kernel that has no uid here: /proc/sys/kernel/overflowuid is that, unless somebody changes it.
NOBODY = 65534

_FULL = Grant(source="access = socket", role="admin", logs=True)
_READER = Grant(source="readonly_username", role="read", logs=True)


class Gate:
    """Decides whether a request may come in, and what it may do."""

    def __init__(
        self,
        options: UnixServer | InetServer | None,
        rules: Rules,
        health: Health,
        deny: Deny,
        *,
        trusted: Iterable[int],
    ) -> None:
        """`health` answers probes without a password; to local users with a `trusted` uid everything is allowed."""
        guard = HostGuard()  # a browser that comes through a proxy names the site whose page made it ask
        self._roles = options is not None and options.access == "roles"
        self._has_password = options is not None and bool(options.username)
        if isinstance(options, InetServer):
            # A browser sends no password to a host name that was pointed at this address: with one, any name is safe.
            guard = HostGuard(["*"] if options.username or options.is_locked else [options.host])
        self._guard = guard
        self._auth = BasicAuth(_users(options))
        self._rules = rules
        self._health = health
        self._deny = deny
        self._trusted = frozenset(trusted)
        self._door = Door()
        if isinstance(options, UnixServer):
            self._door = door_of(options.default_role, options.owner_role)
        self._tokens: Tokens | None = None
        if self._roles:
            # Imports OpenSSL, as passwords do.
            from procman.http import tokens  # noqa: PLC0415

            self._tokens = tokens.Tokens(lambda: rules.digests)

    def __call__(self, request: Request) -> Response | HttpRights:
        """Answer what may not come in; else say with which rights it does."""
        refusal = self._guard.refusal(request)
        if refusal is not None:
            self._deny(request, refusal, "it may be a page of another site that asks")
            return refusal
        verdict = self._admit_by_role(request) if self._roles else self._admit_by_password(request)
        if not isinstance(verdict, Response):
            return verdict
        probed = self._health.without_password(request)
        if probed is not None:
            return probed
        if self._tokens is not None:
            wrong = "wrong token" if "authorization" in request.headers else "it sent no token"
        else:
            wrong = "wrong name or password"
            if "authorization" not in request.headers:
                wrong = "it gave no name and password"
        self._deny(request, verdict, wrong)
        return verdict

    def _admit_by_password(self, request: Request) -> Response | HttpRights:
        role = self._auth.admit(request)
        if isinstance(role, Response):
            return role
        if role == "control":
            return request.rights
        return Rights(Identity(grants=(_READER,)), self._rules, Door(), refusal=READ_ONLY)

    def _admit_by_role(self, request: Request) -> Response | HttpRights:
        assert self._tokens is not None
        grants: tuple[Grant, ...] = ()
        digest = ""
        given = request.headers.get("authorization", "")
        if request.peer is not None and not self._has_password and given.lower().startswith("basic "):
            # Some clients send a name and a password that nobody has asked for. Here the kernel says who they are.
            digest = self._tokens.digest_in(given) or ""
        elif given:
            found = self._tokens.digest_in(given)
            login = self._auth.admit(request) if self._has_password and found is None else None
            if login == "control":
                grants = (Grant(source="username", role="admin", logs=True),)
            elif login == "read":
                grants = (_READER,)
            elif found is None:
                return self._tokens.refusal(request.address)
            digest = found or ""
        elif request.peer is None:
            return self._tokens.refusal("")
        peer = request.peer
        if peer is None:
            identity = Identity(digest=digest, grants=grants)
        elif peer.uid in self._trusted:
            grant = Grant(source="root" if peer.uid == 0 else "the user of the master", role="admin", logs=True)
            identity = Identity(uid=peer.uid, gids=_groups(request), digest=digest, grants=(*grants, grant))
        elif peer.uid == NOBODY:
            identity = Identity(digest=digest, grants=grants)
        else:
            identity = Identity(uid=peer.uid, gids=_groups(request), digest=digest, grants=grants)
        rights = Rights(identity, self._rules, self._door)
        if rights.role == "none" and self._health.is_probe(request):
            # A kubelet has no role, and learns no more than without a password.
            return self._health.without_password(request) or rights
        return rights


def _groups(request: Request) -> frozenset[int]:
    peer = request.peer
    return frozenset() if peer is None else frozenset((peer.gid, *peer.groups))


def _users(options: UnixServer | InetServer | None) -> list[User]:
    """The accounts of a server; without any, or with an empty name, it asks for no password."""
    if options is None or not options.username:
        return []
    users = [User(options.username, options.password or "")]
    if options.readonly_username:
        users.append(User(options.readonly_username, options.readonly_password or "", "read"))
    return users


def is_refused(response: Response) -> bool:
    """Whether a client was not allowed what it wanted."""
    return response.status == HTTPStatus.FORBIDDEN
