"""Health checks for other engines: what they look at, and what is lost."""

from collections.abc import Iterable
from dataclasses import replace

from procman.config.schema.programs import Program
from procman.convert.readiness import Looks, PortLook, looks_of
from procman.core.spec import ReadyKind


def as_ready(program: Program) -> Program:
    """The program as if its health check were what it is to be ready by, so that the same looks are made of it."""
    health = program.health
    looked_at = () if health is None or health.kind is ReadyKind.WATCHDOG else (health,)
    return replace(program, ready=looked_at)


def looks_of_health(program: Program, port_look: PortLook, patience: float) -> Looks:
    """How to find out whether the program is well, with that many seconds for each look."""
    return looks_of(as_ready(program), port_look, patience)


def lost_of_health(
    programs: Iterable[Program], engine: str, *, looks: bool = True, restarts: bool = False, watchdog: bool = False
) -> list[str]:
    """Notes on what the engine does not do.

    Args:
        programs: what is exported.
        engine: its name.
        looks: whether it can look at the health of a program.
        restarts: whether it restarts what is unhealthy.
        watchdog: whether it hears WATCHDOG=1.
    """
    notes: dict[str, None] = {}
    for program in programs:
        section, looked_at = f"[{program.section}]", as_ready(program).ready
        if looked_at and not looks:
            notes[f"{section}: health: {engine} has no health checks"] = None
        elif looked_at and program.on_unhealthy.what != ("restart" if restarts else "none"):
            does = "restarts what is unhealthy" if restarts else "does nothing about what is unhealthy"
            notes[f"{section}: on_unhealthy = {program.on_unhealthy.what}: {engine} {does}"] = None
        if program.watchdog is not None and not watchdog:
            notes[f"{section}: watchdog: {engine} does not hear WATCHDOG=1"] = None
    return list(notes)
