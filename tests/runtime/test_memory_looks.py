"""Looks at memory: what may not be seen is said once of each process, and restarts nothing."""

import asyncio
from types import SimpleNamespace

import pytest

from procman.core.actions import Measure, ProcessRemoved
from procman.core.events import BootRequested, Spawned
from procman.core.fleet import Fleet
from procman.runtime.memory_looks import MemoryLooks
from procman.system import tree_usage
from tests.support.notifications import notify
from tests.support.programs import group

PID = 100


@pytest.fixture
def looked(monkeypatch):
    """What a look finds is in `found`; the answers and the log are in lists."""
    site = SimpleNamespace(found=None, answers=[], said=[])
    monkeypatch.setattr(tree_usage, "memories", lambda members: dict.fromkeys(members, site.found))
    site.fleet = Fleet((group("web", memory_restart=1, startsecs=0),))
    site.fleet.handle(BootRequested(), 0.0)
    site.fleet.handle(Spawned("web", PID), 0.0)

    def look(*found):
        async def steps():
            trees = SimpleNamespace(tree_of=lambda _: None)
            site.looks = MemoryLooks(site.fleet, trees, post=site.answers.append, log=site.said.append)
            for one in found:
                if one == "removed":
                    site.looks.hear(notify(ProcessRemoved("web")))
                    continue
                site.found = one
                site.looks.measure(Measure("web", 1, PID))
                await site.looks._task

        asyncio.run(steps())
        return [answer.used for answer in site.answers], len(site.said)

    site.look = look
    return site


def test_what_may_not_be_seen_is_said_once(looked):
    """Until it can be seen again; the core is told that nothing is known."""
    assert looked.look(None, None, 50, None) == ([None, None, 50, None], 2)
    assert "its memory may not be seen" in looked.said[0]
    assert "mount /proc without hidepid" in looked.said[0]


def test_another_process_of_that_name_is_said_anew(looked):
    """As the one before has left."""
    assert looked.look(None, "removed", None) == ([None, None], 2)


def test_one_that_has_ended_is_no_reason(looked):
    """There is nothing to be seen of it."""
    looked.fleet.processes["web"].pid = PID + 1
    assert looked.look(None) == ([None], 0)
