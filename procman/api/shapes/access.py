"""What a client may do."""

from typing import Literal, TypedDict

Role = Literal["none", "metrics", "read", "operate", "configure", "admin"]


class GrantInfo(TypedDict):
    """A role, and where it comes from."""

    source: str  # "[access:deploy]", "default_role", "owner_role", "root", "access = socket"
    role: Role
    programs: list[str]  # as in the file; "*" is all
    logs: bool  # whether their logs may be read


class MayInfo(TypedDict):
    """What the client may do with one process that it sees."""

    namespec: str
    role: Role
    logs: bool


class WhoamiInfo(TypedDict):
    """Who a client is to the master, and what it may do."""

    uid: int | None  # of a client of a unix socket
    user: str  # the name of the account; "": not known
    groups: list[int]
    has_token: bool  # it has sent a token that is valid
    server: str  # the socket
    by_roles: bool  # whether roles are what counts on this server
    role: Role  # the highest that it has for any program
    grants: list[GrantInfo]
    processes: list[MayInfo]
