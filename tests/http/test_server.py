"""Closing a server."""

import asyncio
import contextlib
import os
import socket

import pytest

from procman.http.messages import Request, Response
from tests.support.http_serving import GET, echo, run, serving


def test_closing_finishes_answers_in_progress():
    """Idle connections and incomplete requests end at once, answers in progress are sent, and no client gets in."""

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
def test_a_client_that_connects_during_the_close_is_closed(turns):
    """A client that connects during the close, however far it has got, is closed, and no descriptor leaks."""

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


def test_closing_cancels_handlers_after_the_grace():
    """After the grace a handler is cancelled; one that ignores its cancellation is reported."""

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
