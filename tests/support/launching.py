"""Starts programs for tests, without a master."""

from typing import Any

from procman.config.schema.programs import Program
from procman.runtime.launch import launch_spec
from procman.system.spawn import Child, spawn


def launch(program: Program, **options: Any) -> Child:
    """Start one process of it; the options are those of `launch_spec`."""
    return spawn(launch_spec(program, **options))
