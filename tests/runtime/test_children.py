"""The registry of children: what each pid is for, and how it may be signalled."""

import asyncio
import signal

from procman.runtime.children import Children, RunningCommand, RunningProgram
from procman.system.foreign_process import watch
from procman.system.proc import identify
from procman.system.reaper import Reaped
from procman.system.spawn import Child
from tests.support.running_engine import on_engine
from tests.support.tree_fixtures import running

NO_PIPES = (None, None, None)


def test_each_pid_is_known_until_it_is_reaped():
    """As a program's or a command's; any other is an orphan."""
    children, ends = Children(), []
    program, command = Child(11, *NO_PIPES), Child(12, *NO_PIPES)
    children.program_started("web", program)
    children.command_started(command, ends.append)
    assert children.reaped(Reaped(11, 0)) == RunningProgram("web", program)
    known = children.reaped(Reaped(12, 0))
    assert isinstance(known, RunningCommand)
    assert known.child is command
    assert children.reaped(Reaped(11, 0)) is None
    assert children.reaped(Reaped(13, 0)) is None


def test_an_adopted_process_is_signalled_by_its_identity():
    """Its parent may have reaped it, and its number may be another process's; so nothing is sent after its end."""

    async def steps():
        children, ended = Children(), asyncio.get_running_loop().create_future()
        with running() as process:
            child, watched = Child(process.pid, *NO_PIPES), watch(identify(process.pid))
            children.adopt("web", child, watched, ended.set_result)
            assert children.snapshot() == [[process.pid, identify(process.pid).start]]
            assert children.send(process.pid, signal.SIGTERM, as_group=False) is None
            how = await ended
            assert (how.pid, how.signal) == (process.pid, signal.SIGTERM)
            assert children.send(process.pid, signal.SIGTERM, as_group=False) is None
            assert children.reaped(how).name == "web"
            assert children.snapshot() == []

    on_engine(steps)


def test_another_image_goes_on_with_them():
    """An adopted process that has ended meanwhile is named."""

    async def steps():
        children = Children()
        with running("/bin/sleep", "1000") as process:
            gone, start = process.pid, identify(process.pid).start
        with running() as process:
            adopted = [[process.pid, identify(process.pid).start], [gone, start]]
            pids = [(process.pid, "web"), (gone, "db"), (99, "app")]
            assert children.restore(pids, adopted, lambda _: None) == [gone]
            assert children.snapshot() == adopted[:1]
            assert children.reaped(Reaped(99, 0)).name == "app"
            children.close()
            assert children.snapshot() == []

    on_engine(steps)


def test_the_end_of_the_helper_commands_can_be_waited_for():
    """Programs do not count."""

    async def steps():
        children = Children()
        assert await children.commands_ended(0.0)
        children.program_started("web", Child(10, None, None, None))
        children.command_started(Child(11, None, None, None), lambda _: None)
        children.command_started(Child(12, None, None, None), lambda _: None)
        children.reaped(Reaped(11, 0))
        assert not await children.commands_ended(0.0)
        waiting = asyncio.ensure_future(children.commands_ended(60.0))
        await asyncio.sleep(0)
        children.reaped(Reaped(12, 0))
        return await waiting

    assert asyncio.run(steps())
