"""/v1/journal: what has happened, as an answer or as a stream without end; and the runs of a process.

A stream keeps nothing for its client but a number: what the client has not been sent yet is read from the journal when
it can be sent. So a slow client costs no more than a fast one, and where the journal has forgotten what it had not been
sent, it gets a gap record. A stream is server-sent events for a client that accepts them, else lines of JSON.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from functools import partial

from procman.access.roles import READ
from procman.api.access import readable, sight
from procman.api.rest.answers import add_endpoint, json_answer
from procman.api.rest.parameters import number_in
from procman.api.shapes.journal import RunInfo
from procman.api.sse import EVENTS, INTERVAL, KEEPALIVE, MOST_CLIENTS, happens
from procman.errors import BadRequest
from procman.http.messages import Request, Response, problem
from procman.http.router import Router
from procman.services.history import Run, runs_of
from procman.services.journal import JournalService, Query, Record
from procman.services.process_table import ProcessTable

LINES = "application/x-ndjson"
# How many records an answer has, unless the request says how many, and at most.
LIMIT = 1000
MOST = 10_000
# In one message of a stream: writing so many holds the loop for some milliseconds.
BATCH = 500


class JournalEndpoints:
    """Adds them to a router. Subscribes to the journal only while somebody follows it."""

    def __init__(self, journal: JournalService, processes: ProcessTable) -> None:
        """Both are called on the loop's thread."""
        self._journal = journal
        self._processes = processes
        self._clients: set[asyncio.Event] = set()
        self._unfollow: Callable[[], None] | None = None
        self._closing = asyncio.Event()

    def add_to(self, router: Router) -> None:
        """One row for each."""
        add = partial(add_endpoint, router)
        add("GET", "/journal", self._records, READ)
        add("GET", "/processes/{spec}/runs", self._runs, READ)

    def close(self) -> None:
        """End all streams, after what has happened until now has been sent."""
        self._closing.set()
        self._wake()

    async def _records(self, request: Request) -> Response:
        follows = request.query.get("follow", "0") not in ("", "0")
        since = request.query.get("since", "")
        as_events = "text/event-stream" in request.headers.get("accept", "")
        if follows and as_events and not since:
            since = request.headers.get("last-event-id", "")
        journal = self._journal.among(sight(request))
        query = journal.query(since, _list_in(request, "name"), _list_in(request, "kind"))
        limit = number_in(request, "limit", (MOST if since else 0) if follows else LIMIT)
        if not (0 if follows else 1) <= limit <= MOST:
            raise BadRequest(f"cannot read limit={limit}: expected a number from 1 to {MOST}")
        if follows:
            if len(self._clients) >= MOST_CLIENTS:
                return problem(503, f"{MOST_CLIENTS} clients follow already; try again when one has left")
            query = replace(query, pages=False)
            body = self._stream(journal, query, limit, _event if as_events else _line)
            return Response(body=body, content_type=EVENTS if as_events else LINES)
        last = self._journal.last
        found = (await journal.reaching(query)).find(query, limit)
        if query.pages and len(found) == limit:
            last = found[-1].seq
        return json_answer({"records": [record.to_json() for record in found], "next": last})

    async def _runs(self, request: Request, spec: str) -> Response:
        names = [status.namespec for status in readable(request, self._processes).statuses(spec)]
        journal = await self._journal.among(sight(request)).about(names)
        return json_answer({"runs": [_run_info(run) for name in names for run in runs_of(journal, name)]})

    async def _stream(
        self, service: JournalService, query: Query, limit: int, write: Callable[[Record | None], str]
    ) -> AsyncIterator[bytes]:
        client = asyncio.Event()
        self._enter(client)
        try:
            position = self._journal.last
            found: Sequence[Record] = ()
            if limit:
                journal = await service.reaching(query)
                found = [record for record in journal.find(query, limit) if record.seq <= position]
            # The first bytes at once: the client knows then that it is connected.
            yield write(None).encode()
            while True:
                for start in range(0, len(found), BATCH):
                    yield "".join(map(write, found[start : start + BATCH])).encode()
                if self._closing.is_set() and position >= self._journal.last:
                    return
                # What happens during the pause shares the next message.
                await happens(self._closing, INTERVAL)
                client.clear()
                while position >= self._journal.last and not self._closing.is_set():
                    if not await happens(client, KEEPALIVE):
                        yield write(None).encode()
                    client.clear()
                position, found = service.news(query, position)
        finally:
            self._leave(client)

    def _enter(self, client: asyncio.Event) -> None:
        self._clients.add(client)
        if self._unfollow is None:
            self._unfollow = self._journal.follow(self._wake)

    def _leave(self, client: asyncio.Event) -> None:
        self._clients.discard(client)
        if not self._clients and self._unfollow is not None:
            self._unfollow()
            self._unfollow = None

    def _wake(self) -> None:
        for client in self._clients:
            client.set()


def _list_in(request: Request, key: str) -> list[str]:
    return [word for word in request.query.get(key, "").split(",") if word]


def _line(record: Record | None) -> str:
    return "\n" if record is None else f"{json.dumps(record.to_json())}\n"


def _event(record: Record | None) -> str:
    if record is None:
        return ":\n\n"
    return f"id: {record.seq}\nevent: record\ndata: {json.dumps(record.to_json())}\n\n"


def _run_info(run: Run) -> RunInfo:
    return RunInfo(
        namespec=run.name,
        group=run.group,
        run=run.run,
        pid=run.pid,
        seq=run.seq,
        began=run.began,
        start=run.start,
        ended=run.ended,
        end_seq=run.end_seq,
        seconds=None if run.seconds is None else round(run.seconds, 3),
        ending=run.ending,
        stop=run.stop,
    )
