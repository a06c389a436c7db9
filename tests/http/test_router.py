"""The table of endpoints."""

import asyncio
from dataclasses import replace
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from procman.http.messages import EVERY_RIGHT, Request, Response, Rights
from procman.http.router import Router
from tests.support.http_serving import run, serving


def answering(name: str):
    async def handler(_: Request, **parameters: str) -> Response:
        return Response(body=f"{name} {parameters}".encode())

    return handler


@pytest.fixture(scope="module")
def router() -> Router:
    router = Router()
    router.add("GET", "/", answering("root"), needs="read")
    router.add("GET", "/v1/processes/{spec}", answering("info"), needs="read")
    router.add("POST", "/v1/processes/{spec}/{op}", answering("operation"), needs="control")
    router.add("POST", "/v1/processes/{spec}/stdin", answering("stdin"), needs="control")
    router.add("POST", "/v1/processes/start", answering("start"), needs="control")
    router.add("GET", "/v1/processes/{spec}/log/{channel}", answering("log"), needs="read")
    return router


class OnlyReads:
    """Rights of a client that may do what needs "read"."""

    def refusal(self, needs: object) -> str | None:
        return None if needs == "read" else "you only read"


def ask(router: Router, method: str, target: str, rights: Rights = EVERY_RIGHT) -> Response:
    return asyncio.run(router(replace(Request.of(method, target), rights=rights)))


@pytest.mark.parametrize(
    ("method", "target", "body"),
    [
        ("GET", "/", b"root {}"),
        ("HEAD", "/", b"root {}"),
        ("GET", "/v1/processes/web?x=/y", b"info {'spec': 'web'}"),
        ("POST", "/v1/processes/web/stop", b"operation {'spec': 'web', 'op': 'stop'}"),
        ("POST", "/v1/processes/web/stdin", b"stdin {'spec': 'web'}"),
        ("POST", "/v1/processes/start", b"start {}"),
        ("GET", "/v1/processes/start", b"info {'spec': 'start'}"),
        ("GET", "/v1/processes/a%2Fb%3A%2A/log/stdout", b"log {'spec': 'a/b:*', 'channel': 'stdout'}"),
        ("GET", "/v1/processes/group:*", b"info {'spec': 'group:*'}"),
        ("GET", "http://localhost:9001/v1/processes/web", b"info {'spec': 'web'}"),
    ],
)
def test_a_request_goes_to_the_row_that_fits_best(router, method, target, body):
    """A word wins over a parameter, GET answers HEAD, and parameters are decoded after splitting."""
    response = ask(router, method, target)
    assert (response.status, response.body) == (200, body)


@pytest.mark.parametrize(
    "target", ["/nothing", "/v1/processes/", "/v1/processes//log/stdout", "//", "*", "/v1/processes/a/b/c"]
)
def test_a_path_that_is_not_in_the_table_is_404(router, target):
    """A parameter is never empty, and an extra slash makes another path."""
    assert ask(router, "GET", target).status == 404


@pytest.mark.parametrize(
    ("method", "target", "allow"),
    [
        ("POST", "/", "GET, HEAD"),
        ("PUT", "/v1/processes/start", "GET, HEAD, POST"),
        ("GET", "/v1/processes/web/stop", "POST"),
        ("get", "/", "GET, HEAD"),
        ("OPTIONS", "/", "GET, HEAD"),
    ],
)
def test_a_method_that_a_path_does_not_know_is_405(router, method, target, allow):
    """The answer lists the methods of the path."""
    response = ask(router, method, target)
    assert response.status == 405
    assert dict(response.headers) == {"Allow": allow}


@given(spec=st.text(min_size=1).filter(lambda text: text.isprintable()))
def test_any_name_can_be_a_path_segment(spec):
    """A name of any letters is found by its encoded form."""
    router = Router()
    router.add("GET", "/p/{spec}/log", answering("log"), needs="read")
    match = router.match("GET", f"/p/{quote(spec, safe='')}/log")
    assert match.parameters == {"spec": spec}


def test_a_read_only_client_cannot_change_anything(router):
    """Rows that need what a client may not do refuse it in the words of its rights, before their handler is called."""
    for route in router.routes:
        request = Request(route.method, route.pattern, route.pattern, rights=OnlyReads())
        response = asyncio.run(router(request))
        assert response.status == (200 if route.needs == "read" else 403), route
    assert b"you only read" in ask(router, "POST", "/v1/processes/start", OnlyReads()).body
    assert ask(router, "PUT", "/", OnlyReads()).status == 405
    assert ask(router, "POST", "/nothing", OnlyReads()).status == 404


def test_after_change_runs_before_the_answer():
    """`after_change` is awaited for changes only."""
    order = []

    async def after():
        order.append("after")

    async def handler(_: Request) -> Response:
        order.append("change")
        return Response()

    router = Router(after_change=after)
    router.add("GET", "/", handler, needs="read")
    router.add("POST", "/", handler, needs="control")
    ask(router, "POST", "/")
    order.append("answered")
    assert order == ["change", "after", "answered"]
    order.clear()
    ask(router, "GET", "/")
    assert (order, ask(router, "POST", "/", OnlyReads()).status) == (["change"], 403)
    assert order == ["change"]


def test_a_default_answers_what_the_table_does_not_know():
    """It is asked for unknown paths only, not for unknown methods."""
    router = Router(default=answering("default"))
    router.add("GET", "/known", answering("known"), needs="read")
    assert ask(router, "POST", "/unknown").body == b"default {}"
    assert ask(router, "POST", "/known").status == 405


def test_errors_have_the_form_that_the_api_wants():
    """The owner of the wire format makes the answers 404 and 405."""
    router = Router(problem=lambda status, text, headers: Response(status, text.encode(), headers, "application/json"))
    router.add("POST", "/a", answering("a"), needs="control")
    assert ask(router, "GET", "/a").content_type == "application/json"
    assert ask(router, "GET", "/b").body == b"there is nothing at /b"


def test_the_table_can_be_walked(router):
    """Tests can list all endpoints with their roles."""
    rows = {(route.method, route.pattern): route.needs for route in router.routes}
    assert len(rows) == len(router.routes) == 6
    assert rows["POST", "/v1/processes/{spec}/{op}"] == "control"
    assert router.match("HEAD", "/").route.needs == "read"


@pytest.mark.parametrize("pattern", ["v1", "/a{b}", "/{a}b", "/{}", "/{a-b}", "/{a", "/v1/processes/{other}"])
def test_a_row_that_cannot_work_is_refused(router, pattern):
    """An invalid pattern is rejected when it is added, and so is a duplicate."""
    with pytest.raises(ValueError, match="cannot route"):
        router.add("GET", pattern, answering("x"), needs="read")


def test_a_row_without_needs_cannot_be_built():
    """Each row says what a client needs for it."""
    with pytest.raises(ValueError, match="say what a client needs"):
        Router().add("GET", "/x", answering("x"), needs=None)
    with pytest.raises(TypeError):
        Router().add("GET", "/x", answering("x"))  # type: ignore[call-arg]


def test_a_router_is_the_handler_of_a_server(router):
    """A server takes a router as its handler."""

    async def main():
        async with serving(router) as served:
            answer = await served.get("/v1/processes/gr%C3%B6%C3%9Fe%2F1")
            assert answer.body.decode() == "info {'spec': 'größe/1'}"
            assert (await served.get("/nothing")).status == 404
            assert not served.errors

    run(main())
