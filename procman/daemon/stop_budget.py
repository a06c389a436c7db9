"""PID 1 compares how long a shutdown may take with PROCMAN_STOP_BUDGET, the patience of the container runtime."""

import os

from procman.config.schema.configuration import Config
from procman.errors import BadRequest


def stop_warning(config: Config) -> str | None:
    """A warning where the runtime would kill the container before all programs had their time to stop."""
    budget = os.environ.get("PROCMAN_STOP_BUDGET")
    if budget is None or os.getpid() != 1:
        return None
    # A whole feature: 0.1 MiB in the few masters that have the variable.
    from procman.config.stop_plan import read_duration, stop_plan, warning  # noqa: PLC0415

    try:
        return warning(stop_plan(config), read_duration(budget))
    except BadRequest as error:
        return f"cannot use PROCMAN_STOP_BUDGET: {error}"
