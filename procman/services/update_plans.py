"""Plans of updates: made from the file and what runs, and compared with both before they are applied.

A plan is plain JSON. Digests in it tell whether a definition is still the same, and a seal whether the plan itself is.
What it shows to people can be large. So the seal has only a digest of that, `shown`, and a client may send the rest
alone, with the digest of what it has shown. The seal and the digests of definitions are keyed by a salt that each
master makes for itself and never shows, so a plan is good for the one master that has made it, over upgrades too, and
nothing in it helps to guess a secret.
"""

import dataclasses
import json
import os
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from procman import __version__
from procman.config import update_plan
from procman.config.diff import diff, diff_access, diff_notify
from procman.config.schema.access import AccessSection
from procman.config.schema.configuration import Config
from procman.config.schema.groups import Group
from procman.config.schema.notify import Notify
from procman.core.process import Process
from procman.core.snapshot import definition
from procman.core.states import UP, State
from procman.errors import BadRequest, Reason, WrongState
from procman.runtime.digests import Digests
from procman.services.configuration import ConfigService

FORMAT = "procman update plan"
VERSION = 1
# What is in a plan for people to read.
SHOWN = ("changes", "needs_reload")
# In a plan, beside the names of groups.
NOTIFY, ACCESS = "[notify]", "[access]"
_MOST_NAMED = 5

Plan = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Order:
    """What a plan that can be applied is for."""

    groups: tuple[str, ...] | None  # None: all
    digests: dict[str, list[str | None]]


@dataclass(frozen=True, slots=True)
class Situation:
    """What is in effect at one moment: it does not change while a plan is made of it."""

    groups: tuple[Group, ...]
    up: frozenset[str]  # namespecs of what runs, or is on its way
    starts: frozenset[str]  # of what comes up with another definition
    notify: tuple[Notify, ...]
    access: tuple[AccessSection, ...]


class UpdatePlans:
    """Makes plans, and reads them again. What takes a situation may be called in a thread."""

    def __init__(self, configuration: ConfigService, salt: str | None = None) -> None:
        """`salt` is that from before an upgrade."""
        self._configuration = configuration
        self.digests = Digests(None if salt is None else bytes.fromhex(salt))

    def situation(self) -> Situation:
        """The present one."""
        configuration = self._configuration
        processes = configuration.fleet.processes
        return Situation(
            configuration.active_groups(),
            frozenset(name for name, process in processes.items() if _is_up(process)),
            frozenset(name for name, process in processes.items() if _starts(process)),
            configuration.notifying.rules,
            configuration.access.sections,
        )

    def make(
        self,
        situation: Situation,
        config: Config,
        names: Collection[str] | None,
        hidden: Collection[str] = (),
        may: Callable[[str], bool] | None = None,
    ) -> Plan:
        """What an update to `config` would do, for all groups or for those named.

        Of the names, those that are `hidden` are as if there were no such group; `may` says which dependents are told.
        """
        known = {group.name for group in (*situation.groups, *config.groups)} - set(hidden)
        wanted = None if names is None else set(names) & known
        planned = self.planned(situation, config, wanted)
        if may is not None:
            planned = tuple(
                dataclasses.replace(change, dependents=tuple(one for one in change.dependents if may(one.name)))
                for change in planned
            )
        started = self._configuration.started_with
        reload = update_plan.left_for_reload(started, config) if wanted is None else ()
        plan: Plan = {
            "format": FORMAT,
            "version": VERSION,
            "procman": __version__,
            "made": round(time.time(), 3),
            "master": self._master(config),
            "groups": None if wanted is None else sorted(wanted),
            "unknown": [] if names is None else sorted(set(names) - known),
            "changes": [update_plan.to_json(change) for change in planned],
            "needs_reload": [update_plan.option_to_json(option) for option in reload],
            "digests": self.definitions(situation, config, wanted),
        }
        plan = _tidied(plan)
        plan["shown"] = _digest_of_shown(plan)
        return {**plan, "seal": self.digests.of_data(_sealed(plan))}

    @staticmethod
    def planned(
        situation: Situation, config: Config, wanted: Collection[str] | None
    ) -> tuple[update_plan.PlannedChange, ...]:
        """What becomes of each process of the wanted groups; if that is all, of the other sections, too."""
        old = dataclasses.replace(config, groups=situation.groups)
        active = {program.namespec for group in situation.groups for program in group.programs}
        planned = update_plan.planned_changes(
            old,
            config,
            diff(old, config),
            groups=wanted,
            is_up=situation.up.__contains__,
            starts_replaced=lambda name: name in situation.starts or name not in active,
        )
        return planned if wanted is not None else planned + _section_changes(situation, config)

    def read(self, data: object) -> Order:
        """A plan that a client sends; raises BadRequest or WrongState where this master cannot apply it."""
        if not isinstance(data, dict) or data.get("format") != FORMAT:
            raise BadRequest("this is no plan of an update: make one with procmanctl update --plan FILE")
        version = data.get("version")
        if version != VERSION:
            raise BadRequest(
                f"the plan is of version {str(version)[:20]}, written by procman {str(data.get('procman'))[:20]}, and "
                f"procman {__version__} reads version {VERSION}: make a new one with this procman"
            )
        master = data.get("master")
        own = self._master(self._configuration.config)
        if not isinstance(master, dict) or any(master.get(key) != own[key] for key in ("file", "host", "identifier")):
            theirs = f" ({str(master.get('file'))[:200]} on {str(master.get('host'))[:80]})" if master else ""
            raise BadRequest(
                f"the plan is of another master{theirs}, and this one has {own['file']} on {own['host']}: apply it "
                "there, or make a plan here"
            )
        if master.get("id") != own["id"]:
            text = "cannot apply the plan: this master was started after it was made; make a new one"
            raise WrongState(text, Reason.STALE_PLAN)
        seal = data.get("seal")
        if not isinstance(seal, str) or seal != self._seal(data):
            raise BadRequest(
                "the plan was changed after it was made: make a new one with procmanctl update --plan FILE"
            )
        groups = data["groups"]
        return Order(None if groups is None else tuple(groups), data["digests"])

    def compare(self, situation: Situation, order: Order, config: Config) -> None:
        """Raises WrongState where the file, or what runs, is not as it was when the plan was made."""
        present = self.definitions(situation, config, order.groups)
        names = sorted(present.keys() | order.digests.keys())
        pairs = {name: (order.digests.get(name, [None, None]), present.get(name, [None, None])) for name in names}
        running = [name for name, (then, now) in pairs.items() if then[0] != now[0]]
        file = [name for name, (then, now) in pairs.items() if then[1] != now[1]]
        if not running and not file:
            return
        changes = []
        if file:
            changes.append(f"the file has another definition of {_some(file)}")
        if running:
            changes.append(f"another definition of {_some(running)} is in effect")
        text = f"cannot apply the plan: since it was made, {' and '.join(changes)}; make a new one and look at it"
        raise WrongState(text, Reason.STALE_PLAN)

    def definitions(
        self, situation: Situation, config: Config, names: Collection[str] | None
    ) -> dict[str, list[str | None]]:
        """Of each group what is in effect, and what the file has; the same of the sections that are no programs."""
        active = {group.name: group for group in situation.groups}
        read = {group.name: group for group in config.groups}
        wanted = sorted(active.keys() | read.keys()) if names is None else sorted(names)
        found = {name: [self._digest(active.get(name)), self._digest(read.get(name))] for name in wanted}
        if names is None:
            found[NOTIFY] = [self._digest_all(situation.notify), self._digest_all(config.notify)]
            found[ACCESS] = [self._digest_all(situation.access), self._digest_all(config.access)]
        return found

    @property
    def salt(self) -> str:
        """For another process image, where these plans can be applied then."""
        return self.digests.salt.hex()

    # ---- the pieces of the above

    def _seal(self, plan: Plan) -> str | None:
        try:
            tidied = _tidied(plan)
            if any(part in plan for part in SHOWN) and plan.get("shown") != _digest_of_shown(tidied):
                return None
            return self.digests.of_data(_sealed(tidied))
        except RecursionError:
            return None

    def _master(self, config: Config) -> dict[str, str]:
        return {
            "file": config.file,
            "host": os.uname().nodename,
            "identifier": self._configuration.started_with.master.identifier,
            "id": self.digests.of(b"this master"),
        }

    def _digest(self, group: Group | None) -> str | None:
        return None if group is None else self.digests.of_data(definition(group))

    def _digest_all(self, sections: Iterable[Any]) -> str:
        return self.digests.of_data([definition(section) for section in sections])


def _sealed(plan: Plan) -> Plan:
    return {key: value for key, value in plan.items() if key not in SHOWN and key != "seal"}


def _digest_of_shown(plan: Plan) -> str:
    """Clients make the same of what they have read, so it has no key."""
    return sha256(json.dumps([plan.get(part) for part in SHOWN], sort_keys=True).encode()).hexdigest()


def _section_changes(situation: Situation, config: Config) -> tuple[update_plan.PlannedChange, ...]:
    notify, access = situation.notify, situation.access
    return (
        *update_plan.section_changes("notify", config, notify, config.notify, diff_notify(notify, config.notify)),
        *update_plan.section_changes("access", config, access, config.access, diff_access(access, config.access)),
    )


def _is_up(process: Process) -> bool:
    return process.state in (*UP, State.STOPPING) or process.listens


def _starts(process: Process) -> bool:
    """Whether it comes up with another definition: it is up, or was not stopped on request."""
    if process.state in UP:
        return True
    return process.state in (State.EXITED, State.FATAL) and process.definition.autostart


def _tidied(value: Any) -> Any:
    """10 rather than 10.0, as a client may have read and written it in a language that has only one type of number."""
    match value:
        case float() if value.is_integer():
            return int(value)
        case list():
            return [_tidied(item) for item in value]
        case dict():
            return {key: _tidied(item) for key, item in value.items()}
        case _:
            return value


def _some(names: list[str]) -> str:
    first = ", ".join(names[:_MOST_NAMED])
    more = len(names) - _MOST_NAMED
    return f"{first} and {more} more" if more > 0 else first
