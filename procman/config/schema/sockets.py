"""Listening sockets that the master holds, and what a program says of those that it uses. Plain facts: no I/O."""

from dataclasses import dataclass, field
from typing import Literal

from procman.config.schema import kinds
from procman.config.schema.options import Effect, option, required
from procman.config.schema.schedules import ScheduleOptions
from procman.core.spec import SocketSpec

DEFAULT_BACKLOG = 128
DEFAULT_MODE = 0o700


@dataclass(frozen=True, slots=True, kw_only=True)
class Socket(SocketSpec):
    """`[socket:x]`: a listening socket that programs are given."""

    name: str
    section: str = ""
    owner_ids: tuple[int, int] | None = None  # of the file of a unix socket; None: the master's

    backlog: int = option(
        kinds.BACKLOG,
        "How many connections may wait until a program takes them; the kernel caps it at net.core.somaxconn.",
        default=DEFAULT_BACKLOG,
        effect=Effect.NONE,
    )
    mode: int | None = option(kinds.OCTAL, "The mode of a unix socket (0700).", default=None, effect=Effect.NONE)
    owner: str | None = option(
        kinds.OWNER,
        "The owner of a unix socket: user or user:group; default: the user of the first program that uses it.",
        default=None,
        effect=Effect.NONE,
    )
    hold: Literal["always", "wanted"] = option(
        kinds.HOLD,
        "When it is open: always, so that connections wait while its programs are down; or only while a program that "
        "uses it is wanted (wanted), so that the address is free when they are stopped.",
        default="always",
        effect=Effect.NONE,
    )
    reuseport: bool = option(
        kinds.BOOLEAN,
        "Give each process a socket of its own at the same address (SO_REUSEPORT): the kernel spreads connections over "
        "them. What waits at the socket of a process that is gone waits for its next run.",
        default=False,
    )
    listen: tuple[str, ...] = field(
        default=(),
        metadata=required(
            kinds.LISTEN,
            "Where it listens: tcp://HOST:PORT (with * for every interface, and brackets around an IPv6 address) or "
            "unix:///PATH; several are separated by commas, or a list in TOML.",
        ),
    )

    def is_like(self, other: SocketSpec) -> bool:
        """Whether a process that was started with one of them need not be restarted for the other one."""
        return self.likeness == (other.name, other.listen, other.reuseport)

    @property
    def likeness(self) -> tuple[str, tuple[str, ...], bool]:
        """What a process that was started with it depends on."""
        return self.name, self.listen, self.reuseport


@dataclass(frozen=True, slots=True, kw_only=True, init=False, repr=False, eq=False)  # only a Program is made
class SocketOptions(ScheduleOptions):
    """A part of the options of a program."""

    sockets: tuple[SocketSpec, ...] = option(
        kinds.SOCKETS,
        "The [socket:NAME] sections whose listening sockets it gets, in this order, as its descriptors 3, 4, …, with "
        "LISTEN_FDS, LISTEN_FDNAMES, LISTEN_PID and LISTEN_PIDFDID as systemd sets them. They stay open over its "
        "restarts.",
        default=(),
    )
    lazy: bool = option(
        kinds.BOOLEAN,
        "It is not started with the master, but by the first connection to one of its sockets; and again so after "
        "idle_stop, or when it has ended as expected. start and restart start it at once.",
        default=False,
        effect=Effect.NONE,
    )
    idle_stop: float | None = option(
        kinds.DURATION,
        "With lazy: stop it when none of its sockets has had a connection for this long. Default: never.",
        default=None,
        effect=Effect.NONE,
    )


def sockets_of(sockets: tuple[SocketSpec, ...]) -> tuple[Socket, ...]:
    """The whole of what the core knows a part of."""
    assert all(isinstance(socket, Socket) for socket in sockets)
    return tuple(socket for socket in sockets if isinstance(socket, Socket))
