"""What the processes of an export wait for, by their exported names, and notes on what an engine has not."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from procman.config.schema.programs import Program
from procman.core.spec import EdgeCondition


@dataclass(frozen=True, slots=True)
class Wait:
    """One process waits for another one; `written` is the edge as the user wrote it."""

    target: str  # as it is named in the export
    condition: EdgeCondition
    optional: bool
    written: str


def waits_of(program: Program, names: Mapping[str, str]) -> tuple[list[Wait], list[str]]:
    """What the program waits for, and a note on each target that is not in the export.

    `names` has the exported names by namespec.
    """
    found: dict[str, Wait] = {}
    notes = []
    for edge in program.depends_on:
        missing = [name for name in edge.processes if name not in names]
        if missing:
            notes.append(f"[{program.section}]: depends_on {edge}: {', '.join(missing)} is left out, see there")
        for name in edge.processes:
            if name in names:
                wait = Wait(names[name], edge.condition or "ready", edge.optional, str(edge))
                known = found.get(wait.target)
                # An edge that has to hold outweighs one that need not.
                if known is None or known.optional:
                    found[wait.target] = wait
    return list(found.values()), notes


def lost_of_dependencies(
    programs: Iterable[Program], engine: str, *, restarts: bool = False, stops: bool = False
) -> list[str]:
    """Notes on options of dependencies that the engine has not.

    `restarts`, `stops`: whether it can restart, or stop, what depends on a target with that.
    """
    options: dict[str, list[str]] = {}
    exited: list[str] = []
    for program in programs:
        section = f"[{program.section}]"
        if program.depends_timeout is not None:
            options.setdefault("depends_timeout", []).append(section)
        if program.on_dependency_restart[0] not in ("ignore", "restart" if restarts else "ignore"):
            options.setdefault("on_dependency_restart", []).append(section)
        if program.on_dependency_stop != "ignore" and not stops:
            options.setdefault("on_dependency_stop", []).append(section)
        if any(edge.condition == "exited" for edge in program.depends_on):
            exited.append(section)
    notes = [f"{_each(names)}: {option}, which {engine} has not" for option, names in options.items()]
    if exited:
        notes.append(f"{_each(exited)}: @exited: {engine} waits for a success, and not for any end")
    return notes


def lost_of_restarts(programs: Sequence[Program], options: Mapping[str, object], engine: str) -> list[str]:
    """A note on each option of restarts that has another value than this one, which the engine has not."""
    notes = []
    for option, usual in options.items():
        names = [f"[{program.section}]" for program in programs if getattr(program, option) != usual]
        if names:
            notes.append(f"{_each(names)}: {option}, which {engine} has not")
    return notes


# What only procman has, with the values that need nothing.
RESTARTS: Mapping[str, object] = {
    "backoff": None,
    "restart_limit": None,
    "norestart_exitcodes": (),
    "debug_restart": {},
    "critical": False,
}


def _each(names: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(names))
