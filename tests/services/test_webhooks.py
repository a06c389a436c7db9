"""The helper process that posts: started when needed, replaced when it fails, gone when it is idle."""

import asyncio
import json
import os
import signal

import pytest

from procman.services import webhooks
from procman.services.webhooks import Webhooks
from tests.support.launching import open_fds
from tests.support.running_engine import PATIENCE, RunningEngine, on_engine

MODULE = "tests.support.odd_sender"


def with_webhooks(steps, *, idle=60.0, module=MODULE):
    """Run the steps with such webhooks, beside an engine; no descriptor and no orphan is left."""

    async def whole():
        running = RunningEngine()
        before = open_fds()
        hooks = Webhooks(running.children, lambda: running.trees.tag(""), module=module, idle=idle)
        result = await steps(hooks, running)
        hooks.close()
        assert await running.children.commands_ended(PATIENCE)
        assert open_fds() == before
        assert running.engine.ends.orphans == 0
        return result

    return on_engine(whole)


def test_no_process_is_started_before_it_is_needed():
    async def steps(hooks, _):
        assert hooks.pid is None
        outcome = await hooks.post("echo", b"{}")
        return hooks.pid is not None, outcome.ok, outcome.words

    assert with_webhooks(steps) == (True, True, "fine")


def test_posts_share_a_helper_and_each_has_its_own_outcome():
    async def steps(hooks, _):
        outcomes = await asyncio.gather(*(hooks.post("echo", b"{}") for _ in range(20)))
        return [outcome.ok for outcome in outcomes]

    assert with_webhooks(steps) == [True] * 20


def test_a_helper_that_ends_is_an_outcome_in_words(monkeypatch):
    """Its last line on stderr is in it; the next try waits a little, and has another helper."""
    monkeypatch.setattr(webhooks, "FIRST_PAUSE", 2.0)

    async def steps(hooks, _):
        outcome = await hooks.post("die", b"{}")
        at_once = await hooks.post("echo", b"{}")
        while not (later := await hooks.post("echo", b"{}")).ok:
            pass
        return outcome, at_once, later

    outcome, at_once, later = with_webhooks(steps)
    assert outcome.words == "the helper process has ended: exit status 3: out of luck"
    assert (outcome.ok, outcome.again) == (False, True)
    assert at_once.words == outcome.words
    assert later.ok


def test_noise_on_its_stdout_is_no_outcome():
    async def steps(hooks, _):
        return (await hooks.post("noise", b"{}")).ok

    assert with_webhooks(steps)


def test_a_post_without_an_answer_is_given_up(monkeypatch):
    """The helper is killed, as nothing else ends what it waits for."""
    monkeypatch.setattr(webhooks, "ANSWER_WITHIN", 0.2)

    async def steps(hooks, _):
        outcome = await hooks.post("hang", b"{}")
        return outcome.ok, outcome.again, outcome.words

    assert with_webhooks(steps) == (False, True, "there is no answer within 0.2 s")


def test_an_idle_helper_is_let_go():
    """It ends by itself with the end of its input, and the next post has another one."""

    async def steps(hooks, running):
        assert (await hooks.post("echo", b"{}")).ok
        first = hooks.pid
        fd = os.pidfd_open(first)
        gone = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().add_reader(fd, lambda: None if gone.done() else gone.set_result(None))
        await gone
        asyncio.get_running_loop().remove_reader(fd)
        os.close(fd)
        running.engine.reap()
        assert (await hooks.post("echo", b"{}")).ok
        return first != hooks.pid

    assert with_webhooks(steps, idle=0.05)


def test_a_killed_helper_is_replaced():
    async def steps(hooks, running):
        assert (await hooks.post("echo", b"{}")).ok
        hanging = asyncio.ensure_future(hooks.post("hang", b"{}"))
        await asyncio.sleep(0)
        os.kill(hooks.pid, signal.SIGKILL)
        return (await hanging).words

    assert with_webhooks(steps) == "the helper process has ended: terminated by SIGKILL"


def test_it_has_the_environment_and_the_folder_of_the_master(monkeypatch):
    monkeypatch.setenv("OF_THE_TEST", "x")

    async def steps(hooks, _):
        return json.loads((await hooks.post("environment", b"{}")).words)

    assert with_webhooks(steps) == [os.getcwd(), "x"]


@pytest.mark.parametrize("module", ["no.such.module"])
def test_code_that_cannot_be_imported_is_named(module):
    """After an update of procman without an upgrade, say."""

    async def steps(hooks, _):
        return (await hooks.post("echo", b"{}")).words

    words = with_webhooks(steps, module=module)
    assert words.startswith("the helper process has ended: exit status 1: ModuleNotFoundError: No module named 'no'")


def test_more_than_a_pipe_holds_arrives():
    """Jobs wait in the master while the helper is starting."""

    async def steps(hooks, _):
        body = json.dumps("x" * 200_000).encode()
        return [outcome.ok for outcome in await asyncio.gather(*(hooks.post("echo", body) for _ in range(5)))]

    assert with_webhooks(steps) == [True] * 5
