"""Says who holds an address that a program could not have: a program of ours, a leftover of an earlier run, another.

`look` asks all of /proc, beside the loop; `say` knows the fleet, and is for the loop.
"""

import os
from dataclasses import dataclass
from enum import Enum

from procman.config.secrets import masked
from procman.core.fleet import Fleet
from procman.runtime.process_trees import Trees
from procman.system.address_holders import Holder, Holders, holders_of

look = holders_of


class Relation(Enum):
    """What the holder is to this master."""

    ITSELF = "itself"  # the master
    OWN = "own"  # the present run of the very program that asks
    PROGRAM = "program"  # another program of this master
    LEFTOVER = "leftover"  # of an earlier run of a program
    FOREIGN = "foreign"


@dataclass(frozen=True, slots=True)
class HeldBy:
    """One holder, and what it is to us."""

    holder: Holder
    relation: Relation
    name: str = ""  # the namespec of the program, unless it is foreign
    run: int | None = None  # of a leftover; None: not known


@dataclass(frozen=True, slots=True)
class Held:
    """Who holds the address; `sentence` says it, with what to do."""

    found: Holders
    by: tuple[HeldBy, ...]
    sentence: str  # "": nobody is found


class HeldAddresses:
    """Relates holders of addresses to the programs of one master."""

    def __init__(self, fleet: Fleet, trees: Trees) -> None:
        """Both are only read."""
        self._fleet = fleet
        self._trees = trees

    def say(self, found: Holders, asking: str = "") -> Held:
        """`asking` is the namespec of the program that could not have the address."""
        by = tuple(self._relate(holder, asking) for holder in found.processes)
        return Held(found, by, _sentence(found, by))

    def _relate(self, holder: Holder, asking: str) -> HeldBy:
        if holder.pid == os.getpid():
            return HeldBy(holder, Relation.ITSELF)
        for pid in (holder.pid, *holder.ancestors):
            process = self._fleet.owner(pid)
            if process is not None:
                return HeldBy(holder, Relation.OWN if process.name == asking else Relation.PROGRAM, process.name)
        run = self._trees.run_of(holder.tag) if holder.tag is not None else None
        if run is None:
            return HeldBy(holder, Relation.FOREIGN)
        if run.is_current:
            return HeldBy(holder, Relation.OWN if run.name == asking else Relation.PROGRAM, run.name)
        return HeldBy(holder, Relation.LEFTOVER, run.name, run.number)


def _sentence(found: Holders, by: tuple[HeldBy, ...]) -> str:
    if by:
        return f"{found.address} is held by {'; and by '.join(map(_one, by))}"
    if found.hidden_uids:
        users = ", ".join(map(str, found.hidden_uids))
        return f"{found.address} is held by a process of user {users} that cannot be seen from here: look as root"
    if found.stale_file:
        return f"no process listens on {found.address}: the file is left over from an earlier run, and may be removed"
    if found.closing:
        return (
            f"no process listens on {found.address}, but {found.closing:,} connections of an earlier one are not over "
            "yet (TIME_WAIT): let the program set SO_REUSEADDR, or wait a minute"
        )
    return ""


def _one(held: HeldBy) -> str:
    holder = held.holder
    more = f" and {holder.others} more" if holder.others else ""
    who = f"pid {holder.pid}{more} ({masked(holder.command)}), of user {holder.uid}"
    match held.relation:
        case Relation.ITSELF:
            return f"procman itself (pid {holder.pid}): name another port"
        case Relation.OWN:
            return f"{who}, which belongs to this run of {held.name}: it listens twice, or has not stopped yet"
        case Relation.PROGRAM:
            return f"{who}, of the program {held.name}: give one of the two another address"
        case Relation.LEFTOVER:
            run = "an earlier run" if held.run is None else f"run {held.run}"
            return (
                f"{who}, a leftover of {run} of {held.name}: kill {holder.pid}, and set leftovers=stop for {held.name}"
            )
        case Relation.FOREIGN:
            return f"{who}, which is no program of this master: stop it, or use another address"
