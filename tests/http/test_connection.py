"""One connection: its requests in turn, its deadline, and how it ends."""

import asyncio
import socket

import pytest

from procman.http.limits import Limits
from procman.http.messages import Request, Response
from tests.support.http_serving import GET, Client, echo, run, serving, still_answers

QUICK = Limits(request_timeout=0.05)


@pytest.mark.parametrize(
    "data",
    [
        b"G",
        b"GET / HTTP/1.1\r\nHost: x\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nab",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
    ],
)
@pytest.mark.parametrize("before", [b"", GET])
def test_a_truncated_request_is_a_400(data, before):
    """A client that ends its request in the middle gets a 400, also behind a complete request."""

    async def main():
        async with serving() as served:
            client = await served.client()
            client.send(before + data)
            client.writer.write_eof()
            if before:
                assert (await client.answer()).status == 200
            assert (await client.answer()).status == 400
            assert await client.ended()
            await still_answers(served)

    run(main())


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HT",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nab",
        GET + b"GET",
    ],
)
def test_an_incomplete_request_is_ended_at_its_deadline(data):
    """A request that is not completed in time is answered 408, then the connection ends."""

    async def main():
        async with serving(limits=QUICK) as served:
            client = await served.client()
            client.send(data)
            if data.startswith(GET):
                assert (await client.answer()).status == 200
            answer = await client.answer()
            assert (answer.status, answer.headers["connection"]) == (408, "close")
            assert await client.ended()
            await still_answers(served)

    run(main())


def test_a_trickle_does_not_move_the_deadline():
    """The deadline is for the request, not for each read: a byte now and then does not extend it."""

    async def main():
        async with serving(limits=QUICK) as served:
            client = await served.client()
            client.send(b"GET / HTTP/1.1\r\nX: ")

            async def trickle():
                while True:
                    client.send(b"x")
                    await asyncio.sleep(0.001)

            drip = asyncio.create_task(trickle())
            assert (await client.answer()).status == 408
            assert await client.ended()
            drip.cancel()

    run(main())


def test_an_idle_connection_has_no_timer():
    """An idle connection stays open and causes no wake-up, before its first request and after each."""

    async def main():
        async with serving() as served:
            client = await served.client()
            connection = await served.connection()
            assert connection._timer is None
            for _ in range(3):
                client.send(b"GET / HTTP/1.1\r\n")
                await served.until(lambda: connection._timer is not None)
                await client.ask(b"Host: x\r\n\r\n")
                assert connection._timer is None
                client.send(b"\r\n")  # an empty line is not the beginning of a request
                await client.ask(GET)
                assert connection._timer is None

    run(main())


@pytest.mark.parametrize("tcp", [False, True])
def test_ten_megabytes_are_refused_without_a_reset(tcp):
    """A client that sends its whole body before it reads still gets to read the 413, and the body is not kept."""

    def post(address: str | tuple[str, int]) -> bytes:
        with socket.socket(socket.AF_INET if tcp else socket.AF_UNIX) as client:
            client.connect(address)
            client.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\n\r\n")
            client.sendall(b"x" * 10_000_000)
            data = b""
            while more := client.recv(65536):
                data += more
            return data

    async def main():
        async with serving(tcp=tcp) as served:
            answer = await asyncio.to_thread(post, served.address)
            assert answer.startswith(b"HTTP/1.1 413 ")
            await still_answers(served)

    run(main())


def test_a_client_that_never_closes_is_dropped_after_the_linger_time():
    """After an answer that ends the connection, the server waits for the client's close for a limited time."""

    async def main():
        async with serving(limits=Limits(linger=0.05)) as served:
            client = await served.client()
            assert (await client.ask(b"nonsense\r\n\r\n")).status == 400
            await served.until(lambda: served.server.connections == 0)

    run(main())


def test_a_client_that_still_sends_is_not_reset():
    """A large body takes as long as it takes, but no longer than a request may."""

    async def main():
        async with serving(limits=Limits(linger=1000)) as served:
            client = await served.client()
            connection = await served.connection()
            assert (await client.ask(b"nonsense\r\n\r\n")).status == 400
            for _ in range(3):
                client.send(b"x" * 100_000)
                await served.until(lambda: connection._lingering.heard)
                connection._lingering.timer._run()  # the pause is over, and something has come in it
                assert served.server.connections == 1
                assert not connection._transport.is_closing()
            connection._lingering.timer._run()
            assert connection._transport.is_closing()
        async with serving(limits=Limits(linger=1000, request_timeout=0)) as served:
            client = await served.client()
            connection = await served.connection()
            assert (await client.ask(b"nonsense\r\n\r\n")).status == 400
            client.send(b"x")
            await served.until(lambda: connection._lingering.heard)
            connection._lingering.timer._run()
            assert connection._transport.is_closing()

    run(main())


def test_a_handler_goes_on_when_its_client_has_gone():
    """A handler finishes without its client, as with supervisord; until then the connection counts."""

    async def main():
        go_on, done = asyncio.Event(), asyncio.Event()

        async def handler(request: Request) -> Response:
            await go_on.wait()
            done.set()
            return await echo(request)

        async with serving(handler) as served:
            client = await served.client()
            client.send(GET)
            await served.until(lambda: served.server.requests == 1)
            client.close()
            await client.writer.wait_closed()
            go_on.set()
            await done.wait()
            await served.until(lambda: served.server.connections == 0)
            assert not served.errors

    run(main())


def test_a_connection_answers_one_request_after_the_other():
    """HTTP/1.1 connections are kept alive, and later requests are like the first."""

    async def main():
        async with serving() as served:
            client = await served.client()
            for number in range(3):
                answer = await client.ask(b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n" % number)
                assert (answer.status, answer.body) == (200, b"GET /%d 0" % number)
                assert "connection" not in answer.headers
            assert (served.server.connections, served.server.requests) == (1, 3)

    run(main())


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


def test_a_client_that_sends_far_ahead_is_paused():
    """Requests held in advance have a bound, and all of them are answered in the end."""

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
            assert len(connection._reader._inbox) < 600_000
            go_on.set()
            for _ in range(30):
                assert (await client.answer()).body == b"POST / 100000"
        assert bodies == [100_000] * 30

    run(main())


def test_reading_resumes_when_the_requests_sent_ahead_are_answered():
    """A pause ends with the requests that caused it, also when none of them had a body."""

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


def test_an_http_1_0_connection_ends_with_its_answer():
    """HTTP/1.0 needs no Host, and the end of the connection is the end of the answer."""

    async def main():
        async with serving() as served:
            client = await served.client()
            answer = await client.ask(b"GET /old HTTP/1.0\r\n\r\n")
            assert (answer.status, answer.body, answer.headers["connection"]) == (200, b"GET /old 0", "close")
            assert await client.ended()

    run(main())


def test_connection_close_ends_the_connection():
    """Connection: close ends the connection after the answer, and requests behind it are ignored."""

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


def test_a_request_to_switch_protocols_is_ignored():
    """`curl --http2` and web sockets ask to switch protocols; they get plain HTTP, and the connection goes on."""

    async def main():
        async with serving() as served:
            client = await served.client()
            for _ in range(2):
                answer = await client.ask(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")
                assert answer.status == 200

    run(main())


@pytest.mark.parametrize("in_pieces", [False, True])
def test_a_large_answer_reaches_a_slow_reader_whole(in_pieces):
    """A body larger than any buffer is sent as fast as the client reads it; one in pieces is no other."""

    async def main():
        body = bytes(range(256)) * 40_000
        sent = tuple(body[at : at + 60_000] for at in range(0, len(body), 60_000)) if in_pieces else body

        async def handler(_: Request) -> Response:
            return Response(body=sent, content_type="application/octet-stream")

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


def test_a_slow_handler_delays_no_other_client():
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


def test_interleaved_bodies_of_several_connections_are_kept_apart(remember, seen):
    """Connections share one receive buffer, but not its content."""

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
