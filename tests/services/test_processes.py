"""The operations on processes: when each ends, and with what."""

import asyncio

import pytest

from procman.core.attribution import Actor
from procman.core.events import ShutdownRequested
from procman.core.states import State
from procman.errors import Reason, UnknownProcess, WrongState
from procman.services.operations import Outcome
from tests.support.programs import group, program
from tests.support.virtual_engine import Services

CLIENT = Actor("client", uid=0, pid=7)


def web(**options):
    return group("web", command="/bin/true", **options)


def pool():
    return group("pool", program("a", "pool", command="/bin/true"), program("b", "pool", command="/bin/true"))


async def turns():
    for _ in range(10):
        await asyncio.sleep(0)


def reasons(operation):
    return {outcome.name: outcome.reason for outcome in operation.outcomes}


def test_a_start_ends_when_the_process_is_running():
    async def steps():
        services = Services(web(startsecs=5))
        operation = services.processes.start(["web"], CLIENT)
        await turns()
        services.engine.spawn_all()
        await turns()
        assert (operation.ended, operation.pending) == (None, ["web"])
        services.engine.pass_time(5)
        await turns()
        assert operation.ended is not None
        assert (operation.kind, operation.actor, operation.outcomes) == ("start", CLIENT, [Outcome("web", "web")])

    asyncio.run(steps())


def test_a_start_of_a_process_that_ends_too_soon_fails():
    async def steps():
        services = Services(web(startsecs=5))
        operation = services.processes.start(["web"])
        await turns()
        services.engine.spawn_all()
        services.engine.end("web", 1)
        await turns()
        assert reasons(operation) == {"web": Reason.CANNOT_SPAWN}

    asyncio.run(steps())


def test_a_command_that_is_not_there_is_not_started():
    async def steps():
        services = Services(group("web", command="/nowhere/at-all"))
        operation = services.processes.start(["web"])
        await turns()
        assert reasons(operation) == {"web": Reason.NO_COMMAND}
        assert services.engine.actions == []

    asyncio.run(steps())


def test_a_name_that_is_not_there_is_an_outcome_and_no_error():
    async def steps():
        services = Services(web())
        operation = services.processes.stop(["nobody", "nobody:x"])
        assert operation.outcomes == [
            Outcome("nobody", "nobody", Reason.UNKNOWN_NAME, "nobody"),
            Outcome("x", "nobody", Reason.UNKNOWN_NAME, "nobody:x"),
        ]
        assert operation.ended is not None

    asyncio.run(steps())


def test_a_stop_ends_when_the_process_has_ended():
    async def steps():
        services = Services(web())
        services.engine.run("web")
        operation = services.processes.stop(["web"])
        assert operation.pending == ["web"]
        services.engine.end("web")
        await turns()
        assert reasons(operation) == {"web": None}
        assert services.processes.table.one("web").state is State.STOPPED

    asyncio.run(steps())


def test_of_a_group_only_what_runs_is_stopped():
    async def steps():
        services = Services(pool())
        services.engine.run("pool:a")
        operation = services.processes.stop(["pool:*"])
        services.engine.end("pool:a")
        await turns()
        assert reasons(operation) == {"a": None}
        assert reasons(services.processes.stop(["pool:b"])) == {"b": Reason.NOT_RUNNING}

    asyncio.run(steps())


def test_outcomes_come_in_the_order_of_what_was_named():
    async def steps():
        services = Services(web(), pool())
        services.engine.run("web", "pool:a", "pool:b")
        operation = services.processes.stop(["pool:b", "web", "pool:a"])
        for name in ("web", "pool:a", "pool:b"):
            services.engine.end(name)
        await turns()
        assert [outcome.name for outcome in operation.outcomes] == ["b", "web", "a"]

    asyncio.run(steps())


def test_a_restart_ends_when_the_process_is_running_again():
    async def steps():
        services = Services(web(startsecs=5))
        services.engine.run("web")
        operation = services.processes.restart(["web"])
        services.engine.end("web")
        services.engine.spawn_all()
        await turns()
        assert operation.ended is None
        services.engine.pass_time(5)
        await turns()
        assert reasons(operation) == {"web": None}

    asyncio.run(steps())


@pytest.mark.parametrize(("signal", "reason"), [("HUP", None), ("0", None), ("NONSENSE", Reason.BAD_SIGNAL)])
def test_a_signal_is_sent_at_once(signal, reason):
    async def steps():
        services = Services(web())
        services.engine.run("web")
        assert reasons(services.processes.signal(["web"], signal)) == {"web": reason}

    asyncio.run(steps())


def test_nothing_is_begun_while_the_master_shuts_down():
    async def steps():
        services = Services(web())
        services.engine.run("web")
        services.engine.post(ShutdownRequested())
        with pytest.raises(WrongState) as error:
            services.processes.start(["web"])
        assert error.value.reason is Reason.SHUTTING_DOWN
        assert services.operations.latest() == []

    asyncio.run(steps())


def test_the_end_of_the_master_ends_what_still_goes_on():
    async def steps():
        services = Services(web(startsecs=5))
        start = services.processes.start(["web"])
        await turns()
        shutdown = services.master.shut_down("SIGTERM")
        await turns()
        assert shutdown.ended is not None
        assert shutdown.error is None
        assert start.ended is not None

    asyncio.run(steps())


def test_what_is_missing_is_wanted_and_not_running():
    async def steps():
        services = Services(web(startsecs=5), pool())
        services.engine.run("pool:a")
        services.processes.start(["web"])
        await turns()
        assert [status.namespec for status in services.processes.table.missing()] == ["web"]

    asyncio.run(steps())


def test_a_spec_that_names_nothing_is_unknown():
    services = Services(web())
    with pytest.raises(UnknownProcess, match="no such process or group: x"):
        services.processes.table.statuses("x")
    with pytest.raises(UnknownProcess):
        services.processes.table.one("web:*")
