"""The sections of the configuration as rules, and what is known of a client. Plain facts."""

from collections.abc import Callable
from dataclasses import dataclass, field

from procman.access.roles import Role, reaches

EVERY_PROGRAM = frozenset({"*", "all"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A role for some programs, and where it comes from: "[access:deploy]", "default_role", "root"."""

    source: str
    role: Role
    programs: tuple[str, ...] = ("*",)
    logs: bool = False

    @property
    def is_for_all(self) -> bool:
        """Whether it is about every program, and so about the master, too."""
        return not EVERY_PROGRAM.isdisjoint(self.programs)

    @property
    def shows_logs(self) -> bool:
        """Whether logs may be read by it."""
        return self.logs and reaches(self.role, "read")


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """`[access:NAME]`: whom it is about, and what they are granted."""

    grant: Grant
    uids: frozenset[int] = frozenset()
    gids: frozenset[int] = frozenset()
    digests: frozenset[str] = frozenset()  # SHA-256 of tokens, in hexadecimal digits


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What is known of a client."""

    uid: int | None = None  # of the process at the other end of a unix socket, when it connected
    gids: frozenset[int] = frozenset()
    digest: str = ""  # the one of a section that its token has; "": it has sent none
    grants: tuple[Grant, ...] = ()  # what its login, or the socket itself, gives it


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """What a server grants by itself."""

    default_role: Role = "none"  # of local users that no section names
    owner_role: Role = "none"  # of the user of a program, for that program


@dataclass(slots=True)
class Rules:
    """The sections as they are now. `version` grows when they change."""

    selects: Callable[[str, str], bool]  # whether a spec names the process of that namespec
    owner: Callable[[str], int | None]  # the uid that the process of that namespec has; None: there is no such process
    owns_any: Callable[[int], bool]  # whether some process has that uid
    sections: tuple[Section, ...] = ()
    version: int = 0
    digests: frozenset[str] = field(default_factory=frozenset)

    def replace(self, sections: tuple[Section, ...]) -> None:
        """Go by these from now on."""
        self.sections = sections
        self.digests = frozenset().union(*(section.digests for section in sections))
        self.version += 1
