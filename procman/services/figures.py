"""What the processes use of the machine."""

import asyncio
from dataclasses import dataclass

from procman.core.fleet import Fleet
from procman.system.proc import CannotLook
from procman.system.resource_usage import figures
from procman.system.tree import ProcSnapshot


@dataclass(frozen=True, slots=True)
class ProcessFigures:
    """What a process and all that it has started use."""

    namespec: str
    pid: int
    processes: int
    threads: int
    rss: int  # bytes; shared pages count for each of them
    cpu: float  # seconds
    fds: int | None  # None where they may not be seen


async def figures_of(fleet: Fleet) -> list[ProcessFigures]:
    """Those of each slot that has a process; everything else goes on meanwhile."""
    try:
        look = ProcSnapshot()
        complete = look.read()
        while not complete:
            await asyncio.sleep(0)
            complete = look.read()
    except CannotLook:
        return []
    found = []
    for name, pid in [(process.name, process.pid) for process in fleet.in_start_order()]:
        if pid is None:
            continue
        used = None
        for used in figures(pid, look):  # noqa: B007 - the last one is wanted
            await asyncio.sleep(0)
        if used is not None:
            found.append(ProcessFigures(name, pid, used.processes, used.threads, used.rss, used.cpu, used.fds))
    return found
