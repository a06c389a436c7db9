"""Requests as real clients send them, well-formed and not quite."""

import asyncio
import os
from dataclasses import replace

import pytest

from procman.http.messages import Peer
from procman.http.server import Limits, Request, Response
from tests.support.http_serving import Client, echo, run, serving

# What `supervisorctl tail -f web` of supervisor 4.3.0 writes to a unix socket, to the byte.
SUPERVISORCTL_TAIL = (
    b"GET /logtail/web HTTP/1.1\r\nHost: \r\nAccept-Encoding: chunked\r\nAccept: */*\r\n"
    b"User-agent: Supervisor HTTP Client\r\n\r\n\r\n"
)


@pytest.fixture
def seen() -> list[Request]:
    return []


@pytest.fixture
def remember(seen):
    async def handler(request: Request) -> Response:
        seen.append(request)
        return await echo(request)

    return handler


def test_a_connection_answers_one_request_after_the_other():
    """Keep-alive is the rule for HTTP/1.1, and a second request on the connection is like the first."""

    async def main():
        async with serving() as served:
            client = await served.client()
            for number in range(3):
                answer = await client.ask(b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n" % number)
                assert (answer.status, answer.body) == (200, b"GET /%d 0" % number)
                assert "connection" not in answer.headers
            assert (served.server.connections, served.server.requests) == (1, 3)

    run(main())


def test_the_extra_line_and_empty_host_of_supervisorctl_do_no_harm(remember, seen):
    """`supervisorctl tail -f` sends an empty Host and a line too many; the next request is understood."""

    async def main():
        async with serving(remember) as served:
            client = await served.client()
            assert (await client.ask(SUPERVISORCTL_TAIL)).body == b"GET /logtail/web 0"
            assert (await client.ask(SUPERVISORCTL_TAIL)).body == b"GET /logtail/web 0"
        assert seen[0].headers["host"] == ""
        assert served.server.requests == 2

    run(main())


def test_a_status_line_has_three_parts():
    """A client of supervisor splits it into version, status and reason, and fails where the reason is missing."""

    async def main():
        async def strange(request: Request) -> Response:
            return Response(int(request.path[1:]))

        async with serving(strange) as served:
            for status in (200, 404, 299, 599):
                answer = await served.get(f"/{status}")
                assert answer.status == status
                assert answer.reason

    run(main())


@pytest.mark.parametrize("tcp", [False, True])
def test_a_request_without_host_is_answered(remember, seen, *, tcp):
    """HTTP/1.1 demands the header, but many a script leaves it out; the handler is told there was one, and empty."""

    async def main():
        async with serving(remember, tcp=tcp) as served:
            client = await served.client()
            assert (await client.ask(b"GET /a HTTP/1.1\r\n\r\n")).status == 200
            assert (await client.ask(b"GET /b HTTP/1.1\r\nAccept: */*\r\n\r\n")).status == 200

    run(main())


def test_only_who_left_host_out_is_known_to_have_done_so(remember, seen):
    """A missing Host stays missing for the handler: a guard tells it from an empty one."""

    async def main():
        async with serving(remember) as served:
            await (await served.client()).ask(b"GET / HTTP/1.1\r\n\r\n")
            await (await served.client()).ask(b"GET / HTTP/1.1\r\nHost:\r\n\r\n")

    run(main())
    assert [request.headers.get("host") for request in seen] == [None, ""]


def test_the_peer_of_a_unix_socket_is_known(remember, seen):
    """The kernel says which process, user and group are at the other end."""

    async def main():
        async with serving(remember) as served:
            await served.get()

    run(main())
    assert seen[0].peer == (os.getpid(), os.getuid(), os.getgid())
    assert seen[0].server == "unix"


def test_there_is_no_peer_on_tcp(remember, seen):
    """Over TCP nobody vouches for the client."""

    async def main():
        async with serving(remember, tcp=True) as served:
            await served.get()

    run(main())
    assert seen[0].peer is None
    assert seen[0].server == "tcp"


def test_a_target_is_decoded_and_kept_as_it_was(remember, seen):
    """The path is for people, the raw path is for splitting; the query is taken apart."""

    async def main():
        async with serving(remember) as served:
            await served.get("/v1/a%2Fb/%C3%A9?tail=10&follow=&x=%20+&x=2")

    run(main())
    assert (seen[0].path, seen[0].raw_path) == ("/v1/a/b/é", "/v1/a%2Fb/%C3%A9")
    assert seen[0].query == {"tail": "10", "follow": "", "x": "2"}


def test_a_name_that_the_client_forgot_to_encode_is_understood(remember, seen):
    """Letters typed on curl's command line are sent as they are."""

    async def main():
        async with serving(remember) as served:
            assert (await served.get("/logtail/größe")).status == 200

    run(main())
    assert seen[0].path == "/logtail/größe"


def test_headers_are_found_by_lower_case_name(remember, seen):
    """Header names have no case, and repeated ones are one list."""

    async def main():
        async with serving(remember) as served:
            client = await served.client()
            await client.ask(b"GET / HTTP/1.1\r\nHOST: x\r\nX-Thing: a\r\nx-thing:   b  \r\n\r\n")

    run(main())
    assert seen[0].headers == {"host": "x", "x-thing": "a, b"}


def test_pipelined_requests_are_answered_in_order():
    """Requests sent ahead wait for their turn, however long the first one takes."""

    async def main():
        first_may_end = asyncio.Event()
        started = []

        async def handler(request: Request) -> Response:
            started.append(request.path)
            if request.path == "/0":
                await first_may_end.wait()
            return await echo(request)

        async with serving(handler) as served:
            client = await served.client()
            client.send(b"".join(b"POST /%d HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx" % n for n in range(50)))
            await served.until(lambda: started == ["/0"])
            first_may_end.set()
            for number in range(50):
                assert (await client.answer()).body == b"POST /%d 1" % number

    run(main())


def test_a_client_that_sends_far_ahead_is_not_read_any_more():
    """What is held of requests to come is bounded, and all of them are answered in the end."""

    async def main():
        go_on = asyncio.Event()
        bodies = []

        async def handler(request: Request) -> Response:
            await go_on.wait()
            bodies.append(len(request.body))
            return await echo(request)

        async with serving(handler, limits=Limits(header_bytes=1000)) as served:
            client = await served.client()
            one = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n" + b"x" * 100_000
            for _ in range(30):
                client.send(one)
            connection = await served.connection()
            await served.until(lambda: not connection._transport.is_reading())
            assert len(connection._inbox) < 600_000
            go_on.set()
            for _ in range(30):
                assert (await client.answer()).body == b"POST / 100000"
        assert bodies == [100_000] * 30

    run(main())


def test_reading_goes_on_when_what_was_sent_ahead_is_answered():
    """A pause ends with the requests that caused it, also where none of them had a body."""

    async def main():
        go_on = asyncio.Event()

        async def handler(request: Request) -> Response:
            await go_on.wait()
            return await echo(request)

        async with serving(handler, limits=Limits(header_bytes=1000)) as served:
            client = await served.client()
            connection = await served.connection()
            one = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
            client.send(one)
            await served.until(lambda: served.server.requests == 1)
            client.send(one * 100)
            await served.until(lambda: not connection._transport.is_reading())
            go_on.set()
            for _ in range(101):
                assert (await client.answer()).status == 200
            assert (await client.ask(one)).status == 200

    run(main())


def test_a_byte_at_a_time_makes_the_same_request(remember, seen):
    """Where the network cuts a request does not matter."""

    async def main():
        async with serving(remember, limits=Limits(header_bytes=200)) as served:
            client = await served.client()
            for (
                byte
            ) in b"\r\nPOST /x?y=1 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n":
                client.send(bytes([byte]))
                await asyncio.sleep(0)
            assert (await client.answer()).body == b"POST /x 3"

    run(main())
    assert (seen[0].body, seen[0].query) == (b"abc", {"y": "1"})


def test_a_chunked_body_is_one_body(remember, seen):
    """Chunks, their extensions and trailers are the transport's business; what follows is the next request."""

    async def main():
        async with serving(remember) as served:
            client = await served.client()
            client.send(
                b"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                b"4;ext=1\r\nabcd\r\nA\r\n0123456789\r\n0\r\nX-Trailer: 1\r\n\r\n"
                b"GET /b HTTP/1.1\r\nHost: x\r\n\r\n"
            )
            assert (await client.answer()).body == b"POST /a 14"
            assert (await client.answer()).body == b"GET /b 0"

    run(main())
    assert seen[0].body == b"abcd0123456789"


TINY = b"1\r\nx\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"


def test_a_body_in_tiny_chunks_may_come_in_pieces(remember, seen):
    """Many small chunks take several turns to read, and reading goes on where they end."""

    async def main():
        async with serving(remember) as served:
            client = await served.client()
            connection = await served.connection()
            client.send(CHUNKED)
            for received in (1000, 2000):
                client.send(TINY * 1000)
                await served.until(lambda: len(connection._body) == received)  # noqa: B023  awaited in place
            client.send(b"0\r\n\r\n")
            assert (await client.answer()).body == b"POST / 2000"

    run(main())
    assert seen[0].body == b"x" * 2000


def test_a_body_in_tiny_chunks_leaves_turns_to_others():
    """Ten thousand chunks that are all here already are not read in one go; the end behind them is no mistake."""

    async def main():
        go_on = asyncio.Event()
        turns, turns_before_body = 0, 0

        def turn() -> None:
            nonlocal turns
            turns += 1
            asyncio.get_running_loop().call_soon(turn)

        async def handler(request: Request) -> Response:
            nonlocal turns_before_body
            if request.method == "GET":
                await go_on.wait()
                turn()
            else:
                turns_before_body = turns
            return await echo(request)

        async with serving(handler, limits=Limits(header_bytes=200_000)) as served:
            client = await served.client()
            connection = await served.connection()
            client.send(b"GET /first HTTP/1.1\r\nHost: x\r\n\r\n" + CHUNKED + TINY * 10_000 + b"0\r\n\r\n")
            client.writer.write_eof()
            await served.until(lambda: connection._eof)
            go_on.set()
            assert (await client.answer()).body == b"GET /first 0"
            assert (await client.answer()).body == b"POST / 10000"
            assert turns_before_body >= 20

    run(main())


def test_a_client_that_asks_first_is_told_to_go_on():
    """Expect: 100-continue is answered before the body comes, and only then."""

    async def main():
        async with serving() as served:
            client = await served.client()
            head = b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"
            assert (await client.ask(head)).status == 100
            assert (await client.ask(b"abc")).body == b"POST / 3"
            assert (await client.ask(head + b"abc")).status == 200

    run(main())


def test_an_old_client_is_answered_and_the_connection_ends():
    """HTTP/1.0 needs no Host, and the end of the connection is the end of the answer."""

    async def main():
        async with serving() as served:
            client = await served.client()
            answer = await client.ask(b"GET /old HTTP/1.0\r\n\r\n")
            assert (answer.status, answer.body, answer.headers["connection"]) == (200, b"GET /old 0", "close")
            assert await client.ended()

    run(main())


def test_close_is_meant_when_it_is_said():
    """Connection: close ends the connection after the answer; what was sent behind it is not looked at."""

    async def main():
        async with serving() as served:
            client = await served.client()
            answer = await client.ask(
                b"GET /1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n"
            )
            assert answer.headers["connection"] == "close"
            assert await client.ended()
            assert served.server.requests == 1

    run(main())


def test_a_client_that_has_closed_its_side_still_gets_its_answers():
    """A half-closed connection (`printf … | nc -N`) is answered in full, then closed."""

    async def main():
        async with serving() as served:
            client = await served.client()
            client.send(b"GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n")
            client.writer.write_eof()
            assert (await client.answer()).body == b"GET /1 0"
            assert (await client.answer()).body == b"GET /2 0"
            assert await client.ended()
            await served.until(lambda: served.server.connections == 0)

    run(main())


def test_head_is_get_without_the_body():
    """HEAD has GET's headers, and the connection goes on."""

    async def main():
        async with serving() as served:
            client = await served.client()
            client.send(b"HEAD /abc HTTP/1.1\r\nHost: x\r\n\r\n")
            answer = await client.answer(to_head=True)
            assert answer.headers["content-length"] == str(len(b"HEAD /abc 0"))
            assert (await client.ask(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")).status == 200

    run(main())


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_that_has_no_body_gets_none(status):
    """204 and 304 end with their head, whatever the handler gave as their body."""

    async def main():
        async def handler(_: Request) -> Response:
            return Response(status, b"not to be sent")

        async with serving(handler) as served:
            client = await served.client()
            for _ in range(2):
                answer = await client.ask(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                assert answer.status == status
                assert "content-length" not in answer.headers

    run(main())


def test_an_upgrade_that_nobody_offers_is_passed_over():
    """`curl --http2` and web sockets ask to switch protocols; they get plain HTTP, and the connection goes on."""

    async def main():
        async with serving() as served:
            client = await served.client()
            for _ in range(2):
                answer = await client.ask(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")
                assert answer.status == 200

    run(main())


def test_a_large_answer_reaches_a_slow_reader_whole():
    """A body larger than any buffer goes out as the client reads it."""

    async def main():
        body = bytes(range(256)) * 40_000

        async def handler(_: Request) -> Response:
            return Response(body=body, content_type="application/octet-stream")

        async with serving(handler) as served:
            client = await served.client(limit=1000)
            client.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            connection = await served.connection()
            await served.until(lambda: connection._writable is not None)
            assert connection._transport.get_write_buffer_size() < 300_000
            answer = await client.answer()
            assert answer.headers["content-type"] == "application/octet-stream"
            assert answer.body == body
            client.send(b"HEAD / HTTP/1.0\r\n\r\n")
            assert (await client.answer(to_head=True)).headers["content-length"] == str(len(body))

    run(main())


def test_an_answer_carries_the_date_in_english():
    """RFC 9110 wants a Date, in its own format, whatever the locale."""

    async def main():
        async with serving() as served:
            return (await served.get()).headers["date"]

    import email.utils

    date = run(main())
    assert email.utils.format_datetime(email.utils.parsedate_to_datetime(date), usegmt=True).lower() == date


def test_the_real_xmlrpc_transport_is_served():
    """The XML-RPC transport of supervisor holds one connection for all its calls."""
    transport_module = pytest.importorskip("supervisor.xmlrpc")

    async def main():
        async def handler(request: Request) -> Response:
            assert b"<methodName>supervisor.getState</methodName>" in request.body
            return Response(
                body=b"<?xml version='1.0'?><methodResponse><params><param><value><int>20</int></value></param>"
                b"</params></methodResponse>",
                content_type="text/xml",
            )

        def ask(address: str) -> list[object]:
            import xmlrpc.client

            transport = transport_module.SupervisorTransport("user", "pass", f"unix://{address}")
            proxy = xmlrpc.client.ServerProxy("http://127.0.0.1", transport)
            answers = [proxy.supervisor.getState() for _ in range(5)]
            transport.close()
            return answers

        async with serving(handler) as served:
            assert await asyncio.to_thread(ask, served.address) == [20] * 5
            assert served.server.requests == 5

    run(main())


def test_the_real_tail_client_is_served():
    """The client behind `supervisorctl tail -f` reads each chunk as it comes; when it goes, the stream ends."""
    http_client = pytest.importorskip("supervisor.http_client")

    async def main():
        closed = asyncio.Event()
        heard: asyncio.Queue[bytes] = asyncio.Queue()

        async def handler(request: Request) -> Response:
            assert request.path == "/logtail/web"

            async def tail():
                try:
                    yield b"first\n"
                    assert await heard.get() == b"first\n"
                    yield b"second\n"
                    await asyncio.Event().wait()
                finally:
                    closed.set()

            return Response(body=tail())

        loop = asyncio.get_running_loop()

        def follow(address: str) -> bytes:
            class Listener(http_client.Listener):
                received = b""

                def error(self, url, error):
                    raise AssertionError(error)

                def feed(self, url, data):
                    self.received += data
                    loop.call_soon_threadsafe(heard.put_nowait, data)
                    if self.received.endswith(b"second\n"):
                        client.close()

            listener, sockets = Listener(), {}
            client = http_client.HTTPHandler(listener, "", "", map=sockets)
            client.get(f"unix://{address}", "/logtail/web")
            http_client.asynchat.asyncore.loop(map=sockets)
            return listener.received

        async with serving(handler) as served:
            assert await asyncio.to_thread(follow, served.address) == b"first\nsecond\n"
            await closed.wait()

    run(main())


def test_one_client_waits_for_nobody_else():
    """A slow handler holds up its own connection only."""

    async def main():
        go_on = asyncio.Event()

        async def handler(request: Request) -> Response:
            if request.path == "/slow":
                await go_on.wait()
            return await echo(request)

        async with serving(handler) as served:
            slow: Client = await served.client()
            slow.send(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
            assert (await served.get("/quick")).body == b"GET /quick 0"
            go_on.set()
            assert (await slow.answer()).body == b"GET /slow 0"

    run(main())


def test_a_request_with_its_body_is_otherwise_the_same():
    """Nothing that was known from the head is forgotten."""
    head = Request("PUT", "/a", "/%61", {"x": "1"}, {"host": "h"}, b"", Peer(1, 2, 3), "label", "read")
    assert head.with_body(b"body") == replace(head, body=b"body")
    assert head.body == b""


def test_bodies_of_two_connections_that_come_in_turn_are_kept_apart(remember, seen):
    """All connections are read into one place."""

    async def main():
        async with serving(remember) as served:
            clients = [await served.client() for _ in range(3)]
            for number, client in enumerate(clients):
                client.send(b"POST /%d HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\n" % number)
            for _ in range(4):
                for number, client in enumerate(clients):
                    client.send(b"%d%d" % (number, number))
                    await asyncio.sleep(0)
            for client in clients:
                assert (await client.answer()).status == 200
        assert sorted(request.body for request in seen) == [b"00000000", b"11111111", b"22222222"]

    run(main())
