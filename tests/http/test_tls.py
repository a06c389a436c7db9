"""TLS in front of connections."""

import asyncio
import contextlib
import shutil
import socket
import ssl
from collections.abc import AsyncIterator

import pytest

from procman.http.limits import Limits
from procman.http.messages import Request, Response
from procman.http.server import Server
from tests.support.certificates import Authority
from tests.support.http_serving import GET, Client, Served, echo, run

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl")


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def pair(authority):
    return authority.issue("server")


@contextlib.asynccontextmanager
async def encrypted(pair, *, client_ca=None, limits=None, handler=echo) -> AsyncIterator[Served]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*pair)
    if client_ca is not None:
        context.load_verify_locations(client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    errors: list[str] = []
    server = Server(handler, on_error=errors.append, limits=limits or Limits())
    sock = socket.create_server(("127.0.0.1", 0))
    served = Served(server, sock.getsockname(), errors)
    await server.listen(sock, "tls", lambda: context)
    try:
        yield served
    finally:
        await served.close_clients()
        await server.close(grace=5)
        assert server.connections == 0
        assert errors == []


def trusting(authority, pair=None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=authority.file)
    if pair is not None:
        context.load_cert_chain(*pair)
    return context


async def client_of(served: Served, context: ssl.SSLContext) -> Client:
    return await served.client(ssl=context, server_hostname="localhost")


def test_requests_are_answered_over_one_connection(authority, pair):
    """Keep-alive, large bodies in both directions, and streams work as without TLS."""

    async def handler(request: Request) -> Response:
        if request.path == "/stream":

            async def pieces() -> AsyncIterator[bytes]:
                for number in range(3):
                    yield b"%d" % number

            return Response(body=pieces())
        assert request.is_encrypted
        return Response(body=request.body[::-1])

    async def main():
        async with encrypted(pair, handler=handler) as served:
            client = await client_of(served, trusting(authority))
            body = bytes(range(256)) * 2000
            head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body)
            for _ in range(2):
                assert (await client.ask(head + body)).body == body[::-1]
            assert (await client.ask(b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n")).status == 200

    run(main())


def is_answered(port: int, context: ssl.SSLContext) -> bool:
    try:
        with (
            socket.create_connection(("127.0.0.1", port)) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as sock,
        ):
            sock.sendall(GET)
            return bool(sock.recv(100))
    except OSError:
        return False


def test_what_comes_with_the_handshake_is_not_lost(authority, pair):
    """A client that sends its request at once, and closes, is answered."""

    def ask(port: int) -> bytes:
        with (
            socket.create_connection(("127.0.0.1", port)) as plain,
            trusting(authority).wrap_socket(plain, server_hostname="localhost") as sock,
        ):
            sock.sendall(b"GET /early HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            return b"".join(iter(lambda: sock.recv(1000), b""))

    async def main():
        async with encrypted(pair) as served:
            for _ in range(5):
                answer = await asyncio.to_thread(ask, served.address[1])
                assert answer.endswith(b"GET /early 0")

    run(main())


def test_only_clients_with_a_certificate_come_in(authority, pair, tmp_path):
    """With client_ca, a certificate of another authority or none is refused."""
    other = Authority(tmp_path)
    mine, theirs = authority.issue("client"), other.issue("client")

    async def main():
        async with encrypted(pair, client_ca=authority.file) as served:
            client = await client_of(served, trusting(authority, mine))
            assert (await client.ask(GET)).status == 200
            for wrong in (None, theirs):
                context = trusting(authority, wrong)
                assert not await asyncio.to_thread(is_answered, served.address[1], context)
            await served.until(lambda: served.server.connections == 1)

    run(main())


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\xff\xff" + b"x" * 400, b""])
def test_what_is_no_tls_is_dropped(authority, pair, data):
    """Plain HTTP and garbage end the connection, and nothing else."""

    async def main():
        async with encrypted(pair) as served:
            client = await served.client()
            client.writer.write(data)
            client.writer.write_eof()
            await served.until(lambda: served.server.connections == 0)
            good = await client_of(served, trusting(authority))
            assert (await good.ask(GET)).status == 200

    run(main())


def test_clients_in_the_handshake_have_no_more_places_than_others(authority, pair):
    """One that does not go on gives way to the next, so that silent clients cannot keep others out."""

    async def main():
        async with encrypted(pair, limits=Limits(connections=3)) as served:
            for _ in range(6):
                await served.client()
            good = await client_of(served, trusting(authority))
            assert (await good.ask(GET)).status == 200
            assert served.server.connections <= 3

    run(main())


def test_a_server_that_closes_ends_handshakes(pair):
    """Nobody is waited for who has not asked for anything."""

    async def main():
        async with encrypted(pair) as served:
            await served.client()
            await served.until(lambda: served.server.connections == 1)
            await served.server.close(grace=60)
            assert served.server.connections == 0

    run(main())
