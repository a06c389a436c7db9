"""Evaluates the results of listeners by `result_handler=module:function`, called as function(event, response).

`event` is an `Event`, `response` the bytes of the result. A handler that returns has accepted the result. If it raises
an exception named RejectEvent (this one, or supervisor's), the event is sent again; after any other exception the
listener gets no more events. Handlers run on the event loop, so they must not wait.
"""

import importlib
from collections.abc import Callable
from functools import reduce
from typing import Any

from procman.errors import ProcmanError
from procman.events.payloads import Event

Handler = Callable[[Event, bytes], Any]

# The default of the option; it does not need supervisor's package.
SUPERVISORS = "supervisor.dispatchers:default_handler"


class RejectEvent(Exception):
    """Raised by a handler: the event was not handled, and has to be sent again."""


class CannotImport(ProcmanError):
    """There is no such handler."""


def default_handler(event: Event, response: bytes) -> None:  # noqa: ARG001 - a handler's signature
    """Accept OK, and nothing else."""
    if response != b"OK":
        raise RejectEvent(response)


def load_handler(spec: str) -> Handler:
    """Import module:function, which runs the module; raises CannotImport."""
    if spec.strip() == SUPERVISORS:
        return default_handler
    module, _, attribute = (part.strip() for part in spec.partition(":"))
    # As in the names of entry points, extras may follow.
    path = attribute.partition("[")[0].split()
    names = path[0].split(".") if path else []
    try:
        handler = reduce(getattr, names, importlib.import_module(module))
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a module may raise anything while it is imported
        raise CannotImport(f"cannot import {spec}: {type(error).__name__}: {error}") from None
    if not callable(handler):
        raise CannotImport(f"cannot use {spec}: expected module:function, and it cannot be called")
    return handler


def is_rejection(error: BaseException) -> bool:
    """Whether an exception that a handler raised means "send it again"."""
    return any(kind.__name__ == RejectEvent.__name__ for kind in type(error).__mro__)
