"""Requests as real clients send them: well-formed, unusual, and invalid."""

import asyncio
import os
from pathlib import Path

import pytest

from procman.http.limits import Limits
from procman.http.messages import Request, Response
from tests.support.http_serving import echo, run, serving, still_answers


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
    """An invalid request gets an HTTP answer with a reason, then the connection ends; the handler never sees it."""

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


def test_a_chunked_body_is_refused_when_it_exceeds_the_limit():
    """Without a Content-Length the bytes themselves are counted."""

    async def main():
        async with serving(limits=Limits(body=1000)) as served:
            client = await served.client()
            client.send(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
            client.send(b"64\r\n" + b"x" * 100 + b"\r\n")
            client.send(b"385\r\n" + b"x" * 901)
            assert (await client.answer()).status == 413

    run(main())


def test_a_body_of_exactly_the_limit_is_accepted():
    """A body may be as large as the limit, which can be raised."""

    async def main():
        for limit in (1000, 8 * 1024 * 1024):
            async with serving(limits=Limits(body=limit)) as served:
                client = await served.client()
                answer = await client.ask(
                    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % limit + b"x" * limit
                )
                assert answer.body == b"POST / %d" % limit

    run(main())


SUPERVISORCTL_TAIL = (
    b"GET /logtail/web HTTP/1.1\r\nHost: \r\nAccept-Encoding: chunked\r\nAccept: */*\r\n"
    b"User-agent: Supervisor HTTP Client\r\n\r\n\r\n"
)


def test_the_extra_line_and_empty_host_of_supervisorctl_do_no_harm(remember, seen):
    """`supervisorctl tail -f` sends an empty Host and an extra line; the next request is understood."""

    async def main():
        async with serving(remember) as served:
            client = await served.client()
            assert (await client.ask(SUPERVISORCTL_TAIL)).body == b"GET /logtail/web 0"
            assert (await client.ask(SUPERVISORCTL_TAIL)).body == b"GET /logtail/web 0"
        assert seen[0].headers["host"] == ""
        assert served.server.requests == 2

    run(main())


@pytest.mark.parametrize("tcp", [False, True])
def test_a_request_without_host_is_answered(remember, seen, *, tcp):
    """HTTP/1.1 demands a Host header, but many scripts omit it."""

    async def main():
        async with serving(remember, tcp=tcp) as served:
            client = await served.client()
            assert (await client.ask(b"GET /a HTTP/1.1\r\n\r\n")).status == 200
            assert (await client.ask(b"GET /b HTTP/1.1\r\nAccept: */*\r\n\r\n")).status == 200

    run(main())


def test_a_missing_host_differs_from_an_empty_one(remember, seen):
    """A missing Host stays missing for the handler, so that a guard can tell it from an empty one."""

    async def main():
        async with serving(remember) as served:
            await (await served.client()).ask(b"GET / HTTP/1.1\r\n\r\n")
            await (await served.client()).ask(b"GET / HTTP/1.1\r\nHost:\r\n\r\n")

    run(main())
    assert [request.headers.get("host") for request in seen] == [None, ""]


def test_the_peer_of_a_unix_socket_is_known(remember, seen):
    """The kernel tells the process, user and group at the other end of a unix socket."""

    async def main():
        async with serving(remember) as served:
            await served.get()

    run(main())
    assert seen[0].peer[:3] == (os.getpid(), os.getuid(), os.getgid())
    assert seen[0].peer.command == Path("/proc/self/comm").read_text(encoding="utf-8").strip()
    assert seen[0].server == "unix"


def test_there_is_no_peer_on_tcp(remember, seen):
    """A TCP client has no peer credentials."""

    async def main():
        async with serving(remember, tcp=True) as served:
            await served.get()

    run(main())
    assert (seen[0].peer, seen[0].address) == (None, "127.0.0.1")
    assert seen[0].server == "tcp"


def test_a_target_is_decoded_and_kept_as_it_was(remember, seen):
    """The path is decoded, the raw path is not, and the query is taken apart."""

    async def main():
        async with serving(remember) as served:
            await served.get("/v1/a%2Fb/%C3%A9?tail=10&follow=&x=%20+&x=2")

    run(main())
    assert (seen[0].path, seen[0].raw_path) == ("/v1/a/b/é", "/v1/a%2Fb/%C3%A9")
    assert seen[0].query == {"tail": "10", "follow": "", "x": "2"}


def test_a_name_that_the_client_forgot_to_encode_is_understood(remember, seen):
    """Letters typed on curl's command line arrive unencoded."""

    async def main():
        async with serving(remember) as served:
            assert (await served.get("/logtail/größe")).status == 200

    run(main())
    assert seen[0].path == "/logtail/größe"


def test_headers_are_found_by_lower_case_name(remember, seen):
    """Header names have no case, and repeated headers are one list."""

    async def main():
        async with serving(remember) as served:
            client = await served.client()
            await client.ask(b"GET / HTTP/1.1\r\nHOST: x\r\nX-Thing: a\r\nx-thing:   b  \r\n\r\n")

    run(main())
    assert seen[0].headers == {"host": "x", "x-thing": "a, b"}


def test_a_byte_at_a_time_makes_the_same_request(remember, seen):
    """It does not matter where the network splits a request."""

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
    """Chunks, their extensions and trailers are joined to one body; the next request follows."""

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
    """Many small chunks take several turns to parse, and reading goes on where they end."""

    async def main():
        async with serving(remember) as served:
            client = await served.client()
            connection = await served.connection()
            client.send(CHUNKED)
            for received in (1000, 2000):
                client.send(TINY * 1000)
                await served.until(lambda: len(connection._reader._body) == received)  # noqa: B023  awaited in place
            client.send(b"0\r\n\r\n")
            assert (await client.answer()).body == b"POST / 2000"

    run(main())
    assert seen[0].body == b"x" * 2000


def test_a_body_in_tiny_chunks_leaves_turns_to_others():
    """Ten thousand received chunks are not parsed in one turn, and an end of file behind them is no error."""

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


def test_expect_100_continue_is_answered():
    """Expect: 100-continue is answered before the body arrives, and only then."""

    async def main():
        async with serving() as served:
            client = await served.client()
            head = b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"
            assert (await client.ask(head)).status == 100
            assert (await client.ask(b"abc")).body == b"POST / 3"
            assert (await client.ask(head + b"abc")).status == 200

    run(main())
