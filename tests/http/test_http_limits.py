"""Bad, slow and greedy clients: each gets a proper answer or a close, and nobody else notices."""

import asyncio
import contextlib
import os
import socket

import pytest

from procman.http.server import Limits, Request, Response, Role, problem
from tests.support.http_serving import Client, Served, echo, run, serving

QUICK = Limits(request_timeout=0.05)
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


async def still_answers(served: Served) -> None:
    assert (await served.get("/ok")).body == b"GET /ok 0"


@pytest.mark.parametrize(
    ("status", "data"),
    [
        (400, b"nonsense\r\n\r\n"),
        (400, b"GET /\r\n\r\n"),
        (400, b"GET  HTTP/1.1\r\nHost: x\r\n\r\n"),
        (400, b"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n"),
        (400, b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n"),
        (400, b"GET / HTTP/1.1\r\n folded: first\r\n\r\n"),
        (400, b"GET / HTTP/1.1\r\nHost: x\r\nNo colon\r\n\r\n"),
        (400, b"GET / HTTP/1.1\r\nHost: x\r\nNul: \0\r\n\r\n"),
        (400, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n"),
        (400, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1, 2\r\n\r\n"),
        (400, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"),
        (400, b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"),
        (400, b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n"),
        (400, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),  # TLS says hello
        (413, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n\r\n"),
        (413, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n"),
        (413, b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2000000\r\n\r\n"),
        (431, b"GET /" + b"a" * 20_000),
        (431, b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n"),
        (431, b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 100 + b"\r\n"),
        (501, b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"),
        (501, b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n"),
        (505, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    ],
)
def test_what_cannot_be_taken_is_refused_with_its_status(status, data):
    """A proper HTTP answer with a reason, then the end of the connection; the handler hears nothing of it."""

    async def main():
        async with serving() as served:
            client = await served.client()
            answer = await client.ask(data)
            assert (answer.status, answer.headers["connection"]) == (status, "close")
            assert answer.body.endswith(b"\n")
            assert len(answer.body) < 300
            assert await client.ended()
            await still_answers(served)
            assert not served.errors

    run(main())


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
def test_a_truncated_request_is_told_so(data, before):
    """A request that ends in the middle is a 400 for who is still there to read it, also behind a whole one."""

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
def test_a_half_sent_request_is_ended_at_its_deadline(data):
    """Who begins a request and does not go on is told 408, then the connection ends."""

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
    """One deadline per request, not per read: who sends a byte now and then is ended as well."""

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
    """It stays open for ever and wakes nobody up: before its first request, and after each."""

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


def test_a_hundred_idle_connections_are_in_nobodys_way():
    """They are held, each can go on when it likes, and others are served."""

    async def main():
        async with serving() as served:
            clients = [await served.client() for _ in range(100)]
            await still_answers(served)
            await served.until(lambda: served.server.connections == 100)
            for client in clients:
                assert (await client.ask(GET)).status == 200

    run(main())


def test_the_longest_idle_connection_makes_room_for_a_new_one():
    """At the limit an idle connection goes, the one that has been idle for the longest time."""

    async def main():
        async with serving(limits=Limits(connections=3)) as served:
            first, second, third = [await served.client() for _ in range(3)]
            await first.ask(GET)
            await third.ask(GET)
            await second.ask(GET)
            await first.ask(GET)
            fourth = await served.client()
            assert (await fourth.ask(GET)).status == 200
            assert await third.ended()
            for client in (first, second, fourth):
                assert (await client.ask(GET)).status == 200
            assert served.server.connections == 3

    run(main())


def test_half_a_request_does_not_keep_others_out():
    """Where nobody is idle the one goes that has been sending for the longest time; who is served stays."""

    async def main():
        async with serving(limits=Limits(connections=3)) as served:
            first, second, third = [await served.client() for _ in range(3)]
            await third.ask(GET)
            first.send(b"GET /")
            second.send(b"GET /")
            for _ in range(4):
                another = await served.client()
                assert (await another.ask(GET)).status == 200
                another.send(b"GET /")
            assert await third.ended()
            assert await first.ended()
            assert await second.ended()
            assert served.server.connections <= 3

    run(main())


def test_half_of_the_idle_connections_go_where_there_are_no_descriptors_left():
    """Those that have been idle for the longest time; one that is being served stays."""

    async def main():
        async with serving() as served:
            clients = [await served.client() for _ in range(5)]
            for client in clients:
                await client.ask(GET)
            clients[0].send(GET[:-2])
            await served.until(lambda: len(served.server._idle) == 4)
            served.server.make_room()
            assert await clients[1].ended()
            assert await clients[2].ended()
            clients[0].send(GET[-2:])
            assert (await clients[0].head()).status == 200
            for client in clients[3:]:
                assert (await client.ask(GET)).status == 200

    run(main())


@pytest.mark.parametrize("tcp", [False, True])
def test_a_client_too_many_is_told_503(tcp):
    """When all connections are at work, the next one is turned away with an answer, and those at work do not notice."""

    async def main():
        go_on = asyncio.Event()

        async def handler(request: Request) -> Response:
            await go_on.wait()
            return await echo(request)

        async with serving(handler, limits=Limits(connections=2), tcp=tcp) as served:
            busy = [await served.client() for _ in range(2)]
            for client in busy:
                client.send(GET)
            await served.until(lambda: served.server.requests == 2)
            for _ in range(5):
                rejected = await served.client()
                answer = await rejected.ask(GET)
                assert (answer.status, answer.headers["connection"]) == (503, "close")
                assert await rejected.ended()
            assert served.server.connections <= 3
            go_on.set()
            for client in busy:
                assert (await client.answer()).status == 200

    run(main())


@pytest.mark.parametrize("tcp", [False, True])
def test_ten_megabytes_are_refused_without_a_reset(tcp):
    """A client that sends all of its body before it reads still gets to read the 413, and the body is not kept."""

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


def test_a_chunked_body_is_refused_where_it_passes_the_limit():
    """Without a Content-Length the bytes themselves are counted."""

    async def main():
        async with serving(limits=Limits(body=1000)) as served:
            client = await served.client()
            client.send(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
            client.send(b"64\r\n" + b"x" * 100 + b"\r\n")
            client.send(b"385\r\n" + b"x" * 901)
            assert (await client.answer()).status == 413

    run(main())


def test_a_body_of_exactly_the_limit_is_taken():
    """The limit is what may come; a larger one can be set."""

    async def main():
        for limit in (1000, 8 * 1024 * 1024):
            async with serving(limits=Limits(body=limit)) as served:
                client = await served.client()
                answer = await client.ask(
                    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % limit + b"x" * limit
                )
                assert answer.body == b"POST / %d" % limit

    run(main())


def test_a_client_that_never_closes_is_left_after_the_linger_time():
    """After an answer that ends the connection the server waits for the client, but not for ever."""

    async def main():
        async with serving(limits=Limits(linger=0.05)) as served:
            client = await served.client()
            assert (await client.ask(b"nonsense\r\n\r\n")).status == 400
            await served.until(lambda: served.server.connections == 0)

    run(main())


def test_a_handler_that_raises_is_a_500_without_its_secrets():
    """The client learns nothing but the status; who runs the server gets one line with class, text and place."""

    async def main():
        async def broken(request: Request) -> Response:
            if request.path == "/ok":
                return await echo(request)
            raise KeyError("two\nlines")

        async with serving(broken) as served:
            client = await served.client()
            answer = await client.ask(GET)
            assert (answer.status, answer.body) == (500, b"Internal Server Error\n")
            assert (await client.ask(b"GET /ok HTTP/1.1\r\nHost: x\r\n\r\n")).status == 200
            (line,) = served.errors
            assert "\n" not in line
            assert line.startswith("cannot answer GET /: KeyError: 'two\\nlines' (")
            assert "test_http_limits.py:" in line

    run(main())


def test_a_cancelled_wait_inside_a_handler_is_a_500():
    """That something the handler waited for was cancelled does not take the answer with it."""

    async def main():
        async def handler(_: Request) -> Response:
            future = asyncio.get_running_loop().create_future()
            future.cancel()
            await future
            return Response()

        async with serving(handler) as served:
            assert (await served.get()).status == 500
            assert "CancelledError" in served.errors[0]

    run(main())


@pytest.mark.parametrize(
    "header", [("X", "two\r\nSet-Cookie: lines"), ("bad name", "x"), ("X", "é"), ("Content-Length", "7")]
)
def test_a_header_that_is_none_is_a_500(header):
    """What a handler puts in a header cannot become a header of its own, or lie about the body."""

    async def main():
        async def handler(_: Request) -> Response:
            return Response(headers=[header])

        async with serving(handler) as served:
            client = await served.client()
            answer = await client.ask(GET)
            assert answer.status == 500
            assert "set-cookie" not in answer.headers
            assert await client.ended()
            assert len(served.errors) == 1

    run(main())


def test_the_gate_is_asked_before_the_body_is_read():
    """Who may not ask cannot make the server read a body."""

    async def main():
        def gate(request: Request) -> Response | Role:
            assert request.body == b""
            return "control" if request.headers.get("x-key") == "1" else problem(401, "no key")

        async with serving(gate=gate) as served:
            client = await served.client()
            head = b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n"
            assert (await client.ask(head + b"\r\n")).body == b"no key\n"
            assert await client.ended()
            client = await served.client()
            assert (await client.ask(head + b"X-Key: 1\r\n\r\n")).status == 100
            assert (await client.ask(b"abc")).body == b"POST / 3"

    run(main())


def test_a_gate_that_fails_stays_shut():
    """A bug in the gate lets nobody in."""

    async def main():
        def gate(_: Request) -> Response | Role:
            raise ZeroDivisionError

        async with serving(gate=gate) as served:
            assert (await served.get()).status == 500
            assert "ZeroDivisionError" in served.errors[0]

    run(main())


def test_a_handler_goes_on_when_its_client_has_gone():
    """What was asked for is done, as with supervisord; until then the connection counts."""

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


def test_closing_lets_answers_under_way_end():
    """Idle and half-sent ones end at once, what is being answered is answered, and nobody new gets in."""

    async def main():
        go_on = asyncio.Event()

        async def handler(request: Request) -> Response:
            await go_on.wait()
            return await echo(request)

        async with serving(handler) as served:
            idle, half, busy = [await served.client() for _ in range(3)]
            half.send(b"GET")
            busy.send(GET)
            await served.until(lambda: served.server.requests == 1)
            closing = asyncio.create_task(served.server.close(grace=20))
            assert await idle.ended()
            assert await half.ended()
            with pytest.raises(ConnectionError):
                await served.client()
            go_on.set()
            answer = await busy.answer()
            assert (answer.status, answer.headers["connection"]) == (200, "close")
            await closing

    run(main())


@pytest.mark.parametrize("turns", range(6))
def test_a_client_that_comes_while_it_closes_is_not_left_waiting(turns):
    """However far it has come, up to being accepted and not yet met: there is an end, and no descriptor stays open."""

    async def main():
        async with serving() as served:
            before = len(os.listdir("/proc/self/fd"))
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(served.address)
                client.send(GET)
                for _ in range(turns):
                    await asyncio.sleep(0)
                await served.server.close(grace=20)
                client.setblocking(False)
                with contextlib.suppress(ConnectionError):
                    while await asyncio.get_running_loop().sock_recv(client, 4096):
                        pass
            # The listening socket has gone, too.
            assert len(os.listdir("/proc/self/fd")) == before - 1

    run(main())


def test_closing_cancels_what_does_not_end():
    """After the grace a handler is cancelled; one that does not let itself be cancelled is left and told of."""

    async def main():
        stuck = asyncio.Event()

        async def handler(request: Request) -> Response:
            while request.path == "/stubborn":
                try:
                    await stuck.wait()
                    break
                except asyncio.CancelledError:
                    continue
            await stuck.wait()
            return Response()

        async with serving(handler) as served:
            for path in (b"/obedient", b"/stubborn"):
                (await served.client()).send(b"GET " + path + b" HTTP/1.1\r\nHost: x\r\n\r\n")
            await served.until(lambda: served.server.requests == 2)
            await served.server.close(grace=0.01)
            assert served.errors == ["cannot end 1 requests: their handlers ignore cancellation"]
            stuck.set()
            await served.until(lambda: served.server.connections == 0)

    run(main())


async def sending(served: Served) -> Client:
    """A client that has sent 900 bytes of a body of 1000, which the server has read."""
    client = await served.client()
    client.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n" + b"x" * 900)
    held = set(served.server._held)
    await served.until(lambda: bool(served.server._held.keys() - held))
    return client


def test_bodies_on_their_way_have_a_common_bound():
    """Where there is no room for all, the one that has stood still longest is told 503; the others are answered."""

    async def main():
        async with serving(limits=Limits(body=1000, held=2500, light=100)) as served:
            first, second = await sending(served), await sending(served)
            first.send(b"x")
            await served.until(lambda: served.server._holding == 1801)
            third = await sending(served)
            answer = await second.answer()
            assert (answer.status, answer.headers["connection"]) == (503, "close")
            assert served.server._holding == 1801
            first.send(b"x" * 99)
            third.send(b"x" * 100)
            for client in (first, third):
                assert (await client.answer()).body == b"POST / 1000"
            assert served.server._holding == 0

    run(main())


def test_a_small_body_needs_no_room():
    """However many large ones are on their way, an ordinary request is taken."""

    async def main():
        async with serving(limits=Limits(body=1000, held=1, light=100)) as served:
            large = await sending(served)
            small = await served.client()
            small.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n" + b"x" * 99)
            assert (await served.get()).status == 200
            small.send(b"x")
            assert (await small.answer()).body == b"POST / 100"
            large.send(b"x" * 100)
            assert (await large.answer()).body == b"POST / 1000"

    run(main())


LARGE = 8 * 1024 * 1024  # more than the buffers of a socket


async def large(_: Request) -> Response:
    return Response(body=bytes(LARGE))


def test_answers_that_nobody_reads_make_room_for_one_that_is_read():
    """A client that does not read is cut off when others need the room, and not before."""

    async def main():
        async with serving(large, limits=Limits(held=2 * LARGE)) as served:
            stalled = []
            for number in range(1, 5):
                client = await served.client(limit=1024)
                client.send(GET)
                await client.head()
                stalled.append(client)
                await served.until(lambda number=number: served.server.requests == number)
                assert served.server._holding == min(number, 2) * LARGE
            reading = await served.client()
            assert (await reading.ask(GET)).body == bytes(LARGE)
            await served.until(lambda: served.server.connections == 2)
            assert len(await stalled[3].reader.readexactly(LARGE)) == LARGE
            for client in stalled[:3]:
                with pytest.raises(asyncio.IncompleteReadError):
                    await client.reader.readexactly(LARGE)
            assert served.server._holding == 0
            assert not served.errors

    run(main())


def test_one_answer_may_be_larger_than_the_room():
    """The bound is for many; a log that somebody asks for is not refused because it is long."""

    async def main():
        async with serving(large, limits=Limits(held=1)) as served:
            for _ in range(2):
                assert (await served.get()).body == bytes(LARGE)
            assert served.server._holding == 0

    run(main())
