"""docs/reference/client.md: the Python clients, from their docstrings."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

import procman
from procman.client.async_client import AsyncClient
from procman.client.blocking_client import Client
from procman.client.calls import Calls
from procman.client.master_calls import ConfigurationCalls, MasterCalls
from procman.client.process_calls import Outcome, ProcessCalls
from procman.client.streams import AsyncStream, Stream

_HEAD = """\
# The Python client

`procman.Client` blocks, `procman.AsyncClient` is for asyncio; both have the same calls. They come with the package
and have types. [How to use them](../how-to/from-python.md) has examples.

```python
import procman

with procman.Client() as client:
    client.restart("web")
```

```python
async with procman.AsyncClient("unix:///run/procman/app.sock") as client:
    await client.restart("web")
```

A call of `Client` is written here; with AsyncClient, `await` it. What returns a *stream* is iterated over by `for` or
`async for`: use it in a `with` or an `async with`, which closes it. What is returned are the
[shapes of the HTTP interface](http-api.md#shapes): typed dictionaries, `process["statename"]`.
"""
_GROUPS = (
    ("Processes", ProcessCalls),
    ("The configuration", ConfigurationCalls),
    ("The master, and what has happened", MasterCalls),
    ("Anything else", Calls),
)


def client_page() -> str:
    """The page."""
    about, _, arguments = (inspect.getdoc(AsyncClient) or "").partition("\n\n")
    parts = [_HEAD, "## Which master", "", f"`Client{_parameters(Client.__init__)}`", "", about, ""]
    parts += [*_sections(arguments), "`close()` closes the connection; so does a `with`.", ""]
    for title, kind in _GROUPS:
        parts += [f"## {title}", "", *((kind.__doc__ or "").splitlines()[:1] if kind is ProcessCalls else ()), ""]
        for name, call in vars(kind).items():
            if not name.startswith("_") and hasattr(Client, name):
                parts += [*_call(name, call), ""]
    parts += [*_class("Outcome", Outcome), *_class("Stream", Stream), *_class("AsyncStream", AsyncStream)]
    parts += [
        "## Errors",
        "",
        "All are `procman.ProcmanError`; its text is for people.",
        "",
        "| error | |",
        "|---|---|",
    ]
    parts += [f"| `procman.{name}` | {_first(getattr(procman, name))} |" for name in procman.__all__ if _is_error(name)]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(parts)) + "\n"


def _call(name: str, call: Any) -> Iterator[str]:
    signature = inspect.signature(call)
    returned = str(signature.return_annotation)
    stream = re.fullmatch(r"AsyncStream\[(.*)\]", returned)
    yield f"### {name}"
    yield ""
    yield f"`{name}{_parameters(call)}` → {f'a stream of `{stream[1]}`' if stream else f'`{returned}`'}"
    yield ""
    yield from _sections(inspect.getdoc(call) or "")


def _parameters(call: Any) -> str:
    """As a caller writes them."""
    signature = inspect.signature(call)
    shown = signature.replace(
        parameters=[one for name, one in signature.parameters.items() if name != "self"],
        return_annotation=inspect.Signature.empty,
    )
    return re.sub(r"(: )'([^']*)'", r"\1\2", str(shown))


def _sections(text: str) -> Iterator[str]:
    """A docstring in Google's style as Markdown: its arguments and errors become lists."""
    for line in text.splitlines():
        if line in ("Args:", "Raises:"):
            yield line.replace("Args", "Arguments")
            yield ""
        elif found := re.fullmatch(r"    (\w+): (.*)", line):
            yield f"- `{found[1]}`: {found[2]}"
        else:
            yield line.removeprefix("      ")
    yield ""


def _class(name: str, kind: Any) -> Iterator[str]:
    yield from (f"### {name}", "", inspect.getdoc(kind) or "", "")


def _first(kind: Any) -> str:
    return " ".join((inspect.getdoc(kind) or "").split("\n\n")[0].split())


def _is_error(name: str) -> bool:
    found = getattr(procman, name)
    return isinstance(found, type) and issubclass(found, Exception)
