"""Who may import whom, and who may know asyncio, subprocess and the rest: DESIGN.md's table, checked on the source."""

import ast
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "procman"

# A room is the longest row that a module's name begins with. What stands at its right it may import, itself included
# only where it says so; a room that has a row of its own is not meant by the one around it ("api" is not "api.shapes").
MAY_IMPORT = {
    # the ground floor
    "errors": "",
    "facts": "",
    "writers": "",
    "words": "",
    "stand_ins": "",
    "config": "config writers words errors",
    # what to do next, and how the system does it; none of these knows another
    "core": "core config",
    "system": "system config words errors",
    "logs": "logs writers errors",
    "http": "http stand_ins",
    "events": "events core config errors",
    # where they meet
    "aside": "",
    "ways": "system config words",
    "trees": "core system errors",
    "entry": "system errors",
    "readiness": "engine core system errors",
    "engine": "trees core system config errors",
    "events.hub": "events engine core config errors",
    "handover": "errors",
    "upgrade": "engine control core system handover api.shapes errors",
    "orphans": "engine core system config errors",
    "control": "report engine core system config api.shapes errors",
    "reconfigure": "control engine core config api.shapes errors",
    "report": "engine trees core system config errors",
    "farewell": "engine trees core system config errors",
    "outputs": "control engine core system logs config api.shapes errors",
    # the wire
    "api.shapes": "",
    "api": "api api.shapes control reconfigure outputs http core errors",
    "web": "web http",
    "master": (
        "aside ways trees farewell readiness orphans handover upgrade api api.shapes control reconfigure outputs "
        "report engine core system logs events events.hub http web config stand_ins errors"
    ),
    # the clients: never master, engine or core
    "client": "api.shapes errors",
    "listener": "client errors",
    "cli": "cli client api.shapes config writers errors",
    "tui": "tui cli client api.shapes errors",
    "cli.by_pidfile": "system config errors",
    "cli.run": "entry cli logs system config errors",
    "cli.procman": "handover cli cli.run cli.by_pidfile cli.export cli.unknown_words api.shapes master config stand_ins errors",
    "cli.unknown_words": "cli config",
    "cli.export": "export config errors",
    "cli.describe": "cli cli.procman",
    "export": "export config words errors",
    "cli.start": "cli.procman stand_ins",
    "__main__": "cli.start",
    "describe": "api cli.describe config",
}

# Of the configuration these need the model alone: what should run, not how it is read. The clients find its file.
ONLY_OF_CONFIG = {
    "core": {"config.model"},
    "system": {"config.model", "config.commands"},
    "events": {"config.model", "config.event_types"},
    "events.hub": {"config.model", "config.event_types"},
    "engine": {"config.model", "config.commands"},
    "orphans": {"config.model"},
    "control": {"config.model", "config.commands"},
    "report": {"config.model"},
    "farewell": {"config.model"},
    "outputs": {"config.model"},
    "ways": {"config.model"},
    "cli": {"config.find", "config.asking"},
}

# Whatever is fenced in, and the rooms and modules inside the fence.
MAY_KNOW = {
    "asyncio": (
        "engine control reconfigure report farewell readiness orphans upgrade outputs logs.pump logs.console "
        "logs.disks http api events.hub master aside ways"
    ),
    "subprocess": "system.spawn",
    "h11": "http",
    "tomli": "config.toml cli.address",
    "xmlrpc": "api.xmlrpc api.rpc_wire",
    "psutil": "system api control",
    "rich": "cli tui",
    "multiprocessing": "",
    "logging": "",
    "random": "",
}

# The core is pure: it is told what time it is, and what has happened.
NOT_IN_CORE = {
    "os",
    "time",
    "datetime",
    "asyncio",
    "subprocess",
    "socket",
    "logging",
    "random",
    "threading",
    "sys",
    "io",
}


@cache
def modules() -> dict[str, Path]:
    """Every module by its name below the package: "core.fleet", "core" for the package in it, "" for procman itself."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def imports(module: str) -> frozenset[str]:
    """Full names of all it imports anywhere in it: of procman the modules, of others what stands in the statement."""
    found = set()
    for node in ast.walk(ast.parse(modules()[module].read_text())):
        match node:
            case ast.Import(names=names):
                found |= {name.name for name in names}
            case ast.ImportFrom(module=origin, names=names, level=0):
                inner = {f"{origin}.{name.name}" for name in names}
                submodules = {name for name in inner if name.removeprefix("procman.") in modules()}
                found |= submodules
                if submodules != inner:
                    found.add(origin)
            case ast.ImportFrom():
                raise AssertionError(f"{module} imports by dots: say the whole name")
    return frozenset(found)


def own_imports(module: str) -> set[str]:
    """The modules of procman that it imports.

    The package itself, which holds the version, is anybody's, and so is what classes are made with.
    """
    return {name.removeprefix("procman.") for name in imports(module) if name.startswith("procman.")} - {"facts"}


def within(name: str, room: str) -> bool:
    return name == room or name.startswith(f"{room}.")


def room_of(module: str) -> str:
    """The row it falls under."""
    rooms = [room for room in MAY_IMPORT if within(module, room)]
    assert rooms, f"{module} is in no room: give it a row in MAY_IMPORT, and say in the design what it is for"
    return max(rooms, key=len)


every_module = pytest.mark.parametrize("module", [name for name in modules() if name])


@every_module
def test_a_module_imports_what_its_room_may(module):
    """Layers stay layers."""
    room = room_of(module)
    allowed = MAY_IMPORT[room].split()
    for imported in own_imports(module):
        # A package that is imported for one of its modules has nothing in it but a docstring.
        assert room_of(imported) in allowed, f"{module} must not import {imported}: {room} may import {allowed}"
        if within(imported, "config") and room in ONLY_OF_CONFIG:
            assert imported in ONLY_OF_CONFIG[room], f"{module} must not import {imported}"


@every_module
def test_a_module_knows_what_it_may_know(module):
    """Asyncio, subprocess and the libraries stay where they are fenced in."""
    known = {name.split(".")[0] for name in imports(module)}
    for fenced in known & MAY_KNOW.keys():
        assert any(within(module, room) for room in MAY_KNOW[fenced].split()), f"{module} must not import {fenced}"


@pytest.mark.parametrize("module", [name for name in modules() if within(name, "core")])
def test_the_core_is_pure(module):
    """No I/O, no clock and no chance in it."""
    known = {name.split(".")[0] for name in imports(module)}
    assert not known & NOT_IN_CORE


def test_no_room_imports_a_room_that_imports_it():
    """There is an above and a below."""
    rooms = {room_of(module): set() for module in modules() if module}
    for module in modules():
        if module:
            rooms[room_of(module)] |= {room_of(imported) for imported in own_imports(module)} - {room_of(module)}
    list(TopologicalSorter(rooms).static_order())


def test_the_table_allows_no_circle():
    """Not even one that nobody has made use of yet."""
    rows = {room: set(allowed.split()) - {room} for room, allowed in MAY_IMPORT.items()}
    assert set().union(*rows.values()) <= rows.keys()
    list(TopologicalSorter(rows).static_order())
