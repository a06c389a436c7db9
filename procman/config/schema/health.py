"""The options of a program that say how its health is looked at, and what is done when it is not well."""

from dataclasses import dataclass

from procman.config.schema import kinds
from procman.config.schema.hooks import HookOptions
from procman.config.schema.options import Effect, option
from procman.core.spec import Condition, HealthLevel, OnUnhealthy


@dataclass(frozen=True, slots=True, kw_only=True, init=False, repr=False, eq=False)  # only a Program is made
class HealthOptions(HookOptions):
    """A part of `schema.programs.Program`."""

    health: Condition | None = option(
        kinds.HEALTH,
        "What has to hold while it is RUNNING: listen:, tcp:, unix:, http://, http+unix:// or exec:, as in ready, or "
        "watchdog (WATCHDOG=1 on NOTIFY_SOCKET, see watchdog). none: it is not checked.",
        default=None,
        effect=Effect.NONE,
        per_process=True,
    )
    health_interval: float = option(
        kinds.DURATION,
        "How often its health is looked at; the first time after a part of it that differs from process to process. "
        "What is late is skipped.",
        default=10,
        effect=Effect.NONE,
    )
    health_timeout: float = option(
        kinds.DURATION,
        "How long one look at its health may take. It does not count if the master itself was not awake meanwhile.",
        default=3,
        effect=Effect.NONE,
    )
    health_retries: int = option(
        kinds.COUNT,
        "How many looks in a row have to fail until it is unhealthy. A watchdog that is missed counts at once.",
        default=3,
        effect=Effect.NONE,
    )
    health_start_period: float = option(
        kinds.SECONDS,
        "For this long after it has become RUNNING, failures do not count; the first success ends that.",
        default=0,
        effect=Effect.NONE,
    )
    on_unhealthy: OnUnhealthy = option(
        kinds.ON_UNHEALTHY,
        "What is done when it is unhealthy: restart stops it and starts it again after a delay, whatever autorestart "
        "says; stop stops it; signal:USR1 sends a signal; reload does what the option reload says; exec:COMMAND runs a "
        "command (with PROCMAN_HEALTH, what was seen, and PROCMAN_PID); shutdown ends the master; none does nothing. "
        "Where it goes on, that is repeated after health_retries more failures.",
        default=OnUnhealthy(),
        effect=Effect.NONE,
    )
    health_level: HealthLevel = option(
        kinds.HEALTH_LEVEL,
        "What the master's own health makes of it: with ready, /readyz fails while it is unhealthy; with live, /livez "
        "does, too; with none, neither does.",
        default="ready",
        effect=Effect.NONE,
    )
    watchdog: float | None = option(
        kinds.DURATION,
        "It has to say WATCHDOG=1 on its NOTIFY_SOCKET at least this often while it is RUNNING, or it is unhealthy; it "
        "finds the time in WATCHDOG_USEC. With health = watchdog, or beside another check. Default: it has not.",
        default=None,
        effect=Effect.NONE,
    )
