"""What is read for a scrape: the fleet as it is, the figures of trees at most every few seconds."""

import asyncio
import os
from dataclasses import replace
from types import SimpleNamespace

import pytest

from procman.core.events import GroupRemoved
from procman.core.spec import Condition, HookCommand, ProcessType, ReadyKind
from procman.runtime.bus import Sequence
from procman.services.metrics import tree_figures as module
from procman.services.metrics.counters import Counters
from procman.services.metrics.readings import MetricsService
from procman.services.metrics.tree_figures import TreeFigures
from procman.system.proc import CannotLook
from procman.system.tree_usage import TreeUsage
from tests.support.programs import group
from tests.support.virtual_engine import VirtualEngine


class Measured:
    """The metrics of virtual processes; `looks` are the pids of each look at /proc."""

    def __init__(self, monkeypatch, *groups):
        self.engine = VirtualEngine(*groups)
        self.counters = Counters()
        self.counters.watch(self.engine.bus, self.engine.fleet)
        self.looks = []
        self.cpu = 1.0
        self.plans = 0
        monkeypatch.setattr(module, "usages", self._usages)
        self.service = MetricsService(
            self.counters,
            lambda _: ({"stdout": 7}, 2),
            SimpleNamespace(
                fleet=self.engine.fleet,
                longest_stop=self._plan,
                scales={},
                started_with=SimpleNamespace(master=SimpleNamespace(metrics_file=None)),
            ),
            Sequence(41),
            clients=lambda: 3,
        )

    def _plan(self):
        self.plans += 1
        return 11.0

    def _usages(self, pids):
        self.looks.append(pids)
        return {name: TreeUsage(pid, 1, 1, 4096, self.cpu, 3) for name, pid in pids.items()}


def on_loop(steps):
    asyncio.run(asyncio.wait_for(steps(), 30))


def test_a_reading_has_all_of_the_fleet_by_name(monkeypatch):
    async def steps():
        measured = Measured(monkeypatch, group("web"), group("a", autostart=False))
        measured.engine.run("web")
        found = await measured.service.read()
        a, web = found.processes
        assert (a.name, a.state, a.has_process, a.tree) == ("a", "STOPPED", False, None)
        assert (web.name, web.state, web.is_wanted, web.tree.rss) == ("web", "RUNNING", True, 4096)
        assert (web.log_bytes, web.lost_bytes) == ({"stdout": 7}, 2)
        assert (found.master.events, found.master.clients, found.master.stop_plan) == (41, 3, 11.0)
        assert 0 <= found.master.loop_lag < 30
        assert found.master.free_fds > 0

    on_loop(steps)


def test_a_process_that_has_left_is_not_read_any_more(monkeypatch):
    async def steps():
        measured = Measured(monkeypatch, group("web"), group("other"))
        measured.engine.run("web", "other")
        await measured.service.read()
        measured.engine.post(GroupRemoved("web"))
        measured.engine.end("web")
        assert [one.name for one in (await measured.service.read()).processes] == ["other"]

    on_loop(steps)


def test_a_changed_definition_is_read_anew(monkeypatch):
    """What a definition says is remembered from one scrape to the next, for as long as it is that one."""

    async def steps():
        measured = Measured(monkeypatch, group("web"), group("gone"))
        (_, before) = (await measured.service.read()).processes
        web = measured.engine.fleet.processes["web"]
        web.program = replace(web.program, memory_max=(1 << 20, False), pre_start=(HookCommand("true"),))
        measured.engine.post(GroupRemoved("gone"))
        (after,) = (await measured.service.read()).processes
        assert (before.memory_limit, before.hooks) == (None, ())
        assert (after.memory_limit, after.hooks) == (1 << 20, ("pre_start",))

    on_loop(steps)


@pytest.mark.parametrize(
    "options",
    [
        {"type": ProcessType.ONESHOT},
        {"memory_max": (1 << 20, False)},
        {"ready": (Condition(ReadyKind.NOTIFY),)},
        {"health": Condition(ReadyKind.TCP, "tcp:1")},
        {"pre_start": (HookCommand("true"),)},
        {"stdout_logfile_rotate": ("daily", 0)},
    ],
    ids=lambda options: next(iter(options)),
)
def test_what_only_some_have_is_read_of_these(monkeypatch, options):
    """A program with such an option has more than a plain one."""

    async def steps():
        measured = Measured(monkeypatch, group("plain"), group("web", **options))
        plain, web = (await measured.service.read()).processes
        assert (plain.is_plain, web.is_plain) == (True, False)

    on_loop(steps)


def test_a_plain_process_whose_log_was_rotated_has_that(monkeypatch):
    """What a process has had counts, and not only its options."""

    async def steps():
        measured = Measured(monkeypatch, group("web"))
        measured.counters.of("web").rotated("stdout", "request", "", 5.0)
        (web,) = (await measured.service.read()).processes
        assert (web.is_plain, web.rotations) == (False, (1, 0))

    on_loop(steps)


def test_trees_are_looked_at_once_for_several_that_ask(monkeypatch):
    """Also for those that ask at the same time; and again when the figures are too old."""

    async def steps():
        measured = Measured(monkeypatch, group("web"))
        measured.engine.run("web")
        await asyncio.gather(*(measured.service.read() for _ in range(5)))
        assert (len(measured.looks), measured.plans) == (1, 1)
        monkeypatch.setattr(module, "KEPT_FOR", 0.0)
        measured.cpu = 1.5
        found = await measured.service.read()
        assert len(measured.looks) == 2
        assert found.processes[0].counts.cpu_seconds == 1.5

    on_loop(steps)


def test_nobody_asks_and_nothing_is_read(monkeypatch):
    async def steps():
        measured = Measured(monkeypatch, group("web"))
        measured.engine.run("web")
        assert (measured.looks, measured.plans) == ([], 0)

    on_loop(steps)


@pytest.mark.parametrize("error", [CannotLook("no /proc"), None])
def test_without_figures_all_else_is_there(monkeypatch, error):
    """/proc is not mounted, or does not answer: the scrape is not held up for longer than that takes."""

    async def steps():
        measured = Measured(monkeypatch, group("web"))
        measured.engine.run("web")
        reading, going_on = os.pipe()
        ended = asyncio.Event()

        def fail(_):
            if error is not None:
                raise error
            os.read(reading, 1)
            return {}

        monkeypatch.setattr(module, "usages", fail)
        if error is None:
            monkeypatch.setattr(module, "WITHIN", 0.01)
        measured.service._trees = TreeFigures(measured.engine.fleet, measured.counters, ended.set)
        (web,) = (await measured.service.read()).processes
        assert (web.state, web.tree, web.counts.cpu_seconds) == ("RUNNING", None, 0.0)
        assert (measured.service.obstacle is None) == (error is not None)
        os.write(going_on, b"x")
        await ended.wait()
        assert measured.service.obstacle is None

    on_loop(steps)
