"""Handlers and gates that fail."""

import asyncio

from procman.http.messages import EVERY_RIGHT, Request, Response, Rights, problem
from tests.support.http_serving import GET, echo, run, serving


def test_an_exception_in_a_handler_is_a_500_without_details():
    """The client gets only the status; the operator gets one line with class, text and place."""

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
            assert "test_application.py:" in line

    run(main())


def test_a_cancelled_wait_inside_a_handler_is_a_500():
    """When something that the handler awaits is cancelled, the client still gets an answer."""

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


def test_the_gate_decides_before_the_body_is_read():
    """A client without permission cannot make the server read a body."""

    async def main():
        def gate(request: Request) -> Response | Rights:
            assert request.body == b""
            return EVERY_RIGHT if request.headers.get("x-key") == "1" else problem(401, "no key")

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
    """An exception in the gate refuses the request."""

    async def main():
        def gate(_: Request) -> Response | Rights:
            raise ZeroDivisionError

        async with serving(gate=gate) as served:
            assert (await served.get()).status == 500
            assert "ZeroDivisionError" in served.errors[0]

    run(main())
