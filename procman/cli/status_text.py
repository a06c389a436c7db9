"""The text of `procmanctl status`: one line for each process, and why it is not running.

Off a terminal every byte is supervisorctl's, because scripts read it; on one, the lines say more, with colours.
"""

from __future__ import annotations

from collections.abc import Iterable

from procman.cli.terminal_text import coloured, safe

TYPE_CHECKING = False  # typing's own constant costs the import of typing: 3 ms
if TYPE_CHECKING:
    from procman.api.shapes.output import TerminalClient
    from procman.api.shapes.processes import ProcessInfo

_NAME_WIDTH = 30  # supervisorctl's; a wider name widens the column, and three blanks follow


def namespec(group: str, name: str) -> str:
    """The name of a process: `web`, or `group:name` if the two differ."""
    return name if group == name else f"{group}:{name}"


def split(word: str) -> tuple[str, str | None]:
    """Group and name of `group:name`; the name is None for a whole group."""
    group, colon, name = word.partition(":")
    if not colon:
        return word, word
    return group, None if name in {"", "*"} else name


def status_table(processes: Iterable[ProcessInfo], *, terminal: bool, colour: bool) -> list[str]:
    """The lines of `status`."""
    rows = [
        (
            namespec(info["group"], info["name"]),
            info["statename"],
            _description(info) if terminal else info["description"],
        )
        for info in processes
    ]
    return table(rows, terminal=terminal, colour=colour)


def table(rows: list[tuple[str, str, str]], *, terminal: bool, colour: bool) -> list[str]:
    """The lines of a table of names, states and descriptions."""
    if terminal:
        rows = [(safe(name), state, safe(description)) for name, state, description in rows]
    width = max([_NAME_WIDTH, *(len(name) for name, _, _ in rows)]) + 3
    lines = []
    for name, state, description in rows:
        shown = f"{state:<10}"
        if colour:
            shown = coloured(shown, state)
        lines.append(f"{name:<{width}}{shown}{description}")
    return lines


def _description(info: ProcessInfo) -> str:
    """The description, with the reason if the process is not up, or the number of restarts if it is."""
    match info["statename"]:
        case "FATAL" | "BACKOFF":
            return f"{reason(info)}{next_try(info)}" if reason(info) else info["description"]
        case "EXITED" if info["spawnerr"]:
            parts = [info["description"], reason(info)]
        case "RUNNING" | "STARTING" if info["restarts"]:
            restarts = f"{info['restarts']} restart{'s' if info['restarts'] > 1 else ''}"
            flaps = info["now"] < info.get("flapping_until", 0)
            parts = [info["description"], f"{restarts} ({reason(info)})" if flaps else restarts]
        case _:
            return info["description"]
    return ", ".join(part for part in parts if part)


def reason(info: ProcessInfo) -> str:
    """How the last run ended, and its last words; "" from an older master."""
    words = info.get("last_words")
    return info.get("ending", "") + (f"; {info['last_words_on']}: {words}" if words else "")


def next_try(info: ProcessInfo) -> str:
    """What follows the reason of one that is started again after a delay, such as ", next try in 7 s"."""
    coming = info.get("next") if info["statename"] == "BACKOFF" else None
    return f", next try in {max(0, round(coming - info['now']))} s" if coming else ""


def terminal_lines(clients: list[TerminalClient]) -> list[str]:
    """Who is attached to which program."""
    lines = []
    for client in clients:
        does = "debugs it" if client["debugs"] else "watches its terminal" if client["read_only"] else "is attached"
        lines.append(f"{client['name']}: {client['client']} {does}")
    return lines
