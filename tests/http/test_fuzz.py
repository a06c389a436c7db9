"""Arbitrary bytes: every connection is answered or closed, and the next client is served."""

import asyncio
import contextlib
from urllib.parse import parse_qsl, unquote

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from procman.http.limits import Limits
from procman.http.messages import Request, Response
from procman.http.targets import decoded, split_target
from tests.support.http_serving import run, serving

# Pieces that requests are made of, so that the fuzzer gets past the first line.
PIECES = st.sampled_from(
    [
        b"GET ", b"POST ", b"HEAD ", b"CONNECT ", b"/", b"/stream", b"*", b"http://x/y?z=%zz&", b"%", b"\xc3\xa9", b" ",
        b" HTTP/1.1\r\n", b" HTTP/1.0\r\n", b" HTTP/9.9\r\n", b"\r\n", b"\n", b"\r", b"\r\n\r\n", b"\n\n", b"\0",
        b"Host: x\r\n", b"Host:\r\n", b"Connection: close\r\n", b"Connection: Upgrade\r\nUpgrade: h2c\r\n",
        b" folded\r\n",
        b"Content-Length: 3\r\n", b"Content-Length: 99999999999999999999\r\n", b"Content-Length: x\r\n", b"abc",
        b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: gzip\r\n", b"3\r\nabc\r\n", b"0\r\n\r\n", b"3;x=y\r\n",
        b"ffffffffffffffff\r\n", b"Expect: 100-continue\r\n", b"X: " + b"y" * 400 + b"\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
    ]
)  # fmt: skip
BYTES = st.lists(st.one_of(PIECES, st.binary(max_size=30)), max_size=25)


async def handler(request: Request) -> Response:
    if request.path == "/stream":

        async def stream():
            for _ in range(3):
                yield b"chunk"

        return Response(body=stream())
    return Response(body=request.body)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(parts=BYTES, ending=st.sampled_from(["write_eof", "abort", "wait"]), together=st.booleans())
def test_whatever_a_client_sends_it_is_answered_or_closed(parts, ending, together):
    """No exception reaches the loop or the log, every answer is HTTP, and another client is answered."""

    async def main():
        limits = Limits(header_bytes=600, body=2000, request_timeout=0.02, linger=0.02)
        async with serving(handler, limits=limits) as served:
            client = await served.client()
            for part in [b"".join(parts)] if together else parts:
                client.send(part)
                await asyncio.sleep(0)
            said = b""
            if ending == "abort":
                client.writer.transport.abort()
            else:
                if ending == "write_eof":
                    client.writer.write_eof()
                else:
                    client.send(b"\r\nGET / HTTP/1.1\r\nConnection: close\r\n\r\nx")
                # Every way ends: at end of file, at "close", or at the deadline of half a request.
                with contextlib.suppress(ConnectionError):
                    said = await client.reader.read()
            assert said == b"" or said.startswith(b"HTTP/1.1 ")
            assert (await served.get()).status == 200
            await served.until(lambda: len(served.table._open) == len(served.table._idle))
            assert not served.errors

    run(main())


@given(st.text())
def test_any_target_can_be_parsed(target):
    """Every target has a path, still encoded, and a decoded query."""
    path, query = split_target(target)
    assert "?" not in path
    assert "#" not in path
    assert all(isinstance(text, str) for pair in query.items() for text in pair)


@given(st.text(st.sampled_from("%+&=?/aF02cCé9x;\0 ")))
def test_percent_encoding_is_read_as_urllib_reads_it(text):
    """Paths and queries are decoded by the rules of the standard library, which is not imported for its size."""
    assert decoded(text) == unquote(text)
    assert split_target(f"/?{text}")[1] == dict(parse_qsl(text, keep_blank_values=True))
