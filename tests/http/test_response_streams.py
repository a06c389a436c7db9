"""Bodies that are produced while they are sent, and may never end."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from procman.http.limits import Limits
from procman.http.messages import Request, Response
from tests.support.http_serving import GET, run, serving


class Tail:
    """An endless stream: what is put in comes out, and the end is remembered."""

    def __init__(self) -> None:
        self.lines: asyncio.Queue[bytes] = asyncio.Queue()
        self.closed = asyncio.Event()

    async def handler(self, _: Request) -> Response:
        return Response(body=self.stream())

    async def stream(self) -> AsyncIterator[bytes]:
        try:
            while True:
                yield await self.lines.get()
        finally:
            await asyncio.sleep(0)  # cleaning up may take a turn
            self.closed.set()


async def three(_: Request) -> Response:
    async def body() -> AsyncIterator[bytes]:
        for chunk in (b"one ", b"", b"two ", b"three"):
            yield chunk

    return Response(body=body())


def test_a_stream_is_chunked_and_the_connection_goes_on():
    """HTTP/1.1 sends a body of unknown length in chunks; an empty chunk of the handler does not end it."""

    async def main():
        async with serving(three) as served:
            client = await served.client()
            for _ in range(2):
                answer = await client.ask(GET)
                assert answer.headers["transfer-encoding"] == "chunked"
                assert "content-length" not in answer.headers
                assert answer.body == b"one two three"

    run(main())


def test_a_stream_tells_proxies_not_to_buffer():
    """Otherwise nginx holds the lines of a quiet log until it has 4 KiB; supervisord sends the same header."""

    async def main():
        async with serving(three) as served:
            client = await served.client()
            headers = (await client.ask(GET)).headers
            assert (headers["x-accel-buffering"], headers["cache-control"]) == ("no", "no-store")

    run(main())


def test_an_http_1_0_stream_ends_with_the_connection():
    """HTTP/1.0 has no chunks."""

    async def main():
        async with serving(three) as served:
            client = await served.client()
            answer = await client.ask(b"GET / HTTP/1.0\r\n\r\n")
            assert "transfer-encoding" not in answer.headers
            assert answer.body == b"one two three"

    run(main())


def test_a_stream_of_known_length_has_no_chunks():
    """A handler that knows the length may set Content-Length."""

    async def main():
        async def handler(request: Request) -> Response:
            response = await three(request)
            response.headers = [("Content-Length", "13")]
            return response

        async with serving(handler) as served:
            client = await served.client()
            for _ in range(2):
                answer = await client.ask(GET)
                assert "transfer-encoding" not in answer.headers
                assert answer.body == b"one two three"

    run(main())


def test_a_stream_of_the_wrong_length_is_cut():
    """The client sees that the body is incomplete, and the error is reported."""

    async def main():
        async def handler(request: Request) -> Response:
            response = await three(request)
            response.headers = [("Content-Length", "99")]
            return response

        async with serving(handler) as served:
            client = await served.client()
            with pytest.raises(asyncio.IncompleteReadError):
                await client.ask(GET)
            assert "Too little data" in served.errors[0]

    run(main())


def test_each_chunk_is_sent_at_once():
    """A follower gets each line at once, however long the next one takes."""

    async def main():
        tail = Tail()
        async with serving(tail.handler) as served:
            client = await served.client()
            client.send(GET)
            assert (await client.head()).status == 200
            for line in (b"first\n", b"second\n"):
                tail.lines.put_nowait(line)
                assert await client.chunk() == line

    run(main())


@pytest.mark.parametrize("tcp", [False, True])
@pytest.mark.parametrize("how", ["close", "abort", "write_eof"])
def test_a_silent_stream_notices_that_its_client_has_gone(tcp, how):
    """The iterator is closed although there was nothing to send: a closed sending side is enough."""

    async def main():
        tail = Tail()
        async with serving(tail.handler, tcp=tcp) as served:
            client = await served.client()
            client.send(GET)
            await client.head()
            getattr(client.writer.transport, how)()
            await tail.closed.wait()
            await served.until(lambda: served.server.connections == 0)
            assert not served.errors

    run(main())


def test_a_client_that_has_gone_before_the_stream_gets_none():
    """A stream for a client that has closed its sending side is not started: it would never end."""

    async def main():
        go_on, tail = asyncio.Event(), Tail()

        async def handler(request: Request) -> Response:
            await go_on.wait()
            return await tail.handler(request)

        async with serving(handler) as served:
            client = await served.client()
            client.send(GET)
            await served.until(lambda: served.server.requests == 1)
            client.writer.write_eof()
            connection = await served.connection()
            await served.until(lambda: connection._eof)
            go_on.set()
            assert await client.reader.read()
            await served.until(lambda: served.server.connections == 0)

    run(main())


@pytest.mark.parametrize("tcp", [False, True])
def test_a_client_that_stops_reading_a_flood_costs_bounded_memory(tcp):
    """The iterator is asked for no more than the buffers hold, and other clients are served meanwhile."""

    async def main():
        made = 0
        closed = asyncio.Event()

        async def flood() -> AsyncIterator[bytes]:
            nonlocal made
            try:
                while True:
                    made += 1
                    yield b"x" * 10_000
            finally:
                closed.set()

        async def handler(request: Request) -> Response:
            return Response(body=flood() if request.path == "/flood" else b"calm")

        async with serving(handler, tcp=tcp) as served:
            client = await served.client(limit=1000)
            client.send(b"GET /flood HTTP/1.1\r\nHost: x\r\n\r\n")
            connection = await served.connection()
            await served.until(lambda: connection._writable is not None)
            for _ in range(20):
                assert (await served.get("/calm")).body == b"calm"
            before = made
            assert connection._writable is not None
            assert connection._transport.get_write_buffer_size() < 200_000
            assert (await served.get("/calm")).body == b"calm"
            assert made == before
            client.writer.transport.abort()
            await closed.wait()

    run(main())


def test_a_flood_leaves_turns_to_others():
    """An iterator that never waits does not monopolize the loop, even if its client reads as fast."""

    async def main():
        made, made_before_others = 0, []

        async def flood() -> AsyncIterator[bytes]:
            nonlocal made
            asyncio.get_running_loop().call_soon(lambda: made_before_others.append(made))
            for _ in range(100):
                made += 1
                yield b"x"

        async def handler(_: Request) -> Response:
            return Response(body=flood())

        async with serving(handler) as served:
            assert (await served.get()).body == b"x" * 100
        assert made_before_others == [1]

    run(main())


def test_a_client_that_sends_during_its_stream_is_dropped():
    """What a client sends during a stream has a bound: reading cannot pause then."""

    async def main():
        tail = Tail()
        async with serving(tail.handler, limits=Limits(header_bytes=1000)) as served:
            client = await served.client()
            client.send(GET + b"\r\n")  # as supervisorctl does: harmless
            await client.head()
            tail.lines.put_nowait(b"line")
            assert await client.chunk() == b"line"
            client.send(b"x" * 2000)
            await tail.closed.wait()
            assert await client.ended()

    run(main())


def test_a_request_sent_ahead_is_answered_after_the_stream():
    """A stream that ends is an answer like any other."""

    async def main():
        async with serving(three) as served:
            client = await served.client()
            client.send(GET + GET)
            for _ in range(2):
                assert (await client.answer()).body == b"one two three"

    run(main())


def test_head_does_not_start_a_stream():
    """HEAD gets only the head; the iterator is closed before it starts."""

    async def main():
        tail = Tail()
        streams = []

        async def handler(_: Request) -> Response:
            streams.append(tail.stream())
            return Response(body=streams[0])

        async with serving(handler) as served:
            client = await served.client()
            client.send(b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert (await client.answer(to_head=True)).headers["transfer-encoding"] == "chunked"
            await served.until(lambda: served.table._idle)
            with pytest.raises(StopAsyncIteration):
                await anext(streams[0])

    run(main())


@pytest.mark.parametrize("where", ["body", "close"])
def test_an_exception_in_a_stream_is_reported(where):
    """The client sees an incomplete body, the error is reported, and the server goes on."""

    async def main():
        async def broken() -> AsyncIterator[bytes]:
            try:
                yield b"half"
                if where == "body":
                    raise OSError(5, "disk")
                await asyncio.Event().wait()
            finally:
                if where == "close":
                    raise OSError(5, "disk")

        async def handler(request: Request) -> Response:
            return Response(body=broken() if request.path == "/broken" else b"fine")

        async with serving(handler) as served:
            client = await served.client()
            client.send(b"GET /broken HTTP/1.1\r\nHost: x\r\n\r\n")
            await client.head()
            assert await client.chunk() == b"half"
            if where == "close":
                client.close()
            else:
                assert await client.ended()  # without a last chunk
            await served.until(lambda: served.errors)
            assert "OSError: [Errno 5] disk" in served.errors[0]
            assert (await served.get()).body == b"fine"

    run(main())


def test_closing_the_server_ends_streams_after_the_grace():
    """Streams that do not end in time are cancelled, and their iterators closed."""

    async def main():
        tail = Tail()
        async with serving(tail.handler) as served:
            client = await served.client()
            client.send(GET)
            await client.head()
            await served.server.close(grace=0.01)
            assert tail.closed.is_set()
            assert await client.ended()

    run(main())


def test_a_stream_may_end_within_the_grace():
    """A stream that ends while the server closes has a proper end."""

    async def main():
        end = asyncio.Event()

        async def handler(_: Request) -> Response:
            async def body() -> AsyncIterator[bytes]:
                yield b"first "
                await end.wait()
                yield b"last"

            return Response(body=body())

        async with serving(handler) as served:
            client = await served.client()
            client.send(GET)
            await served.until(lambda: served.server.requests == 1)
            closing = asyncio.create_task(served.server.close(grace=20))
            end.set()
            assert (await client.answer()).body == b"first last"
            await closing

    run(main())
