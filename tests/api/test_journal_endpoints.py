"""/v1/journal: answers in pages, streams that keep nothing for their clients, and the runs of a process."""

import asyncio
import json
from types import SimpleNamespace

import pytest

from procman.api import journal_endpoints as module
from procman.api.journal_endpoints import JournalEndpoints
from procman.api.rest.answers import route_problem
from procman.core.fleet import Fleet
from procman.http.messages import Request
from procman.http.router import Router
from procman.runtime.bus import Sequence
from procman.runtime.journal.journal import Journal
from procman.runtime.journal.ring import Ring
from procman.runtime.journal.translation import Translator
from procman.services.journal import JournalService
from tests.support.journal_records import record
from tests.support.programs import group


class Site:
    def __init__(self, capacity=1 << 20):
        fleet = Fleet((group("web"), group("db")))
        self.sequence = Sequence()
        self.journal = Journal(Translator(fleet), self.sequence, Ring(capacity))
        processes = SimpleNamespace(statuses=lambda spec: [SimpleNamespace(namespec=spec)])
        self.endpoints = JournalEndpoints(JournalService(self.journal, fleet), processes)
        self.router = Router(problem=route_problem)
        self.endpoints.add_to(self.router)

    def happens(self, count=1, name="web", **fields):
        for _ in range(count):
            self.journal.add(record(self.sequence.next(), name, **fields))

    async def ask(self, target, **headers):
        return await self.router(Request.of("GET", target, headers=headers))

    async def get(self, target):
        answer = await self.ask(target)
        return answer.status, json.loads(answer.body)


def on_loop(steps, **options):
    async def run():
        async with asyncio.timeout(30):
            return await steps(Site(**options))

    return asyncio.run(run())


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    monkeypatch.setattr(module, "INTERVAL", 0.0)


def test_an_answer_goes_on_with_its_next():
    """From the last records to what has come since; from a number, page by page."""

    async def steps(site):
        site.happens(5)
        status, first = await site.get("/v1/journal?limit=2")
        assert (status, [one["seq"] for one in first["records"]], first["next"]) == (200, [4, 5], 5)
        site.happens(3)
        _, page = await site.get("/v1/journal?since=5&limit=2")
        assert ([one["seq"] for one in page["records"]], page["next"]) == ([6, 7], 7)
        _, rest = await site.get("/v1/journal?since=7&limit=2")
        assert ([one["seq"] for one in rest["records"]], rest["next"]) == ([8], 8)
        site.sequence.next()  # something that deserves no record
        assert (await site.get("/v1/journal?since=8"))[1] == {"records": [], "next": 9}

    on_loop(steps)


@pytest.mark.parametrize(
    ("query", "status", "text"),
    [
        ("since=yesterday", 400, "expected a number of a record, 10m (ago)"),
        ("kind=exti", 400, "did you mean exit?"),
        ("kind=", 200, ""),
        ("limit=0", 400, "from 1 to 10000"),
        ("limit=x", 400, "expected a whole number"),
        ("limit=99999", 400, "from 1 to 10000"),
        ("follow=1&limit=-1", 400, "from 1 to 10000"),
        ("name=nope", 404, "nope"),
        ("follow=1&name=nope", 404, "nope"),
    ],
)
def test_nonsense_is_answered_with_what_is_possible(query, status, text):
    """Before a stream begins, too."""

    async def steps(site):
        answered, answer = await site.get(f"/v1/journal?{query}")
        assert answered == status
        assert text in answer.get("error", {"message": ""})["message"]

    on_loop(steps)


async def lines_of(stream, count):
    """So many records of a stream of lines."""
    found, rest = [], b""
    async for piece in stream:
        *whole, rest = (rest + piece).split(b"\n")
        found += [json.loads(line) for line in whole if line]
        if len(found) >= count:
            break
    return found


def test_a_stream_shows_what_happens():
    """Nothing of before, unless it is asked for; only what was asked for."""

    async def steps(site):
        site.happens(3)
        answer = await site.ask("/v1/journal?follow=1&name=web")
        assert answer.content_type == "application/x-ndjson"
        assert await anext(answer.body) == b"\n"
        site.happens(2, "db")
        site.happens(2)
        assert [one["seq"] for one in await lines_of(answer.body, 2)] == [6, 7]
        await answer.body.aclose()
        begun = await site.ask("/v1/journal?follow=1&limit=2")
        assert [one["seq"] for one in await lines_of(begun.body, 2)] == [6, 7]
        await begun.body.aclose()
        since = await site.ask("/v1/journal?follow=1&since=2")
        assert [one["seq"] for one in await lines_of(since.body, 5)] == [3, 4, 5, 6, 7]
        await since.body.aclose()
        assert site.journal._readers == []

    on_loop(steps)


def test_a_browser_gets_events_and_goes_on_where_it_was():
    """Each event has its number as id, which a browser sends when it connects again."""

    async def steps(site):
        site.happens(3)
        headers = {"accept": "text/event-stream", "last-event-id": "2"}
        answer = await site.ask("/v1/journal?follow=1", **headers)
        assert answer.content_type == "text/event-stream"
        assert await anext(answer.body) == b":\n\n"
        text = (await anext(answer.body)).decode()
        assert text.startswith("id: 3\nevent: record\ndata: {")
        assert json.loads(text.partition("data: ")[2])["seq"] == 3
        await answer.body.aclose()

    on_loop(steps)


def test_a_reader_that_is_behind_gets_a_gap():
    """Whatever happens while it does not read, it costs nothing, and it is told what it has missed."""

    async def steps(site):
        answer = await site.ask("/v1/journal?follow=1")
        await anext(answer.body)
        for turn in range(200):
            site.happens(5, f"p{turn % 3}")
        found = await lines_of(answer.body, 1)
        assert found[0]["kind"] == "gap"
        assert found[0]["data"]["from"] == 1
        kept = [one["seq"] for one in found[1:]]
        assert kept == list(range(found[0]["data"]["to"] + 1, 1001))
        await answer.body.aclose()

    on_loop(steps, capacity=20_000)


def test_a_quiet_stream_says_that_it_is_there(monkeypatch):
    """An empty line, or a comment, from time to time."""
    monkeypatch.setattr(module, "KEEPALIVE", 0.001)

    async def steps(site):
        lines = await site.ask("/v1/journal?follow=1")
        assert [await anext(lines.body) for _ in range(3)] == [b"\n"] * 3
        await lines.body.aclose()
        events = await site.ask("/v1/journal?follow=1", accept="text/event-stream")
        assert [await anext(events.body) for _ in range(3)] == [b":\n\n"] * 3
        await events.body.aclose()

    on_loop(steps)


def test_streams_end_with_the_master_after_the_last_record():
    """Whoever follows sees its end."""

    async def steps(site):
        answer = await site.ask("/v1/journal?follow=1")
        await anext(answer.body)
        site.happens(2)
        site.endpoints.close()
        pieces = [piece async for piece in answer.body]
        assert [json.loads(line)["seq"] for line in b"".join(pieces).splitlines()] == [1, 2]

    on_loop(steps)


def test_too_many_followers_are_refused(monkeypatch):
    """So that a server keeps connections for others."""
    monkeypatch.setattr(module, "MOST_CLIENTS", 2)

    async def steps(site):
        streams = [await site.ask("/v1/journal?follow=1") for _ in range(2)]
        for stream in streams:
            await anext(stream.body)
        assert (await site.ask("/v1/journal?follow=1")).status == 503
        await streams[0].body.aclose()
        again = await site.ask("/v1/journal?follow=1")
        assert again.status == 200
        await anext(again.body)
        for stream in (streams[1], again):
            await stream.body.aclose()

    on_loop(steps)


def test_the_runs_of_a_process():
    """As the journal has them."""

    async def steps(site):
        site.happens(kind="spawn", run=1, data={"pid": 7})
        site.happens(kind="exit", run=1, cause=None, data={"pid": 7, "code": 3})
        status, answer = await site.get("/v1/processes/web/runs")
        (run,) = answer["runs"]
        assert (status, run["run"], run["pid"], run["ending"], run["end_seq"]) == (200, 1, 7, "exit status 3", 2)

    on_loop(steps)
