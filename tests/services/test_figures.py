"""What /v1/figures says of the trees of all processes."""

import asyncio
import os
from types import SimpleNamespace

from procman.services import figures as module
from procman.services.figures import figures_of


def fleet_of(**pids):
    slots = [SimpleNamespace(name=name, pid=pid) for name, pid in pids.items()]
    return SimpleNamespace(in_start_order=lambda: slots)


def test_what_is_not_up_has_no_figures():
    (me,) = asyncio.run(figures_of(fleet_of(me=os.getpid(), idle=None)))
    assert (me.namespec, me.pid) == ("me", os.getpid())
    assert me.processes >= 1
    assert me.rss > 1 << 20


def test_the_others_have_their_turn_between_the_processes(monkeypatch):
    """So that thousands of them hold up nobody."""
    monkeypatch.setattr(module, "AT_ONCE", 1)
    turns = 0

    async def steps():
        nonlocal turns
        looking = asyncio.ensure_future(figures_of(fleet_of(**{f"me{number}": os.getpid() for number in range(5)})))
        while not looking.done():
            await asyncio.sleep(0)
            turns += 1
        return await looking

    assert len(asyncio.run(steps())) == 5
    assert turns > 5
