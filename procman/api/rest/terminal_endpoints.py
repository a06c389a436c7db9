"""Clients in front of terminals: a stream of JSON lines, each a TerminalEvent, and what the client types beside it."""

import json
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

from procman.access.roles import ADMIN, LOGS, READ
from procman.api.access import admitted, rights_of, sight
from procman.api.actors import actor_of
from procman.api.rest.answers import add_endpoint, json_answer
from procman.api.rest.parameters import LONGEST_SHOWN, body_of, strings_in
from procman.api.shapes.output import TerminalClient, TerminalEvent
from procman.api.supervisor_states import supervisor_state
from procman.errors import BadRequest
from procman.http.messages import Request, Response
from procman.http.router import Router
from procman.services.debugging import DebugAsked, DebugService
from procman.services.process_table import ProcessTable
from procman.services.runs import Began, Ended, Output
from procman.services.terminals import MOST, Attached, Client, Event, TerminalService

JSON_LINES = "application/x-ndjson"


class TerminalEndpoints:
    """Adds them to a router."""

    def __init__(self, terminals: TerminalService, debugging: DebugService, processes: ProcessTable) -> None:
        """All of them are called on the loop's thread."""
        self._processes = processes
        self._terminals = terminals
        self._debugging = debugging

    def add_to(self, router: Router) -> None:
        """One row for each."""
        add = partial(add_endpoint, router)
        add("GET", "/processes/{spec}/attach", self._look, LOGS)
        add("POST", "/processes/{spec}/attach", self._attach, ADMIN)
        add("POST", "/processes/{spec}/debug", self._debug, ADMIN)
        add("GET", "/terminals", self._clients, READ)
        add("POST", "/terminals/{number}/input", self._type, ADMIN)
        add("POST", "/terminals/{number}/size", self._resize, ADMIN)

    async def _look(self, request: Request, spec: str) -> Response:
        terminals = self._terminals.among(admitted(request, self._processes, [spec], LOGS))
        client = terminals.attach(spec, actor_of(request), size=None, only_reads=True)
        return Response(body=_Lines(client), content_type=JSON_LINES)

    async def _attach(self, request: Request, spec: str) -> Response:
        size = _size_in(body_of(request))
        terminals = self._terminals.among(admitted(request, self._processes, [spec], ADMIN))
        client = terminals.attach(spec, actor_of(request), size=size, only_reads=False)
        return Response(body=_Lines(client), content_type=JSON_LINES)

    async def _debug(self, request: Request, spec: str) -> Response:
        body = body_of(request)
        command = strings_in(body, "command") if "command" in body else []
        environment = body.get("env", {})
        if not isinstance(environment, dict) or not all(isinstance(value, str) for value in environment.values()):
            raise BadRequest("cannot read env: expected an object of strings")
        asked = DebugAsked(spec, tuple(command), environment, _size_in(body))
        debugging = self._debugging.among(admitted(request, self._processes, [spec], ADMIN))
        client = await debugging.begin(asked, actor_of(request))
        return Response(body=_Lines(client), content_type=JSON_LINES)

    async def _clients(self, request: Request) -> Response:
        may = sight(request)
        clients = [
            TerminalClient(id=one.number, name=one.name, client=one.who, read_only=one.only_reads, debugs=one.debugs)
            for one in self._terminals.clients()
            if may is None or may(one.name)
        ]
        return json_answer({"terminals": clients})

    async def _type(self, request: Request, number: str) -> Response:
        self._terminals.write(self._own(request, number), request.body)
        return json_answer({})

    async def _resize(self, request: Request, number: str) -> Response:
        size = _size_in(body_of(request))
        if size is None:
            raise BadRequest("cannot read the size: expected rows and columns")
        self._terminals.resize(self._own(request, number), *size)
        return json_answer({})

    def _own(self, request: Request, number: str) -> int:
        """The number of a client, where this one may type into that program; 0, which nobody has, if it may not."""
        found, rights = _number(number), rights_of(request)
        name = next((one.name for one in self._terminals.clients() if one.number == found), "")
        return found if rights is None or (name and rights.permits(ADMIN, name)) else 0


class _Lines:
    """The events of a client as lines; it leaves when its connection ends, even before the first."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._events = client.events()

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        return json.dumps(_event(await anext(self._events))).encode() + b"\n"

    async def aclose(self) -> None:
        await self._events.aclose()
        self._client.close()


def _event(event: Event) -> TerminalEvent:
    match event:
        case Attached(number, name, past):
            return TerminalEvent(event="attached", id=number, name=name, data=_text(past))
        case Output(_, data, missed):
            return TerminalEvent(event="output", data=_text(data), missed=missed)
        case Ended(state, _, code, text):
            return TerminalEvent(event="ended", statename=supervisor_state(state).name, code=code, text=text)
        case Began(name):
            return TerminalEvent(event="began", name=name)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _number(text: str) -> int:
    if not text.isascii() or not text.isdecimal():
        raise BadRequest(f"cannot read {text[:LONGEST_SHOWN]}: expected the id of a client, a whole number")
    return int(text[:LONGEST_SHOWN])


def _size_in(body: dict[str, Any]) -> tuple[int, int] | None:
    """Rows and columns; None if there are none."""
    if "rows" not in body and "columns" not in body:
        return None
    size = body.get("rows"), body.get("columns")
    for value in size:
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MOST:
            raise BadRequest(f"cannot read the size: expected rows and columns, from 1 to {MOST}")
    rows, columns = size
    assert isinstance(rows, int)
    assert isinstance(columns, int)
    return rows, columns
