"""Shutdown, reload and upgrade as operations."""

import asyncio

import pytest

from procman.core.attribution import Actor
from procman.core.states import MasterState
from procman.errors import OperationFailed, Reason, UnusableConfig, WrongState
from tests.support.programs import group
from tests.support.virtual_engine import Services

CLIENT = Actor("client", uid=0, pid=7)


async def usable():
    """A configuration that can be used."""


async def unusable():
    raise UnusableConfig("line 3: no such option")


async def turns():
    for _ in range(10):
        await asyncio.sleep(0)


def test_a_shutdown_ends_when_everything_has_stopped():
    async def steps():
        services = Services(group("web"))
        services.engine.run("web")
        operation = services.master.shut_down(CLIENT)
        assert (operation.kind, operation.actor, operation.ended) == ("shutdown", CLIENT, None)
        services.engine.end("web")
        assert operation.ended is not None
        assert operation.error is None

    asyncio.run(steps())


def test_a_reload_with_an_unusable_file_changes_nothing():
    async def steps():
        services = Services(group("web"))
        with pytest.raises(UnusableConfig, match="no such option"):
            await services.master.reload(unusable)
        assert services.master.state is MasterState.RUNNING
        assert services.operations.latest() == []
        operation = await services.master.reload(usable)
        assert (operation.kind, services.master.state) == ("reload", MasterState.RESTARTING)

    asyncio.run(steps())


def test_a_second_shutdown_is_refused_and_may_be_insisted_on():
    async def steps():
        services = Services(group("web"))
        services.engine.run("web")
        services.master.shut_down()
        with pytest.raises(WrongState) as refusal:
            services.master.shut_down()
        assert refusal.value.reason is Reason.SHUTTING_DOWN
        before = len(services.engine.actions)
        services.master.insist("shutdown", "SIGTERM")
        assert len(services.engine.actions) > before
        assert len(services.operations.latest()) == 1

    asyncio.run(steps())


def test_an_upgrade_that_is_refused_is_an_operation_that_failed():
    async def refuse():
        raise OperationFailed("cannot upgrade: the new code fails")

    async def agree():
        return 3

    async def steps():
        services = Services(group("web"))
        with pytest.raises(OperationFailed):
            await services.master.upgrade(refuse)
        operation, number = await services.master.upgrade(agree, CLIENT)
        assert (operation.kind, number) == ("upgrade", 3)
        assert [one.error is None for one in services.operations.latest()] == [True, False]

    asyncio.run(steps())
