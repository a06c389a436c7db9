"""Status lines and headers."""

import pytest

from procman.http.messages import Request, Response
from tests.support.http_serving import GET, run, serving


@pytest.mark.parametrize(
    "header",
    [
        ("X", "two\r\nSet-Cookie: lines"),
        ("bad name", "x"),
        ("X", "é"),
        ("Content-Length", "7"),
        ("Transfer-Encoding", "chunked"),
    ],
)
def test_an_invalid_header_of_a_handler_is_a_500(header):
    """A handler's header cannot smuggle in another header, or contradict the body."""

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


def test_a_status_line_has_three_parts():
    """Supervisor's client splits the status line into version, status and reason, and fails without a reason."""

    async def main():
        async def strange(request: Request) -> Response:
            return Response(int(request.path[1:]))

        async with serving(strange) as served:
            for status in (200, 404, 299, 599):
                answer = await served.get(f"/{status}")
                assert answer.status == status
                assert answer.reason

    run(main())


def test_head_is_get_without_the_body():
    """HEAD has the headers of GET, and the connection goes on."""

    async def main():
        async with serving() as served:
            client = await served.client()
            client.send(b"HEAD /abc HTTP/1.1\r\nHost: x\r\n\r\n")
            answer = await client.answer(to_head=True)
            assert answer.headers["content-length"] == str(len(b"HEAD /abc 0"))
            assert (await client.ask(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")).status == 200

    run(main())


@pytest.mark.parametrize("status", [204, 304])
def test_204_and_304_have_no_body(status):
    """204 and 304 end with their head, even if the handler returns a body."""

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


def test_an_answer_carries_the_date_in_english():
    """RFC 9110 demands a Date in its own format, whatever the locale."""

    async def main():
        async with serving() as served:
            return (await served.get()).headers["date"]

    import email.utils

    date = run(main())
    assert email.utils.format_datetime(email.utils.parsedate_to_datetime(date), usegmt=True).lower() == date
