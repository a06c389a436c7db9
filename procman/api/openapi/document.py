"""The OpenAPI 3.1 document of /v1: from the table of endpoints, the shapes, and the rows of a router."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

from procman import __version__
from procman.api.error_codes import CODES, FORBIDDEN, UNKNOWN_PATH
from procman.api.openapi.endpoint import Endpoint, Given, Media
from procman.api.openapi.master import CONFIGURATION, MASTER, PAST
from procman.api.openapi.processes import PROCESSES
from procman.api.openapi.schemas import Schema, Schemas
from procman.api.shapes.master import ErrorBody
from procman.http.router import Route

JSON = "application/json"
TAGS: Mapping[str, tuple[Endpoint, ...]] = {
    "master": MASTER,
    "processes": PROCESSES,
    "configuration": CONFIGURATION,
    "past": PAST,
}
_ABOUT = """\
What procmanctl and the page use. It is stable within version 1, to which fields and endpoints may be added. A missing
key of a body has the default in brackets. Times are seconds since the epoch.\
"""
_SERVERS = [{"url": "/", "description": "each server of the master: unix sockets, and those of [inet_http_server]"}]
_PARAMETERS: Mapping[str, tuple[Any, str]] = {
    "spec": (str, "a name, group:name, group:*, all, or a glob"),
    "channel": (Literal["stdout", "stderr"], ""),
    "name": (str, "of a group, or of a notify section"),
    "id": (int, "of an operation"),
    "number": (int, "the id of a client of a terminal"),
    "seq": (int, "the number of a crash report, or that of an end in the journal"),
}


def document_text(routes: Iterable[Route]) -> str:
    """It, as it is served, and stands in docs/."""
    return json.dumps(document(routes), indent=1, ensure_ascii=False) + "\n"


def document(routes: Iterable[Route]) -> dict[str, Any]:
    """It, for a router with these rows, which say what a client needs."""
    needs = {(route.method, route.pattern): str(route.needs) for route in routes}
    schemas = Schemas()
    paths: dict[str, dict[str, Schema]] = {}
    for tag, endpoints in TAGS.items():
        for row in endpoints:
            for one in _each(row):
                role = needs.get((row.method, row.path), "")
                paths.setdefault(one.path, {})[one.method.lower()] = _operation(one, tag, role, schemas)
    error = schemas.of({"error": ErrorBody})
    return {
        "openapi": "3.1.0",
        "info": {"title": "procman", "version": __version__, "description": _ABOUT},
        "servers": _SERVERS,
        # A unix socket needs neither: the kernel says who connects.
        "security": [{}, {"password": []}, {"token": []}],
        "tags": [{"name": tag} for tag in TAGS],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": dict(sorted(schemas.components.items())),
            "responses": {"Refused": _refused(error)},
            "securitySchemes": {
                "password": {"type": "http", "scheme": "basic"},
                "token": {"type": "http", "scheme": "bearer"},
            },
        },
    }


def _each(row: Endpoint) -> Iterator[Endpoint]:
    """The row, or one for each of its operations."""
    if not row.ops:
        yield row
    for op, (about, only) in row.ops.items():
        assert not isinstance(row.body, Media)
        yield row._replace(path=row.path.replace("{op}", op), about=about, body={**row.body, **only})


def _operation(row: Endpoint, tag: str, role: str, schemas: Schemas) -> Schema:
    parameters = [_path_parameter(name, schemas) for name in _names_in(row.path)]
    parameters += [
        {"name": name, "in": "query", "required": one.required, **_described(one.about, schema=_schema(one, schemas))}
        for name, one in row.query.items()
    ]
    answers: dict[str, Schema] = {}
    for answer in (row.answer, *row.also):
        answers.update(_content(answer, schemas))
    about = f"{row.about[0].upper()}{row.about[1:]}." if row.about else ""
    found: Schema = {
        "operationId": _id(row),
        "tags": [tag],
        **_described(about),
        "x-needs": role,
        "responses": {"200": {"description": "done", "content": answers}, "default": _REFERENCE},
    }
    if parameters:
        found["parameters"] = parameters
    if isinstance(row.body, Media):
        found["requestBody"] = {"content": _content(row.body, schemas)}
    elif row.body:
        required = [name for name, one in row.body.items() if one.required]
        properties = {name: _described(one.about, **_schema(one, schemas)) for name, one in row.body.items()}
        schema = {"type": "object", "properties": properties, **({"required": required} if required else {})}
        found["requestBody"] = {"required": bool(required), "content": {JSON: {"schema": schema}}}
    return found


_REFERENCE = {"$ref": "#/components/responses/Refused"}


def _refused(error: Schema) -> Schema:
    words = {code.word: code.status for code in CODES.values()} | {FORBIDDEN: 403, UNKNOWN_PATH: 404}
    told = ", ".join(f"{word} ({status:d})" for word, status in sorted(words.items(), key=lambda one: (one[1], one[0])))
    about = (
        f"It was refused: {told}. An unknown method is 405. What is asked without the right password or token (401), "
        "is not HTTP, is too large, or comes while too many follow, is refused in plain text."
    )
    return {"description": about, "content": {JSON: {"schema": error}, "text/plain": {"schema": {"type": "string"}}}}


def _content(kind: Any, schemas: Schemas) -> Schema:
    if not isinstance(kind, Media):
        return {JSON: {"schema": schemas.of(kind)}}
    if kind.items is None:
        return {kind.type: {"schema": {}}}  # bytes, as OpenAPI 3.1 writes them
    if isinstance(kind.items, dict):
        events = {name: schemas.of(shape) for name, shape in kind.items.items()}
        return {kind.type: {"schema": {"type": "string"}, "x-events": events}}
    return {kind.type: {"schema": {"type": "string"}, "x-lines": schemas.of(kind.items)}}


def _schema(one: Given, schemas: Schemas) -> Schema:
    found = schemas.of(one.type)
    bounds = {name: bound for name, bound in (("minimum", one.least), ("maximum", one.most)) if bound is not None}
    if "anyOf" in found:
        found["anyOf"][0].update(bounds)
        return found
    return {**found, **bounds}


def _described(about: str, **rest: Any) -> Schema:
    return {"description": about, **rest} if about else rest


def _path_parameter(name: str, schemas: Schemas) -> Schema:
    kind, about = _PARAMETERS[name]
    schema = schemas.of(kind)
    if kind is str:
        schema["minLength"] = 1
    if kind is int:
        schema["minimum"] = 0
    return {"name": name, "in": "path", "required": True, **_described(about, schema=schema)}


def _names_in(path: str) -> list[str]:
    return [segment[1:-1] for segment in path.split("/") if segment.startswith("{")]


def _id(row: Endpoint) -> str:
    """Such as `get_processes_spec_log_channel`: it stays as long as the path does."""
    words = row.path.removeprefix("/v1/").replace("{", "").replace("}", "")
    return f"{row.method.lower()}_{words}".translate(str.maketrans("/-.", "___"))
