"""Fixtures for tests of the runtime."""

import asyncio

import pytest

from tests.support.programs import program
from tests.support.routed_outputs import RoutedOutputs


@pytest.fixture
def run_outputs(tmp_path):
    """Runs the steps of a test with outputs in its folder; `run_outputs.web` is a program with logs there."""

    def run(steps, **options):
        async def whole():
            running = RoutedOutputs(tmp_path, **options)
            try:
                await steps(running)
            finally:
                running.close()

        asyncio.run(whole())

    run.web = lambda name="web", **options: program(
        name, stdout_logfile=f"{tmp_path}/{name}.stdout", stderr_logfile=f"{tmp_path}/{name}.stderr", **options
    )
    return run
