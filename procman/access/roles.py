"""The roles in their order, and what an endpoint needs of them."""

from enum import Enum
from typing import Literal, NamedTuple, get_args

Role = Literal["none", "metrics", "read", "operate", "configure", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)
_RANKS = {role: rank for rank, role in enumerate(ROLES)}


def reaches(role: Role, needed: Role) -> bool:
    """Whether a role is the needed one, or more."""
    return _RANKS[role] >= _RANKS[needed]


def higher(one: Role, other: Role) -> Role:
    """The one that allows more."""
    return one if _RANKS[one] >= _RANKS[other] else other


class Scope(Enum):
    """What an endpoint needs its role for."""

    ANYONE = "anyone"  # whoever is known by name, token or uid, or may connect at all
    SOME = "some programs"  # for one at least; its handler judges by the names that it is given, and shows what is seen
    FLEET = "all programs"


class Needs(NamedTuple):
    """What an endpoint, or a method, needs."""

    role: Role
    scope: Scope
    logs: bool = False  # the right to read logs, too

    def __str__(self) -> str:
        words = [self.role, *(["logs"] if self.logs else [])]
        return " + ".join(words) + (" of all programs" if self.scope is Scope.FLEET else "")


ANYONE = Needs("none", Scope.ANYONE)
METRICS = Needs("metrics", Scope.SOME)
READ = Needs("read", Scope.SOME)
READ_FLEET = Needs("read", Scope.FLEET)
LOGS = Needs("read", Scope.SOME, logs=True)
LOGS_FLEET = Needs("read", Scope.FLEET, logs=True)
OPERATE = Needs("operate", Scope.SOME)
CONFIGURE = Needs("configure", Scope.SOME)
CONFIGURE_FLEET = Needs("configure", Scope.FLEET)
ADMIN = Needs("admin", Scope.SOME)
ADMIN_FLEET = Needs("admin", Scope.FLEET)
