"""What modules of the standard library get that the master imports because others do, and never or hardly uses.

asyncio imports inspect, which imports ast, dis and tokenize: a MiB, to ask of a callback whether it is a coroutine. So
while the master is imported something small stands in the place of such a module. What the small one does not have, it
has from the real one, which is imported then; and whoever imports the real one afterwards gets that.

With Python 3.11 a master that rests has 2 MiB less by this, and 4 MiB less once somebody has asked it by XML-RPC.
"""

import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from types import FunctionType, MethodType, ModuleType

_COROUTINE = 0x80  # inspect.CO_COROUTINE


class _StandIn(ModuleType):
    """Has what was put into it, and all else from the real module."""

    def __getattr__(self, name: str) -> object:
        # What the import system asks for of its own accord is no use of it.
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(_real(self.__name__), name)


def _real(name: str) -> ModuleType:
    if isinstance(sys.modules.get(name), _StandIn):
        del sys.modules[name]
    return import_module(name)


class _Logger:
    """The logger of somebody who has nothing to say as long as all goes well."""

    def __init__(self, name: str) -> None:
        self._name = name

    def debug(self, *_: object) -> None:
        """Not written down, as nobody has asked for it."""

    def __getattr__(self, name: str) -> object:
        try:
            logging = _real("logging")
        except (ImportError, OSError):
            # No descriptor is free, say, and who complains of that must not fail for it.
            return lambda *_, **__: None
        return getattr(logging.getLogger(self._name), name)


def _is_coroutine_function(value: object) -> bool:
    """As asyncio asks it of the callbacks of signals."""
    if isinstance(value, MethodType):
        value = value.__func__
    return isinstance(value, FunctionType) and bool(value.__code__.co_flags & _COROUTINE)


def _annotations(of: type) -> dict[str, object]:
    """As dataclasses asks it of each class, of Python 3.12 on; until then it has it from there itself."""
    return dict(vars(of).get("__annotations__", {}))


def _signature(of: Callable[..., object]) -> object:
    """As dataclasses asks it of each class without a docstring, to make it one; h11 has such a class."""
    if isinstance(of, type) and of.__module__.startswith(("h11.", "procman.")):
        return "()"
    return _real("inspect").signature(of)


def _unwrapped(function: Callable[..., object]) -> object:
    """As asyncio asks it of a callback that has failed, to name it. That must not fail, too."""
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    return function


def _is_function(value: object) -> bool:
    return isinstance(value, FunctionType)


# What is not here is not even there to be asked: `import` of it fails, for which whoever imports it is prepared.
_ABSENT = (
    "ssl",  # no socket of the master has a use for it: 1.1 MiB
    "gettext",  # getopt translates its messages with it
    "gzip",  # for clients of XML-RPC
)
_CONTENT: dict[str, dict[str, object]] = {
    # For asyncio and dataclasses, with ast, dis and tokenize: 1.1 MiB.
    "inspect": {
        "get_annotations": _annotations,
        "iscoroutinefunction": _is_coroutine_function,
        "isfunction": _is_function,
        "signature": _signature,
        "unwrap": _unwrapped,
    },
    # For asyncio and concurrent.futures: 0.5 MiB.
    "logging": {"DEBUG": 10, "getLogger": _Logger},
    # For subprocess, which wants to know how to read text: 0.15 MiB.
    "locale": {},
    # For asyncio, where there is ssl: 0.15 MiB.
    "asyncio.sslproto": {},
    # For XML-RPC, whose module has the client, too: with email and all the rest 1.3 MiB.
    "http.client": {},
    "urllib.parse": {},
    # For socket, to pass descriptors on: 0.07 MiB.
    "array": {},
    # For tracebacks, to read a line of the source (and a failure of that is nothing new), and of groups of exceptions.
    "tokenize": {},
    "textwrap": {},
}
# Of those what a master may still come to want: for a complaint of asyncio's, or the help of an XML-RPC method.
WANTED_LATER = ("inspect", "locale", "logging", "textwrap", "tokenize")


@contextmanager
def stand_ins() -> Iterator[None]:
    """What is imported meanwhile has them, where the real ones have not been imported yet."""
    placed: dict[str, ModuleType | None] = {}
    for name in _ABSENT:
        if name not in sys.modules:
            # As the language reference has it: it cannot be imported.
            placed[name] = sys.modules[name] = None  # type: ignore[assignment]
    for name, content in _CONTENT.items():
        if name not in sys.modules:
            placed[name] = sys.modules[name] = module = _StandIn(name)
            vars(module).update(content)
    try:
        yield
    finally:
        for name, there in placed.items():
            if name in sys.modules and sys.modules[name] is there:
                del sys.modules[name]
                _have_on_demand(name.rpartition(".")[0])


@contextmanager
def imported_to_stay() -> Iterator[None]:
    """The same at the start of a process, all of whose modules are there to stay.

    The garbage collector does not look for any in them until somebody lets it (gc.unfreeze), or it would do so 50
    times: 8 of 100 ms.
    """
    gc.disable()
    try:
        with stand_ins():
            yield
    finally:
        gc.freeze()
        gc.enable()


def _have_on_demand(package: str) -> None:
    """Who has imported `http.client` asks `http` for it, which has it only once the real one is imported."""
    if package in sys.modules:
        vars(sys.modules[package]).setdefault("__getattr__", partial(_child, package))


def _child(package: str, name: str) -> ModuleType:
    if f"{package}.{name}" not in _CONTENT:
        raise AttributeError(f"module {package!r} has no attribute {name!r}")
    return _real(f"{package}.{name}")
