"""Names, passwords and roles."""

import base64
import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from procman.http.basic_auth import BasicAuth, User
from procman.http.credentials import basic_credentials
from procman.http.host_guard import HostGuard
from procman.http.messages import EveryRight, Peer, Request, Response, Rights
from tests.support.http_serving import run, serving


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
def test_the_right_name_and_password_are_accepted(auth, header):
    """In clear or as supervisor's {SHA}; a password may contain colons and any letter."""
    assert auth.admit(request(authorization=header)) == "control"


@pytest.mark.parametrize("auth", [CLEAR, HASHED])
def test_each_user_has_a_role(auth):
    """The second user is read-only, and neither password works with the other name."""
    assert auth.admit(request(authorization=basic("guest:guess"))) == "read"
    for crossed in ("guest:pä:ss", "user:guess"):
        assert auth.admit(request(authorization=basic(crossed))).status == 401


@pytest.mark.parametrize("auth", [CLEAR, HASHED])
@pytest.mark.parametrize("given", ["user:pä:ss", "guest:guess", "user:", "x:pä:ss", f"{'x' * 99}:{'y' * 9999}"])
def test_all_digests_are_always_compared(auth, given, monkeypatch):
    """The time taken reveals neither which name was right nor how long a password is."""
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
    """Wrong, malformed and missing credentials get the same 401, with supervisor's realm."""
    response = auth.admit(request() if header is None else request(authorization=header))
    assert response.status == 401
    assert dict(response.headers) == {"WWW-Authenticate": 'Basic realm="default"'}


@pytest.mark.parametrize("header", ["Basic undefined:undefined", basic("any:one"), "nonsense"])
def test_without_users_credentials_are_ignored(header):
    """Npm's supervisord client sends credentials, and nonsense, even where none are needed."""
    assert BasicAuth().admit(request(authorization=header)) == "control"


@given(st.text())
def test_any_authorization_header_can_be_parsed(text):
    """Every header either has credentials or has none."""
    for header in (text, "Basic " + text, "Basic " + base64.b64encode(text.encode("utf-8", "replace")).decode()):
        found = basic_credentials(header)
        assert found is None or len(found) == 2


class Named(EveryRight):
    """Rights that have the name of a role."""

    def __init__(self, role: str) -> None:
        self.role = role


def test_guard_and_authentication_are_gates_of_a_server():
    """Requests are refused before their body is read, with an answer that a client understands."""

    async def main():
        guard, auth = HostGuard(), BasicAuth([User("a", "b"), User("c", "d", "read")])

        async def tell_role(request: Request) -> Response:
            return Response(body=request.rights.role.encode())

        def gate(head: Request) -> Response | Rights:
            verdict = guard.refusal(head) or auth.admit(head)
            return verdict if isinstance(verdict, Response) else Named(verdict)

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
