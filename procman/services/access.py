"""The access sections as they are in effect, for the judgement of `procman.access`."""

from procman.access.roles import ROLES, Role
from procman.access.rules import Door, Grant, Rules, Section
from procman.config.schema.access import AccessSection
from procman.core.fleet import Fleet
from procman.runtime.definitions import program_of
from procman.services.selectors import names_it


class AccessRules:
    """Lives as long as the fleet; `apply` changes what clients may do from then on, also those that wait."""

    def __init__(self, fleet: Fleet, own_uid: int) -> None:
        """Programs without a user have the uid of the master."""
        self._fleet = fleet
        self._own_uid = own_uid
        self.sections: tuple[AccessSection, ...] = ()
        self.rules = Rules(names_it, self._owner, self._owns_any)

    def apply(self, sections: tuple[AccessSection, ...]) -> None:
        """Go by these from now on."""
        self.sections = sections
        self.rules.replace(tuple(map(_section, sections)))

    def _owner(self, name: str) -> int | None:
        process = self._fleet.processes.get(name)
        if process is None:
            return None
        uid = program_of(process.definition).uid
        return self._own_uid if uid is None else uid

    def _owns_any(self, uid: int) -> bool:
        return any(self._owner(name) == uid for name in self._fleet.processes)


def role_of(word: str) -> Role:
    """A role as a file has it, which has been checked."""
    return next(role for role in ROLES if role == word)


def door_of(default_role: str, owner_role: str) -> Door:
    """What a server grants by itself."""
    return Door(default_role=role_of(default_role), owner_role=role_of(owner_role))


def _section(section: AccessSection) -> Section:
    return Section(
        grant=Grant(
            source=f"[access:{section.name}]",
            role=role_of(section.allow),
            programs=section.programs,
            logs=section.shows_logs,
        ),
        uids=frozenset(section.uids),
        gids=frozenset(section.gids),
        digests=frozenset(section.digests),
    )
