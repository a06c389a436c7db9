"""Commands of looks: none runs while they are held, and what was interrupted for that begins again."""

import asyncio
from types import SimpleNamespace

import pytest

from procman.core.events import ExitStatus
from procman.core.spec import Condition, ReadyKind
from procman.runtime.looks import Looks
from tests.support.log_lines import PATIENCE
from tests.support.programs import program

WEB = program("web")
CHECK = Condition(ReadyKind.EXEC, "exec:check")


class Commands:
    """Commands that end when a test says so."""

    def __init__(self):
        self.begun = 0
        self.may_end = asyncio.Event()
        self.is_running = asyncio.Event()

    async def run(self, _spec, **_):
        self.begun += 1
        self.is_running.set()
        try:
            await self.may_end.wait()
        finally:
            self.is_running.clear()
        return SimpleNamespace(how=ExitStatus(0), succeeded=True, output=b"")


@pytest.fixture
def looking():
    """Run the steps of a test with looks, their commands, and a queue of what is in the way whenever none runs."""

    def run(steps):
        async def whole():
            commands, quiet = Commands(), asyncio.Queue()
            looks = Looks(
                None,
                commands,
                launch=lambda _: None,
                most_commands=5,
                on_quiet=lambda: quiet.put_nowait(looks.obstacle),
            )
            await asyncio.wait_for(steps(looks, commands, quiet), PATIENCE)

        asyncio.run(whole())

    return run


def test_a_look_that_is_interrupted_begins_again_and_has_its_answer(looking):
    async def steps(looks, commands, quiet):
        look = asyncio.ensure_future(looks.look(WEB, CHECK, within=1.0))
        await commands.is_running.wait()
        assert looks.obstacle is None
        looks.hold()
        assert looks.obstacle == "a command that checks a program is being ended"
        assert await quiet.get() is None
        assert not commands.is_running.is_set()
        looks.go_on()
        await commands.is_running.wait()
        commands.may_end.set()
        assert (await look).ok
        assert commands.begun == 2

    looking(steps)


def test_a_look_that_is_asked_for_meanwhile_waits(looking):
    async def steps(looks, commands, _):
        looks.hold()
        commands.may_end.set()
        look = asyncio.ensure_future(looks.look(WEB, CHECK, within=1.0))
        for _ in range(20):
            await asyncio.sleep(0)
        assert (commands.begun, looks.obstacle) == (0, None)
        looks.go_on()
        assert (await look).ok

    looking(steps)


def test_a_look_that_nobody_wants_any_more_does_not_begin_again(looking):
    async def steps(looks, commands, quiet):
        look = asyncio.ensure_future(looks.look(WEB, CHECK, within=1.0))
        await commands.is_running.wait()
        looks.hold()
        look.cancel()
        with pytest.raises(asyncio.CancelledError):
            await look
        looks.go_on()
        for _ in range(20):
            await asyncio.sleep(0)
        assert (commands.begun, quiet.qsize()) == (1, 1)

    looking(steps)
