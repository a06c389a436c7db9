"""What each program's process has brought into being: who of it is left, and signals that reach all of it.

One look at the machine's processes serves all trees that are asked about at one time. Nothing here waits, and nothing
is looked for unless somebody minds: a program whose tree is to be stopped, or the report of what was left behind.
"""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from signal import SIGKILL
from typing import Any

from procman.core.actions import Kill
from procman.system.cgroup import Cgroups, Leaf, NoCgroups, make_cgroups
from procman.system.farewell import Left
from procman.system.proc import CannotLook, Identity, Process, look_at
from procman.system.reaper import Reaped
from procman.system.tree import ROUNDS, ProcSnapshot, Sweep, Tags, Tree, look, tag_of

# Whose descendants are looked for in one report: of programs that end by the hundred each second the others are not.
MOST_REPORTED = 100


@dataclass(frozen=True, slots=True)
class OrphanedDescendants:
    """A process has ended, and these have not, which nobody stops."""

    name: str
    pids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class MemberEnded:
    """A member of a tree that is being stopped has ended; `how` is None where only its own parent was told."""

    name: str  # namespec of the process whose tree it is
    member: str  # the kernel's name for it
    pid: int
    how: Reaped | None


@dataclass(slots=True)
class Outcome:
    """What became of orders to signal trees."""

    refused: dict[str, str] = field(default_factory=dict)  # by name: why none of what is left could be signalled
    gone: list[str] = field(default_factory=list)  # nothing was left to be signalled


Data = dict[str, Any]


class _Family:
    """One process and all that comes of it: as a tree, and where the machine offers it in a cgroup, too.

    `elders` is what an earlier process of that name has left behind, and is stopped with it.
    """

    def __init__(self, tree: Tree, leaf: Leaf | None, elders: "_Family | None" = None) -> None:
        self._tree = tree
        self._leaf = leaf
        self._elders = elders
        self.outlives_report = False  # what is left of it is still to be stopped one day

    def members(self, found: ProcSnapshot, *, just_reaped: bool = False) -> tuple[Process, ...]:
        """Who of them lives."""
        members = self._tree.members(found, just_reaped=just_reaped)
        others = set(self._leaf.pids()) if self._leaf is not None else set()
        if self._elders is not None:
            elders = {process.pid for process in self._elders.members(found)}
            if not elders:
                self._elders.close()
                self._elders = None
            others |= elders
        return (*members, *found.living(others - {process.pid for process in members})) if others else members

    def see(self, found: ProcSnapshot) -> None:
        """Remember who of them lives."""
        self._tree.see(found)
        if self._elders is not None:
            self._elders.see(found)

    def snapshot(self, *, adopted: bool, ended: bool = False) -> Data:
        """What it takes to know it again; `ended`: the process has, and what it has left still belongs to it."""
        return {
            "pid": self._tree.root.pid,
            "start": self._tree.root.start,
            "tag": self._tree.tag,
            "cgroup": None if self._leaf is None else self._leaf.path,
            "adopted": adopted,
            "ended": ended,
            "elders": [] if self._elders is None else [self._elders.snapshot(adopted=adopted, ended=True)],
        }

    def kill(self) -> None:
        """SIGKILL to all at once, however fast they fork; only where there is a cgroup."""
        if self._leaf is not None:
            self._leaf.kill()
        if self._elders is not None:
            self._elders.kill()

    def close(self) -> None:
        """Nobody asks about it any more."""
        if self._leaf is not None:
            self._leaf.remove()
        if self._elders is not None:
            self._elders.close()


def _family(data: Data) -> _Family:
    leaf = None if data["cgroup"] is None else Leaf(data["cgroup"])
    elders = _family(data["elders"][0]) if data["elders"] else None
    return _Family(Tree(Identity(data["pid"], data["start"]), data["tag"]), leaf, elders)


class Trees:
    """The trees of all processes of one engine, by namespec."""

    def __init__(self, identifier: str, *, adopts: bool) -> None:
        """`adopts`: the master is PID 1 or a subreaper, so that every orphan becomes its child."""
        self._tags = Tags(identifier)
        self._under = os.getpid() if adopts else None
        self._cgroups: Cgroups | None = None
        self._has_cgroups = True  # until that is tried
        self._running: dict[str, _Family] = {}
        self._waited: dict[str, _Family] = {}  # the process has ended, and what is left of it is waited for
        self._left: dict[str, _Family] = {}  # the process has ended, and what is left of it is stopped with the next
        self._members: dict[int, tuple[str, str]] = {}  # of trees that are being stopped, by pid: whose, and its name
        self._ended_elsewhere: list[MemberEnded] = []
        self._before: ProcSnapshot | None = None  # the signals that go out now
        self._unreported: dict[str, _Family] = {}  # the process has ended, and nobody waits for what may be left of it

    def tag(self, name: str) -> str:
        """What the next process of that name carries in its environment."""
        return self._tags.new(name)

    def started(self, name: str, root: Identity, tag: str, *, whole: bool) -> None:
        """It has, and is not reaped; `whole`: nothing of it may escape SIGKILL."""
        leaf = self._leaf(name, root.pid) if whole else None
        self._running[name] = _Family(Tree(root, tag), leaf, self._left.pop(name, None))

    def adopted(self, name: str, root: Identity, tag: str) -> None:
        """Another master has started it, so that its orphans are not this one's: they are looked for everywhere."""
        self._under = None
        self._running[name] = _Family(Tree(root, tag), None)

    @property
    def waits(self) -> bool:
        """Whether anything that a process has left behind is waited for."""
        return bool(self._waited)

    def snapshot(self) -> Data:
        """The trees by namespec as plain data, for another process image to go on with."""
        adopted = self._under is None
        left = {name: family.snapshot(adopted=adopted, ended=True) for name, family in self._left.items()}
        return left | {name: family.snapshot(adopted=adopted) for name, family in self._running.items()}

    def restore(self, data: Data) -> None:
        """Go on from what `snapshot` returned."""
        for name, known in data.items():
            if known["adopted"]:
                self._under = None
            (self._left if known["ended"] else self._running)[name] = _family(known)

    def close(self) -> None:
        """Take all cgroups away that are empty."""
        if self._cgroups is not None:
            self._cgroups.close()

    def ended(self, names: Iterable[str], minded: Iterable[str]) -> dict[str, tuple[int, ...]]:
        """These were reaped a moment ago; who is left of those where it is minded. From now on that is waited for."""
        trees = {name: tree for name in names if (tree := self._running.pop(name, None)) is not None}
        asked = [name for name in minded if name in trees]
        found = self._look() if asked else None
        descendants: dict[str, tuple[int, ...]] = {}
        for name in asked:
            tree = trees.pop(name)
            left = tree.members(found, just_reaped=True) if found is not None else ()
            if left:
                self._waited[name] = tree
                descendants[name] = tuple(process.pid for process in left)
                self._remember(name, left)
            else:
                tree.close()
                self._all_ended(name)
        for name, tree in trees.items():
            self._report_later(name, tree)
        return descendants

    def gone(self) -> list[str]:
        """Of those that are waited for, whose last has ended; they are waited for no more."""
        found = self._look() if self._waited else None
        if found is None:
            return []
        gone = [name for name, tree in self._waited.items() if not tree.members(found)]
        for name in gone:
            self._waited.pop(name).close()
            self._all_ended(name)
        return gone

    @property
    def expects_members(self) -> bool:
        """Whether members of trees that are being stopped may have to be reaped."""
        return bool(self._members)

    def reaped(self, reaped: Reaped) -> MemberEnded | None:
        """Say whose tree it was a member of; None where that is none that is being stopped."""
        known = self._members.pop(reaped.pid, None)
        return None if known is None else MemberEnded(*known, reaped.pid, reaped)

    def ended_elsewhere(self) -> list[MemberEnded]:
        """Name the members that have ended since this was asked the last time, and whose parents have reaped them."""
        ended, self._ended_elsewhere = self._ended_elsewhere, []
        return ended

    def let_be(self, name: str, *, of_tree: bool) -> None:
        """Nobody waits for what is left of it; it is reported like others'. `of_tree`: one day it is to be stopped."""
        tree = self._waited.pop(name, None)
        self._members = {pid: known for pid, known in self._members.items() if known[0] != name}
        if tree is not None:
            if of_tree:
                self._left[name] = tree
            tree.outlives_report = of_tree
            self._report_later(name, tree)

    def left_is_gone(self, name: str) -> bool:
        """Whether a process has left something behind that is to be stopped one day, and that has ended by itself."""
        if name not in self._left:
            return False
        found = self._look()
        return found is None or not self._left[name].members(found)

    def left_behind(self) -> dict[str, tuple[int, ...]]:
        """Who is still there of those that have ended since this was asked the last time, and that nobody stops."""
        trees, self._unreported = self._unreported, {}
        found = self._look() if trees else None
        if found is None:
            return {}
        left = {name: tuple(process.pid for process in tree.members(found)) for name, tree in trees.items()}
        for tree in trees.values():
            if not tree.outlives_report:
                tree.close()
        return {name: pids for name, pids in left.items() if pids}

    def see(self, name: str) -> None:
        """The process gets a signal now, of which it may end at once; whose parent it was cannot be told after that.

        All that are seen before the next `signal` share one look.
        """
        if self._before is None:
            self._before = self._look()
        if self._before is not None and name in self._running:
            self._running[name].see(self._before)

    def signal(self, orders: Iterable[Kill]) -> Outcome:
        """Reach every member of these trees; of a process that has not ended itself all but that one."""
        self._before = None
        outcome = Outcome()
        sweeps: dict[str, tuple[Sweep, Kill]] = {}
        for order in orders:
            if not order.pid and order.name in self._left:
                self._waited[order.name] = self._left.pop(order.name)
                self._unreported.pop(order.name, None)
            tree = self._running.get(order.name) if order.pid else self._waited.get(order.name)
            if tree is None:
                if not order.pid:
                    outcome.gone.append(order.name)
                continue
            if order.signal == SIGKILL:
                tree.kill()
            # The process has had it by its pid: a second one would be too many for those that count them.
            sweeps[order.name] = (Sweep(_all_but(tree, order.pid, order.spared_group), order.signal), order)
        reached: set[str] = set()
        refused: dict[str, str] = {}
        for _ in range(ROUNDS):
            found = self._look() if sweeps else None
            if found is None:
                break
            settled = []
            for name, (sweep, _) in sweeps.items():
                round_ = sweep.round(found)
                if round_.signalled:
                    reached.add(name)
                    self._remember(name, round_.signalled)
                if round_.refused:
                    refused.setdefault(name, round_.refused[0])
                if round_.settled:
                    settled.append(name)
            for name in settled:
                order = sweeps.pop(name)[1]
                if not (order.pid or name in reached or self._waits_for_the_told(order, found)):
                    self._ended_without(name, refused.get(name), outcome)
        return outcome

    def remaining(self) -> tuple[Left, ...]:
        """Who is left of all there ever was: as PID 1 all that live beside it, else the master's own descendants."""
        found = self._look()
        if found is None:
            return ()
        ours = {process.pid: process for process in found.descendants(os.getpid())}
        everybody = found.all_others() if os.getpid() == 1 else ours.values()
        return tuple(Left(process, self._owner(process, ours)) for process in everybody)

    def _owner(self, process: Process, ours: dict[int, Process]) -> str | None:
        """By the tag that it carries, or the nearest of its ancestors that carries one."""
        if process.pid not in ours:
            return None
        ancestor: Process | None = process
        while ancestor is not None:
            tag = tag_of(ancestor.pid)
            if tag is not None:
                return self._tags.owner(tag) or ""
            ancestor = ours.get(ancestor.parent)
        return ""

    def _leaf(self, name: str, pid: int) -> Leaf | None:
        """A cgroup with that process in it; None where there can be none, and the tag has to do."""
        try:
            if self._cgroups is None and self._has_cgroups:
                self._has_cgroups = False
                self._cgroups = make_cgroups()
            leaf = self._cgroups.leaf(name) if self._cgroups is not None else None
        except NoCgroups:
            return None
        if leaf is not None and leaf.add(pid) is not None:
            leaf.remove()
            return None
        return leaf

    def _remember(self, name: str, members: Iterable[Process]) -> None:
        self._members |= {process.pid: (name, process.name) for process in members}

    def _all_ended(self, name: str) -> None:
        """Nobody is left of that tree; those that nobody has reaped here yet are about to be."""
        for pid in [pid for pid, known in self._members.items() if known[0] == name]:
            if look_at(pid) is None:
                self._ended_elsewhere.append(MemberEnded(*self._members.pop(pid), pid, None))

    def _report_later(self, name: str, tree: _Family) -> None:
        if len(self._unreported) < MOST_REPORTED:
            self._unreported[name] = tree
        elif not tree.outlives_report:
            tree.close()

    def _waits_for_the_told(self, order: Kill, found: ProcSnapshot) -> bool:
        """Whether somebody is left who has had the signal before this order."""
        members = self._waited[order.name].members(found) if order.spared_group else ()
        return any(process.group == order.spared_group for process in members)

    def _ended_without(self, name: str, refusal: str | None, outcome: Outcome) -> None:
        """Nobody of what was left got the signal: there is nobody, or nobody who may be signalled."""
        self._waited.pop(name).close()
        self._all_ended(name)
        if refusal is None:
            outcome.gone.append(name)
        else:
            outcome.refused[name] = refusal

    def _look(self) -> ProcSnapshot | None:
        try:
            return look(under=self._under)
        except CannotLook:
            # Without /proc there are only the processes themselves, which is what there was before there were trees.
            return None


def _all_but(tree: _Family, pid: int, group: int) -> Callable[[ProcSnapshot], tuple[Process, ...]]:
    """How to find the members of a tree other than the one with that pid, and those in that process group."""
    return lambda found: tuple(
        process for process in tree.members(found) if process.pid != pid and not (group and process.group == group)
    )
