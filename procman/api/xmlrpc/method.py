"""One method of the interface, as the table has it."""

import inspect
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from procman.http.messages import Role
from procman.services.actors import Actor

READ: Role = "read"
CONTROL: Role = "control"

Method = Callable[..., Any]


class Caller(NamedTuple):
    """The account and the actor behind a request."""

    role: Role
    actor: Actor  # recorded in operations


class Row(NamedTuple):
    """A method as it is written down."""

    name: str
    method: Method  # takes the client's parameters, and `actor` where it begins an operation
    types: str  # of the result, then of each parameter
    required: int  # how many of the parameters must be given
    about: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One method: which role it takes, what carries it out, what system.methodSignature and methodHelp say of it."""

    role: Role
    method: Method
    signature: tuple[str, ...]  # the type of the result, then those of the parameters
    required: int  # how many of the parameters must be given
    about: str
    signed: bool  # whether it takes `actor`

    def parameters(self) -> Iterator[tuple[str, str]]:
        """Type and name of each."""
        # Behind the client's own parameters there may be `actor` and the like.
        return zip(self.signature[1:], inspect.signature(self.method).parameters, strict=False)


def entries(namespace: str, role: Role, rows: Iterable[Row]) -> dict[str, Entry]:
    """The rows by their full names."""
    return {
        f"{namespace}.{row.name}": Entry(
            role,
            row.method,
            tuple(row.types.split()),
            row.required,
            row.about,
            "actor" in inspect.signature(row.method).parameters,
        )
        for row in rows
    }
