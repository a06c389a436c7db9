"""What the processes use of the machine."""

import asyncio
from dataclasses import dataclass

from procman.core.fleet import Fleet
from procman.system.proc import CannotLook
from procman.system.tree import ProcSnapshot
from procman.system.tree_usage import Member, tree_members, tree_usage

# So many processes are read before the others have their turn; they take about 2 ms.
AT_ONCE = 50


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
    looked_at = 0
    for name, pid in [(process.name, process.pid) for process in fleet.in_start_order() if process.pid]:
        members: list[Member] = []
        for member in tree_members(pid, look):
            members.append(member)
            looked_at += 1
            if looked_at % AT_ONCE == 0:
                await asyncio.sleep(0)
        if members:
            used = tree_usage(members)
            found.append(ProcessFigures(name, pid, used.processes, used.threads, used.rss, used.cpu, used.fds))
    return found
