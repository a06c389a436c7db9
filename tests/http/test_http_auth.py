"""Who may ask."""

import base64
import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from procman.http.auth import BasicAuth, HostGuard, User, host_name, is_address
from procman.http.passwords import credentials
from procman.http.server import Peer, Request, Response
from tests.support.http_serving import run, serving

PEER = Peer(1, 0, 0)


def request(method: str = "GET", *, peer: Peer | None = None, **headers: str) -> Request:
    return Request.of(method, "/", headers={name.replace("_", "-"): text for name, text in headers.items()}, peer=peer)


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


def sha(password: str) -> str:
    return "{SHA}" + hashlib.sha1(password.encode()).hexdigest()


CLEAR = BasicAuth([User("user", "pä:ss"), User("guest", "guess", "read")])
HASHED = BasicAuth([User("user", sha("pä:ss")), User("guest", sha("guess"), "read")])


@pytest.mark.parametrize("auth", [CLEAR, HASHED])
@pytest.mark.parametrize("header", [basic("user:pä:ss"), basic("user:pä:ss").replace("Basic", "bAsIc")])
def test_the_right_name_and_password_are_let_in(auth, header):
    """In clear or as supervisor's {SHA}; a password may hold colons and any letter."""
    assert auth.admit(request(authorization=header)) == "control"


@pytest.mark.parametrize("auth", [CLEAR, HASHED])
def test_each_user_has_a_role(auth):
    """Who logs in as the second one may only look; a password opens nothing under the other's name."""
    assert auth.admit(request(authorization=basic("guest:guess"))) == "read"
    for crossed in ("guest:pä:ss", "user:guess"):
        assert auth.admit(request(authorization=basic(crossed))).status == 401


@pytest.mark.parametrize("auth", [CLEAR, HASHED])
@pytest.mark.parametrize("given", ["user:pä:ss", "guest:guess", "user:", "x:pä:ss", f"{'x' * 99}:{'y' * 9999}"])
def test_nothing_is_compared_but_digests_of_one_length_and_always_all_of_them(auth, given, monkeypatch):
    """How long it takes tells neither which of the names was right, nor how long a password is."""
    compared = []
    compare = hmac.compare_digest

    def compare_digest(a: bytes, b: bytes) -> bool:
        compared.append((len(a), len(b)))
        return compare(a, b)

    monkeypatch.setattr(hmac, "compare_digest", compare_digest)
    auth.admit(request(authorization=basic(given)))
    assert len(compared) == 4
    assert all(a == b for a, b in compared)


@pytest.mark.parametrize("auth", [CLEAR, HASHED])
@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Basic",
        "Basic ",
        "Basic undefined:undefined",
        "Basic ====",
        "Basic é",
        "Bearer " + basic("user:pä:ss"),
        basic("user"),
        basic("user:"),
        basic(":pä:ss"),
        basic("user:pä:ss "),
        basic("User:pä:ss"),
        basic(f"user:{sha('pä:ss')}"),
        "Basic " + base64.b64encode(b"user:\xff").decode(),
    ],
)
def test_anything_else_is_401(auth, header):
    """Wrong, malformed or missing: the same answer, which asks for the realm that supervisor names."""
    response = auth.admit(request() if header is None else request(authorization=header))
    assert response.status == 401
    assert dict(response.headers) == {"WWW-Authenticate": 'Basic realm="default"'}


@pytest.mark.parametrize("header", ["Basic undefined:undefined", basic("any:one"), "nonsense"])
def test_without_a_password_nobody_is_asked_for_one(header):
    """The supervisord client of npm authenticates even then, with nonsense."""
    assert BasicAuth().admit(request(authorization=header)) == "control"


@given(st.text())
def test_any_header_can_be_taken_apart(text):
    """Whatever the header holds, it is credentials or it is not."""
    for header in (text, "Basic " + text, "Basic " + base64.b64encode(text.encode("utf-8", "replace")).decode()):
        found = credentials(header)
        assert found is None or len(found) == 2


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST:9001",
        "localhost.",
        "app.localhost:80",
        "app:9001",  # as a container asks another one
        "Box",
        "127.0.0.1:9001",
        "192.168.1.7",
        "[::1]:9001",
        "[fe80::1]",
    ],
)
def test_what_nobody_can_have_turned_to_us_is_known(host):
    """An address cannot be rebound, localhost is this machine by definition, and a page's name has a dot."""
    assert HostGuard().refusal(request(host=host)) is None


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "",
        ":9001",
        "user@localhost",
        "local host",
        "[::1",
        "1.2.3",
    ],
)
def test_other_names_are_refused(host):
    """A page whose name was made to resolve to this server is not ours."""
    assert HostGuard().refusal(request(host=host)).status == 403
    assert HostGuard().refusal(request(host=host), changes=False).status == 403


def test_a_configured_name_is_known():
    """Names are compared without case, port and last dot; a star knows them all."""
    guard = HostGuard(["Box.Lan"])
    assert guard.refusal(request(host="box.lan:9001")) is None
    assert guard.refusal(request(host="BOX.LAN.")) is None
    assert guard.refusal(request(host="other.lan")).status == 403
    assert HostGuard(["*"]).refusal(request(host="other.lan")) is None


def test_on_a_unix_socket_any_host_will_do():
    """An empty one is what supervisorctl sends there."""
    for host in ("", "evil.example", "/run/procman.sock"):
        assert HostGuard().refusal(request(host=host, peer=PEER)) is None


def test_a_client_that_sends_no_host_is_no_browser():
    """Health checks of load balancers speak HTTP/1.0 without it."""
    assert HostGuard().refusal(request()) is None


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({}, True),  # not a browser
        ({"origin": "http://localhost:9001"}, True),
        ({"origin": "https://LOCALHOST:9001"}, True),
        ({"origin": "http://localhost:8000"}, False),
        ({"origin": "http://evil.example"}, False),
        ({"origin": "http://localhost:9001.evil.example"}, False),
        ({"origin": "null"}, False),
        ({"origin": "file://localhost:9001"}, False),
        ({"origin": "https://proxy.example"}, True),
        ({"sec_fetch_site": "same-origin"}, True),
        ({"sec_fetch_site": "none"}, True),
        ({"sec_fetch_site": "same-site"}, False),  # another port of this machine
        ({"sec_fetch_site": "cross-site"}, False),
        ({"sec_fetch_site": "cross-site", "origin": "http://localhost:9001"}, False),
        ({"sec_fetch_site": "same-origin", "origin": "https://behind-a-proxy"}, True),
    ],
)
def test_only_our_own_pages_may_change_things(headers, allowed):
    """Another site's page can post a form here; its browser says where it comes from."""
    guard = HostGuard(["proxy.example"])
    for method in ("POST", "PUT", "DELETE"):
        refusal = guard.refusal(request(method, host="localhost:9001", **headers))
        assert (refusal is None) == allowed
    assert guard.refusal(request("GET", host="localhost:9001", **headers)) is None
    assert (guard.refusal(request("GET", host="localhost:9001", **headers), changes=True) is None) == allowed


def test_a_proxy_that_hides_the_name_is_told_what_to_do():
    """To whoever uses it, it is his own page that is refused: the buttons of a status page behind nginx."""
    refusal = HostGuard(["*"]).refusal(request("POST", host="127.0.0.1:9001", origin="http://web.example"))
    assert refusal.body == (
        b"another site's page may not change anything here: it is from 'http://web.example', and this is "
        b"'127.0.0.1:9001'; a proxy in between has to pass its Host header on\n"
    )
    sure = HostGuard(["*"]).refusal(request("POST", host="x", origin="http://y", sec_fetch_site="cross-site"))
    assert b"proxy" not in sure.body


def test_behind_a_proxy_on_a_unix_socket_the_browser_has_the_say():
    """The proxy's own name is unknown here, but a cross-site request names itself."""
    guard = HostGuard()
    assert guard.refusal(request("POST", host="x", origin="https://admin.example", peer=PEER)) is None
    assert guard.refusal(request("POST", host="x", sec_fetch_site="cross-site", peer=PEER)).status == 403


@given(st.text())
def test_any_host_can_be_taken_apart(text):
    """Whatever the header holds, the guard has an answer."""
    name = host_name(text)
    assert name is None or not is_address(name) or HostGuard().refusal(request(host=text)) is None
    HostGuard().refusal(request("POST", host=text, origin=text, sec_fetch_site=text))


def test_both_are_gates_of_a_server():
    """Refused before the body is read, with an answer that a client understands."""

    async def main():
        guard, auth = HostGuard(), BasicAuth([User("a", "b"), User("c", "d", "read")])

        async def tell_role(request: Request) -> Response:
            return Response(body=request.role.encode())

        gate = lambda head: guard.refusal(head) or auth.admit(head)  # noqa: E731 - as short as it can be
        async with serving(tell_role, gate=gate, tcp=True) as served:
            for headers, wanted in (
                ("Host: evil.example\r\n", 403),
                ("Host: localhost\r\n", 401),
                (f"Host: localhost\r\nAuthorization: {basic('a:b')}\r\n", b"control"),
                (f"Host: localhost\r\nAuthorization: {basic('c:d')}\r\n", b"read"),
            ):
                client = await served.client()
                answer = await client.ask(f"GET / HTTP/1.1\r\n{headers}\r\n".encode())
                assert wanted in (answer.status, answer.body)

    run(main())
