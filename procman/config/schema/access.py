"""Who may do what, where a server has access = roles. Plain facts."""

from dataclasses import dataclass

from procman.config.schema import kinds
from procman.config.schema.options import Effect, option


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessSection:
    """`[access:x]`: a role for some users, groups or tokens."""

    name: str
    users: tuple[str, ...] = option(
        kinds.STRINGS,
        "Local users, by name or number. A name that does not exist is an error, unless a ? stands before it.",
        default=(),
        effect=Effect.NONE,
    )
    groups: tuple[str, ...] = option(
        kinds.STRINGS,
        "Local groups, by name or number: whoever is in one when connecting. With a ?, a name need not exist.",
        default=(),
        effect=Effect.NONE,
    )
    token_file: str | None = option(
        kinds.TOKEN_FILE,
        "A file with the SHA-256 of a token on each line, as 64 hexadecimal digits; what follows after a blank, or a "
        "#, is a comment. Whoever sends such a token is meant, over TCP and over a unix socket.",
        default=None,
        effect=Effect.NONE,
    )
    allow: str = option(
        kinds.ROLE,
        "The role: none, metrics (/metrics, /livez, /readyz), read, operate (start, stop, signal), configure (update, "
        "reload), admin (shutdown, upgrade, stdin, commands of one's own). Each includes those before it.",
        default="read",
        effect=Effect.NONE,
    )
    programs: tuple[str, ...] = option(
        kinds.STRINGS,
        "For which processes: names, group:*, patterns such as web*; * is all of them, and the master itself. Others "
        "are as if they did not exist.",
        default=("*",),
        effect=Effect.NONE,
    )
    logs: bool | None = option(
        kinds.BOOLEAN,
        "Whether their logs may be read. Default: only with the role operate or more.",
        default=None,
        effect=Effect.NONE,
    )
    uids: tuple[int, ...] = ()
    gids: tuple[int, ...] = ()
    digests: tuple[str, ...] = ()

    @property
    def shows_logs(self) -> bool:
        """Whether logs may be read, by the option or by its default."""
        return self.allow not in ("none", "metrics", "read") if self.logs is None else self.logs
