"""Draws the picture of which room imports which, and its page docs/imports.md. A test fails when they are stale.

python -m tests.support.import_graph
"""

from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from tests.support.drawing import drawn
from tests.test_architecture import MAY_IMPORT, modules, own_imports, room_of

PAGE = Path(__file__).parents[2] / "docs" / "imports.md"
PICTURE = PAGE.parent / "pictures" / "imports.svg"
COMMAND = "python -m tests.support.import_graph"

HEAD = f"""\
# Which room imports which

Drawn from the code by `{COMMAND}`. Arrows point to what is imported.
An arrow is left out if a longer way leads to the same room. Part of a package has a box of its own if some rooms may
import only that part, or if it lies lower or higher than the rest. [ARCHITECTURE.md](../ARCHITECTURE.md) says what each
room is for.

"""

Graph = dict[str, set[str]]


def room_graph() -> Graph:
    """Each room of the table in test_architecture, and the rooms that its modules import."""
    graph: Graph = {room: set() for room in MAY_IMPORT}
    for module in modules():
        if module:
            graph[room_of(module)] |= {room_of(imported) for imported in own_imports(module)}
    return {room: imported - {room} for room, imported in graph.items()}


def merged(graph: Graph, part: str, whole: str) -> Graph:
    """The same graph with one room drawn as a part of another."""
    names = {part: whole}
    result: Graph = {}
    for room, imported in graph.items():
        result.setdefault(names.get(room, room), set()).update(names.get(one, one) for one in imported)
    return {room: imported - {room} for room, imported in result.items()}


def has_circle(graph: Graph) -> bool:
    try:
        TopologicalSorter(graph).prepare()
    except CycleError:
        return True
    return False


def packages(graph: Graph) -> Graph:
    """Parts of packages are drawn as the package, unless that makes a circle or some rooms may import only the part."""
    for part in sorted(graph):
        whole = part.partition(".")[0]
        users = {room for room, imported in graph.items() if part in imported and room.partition(".")[0] != whole}
        if part == whole or whole not in graph or not all(whole in MAY_IMPORT[room].split() for room in users):
            continue
        if not has_circle(smaller := merged(graph, part, whole)):
            return packages(smaller)
    return graph


def reachable(graph: Graph, start: str) -> set[str]:
    found: set[str] = set()
    while added := set().union(*(graph[room] for room in found | {start})) - found:
        found |= added
    return found


def reduced(graph: Graph) -> Graph:
    """Without the arrows that follow from others."""
    return {
        room: {one for one in imported if not any(one in reachable(graph, other) for other in imported - {one})}
        for room, imported in graph.items()
    }


def texts() -> dict[Path, str]:
    """The page and its picture."""
    graph = reduced(packages(room_graph()))
    rows = [
        f"| `{room}` | {', '.join(f'`{one}`' for one in sorted(graph[room]))} |"
        for room in sorted(graph)
        if graph[room]
    ]
    page = "\n".join(
        [
            "[![Rooms and their imports](pictures/imports.svg)](pictures/imports.svg)",
            "",
            "| room | imports |",
            "|---|---|",
            *rows,
        ]
    )
    return {PAGE: f"{HEAD}{page}\n", PICTURE: drawn(graph, "Which room imports which")}


if __name__ == "__main__":
    for path, text in texts().items():
        path.write_text(text, encoding="utf-8")
