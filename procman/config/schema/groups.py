"""Groups, and what an event listener or a FastCGI program has beyond a program. Plain facts: no I/O."""

from dataclasses import dataclass, field
from typing import Literal

from procman.config.schema import kinds
from procman.config.schema.options import Effect, option, required
from procman.config.schema.programs import DEFAULT_PRIORITY, Program
from procman.core.spec import GroupSpec

LISTENER_PRIORITY = -1  # listeners start before all others and stop after them


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenerOptions:
    """What only an event listener has."""

    buffer_size: int = option(
        kinds.INTEGER,
        "How many events are queued for a busy listener; when there are more, the oldest is dropped.",
        default=10,
    )
    result_handler: str = option(
        kinds.PLUGIN,
        "The function that evaluates a listener's result.",
        default="supervisor.dispatchers:default_handler",
    )
    events: tuple[str, ...] = field(
        metadata=required(
            kinds.EVENTS, "The event types it subscribes to; an abstract type includes all types below it."
        )
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class FcgiOptions:
    """What only a FastCGI program has, as the file has it; `FcgiSocket` is what the master uses."""

    socket_backlog: int | None = option(kinds.INTEGER, "The listen(2) backlog, 1 to 65535.", default=None)
    socket_owner: str | None = option(
        kinds.OWNER, "The owner of a unix socket: user or user:group; default: the program's user.", default=None
    )
    socket_mode: int | None = option(kinds.OCTAL, "The mode of a unix socket (0700).", default=None)
    socket: str = field(
        metadata=required(kinds.TEXT, "The socket its processes share: tcp://host:port or unix:///absolute/path.")
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class FcgiSocket:
    """The listening socket that all processes of a FastCGI program get as fd 0."""

    kind: Literal["tcp", "unix"]
    url: str
    host: str | None = None
    port: int | None = None
    path: str | None = None
    mode: int | None = None
    owner: str | None = None
    owner_ids: tuple[int, int] | None = None
    backlog: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupOptions:
    """`[group:x]`: programs that are started, stopped and named together."""

    programs: tuple[str, ...] = option(
        kinds.STRINGS, "Its programs; they are no longer groups of their own.", default=()
    )
    priority: int = option(
        kinds.INTEGER,
        "Groups with low numbers start first and stop last.",
        default=DEFAULT_PRIORITY,
        effect=Effect.NONE,
    )


GroupKind = Literal["program", "group", "fcgi-program", "eventlistener"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group(GroupSpec):
    """Processes under one name; a program that is in no `[group:x]` is a group of its own."""

    name: str
    kind: GroupKind = "program"
    priority: int = DEFAULT_PRIORITY
    programs: tuple[Program, ...] = ()
    listener: ListenerOptions | None = None
    socket: FcgiSocket | None = None

    @property
    def start_order(self) -> tuple[Program, ...]:
        """Its processes by priority; those of one priority are in the order of `programs`."""
        return tuple(sorted(self.programs, key=lambda program: program.priority))

    @property
    def counts(self) -> bool:
        """Event listeners serve other programs, and do not keep a master up."""
        return self.listener is None
