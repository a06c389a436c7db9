"""procman: a process manager that is at home in a container and on a host.

For programs in Python, `Client` and `AsyncClient` ask a master; the rest are their errors.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from procman.client.async_client import AsyncClient
    from procman.client.blocking_client import Client
    from procman.client.refusals import (
        ApiError,
        AuthRequired,
        BadArguments,
        BadConfiguration,
        Conflict,
        Forbidden,
        NotDone,
        NotFound,
        NotYet,
        ShuttingDown,
    )
    from procman.client.wire import Unreachable
    from procman.errors import ProcmanError

__version__ = "0.2.0"
__all__ = [
    "ApiError",
    "AsyncClient",
    "AuthRequired",
    "BadArguments",
    "BadConfiguration",
    "Client",
    "Conflict",
    "Forbidden",
    "NotDone",
    "NotFound",
    "NotYet",
    "ProcmanError",
    "ShuttingDown",
    "Unreachable",
    "__version__",
]

_ELSEWHERE = {
    "AsyncClient": "procman.client.async_client",
    "Client": "procman.client.blocking_client",
    "ProcmanError": "procman.errors",
    "Unreachable": "procman.client.wire",
}


def __getattr__(name: str) -> object:
    """Import what a program asks for: a master imports this package, too, and no client."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 - for programs that ask

    return getattr(import_module(_ELSEWHERE.get(name, "procman.client.refusals")), name)
