"""The options of a program that say how many of its processes are restarted at once. Plain facts in here: no I/O."""

from dataclasses import dataclass
from typing import Literal

from procman.config.schema import kinds
from procman.config.schema.options import Effect, option
from procman.config.schema.watch import WatchOptions


@dataclass(frozen=True, slots=True, kw_only=True, init=False, repr=False, eq=False)  # only a Program is made
class RollingOptions(WatchOptions):
    """A part of `schema.programs.Program`."""

    restart_strategy: Literal["all", "rolling"] = option(
        kinds.RESTART_STRATEGY,
        "How an update restarts its processes: all at once, or rolling: a batch, and the next one when each of that is "
        "ready (RUNNING, and healthy if it has a health check). It stops at the first that does not get there. "
        "procmanctl restart --rolling does the same whatever this option is.",
        default="all",
        effect=Effect.NONE,
    )
    rolling_batch: tuple[int, bool] = option(
        kinds.ROLLING_BATCH,
        "How many of its processes a rolling restart takes down at once: a number, or a percentage of them such as 25% "
        "(rounded down, and at least one).",
        default=(1, False),
        effect=Effect.NONE,
    )
