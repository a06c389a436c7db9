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
    access: str = option(
        kinds.ACCESS,
        "Who may do what. socket: whoever can open the socket, and has the password if there is one, does everything. "
        "roles: as the [access:NAME] sections say, by uid, group or token; the socket may then be open to everyone "
        "(chmod = 0666).",
        default="socket",
    )
    default_role: str = option(
        kinds.ROLE, "With access = roles: the role of local users that no section names.", default="none"
    )
    owner_role: str = option(
        kinds.ROLE, "With access = roles: the role that the user of a program has for that program.", default="none"
    )
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
    access: str = option(
        kinds.ACCESS,
        "Who may do what. socket: whoever connects, with the password if there is one. roles: whoever sends a token "
        "of an [access:NAME] section, as that says; a password goes on to be valid.",
        default="socket",
    )
    certfile: str | None = option(
        kinds.PATH,
        "Encrypt with TLS: the certificate, with those that lead to its issuer, as PEM. Read again at an update, a "
        "reread and a reload, for new connections.",
        default=None,
    )
    keyfile: str | None = option(
        kinds.PATH, "The private key of the certificate, as PEM. Default: it is in certfile.", default=None
    )
    client_ca: str | None = option(
        kinds.PATH,
        "Accept only clients with a certificate that was issued by one of these authorities (PEM): mutual TLS.",
        default=None,
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
        """It has a password, tokens, or certificates of clients. An empty name or password does not count."""
        return bool(self.username and self.password) or self.access == "roles" or bool(self.client_ca)

    @property
    def scheme(self) -> str:
        """Of its URL."""
        return "https" if self.certfile else "http"

    @property
    def shown(self) -> str:
        """HOST:PORT for messages: "*:9001", "[::1]:9001"."""
        return f"{bracketed(self.host) or '*'}:{self.port}"


def bracketed(host: str) -> str:
    """A host as it stands before a colon and a port."""
    return f"[{host}]" if ":" in host else host
