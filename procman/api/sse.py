"""/v1/events: a stream of server-sent events that shows changes of processes as they happen.

A client gets everything once, and then what has changed since its last message. For each client, only the names that
it has not been sent yet are kept. So a slow client costs no more than a fast one: it may miss steps, but never the
outcome. While nothing happens, the only activity is one line in `KEEPALIVE` seconds.

The format is that of https://html.spec.whatwg.org/multipage/server-sent-events.html; the contents are in `shapes`.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field

from procman.access.rights import Rights
from procman.access.roles import READ
from procman.api.access import May, readable, rights_of, shown_role, sight
from procman.api.facts_to_shapes import process_info
from procman.api.rest.answers import add_endpoint
from procman.api.rest.parameters import interval_in
from procman.api.shapes.master import MasterInfo
from procman.http.messages import Request, Response, problem
from procman.http.router import Router
from procman.services.changes import Changes
from procman.services.process_table import ProcessTable
from procman.services.status import Moment, ProcessStatus

EVENTS = "text/event-stream"
# The shortest time between two messages to a client, in seconds, unless it asks for a longer one; changes in between
# share one message.
INTERVAL = 0.1
LONGEST = 60.0
# In seconds: proxies such as nginx cut a connection that is silent for a minute.
KEEPALIVE = 30.0
# The most processes in one message: writing so many holds the loop for 10 ms.
BATCH = 500
# Clients of all servers together. A server has more connections than that, so that procmanctl still finds one.
MOST_CLIENTS = 100
# After how many milliseconds a browser tries again when the stream has ended.
RETRY = 1000


@dataclass(eq=False, slots=True)
class _Client:
    """What has not been sent to one client yet."""

    names: dict[str, None]  # of processes, in the order in which something happened to them
    rights: Rights | None  # None: it may do everything
    may: May | None  # the processes that are there for it; None: all
    shown: set[str] = field(default_factory=set)  # what it was told of, where that is not all
    master: bool = False
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def takes(self, name: str) -> bool:
        """Whether it is told of a change of this process: one that it knows may have gone."""
        return name in self.shown or self.may is None or self.may(name)


class EventStream:
    """Adds the endpoint to a router. Subscribes to changes only while it has clients."""

    def __init__(
        self,
        processes: ProcessTable,
        changes: Changes,
        about: Callable[[Request], MasterInfo],
        why: Callable[[ProcessStatus], str] = lambda _: "",
    ) -> None:
        """All of them are called on the loop's thread.

        Args:
            processes: knows them.
            changes: tells what happens to them.
            about: describes the master itself.
            why: says why a process has failed.
        """
        self._why = why
        self._processes = processes
        self._changes = changes
        self._about = about
        self._clients: set[_Client] = set()
        self._unsubscribe: Callable[[], None] | None = None
        self._closing = asyncio.Event()
        self._texts: dict[str, str] = {}  # of processes, as JSON: all clients get the same
        self._second = 0  # the second of the wall clock for which they hold, as they contain the time

    def add_to(self, router: Router) -> None:
        """The one row."""
        add_endpoint(router, "GET", "/events", self._events, READ)

    def close(self) -> None:
        """End all streams, after the last changes have been sent."""
        self._closing.set()
        for client in self._clients:
            client.news.set()

    async def _events(self, request: Request) -> Response:
        interval = interval_in(request, INTERVAL, LONGEST)
        if len(self._clients) >= MOST_CLIENTS:
            return problem(503, f"{MOST_CLIENTS} clients are connected already; try again when one has left")
        return Response(body=self._stream(request, interval), content_type=EVENTS)

    async def _stream(self, request: Request, interval: float) -> AsyncIterator[bytes]:
        may = sight(request)
        statuses = readable(request, self._processes).statuses()
        client = _Client({status.namespec: None for status in statuses}, rights_of(request), may)
        self._enter(client)
        try:
            names, known = list(client.names), self._take(client)
            rest = len(client.names)  # of the snapshot: it does not wait longer than it has to
            head = f"retry: {RETRY}\nevent: snapshot\ndata: "
            yield (head + _object(master=self._master(request), names=json.dumps(names), **known) + "\n\n").encode()
            while True:
                if client.names or client.master:
                    master = {"master": self._master(request)} if client.master else {}
                    client.master = False
                    yield f"event: change\ndata: {_object(**master, **self._take(client))}\n\n".encode()
                    # Changes during the pause share the next message.
                    rest -= BATCH
                    await happens(self._closing, INTERVAL if rest > 0 else interval)
                elif self._closing.is_set():
                    return
                else:
                    client.news.clear()
                    if not await happens(client.news, KEEPALIVE):
                        yield b":\n\n"
        finally:
            self._leave(client)

    def _enter(self, client: _Client) -> None:
        self._clients.add(client)
        if self._unsubscribe is None:
            self._unsubscribe = self._changes.subscribe(self._mark)

    def _leave(self, client: _Client) -> None:
        self._clients.discard(client)
        if not self._clients and self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None
            self._texts.clear()

    def _mark(self, names: Iterable[str], master: bool) -> None:
        changed = dict.fromkeys(names)
        for name in changed:
            self._texts.pop(name, None)
        for client in self._clients:
            client.names.update(changed if client.may is None else dict.fromkeys(filter(client.takes, changed)))
            client.master |= master
            if client.names or client.master:
                client.news.set()

    # ---- messages

    def _master(self, request: Request) -> str:
        return json.dumps(self._about(request))

    def _take(self, client: _Client) -> dict[str, str]:
        """What has not been sent to this client yet, up to BATCH processes."""
        taken = list(client.names)[:BATCH]
        processes, gone = [], []
        for name in taken:
            del client.names[name]
            text = self._text(name) if client.may is None or client.may(name) else None
            if client.may is not None:
                (client.shown.discard if text is None else client.shown.add)(name)
            if text is not None and client.rights is not None:
                # What it may do with the process is its own: the rest is the same for all.
                role = shown_role(client.rights, name)
                if role is not None:
                    text = f'{text[:-1]}, "role": {json.dumps(role)}}}'
            if text is None:
                gone.append(name)
            else:
                processes.append(text)
        message = {"processes": f"[{', '.join(processes)}]"}
        return message | {"gone": json.dumps(gone)} if gone else message

    def _text(self, name: str) -> str | None:
        second = int(time.time())
        if second != self._second:
            self._texts.clear()
            self._second = second
        text = self._texts.get(name)
        if text is None:
            status = self._processes.status(name)
            if status is None:
                return None
            info = process_info(status, Moment.present(), self._processes.lost(name), self._why(status))
            text = self._texts[name] = json.dumps(info)
        return text


async def happens(event: asyncio.Event, seconds: float) -> bool:
    """Whether the event is set within so many seconds."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True


def _object(**fields: str) -> str:
    """A JSON object whose values are JSON already."""
    return "{" + ", ".join(f'"{name}": {text}' for name, text in fields.items()) + "}"
