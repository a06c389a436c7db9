"""One method of the interface, as the table has it."""

import inspect
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from procman.access.rights import Rights
from procman.access.roles import Needs, reaches
from procman.api.access import May, judged, judged_by_name
from procman.services.actors import Actor
from procman.services.process_table import ProcessTable

Method = Callable[..., Any]


class Caller(NamedTuple):
    """What the client behind a request may do, and who it is."""

    rights: Rights | None  # None: everything
    actor: Actor  # recorded in operations

    @property
    def sight(self) -> May | None:
        """Which processes it may know of, by namespec; None: all."""
        return None if self.rights is None or self.rights.reads_all else self.rights.sees

    def admitted(self, table: ProcessTable, spec: str, needs: Needs) -> May | None:
        """With which processes it may do what needs this; raises AccessDenied, see `procman.api.access`."""
        return judged(self.rights, table, [spec], needs)

    def may_use(self, names_of: Callable[[str], list[str]], needs: Needs, group: str) -> bool:
        """Whether it may do that with all of a group; False if they are hidden, else it raises AccessDenied."""
        return judged_by_name(self.rights, names_of, needs, group)


class Row(NamedTuple):
    """A method as it is written down."""

    name: str
    needs: Needs  # of the client
    method: Method  # takes the client's parameters, and `caller` where it matters who that is
    types: str  # of the result, then of each parameter
    required: int  # how many of the parameters must be given
    about: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One method: what a client needs for it, what carries it out, what methodSignature and methodHelp say of it."""

    needs: Needs
    method: Method
    signature: tuple[str, ...]  # the type of the result, then those of the parameters
    required: int  # how many of the parameters must be given
    about: str
    signed: bool  # whether it takes `caller`

    @property
    def changes(self) -> bool:
        """Whether something is different afterwards."""
        return reaches(self.needs.role, "operate")

    def parameters(self) -> Iterator[tuple[str, str]]:
        """Type and name of each."""
        # Behind the client's own parameters there may be `caller`.
        return zip(self.signature[1:], inspect.signature(self.method).parameters, strict=False)


def entries(namespace: str, rows: Iterable[Row]) -> dict[str, Entry]:
    """The rows by their full names."""
    return {
        f"{namespace}.{row.name}": Entry(
            row.needs,
            row.method,
            tuple(row.types.split()),
            row.required,
            row.about,
            "caller" in inspect.signature(row.method).parameters,
        )
        for row in rows
    }
