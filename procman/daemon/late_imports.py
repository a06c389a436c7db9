"""Imports all that a running master may import later, while it still can.

Optional features are imported when they are first used. A master that gives up root, or whose code is replaced by an
upgrade, may not be able to read those modules by then.
"""

from importlib import import_module
from pkgutil import walk_packages

import procman

# A master imports nothing of these.
_OF_OTHERS = frozenset(
    {
        "__main__",
        "cli",
        "client",
        "compressor",
        "convert",
        "entrypoint",
        "listener",
        "pytest_plugin",
        "tui",
        "watcher",
        "webhook",
    }
)
# Optional features that are no modules of procman, and what Python itself imports to look up a host name.
_NOT_OURS = ("ctypes", "psutil", "dotenv.parser", "encodings.ascii", "encodings.idna")


def import_optional_features() -> None:
    """Import every module of the master's rooms."""
    for module in walk_packages(procman.__path__, "procman."):
        if module.name.split(".")[1] not in _OF_OTHERS:
            import_module(module.name)
    for name in _NOT_OURS:
        import_module(name)
