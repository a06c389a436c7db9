"""Where the master listens for clients. Plain facts: no I/O."""

from dataclasses import dataclass, field

from procman.config.schema import kinds
from procman.config.schema.options import option, required


@dataclass(frozen=True, slots=True, kw_only=True)
class UnixServer:
    """`[unix_http_server]`: a control socket in the file system."""

    section: str = "unix_http_server"
    file: str = field(metadata=required(kinds.PATH, "The path of the socket."))
    username: str | None = option(kinds.SECRET, "The user name clients have to send.", default=None)
    password: str | None = option(kinds.SECRET, "The password; {SHA} and 40 digits is a hash of it.", default=None)
    readonly_username: str | None = option(kinds.SECRET, "The name of a second, read-only user.", default=None)
    readonly_password: str | None = option(kinds.SECRET, "That user's password, in the same forms.", default=None)
    chown: str | None = option(kinds.OWNER, "The owner of the socket: user or user:group.", default=None)
    chmod: int = option(kinds.OCTAL, "The mode of the socket.", default=0o700)
    chown_ids: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InetServer:
    """`[inet_http_server]`: control over TCP. `host` is "" for every interface."""

    section: str = "inet_http_server"
    host: str = ""
    username: str | None = option(kinds.SECRET, "The user name clients have to send.", default=None)
    password: str | None = option(kinds.SECRET, "The password; {SHA} and 40 digits is a hash of it.", default=None)
    readonly_username: str | None = option(kinds.SECRET, "The name of a second, read-only user.", default=None)
    readonly_password: str | None = option(kinds.SECRET, "That user's password, in the same forms.", default=None)
    allow_unauthenticated: bool = option(
        kinds.BOOLEAN,
        "Listen on more than loopback even without a username: everyone who can reach the port may then run programs "
        "as the master's user.",
        default=False,
    )
    port: int = field(
        metadata=required(
            kinds.ADDRESS,
            "Where to listen: a port, or host:port. *:9001, or the port alone, is every IPv4 interface; [::]:9001 is "
            "every interface, IPv4 too.",
        )
    )

    @property
    def is_open(self) -> bool:
        """Other machines can reach it, and it has no password."""
        return not self.is_locked and not kinds.is_loopback(self.host)

    @property
    def is_locked(self) -> bool:
        """It has a password. An empty name or password (of a variable, say) does not count."""
        return bool(self.username and self.password)

    @property
    def shown(self) -> str:
        """HOST:PORT for messages: "*:9001", "[::1]:9001"."""
        return f"{bracketed(self.host) or '*'}:{self.port}"


def bracketed(host: str) -> str:
    """A host as it stands before a colon and a port."""
    return f"[{host}]" if ":" in host else host
