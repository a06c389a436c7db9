"""The gate of a server: who comes in, and with which rights."""

import base64
import hashlib

import pytest

from procman.access.rights import Rights
from procman.access.rules import Grant, Rules, Section
from procman.config.schema.servers import InetServer, UnixServer
from procman.daemon.gate import NOBODY, Gate
from procman.http.messages import EVERY_RIGHT, Peer, Request, Response
from procman.services.selectors import names_it

DIGEST = hashlib.sha256(b"t0ken").hexdigest()


class Probes:
    """Answers probes without names."""

    def without_password(self, request):
        return Response(body=b"ok\n") if self.is_probe(request) else None

    def is_probe(self, request):
        return request.path == "/livez"


def gate(options, denied=None):
    rules = Rules(names_it, lambda _: None, lambda _: False)
    allow = Grant(source="[access:x]", role="operate", logs=True)
    rules.replace((Section(grant=allow, uids=frozenset({7}), gids=frozenset({70}), digests=frozenset({DIGEST})),))
    denied = [] if denied is None else denied
    return Gate(options, rules, Probes(), lambda _request, _answer, reason: denied.append(reason), trusted={0, 500})


def unix(**options):
    return UnixServer(file="/s", access="roles", **options)


def role(verdict):
    assert isinstance(verdict, Rights)
    return verdict.role


def ask(uid=None, authorization="", path="/", groups=()):
    peer = None if uid is None else Peer(1, uid, uid, "", groups)
    headers = {"authorization": authorization} if authorization else {}
    return Request.of("GET", path, headers=headers, peer=peer, address="" if peer else "192.0.2.1")


def basic(text):
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (ask(0), "admin"),
        (ask(500), "admin"),
        (ask(7), "operate"),
        (ask(8, groups=(70,)), "operate"),
        (ask(8, "Bearer t0ken"), "operate"),
        (ask(8, basic("x:t0ken")), "operate"),
        (ask(8, basic("undefined:undefined")), "none"),
        (ask(8), "none"),
        (ask(NOBODY), "none"),
    ],
)
def test_the_kernel_or_a_token_says_who_a_local_client_is(request_, expected):
    """Root and the master's user are admins, others what a section says of their uid, groups or token."""
    assert role(gate(unix())(request_)) == expected


def test_a_uid_of_another_namespace_is_nobody():
    """It never has the default role, nor that of a section, as many users have that number."""
    assert role(gate(unix(default_role="read"))(ask(8))) == "read"
    assert role(gate(unix(default_role="read"))(ask(NOBODY))) == "none"


def test_over_tcp_only_a_token_counts():
    """Without a valid one, a request is refused, and the journal has the reason."""
    denied: list[str] = []
    entry = gate(InetServer(host="127.0.0.1", port=1, access="roles"), denied)
    assert role(entry(ask(authorization="Bearer t0ken"))) == "operate"
    for header in ("", "Bearer wrong", basic("x:wrong"), "Negotiate x"):
        assert entry(ask(authorization=header)).status == 401
    assert denied == ["it sent no token", *["wrong token"] * 3]
    assert entry(ask(path="/livez")).body == b"ok\n"


def test_a_password_goes_on_to_be_valid():
    """Where a server with roles has one, its accounts are admin and read."""
    accounts = {"username": "me", "password": "a", "readonly_username": "guest", "readonly_password": "b"}
    entry = gate(InetServer(host="127.0.0.1", port=1, access="roles", **accounts))
    assert role(entry(ask(authorization=basic("me:a")))) == "admin"
    assert role(entry(ask(authorization=basic("guest:b")))) == "read"
    assert entry(ask(authorization=basic("me:b"))).status == 401
    assert entry(ask()).status == 401


def test_without_roles_all_is_as_ever():
    """Whoever may connect may do everything; a read-only account has its words."""
    assert gate(UnixServer(file="/s"))(ask(8)) is EVERY_RIGHT
    assert gate(None)(ask(8, "Bearer nonsense")) is EVERY_RIGHT
    accounts = {"username": "me", "password": "a", "readonly_username": "guest", "readonly_password": "b"}
    entry = gate(UnixServer(file="/s", **accounts))
    assert entry(ask(0, basic("me:a"))) is EVERY_RIGHT
    reader = entry(ask(0, basic("guest:b")))
    assert role(reader) == "read"
    assert reader.is_by_password
    assert entry(ask(0)).status == 401


@pytest.mark.parametrize("name", ["web", "guest"])
def test_rights_are_of_one_request(name):
    """Each request gets rights of its own, so that what one has asked for is not judged for another."""
    entry = gate(unix())
    assert entry(ask(7, path=f"/{name}")) is not entry(ask(7, path=f"/{name}"))
