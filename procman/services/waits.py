"""What stands behind the wait of a process, down to the root. No I/O and no clock here."""

from collections.abc import Iterator

from procman.core.fleet import Fleet
from procman.core.process import Process
from procman.core.states import Phase
from procman.services.explain_facts import Link

# So many processes of a chain are shown.
DEEPEST = 8


def behind(fleet: Fleet, process: Process) -> tuple[Link, ...]:
    """What it waits for, what that waits for, and so on; the root last."""
    return tuple(_behind(fleet, process, {process.name}))


def _behind(fleet: Fleet, process: Process, seen: set[str]) -> Iterator[Link]:
    for need in fleet.dependencies.unmet(process):
        if need.target in seen or len(seen) > DEEPEST:
            continue
        seen.add(need.target)
        target = fleet.processes.get(need.target)
        if target is None:
            yield Link("dependency", f"it depends on {need.written}, which is not active", need.target)
            continue
        reason = target.reason if target.reason and target.phase is not Phase.BLOCKED else ""
        is_what = f"{target.state.name}{f' ({target.phase.value})' if target.phase.value else ''}"
        whose = "it" if len(seen) == 2 else process.name  # noqa: PLR2004 - itself, and the first that it waits for
        yield Link(
            "dependency",
            f"{whose} waits for {need.written}, and {target.name} is {is_what}{f': {reason}' if reason else ''}",
            target.name,
        )
        yield from _behind(fleet, target, seen)
