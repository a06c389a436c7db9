"""The operations on the configuration."""

import asyncio

import pytest

from procman.config.problems import ConfigError, Problem
from procman.config.schema.configuration import Config
from procman.core.attribution import Actor
from procman.errors import Reason, UnknownProcess, UnusableConfig, WrongState
from procman.services.operations import Step
from tests.support.programs import group
from tests.support.virtual_engine import Services

CLIENT = Actor("client", uid=0, pid=7)


def config_of(*groups):
    return Config(file="/etc/procman.ini", here="/etc", groups=groups)


def services_with(active, *configured):
    """The fleet runs the groups of `active`, and the file now has those in `configured`."""
    services = Services(*active, config=config_of(*active))
    services.read = config_of(*configured)
    return services


async def ended(operation):
    for _ in range(20):
        await asyncio.sleep(0)
    return operation.ended is not None


def test_an_update_adds_removes_and_changes_groups():
    async def steps():
        services = services_with((group("old"), group("web")), group("web", stopwaitsecs=3), group("new"))
        services.engine.run("old")
        operation = services.updates.update(actor=CLIENT)
        assert not await ended(operation)
        services.engine.end("old")
        assert await ended(operation)
        assert (operation.kind, operation.targets, operation.actor) == ("update", ("all",), CLIENT)
        assert operation.steps == [
            Step("old", "stopped"),
            Step("old", "removed"),
            Step("web", "changed in place", "web", ("stopwaitsecs",)),
            Step("web", "updated"),
            Step("new", "added"),
        ]
        assert list(services.engine.fleet.groups) == ["web", "new"]

    asyncio.run(steps())


def test_an_update_tells_its_steps_as_they_are_done():
    async def steps():
        services = services_with((group("old"), group("idle")))
        services.engine.run("old")
        operation = services.updates.update()
        assert not await ended(operation)
        assert operation.steps == [Step("idle", "removed")]

    asyncio.run(steps())


def test_a_plan_changes_nothing():
    async def steps():
        services = services_with((group("old"),), group("new"))
        assert await services.updates.steps() == [Step("old", "removed"), Step("new", "added")]
        assert list(services.engine.fleet.groups) == ["old"]
        assert services.operations.latest() == []

    asyncio.run(steps())


def test_only_the_named_groups_are_updated():
    async def steps():
        services = services_with((), group("web"), group("db"))
        operation = services.updates.update(["db", "nobody"])
        assert await ended(operation)
        assert operation.steps == [Step("nobody", "error"), Step("db", "added")]

    asyncio.run(steps())


def test_a_file_with_problems_changes_nothing():
    async def steps():
        services = services_with((group("web"),))
        services.read = ConfigError([Problem("/etc/procman.ini", 3, None, None, "cannot be read")])
        operation = services.updates.update()
        assert await ended(operation)
        assert isinstance(operation.error, UnusableConfig)
        with pytest.raises(UnusableConfig, match="cannot be read"):
            await services.configuration.reread()
        assert list(services.engine.fleet.groups) == ["web"]

    asyncio.run(steps())


def test_groups_are_added_and_removed_by_name():
    async def steps():
        services = services_with((group("web"),), group("web"), group("db", autostart=False))
        await services.configuration.reread()
        assert services.configuration.add("db").kind == "add"
        services.engine.run("web")
        with pytest.raises(WrongState) as refusal:
            services.configuration.add("db")
        assert refusal.value.reason is Reason.ALREADY_ADDED
        with pytest.raises(WrongState) as refusal:
            services.configuration.remove("web")
        assert refusal.value.reason is Reason.STILL_RUNNING
        for act in (services.configuration.add, services.configuration.remove):
            with pytest.raises(UnknownProcess):
                act("nobody")
        services.configuration.remove("db")
        assert list(services.engine.fleet.groups) == ["web"]
        assert [operation.kind for operation in services.operations.latest()] == ["remove", "add"]

    asyncio.run(steps())


def test_what_is_available_is_what_was_read_last():
    async def steps():
        services = services_with((group("web"),), group("web"), group("db", command="x --password=secret"))
        await services.configuration.reread()
        db, web = services.configuration.available()
        assert (db.group, db.is_active, web.is_active) == ("db", False, True)
        assert "secret" not in db.command

    asyncio.run(steps())
