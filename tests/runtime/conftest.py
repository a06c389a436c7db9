"""Fixtures for tests of the runtime."""

import asyncio

import pytest

from procman.logs.disk_workers import DiskWorkers
from tests.support.log_lines import PATIENCE
from tests.support.programs import program
from tests.support.routed_outputs import RoutedOutputs


@pytest.fixture
def patient_disks(monkeypatch):
    """The loop waits for the thread of a disk as long as a test may take, not 50 ms: the machine may be busy."""
    for limit in ("turn_limit", "call_limit"):
        monkeypatch.setitem(DiskWorkers.__init__.__kwdefaults__, limit, PATIENCE)


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
