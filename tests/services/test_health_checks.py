"""What is said of the health of many programs at the same time."""

import asyncio

from procman.core.events import HealthSeen
from procman.core.spec import Condition, OnUnhealthy, ReadyKind
from procman.services.health_checks import HealthChecks
from tests.support.programs import group
from tests.support.virtual_engine import VirtualEngine

CHECK = Condition(ReadyKind.TCP, "tcp:1")


def test_when_more_than_half_become_unhealthy_at_once_the_log_doubts_that_it_is_them():
    """Once, and what is asked for is done all the same."""

    async def steps():
        names = [f"p{number}" for number in range(5)]
        engine = VirtualEngine(
            *(
                group(name, health=CHECK, health_retries=1, health_interval=1000.0, on_unhealthy=OnUnhealthy("none"))
                for name in names
            ),
            group("other"),
        )
        said = []
        HealthChecks(engine, None, said.append)
        engine.run(*names, "other")
        engine.pass_time(1000)
        for number, name in enumerate(names):
            process = engine.fleet.processes[name]
            engine.post(HealthSeen(name, process.attempt, process.health.looks, ok=False, words="tcp:1 refused"))
            assert process.healthy is False
            assert len(said) == (number >= 2)
        assert said[0].startswith("3 of 5 programs with a health check have become unhealthy at about the same time")

    asyncio.run(steps())
