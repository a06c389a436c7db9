"""Who may import whom, and who may import asyncio, subprocess and the rest: a table, checked on the source."""

import ast
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "procman"

# A module belongs to the room of the longest row that its name begins with; the right side has what it may import.
# A room with a row of its own is not part of the one around it ("api" does not include "api.shapes").
MAY_IMPORT = {
    # the ground floor
    "errors": "",
    "core.spec": "",
    "core.levels": "",
    "api.shapes": "api.shapes",
    "api.supervisor_states": "core",
    "logs.protocol": "",
    "system.file_trust": "",
    "system.exposure": "system.file_trust",
    "system.safe_open": "system.file_trust system.exposure",
    "system.shell_split": "",
    "system.capability_names": "",
    "system.report_folder": "system.file_trust",
    "system.given_files": "system system.safe_open system.exposure system.file_trust errors",
    "system.env_file": "errors",
    "system.blocking": "",
    "system.watch_patterns": "",
    "cron": "",
    # what to do next, and how the system does it; none of these knows another
    "core": "core core.spec core.levels",
    "system": "system system.shell_split system.capability_names errors",
    "logs": "logs system.safe_open errors",
    "http": "http",
    # who may do what: pure
    "access": "access",
    # files to a configuration: schema, formats, resolve, checks, and load above them
    "config.problems": "errors",
    "config.secrets": "",
    "config.spelling": "",
    "config.snapshot": "config.schema config.problems core core.spec",
    "config.discovery": "",
    "config.ini_lines": "",
    "config.runtime_dir": "system.file_trust errors",
    "config.assumptions": "errors",
    "config.host": "config.assumptions system system.blocking",
    "config.schema": (
        "config.schema config.problems config.secrets config.spelling core.spec system.capability_names cron"
    ),
    "config.formats": (
        "config.formats config.schema config.problems config.secrets config.spelling config.host config.discovery "
        "config.ini_lines "
        "system.env_file errors"
    ),
    "config.resolve": (
        "config.resolve config.formats config.schema config.problems config.spelling config.host config.runtime_dir "
        "core.spec core.levels cron system.shell_split"
    ),
    # what the core would decide
    "config.checks.restart_limits": "config.resolve config.schema core core.spec",
    "config.checks": (
        "config.checks config.checks.restart_limits config.resolve config.formats config.schema config.problems "
        "config.secrets config.spelling config.host config.runtime_dir core.spec core.levels system "
        "system.exposure system.env_file system.given_files system.shell_split system.watch_patterns errors"
    ),
    "config": (
        "config config.checks config.resolve config.formats config.schema config.problems config.secrets config.host "
        "config.assumptions core.spec core.levels errors"
    ),
    # whom to tell of what: pure; and the helper that posts it, which nothing imports
    "notify": "notify config.schema",
    "webhook": "",
    "compressor": "",
    "watcher": "watcher system.watch_patterns",
    "convert": (
        "convert config config.schema config.secrets config.spelling config.formats core.spec cron system.shell_split "
        "system.watch_patterns errors"
    ),
    # where core meets system
    "runtime": (
        "runtime core core.spec cron system system.shell_split system.blocking system.safe_open system.given_files "
        "system.env_file logs logs.protocol config.schema errors"
    ),
    "entrypoint": "entrypoint core system errors",
    "services": (
        "services access runtime notify core core.spec cron system system.report_folder logs.protocol config "
        "config.schema config.problems config.secrets config.spelling errors"
    ),
    # a configuration in virtual time: no I/O; the records are those of the journal
    "simulator": "simulator cron runtime core core.spec config.schema config.spelling config.problems errors",
    "services.chaos": "services runtime simulator core core.spec errors",
    "events": "events core core.spec api.supervisor_states config.schema logs.protocol errors",
    "events.hub": "events runtime core core.spec api.supervisor_states config.schema logs.protocol errors",
    # the wire
    "api.rest.chaos_endpoints": "api access api.shapes services services.chaos simulator http errors",
    "api": "api access api.shapes api.supervisor_states services http errors",
    "web": "web access http",
    "daemon": (
        "daemon access runtime services services.chaos notify api api.rest.chaos_endpoints "
        "api.shapes api.supervisor_states events events.hub http web core "
        "core.spec system system.safe_open system.given_files logs logs.protocol "
        "config config.runtime_dir config.host config.resolve config.checks config.schema config.snapshot "
        "config.problems config.secrets errors"
    ),
    # the clients: never daemon, runtime or core
    "client": (
        "client api.shapes config.discovery config.ini_lines config.runtime_dir system.file_trust system.exposure "
        "system.blocking errors"
    ),
    "listener": "client errors",
    "pytest_plugin": "client errors",
    "cli": "cli client api.shapes config.spelling errors",
    # the screen: a client that uses procmanctl's texts, and is imported by one command
    "tui": "tui client api.shapes cli config.spelling errors",
    "cli.procmanctl_commands.top": "cli tui",
    "cli.procman": "cli cli.procman_commands.table config.discovery daemon errors",
    "cli.procman_commands": (
        "cli cli.completion cli.procman_commands client api.shapes config config.schema config.spelling "
        "config.discovery config.assumptions simulator convert daemon entrypoint logs system "
        "system.safe_open errors"
    ),
    "cli.procman_commands.table": "cli",
    "cli.completion": "cli cli.completion cli.procman_commands.table config.schema",
    "cli.procman_commands.replay": "cli cli.procman_commands.table api.shapes core core.spec errors",
    "cli.procman_commands.test": (
        "cli cli.procman_commands cli.procman_commands.table config config.schema config.spelling config.formats "
        "config.problems simulator errors"
    ),
    "cli.procman_commands.start": "cli.procman_commands config.discovery config.formats daemon errors",
    "cli.procman_commands.init": "cli cli.procman_commands.imports config.discovery convert errors",
    "cli.procman_commands.imports": "cli cli.procman_commands.table config.formats convert system.env_file errors",
    "cli.start_procman": "cli.procman",
    "cli.reference_page": "cli cli.procman_commands.table",
    "cli.man_pages": "cli cli.procman_commands.table cli.reference_page config.discovery config.schema",
    "client.reference_page": "client",
    "cli.reference_docs": "api client.reference_page cli.man_pages cli.reference_page config.schema",
    "__main__": "cli.start_procman",
}

# Libraries, and the rooms and modules that may import them.
MAY_KNOW = {
    "asyncio": "runtime services daemon logs http api events.hub client.async_transport",
    "subprocess": "system.spawn pytest_plugin",
    "ctypes": "system",
    "_thread": "system",
    # The disk workers are a queue of their own, with locks for what they share with the loop; the command line's
    # threads copy the terminal's input, and ask how far an operation is.
    "threading": "logs webhook watcher cli.procmanctl_commands.foreground cli.progress tui.feed",
    "concurrent": "",
    # As a client, for the conditions of `ready`.
    "h11": "http runtime.probe_looks client.async_transport",
    "dotenv": "system.env_file",
    "urllib3": "webhook",
    "watchfiles": "watcher",
    "yaml": "convert.imports.yaml_tree",
    "cronsim": "cron",
    "zoneinfo": "cron",
    "tomli": "config.formats.toml client.file_options",
    "xmlrpc": "api.xmlrpc",
    "ssl": "client.tls http.tls http.server system.certificates webhook",
    "psutil": "system api services",
    "rich": "cli.rich_table cli.other_screen tui",
    "textual": "tui",
    "multiprocessing": "",
    "logging": "",
    "random": "",
}

# The core is pure: it gets the time and the events as arguments. Of the standard library it needs only this.
CORE_MAY_KNOW = {"collections", "dataclasses", "enum", "math", "signal", "typing"}


@cache
def modules() -> dict[str, Path]:
    """Every module by its name below the package: "core.fleet", "core" for the package itself, "" for procman."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def imports(module: str) -> frozenset[str]:
    """Full names of everything it imports anywhere: procman's modules, and other names as in the statement."""
    found = set()
    for node in ast.walk(ast.parse(modules()[module].read_text())):
        match node:
            case ast.Import(names=names):
                found |= {name.name for name in names}
            case ast.ImportFrom(module=str() as origin, names=names, level=0):
                inner = {f"{origin}.{name.name}" for name in names}
                submodules = {name for name in inner if name.removeprefix("procman.") in modules()}
                found |= submodules
                if submodules != inner:
                    found.add(origin)
            case ast.ImportFrom():
                raise AssertionError(f"{module} imports by dots: say the whole name")
    return frozenset(found)


def own_imports(module: str) -> set[str]:
    """The modules of procman that it imports; the top package, which holds the version, does not count."""
    return {name.removeprefix("procman.") for name in imports(module) if name.startswith("procman.")}


def within(name: str, room: str) -> bool:
    return name == room or name.startswith(f"{room}.")


def room_of(module: str) -> str:
    """The row of the table that covers the module."""
    rooms = [room for room in MAY_IMPORT if within(module, room)]
    assert rooms, f"{module} is in no room: give it a row in MAY_IMPORT, and say in the design what it is for"
    return max(rooms, key=len)


def modules_of(room: str = "") -> list[str]:
    """The modules of a room, or of all."""
    return [name for name in modules() if name and (not room or within(name, room))]


# Each test looks at all modules: three tests for each of them would take longer to report than to run.
def test_a_module_imports_what_its_room_may():
    """Every module imports only what the row of its room allows."""
    for module in modules_of():
        room = room_of(module)
        allowed = MAY_IMPORT[room].split()
        for imported in own_imports(module):
            # A package that is imported for one of its modules has nothing in it but a docstring.
            assert room_of(imported) in allowed, f"{module} must not import {imported}: {room} may import {allowed}"


def test_a_module_knows_what_it_may_know():
    """asyncio, subprocess and the libraries are imported only inside their fences."""
    for module in modules_of():
        known = {name.split(".")[0] for name in imports(module)}
        for fenced in known & MAY_KNOW.keys():
            assert any(within(module, room) for room in MAY_KNOW[fenced].split()), f"{module} must not import {fenced}"


def test_the_core_is_pure():
    """The core, with everything that it imports, has no I/O, no clock and no randomness."""
    comes_with_it = set(modules_of("core"))
    while added := set().union(*map(own_imports, comes_with_it)) - comes_with_it:
        comes_with_it |= added
    assert {name for name in comes_with_it if not within(name, "core")} == set()
    known = {name.split(".")[0] for one in comes_with_it for name in imports(one)}
    assert known - {"procman"} <= CORE_MAY_KNOW


# Of the runtime, a simulation has what publishes and writes down; none of it opens or starts anything.
SIMULATOR_MAY_USE = {
    "runtime.bus",
    "runtime.published_news",
    "runtime.journal.record",
    "runtime.journal.translation",
}
SIMULATOR_MAY_KNOW = CORE_MAY_KNOW | {"datetime", "fnmatch", "heapq", "re"}


def test_a_simulation_is_pure():
    """Nothing in `simulator` imports a clock, the system or asyncio; of the runtime it has the words of the journal."""
    used = set().union(*map(own_imports, modules_of("simulator")))
    assert {name for name in used if within(name, "runtime")} <= SIMULATOR_MAY_USE
    known = {name.split(".")[0] for module in modules_of("simulator") for name in imports(module)}
    assert known - {"procman"} <= SIMULATOR_MAY_KNOW


# What people are told is decided without a clock and without I/O, too; json and templates make texts of it.
NOTIFY_MAY_KNOW = CORE_MAY_KNOW | {"json", "string", "urllib"}


def test_what_is_told_is_decided_without_a_clock():
    """Nothing in `notify` imports the time, the system or asyncio."""
    known = {name.split(".")[0] for module in modules_of("notify") for name in imports(module)}
    assert known - {"procman"} <= NOTIFY_MAY_KNOW


def test_no_room_imports_a_room_that_imports_it():
    """The imports between rooms have no circle."""
    rooms: dict[str, set[str]] = {room_of(module): set() for module in modules() if module}
    for module in modules():
        if module:
            rooms[room_of(module)] |= {room_of(imported) for imported in own_imports(module)} - {room_of(module)}
    list(TopologicalSorter(rooms).static_order())


def test_the_table_allows_no_circle():
    """The table itself has no circle, not even an unused one."""
    rows = {room: set(allowed.split()) - {room} for room, allowed in MAY_IMPORT.items()}
    assert set().union(*rows.values()) <= rows.keys()
    list(TopologicalSorter(rows).static_order())


def test_no_module_imports_a_module_that_imports_it():
    """The imports between modules have no circle either, late imports and those for types included."""
    graph = {module: own_imports(module) - {module} for module in modules() if module}
    list(TopologicalSorter(graph).static_order())


def test_an_import_in_a_function_has_its_reason():
    """Imports are at the top of the file, except for whole optional features, each with the reason in a comment."""
    for module in modules_of():
        text = modules()[module].read_text()
        lines = text.splitlines()
        for function in ast.walk(ast.parse(text)):
            if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            late = [node for node in ast.walk(function) if isinstance(node, ast.Import | ast.ImportFrom)]
            reasons = [lines[node.lineno - 1].partition("PLC0415 -")[2] for node in late]
            reasons += [lines[node.lineno - 2].partition("# ")[2] for node in late]
            assert any(reasons) or not late, f"{module}: say why {function.name} imports late, or import at the top"
