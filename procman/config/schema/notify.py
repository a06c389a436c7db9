"""Whom to tell of what. Plain facts: no I/O."""

from dataclasses import dataclass

from procman.config.schema import kinds
from procman.config.schema.options import Effect, option

DEFAULT_INTERVAL = 60
DEFAULT_RECOVERED_AFTER = 10
# How long messages may take at the end of the master, in seconds.
LAST_WORDS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Notify:
    """`[notify:x]`: messages about failing programs, by a web hook or a command."""

    name: str
    on: tuple[str, ...] = option(
        kinds.NOTIFY_ON,
        "What is told: exit (a process has ended unexpectedly, or failed to start), oom (it was killed because "
        "memory ran out, certainly or likely), fatal (it has failed for good), unhealthy (its health check fails), "
        "recovered (one that was reported runs again, and is healthy if that is checked). Several are separated "
        "by commas.",
        default=("fatal", "oom", "exit", "unhealthy", "recovered"),
        effect=Effect.NONE,
    )
    programs: tuple[str, ...] = option(
        kinds.STRINGS,
        "Of which processes: names, group:name, group:*, patterns such as web*, or all; separated by commas.",
        default=("all",),
        effect=Effect.NONE,
    )
    webhook: str | None = option(
        kinds.WEBHOOK,
        "Post each message to this URL, which is never shown: whoever knows it can post there.",
        default=None,
        effect=Effect.NONE,
    )
    format: str | None = option(
        kinds.NOTIFY_FORMAT,
        "The body of a post: slack, discord or json (all fields). Default: by the host of the URL, else json.",
        default=None,
        effect=Effect.NONE,
    )
    template: str | None = option(
        kinds.TEMPLATE,
        'Instead of format: the body as JSON, with ${text}, ${process} and so on filled in: {"msg": "${text}"}.',
        default=None,
        effect=Effect.NONE,
    )
    exec: str | None = option(
        kinds.COMMAND,
        "Instead of webhook: run this command for each message, as the master's user. It has the message in PROCMAN_ "
        "variables, and as JSON on its stdin; exit status 0 means that it was told.",
        default=None,
        effect=Effect.NONE,
    )
    interval: float = option(
        kinds.DURATION,
        "The least time between two messages about the same process, unless the later one is worse. What happens "
        "meanwhile is summed up. It grows with each message, up to an hour.",
        default=DEFAULT_INTERVAL,
        effect=Effect.NONE,
    )
    recovered_after: float = option(
        kinds.DURATION,
        "How long a process must run until it counts as recovered; one that keeps ending, longer than it did before.",
        default=DEFAULT_RECOVERED_AFTER,
        effect=Effect.NONE,
    )
