"""The process trees of all programs: finds their leftovers, and signals whole trees.

One snapshot of all processes serves all trees at one time. Nothing here waits, and /proc is read only to stop a tree or
to report leftovers.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from signal import SIGKILL

from procman.core.actions import Kill
from procman.runtime.member_ends import MemberEnds
from procman.runtime.process_tree import Data, ProcessTree
from procman.runtime.program_cgroups import ProgramCgroups
from procman.system.cgroup import Leaf, leaf_of
from procman.system.kill_remaining import Left
from procman.system.memory_events import MemoryCounters, MemoryEvents, Whose
from procman.system.pidfd import send_to
from procman.system.proc import CannotLook, Identity, Process
from procman.system.reaper import has_children
from procman.system.tree import ROUNDS, ProcSnapshot, Sweep, Tags, Tree, look, tag_of

# At most so many processes are searched for leftovers in one report, even if hundreds of programs end each second.
MOST_REPORTED = 100


@dataclass(frozen=True, slots=True)
class OrphanedDescendants:
    """A process has ended, but not these descendants of it, and nothing stops them."""

    name: str
    pids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a process, as its tag has it."""

    name: str
    number: int | None  # None: another master started it
    is_current: bool


@dataclass(slots=True)
class Outcome:
    """The results of orders to signal trees."""

    refused: dict[str, str] = field(default_factory=dict)  # by name: why none of the leftovers could be signalled
    gone: list[str] = field(default_factory=list)  # nothing was left to be signalled


class Trees:
    """The trees of all processes of one engine, by namespec."""

    def __init__(self, identifier: str, *, adopts: bool) -> None:
        """`adopts`: the master is PID 1 or a subreaper, so that every orphan becomes its child."""
        self._tags = Tags(identifier)
        self._under = os.getpid() if adopts else None
        self.cgroups = ProgramCgroups()
        self._running: dict[str, ProcessTree] = {}
        self._waited: dict[str, ProcessTree] = {}  # the process has ended, and its leftovers are awaited
        self._left: dict[
            str, ProcessTree
        ] = {}  # the process has ended, and its leftovers are stopped with the next one
        self.ends = MemberEnds()
        self.memory_at_end: dict[str, tuple[str, MemoryCounters]] = {}  # of those with a cgroup: its folder, its counts
        self._before: ProcSnapshot | None = None  # of before the signals that go out now
        self._unreported: dict[str, ProcessTree] = {}  # the process has ended, and nothing waits for its leftovers

    def tag(self, name: str, run: int = 0) -> str:
        """The tag for the environment of the next process of that name; `run` counts its runs."""
        return self._tags.new(name, run)

    def run_of(self, tag: str) -> Run | None:
        """The run that a tag was made for; None if it has the identifier of another master."""
        name = self._tags.owner(tag)
        if not name:
            return None
        tree = self._running.get(name)
        return Run(name, self._tags.run(tag), is_current=tree is not None and tree.tag == tag)

    def started(self, name: str, root: Identity, tag: str, *, whole: bool, leaf: Leaf | None = None) -> None:
        """A process was started, and is not reaped; `whole`: SIGKILL has to reach its whole tree.

        `leaf`: it is in there already.
        """
        self.memory_at_end.pop(name, None)
        if leaf is None and whole:
            leaf = self.cgroups.leaf(name, root.pid)
        self._running[name] = ProcessTree(Tree(root, tag), leaf, self._left.pop(name, None))

    def adopted(self, name: str, root: Identity, tag: str) -> None:
        """Another master started it, so its orphans are not our children: they are searched among all processes."""
        self._under = None
        self._running[name] = ProcessTree(Tree(root, tag), leaf_of(root.pid, name))

    def members_of(self, name: str) -> tuple[int, ...]:
        """The pids of the process that runs now and of all that it has started, as far as they can be found."""
        tree = self._running.get(name)
        found = None if tree is None else self._look()
        return () if tree is None or found is None else tuple(process.pid for process in tree.members(found))

    def tree_of(self, name: str) -> ProcessTree | None:
        """Of the process that runs now; None: none does."""
        return self._running.get(name)

    @property
    def waits(self) -> bool:
        """Whether any leftovers are awaited."""
        return bool(self._waited)

    def snapshot(self) -> Data:
        """The trees by namespec as plain data, from which another process image continues."""
        adopted = self._under is None
        left = {name: family.snapshot(adopted=adopted, ended=True) for name, family in self._left.items()}
        return left | {name: family.snapshot(adopted=adopted) for name, family in self._running.items()}

    def restore(self, data: Data) -> None:
        """Continue from what `snapshot` returned."""
        for name, known in data.items():
            if known["adopted"]:
                self._under = None
            (self._left if known["ended"] else self._running)[name] = ProcessTree.restore(known)

    def close(self) -> None:
        """Remove all empty cgroups."""
        self.cgroups.close()

    def process_ended(self, names: Iterable[str], minded: Iterable[str]) -> dict[str, tuple[int, ...]]:
        """These were just reaped; returns living descendants of those in `minded`, which are awaited from now on."""
        trees = {name: tree for name in names if (tree := self._running.pop(name, None)) is not None}
        for name, tree in trees.items():
            if tree.cgroup is not None:
                # It may be removed before anybody asks.
                self.memory_at_end[name] = tree.cgroup, MemoryEvents(tree.cgroup, Whose.PROGRAM).look()
        asked = [name for name in minded if name in trees]
        found = self._look() if asked else None
        descendants: dict[str, tuple[int, ...]] = {}
        for name in asked:
            tree = trees.pop(name)
            left = tree.members(found, just_reaped=True) if found is not None else ()
            if left:
                self._waited[name] = tree
                descendants[name] = tuple(process.pid for process in left)
                self.ends.expect(name, left)
            else:
                tree.close()
                self.ends.tree_is_empty(name)
        for name, tree in trees.items():
            self._report_later(name, tree)
        return descendants

    def emptied(self) -> list[str]:
        """The processes whose awaited descendants have all ended now."""
        found = self._look() if self._waited else None
        if found is None:
            return []
        gone = [name for name, tree in self._waited.items() if not tree.members(found)]
        for name in gone:
            self._waited.pop(name).close()
            self.ends.tree_is_empty(name)
        return gone

    def keep(self, name: str, *, stop_later: bool) -> None:
        """Stop waiting for its leftovers, but report them. `stop_later`: they are stopped with the next process."""
        tree = self._waited.pop(name, None)
        self.ends.forget(name)
        if tree is not None:
            if stop_later:
                self._left[name] = tree
            tree.outlives_report = stop_later
            self._report_later(name, tree)

    def left_is_gone(self, name: str) -> bool:
        """Whether leftovers that were to be stopped with the next process have ended by themselves."""
        if name not in self._left:
            return False
        found = self._look()
        return found is None or not self._left[name].members(found)

    def take_leftovers(self) -> dict[str, tuple[int, ...]]:
        """The living descendants of processes that ended since the last call, unless something stops them."""
        trees, self._unreported = self._unreported, {}
        found = self._look() if trees else None
        if found is None:
            return {}
        left = {name: tuple(process.pid for process in tree.members(found)) for name, tree in trees.items()}
        for tree in trees.values():
            if not tree.outlives_report:
                tree.close()
        return {name: pids for name, pids in left.items() if pids}

    def observe(self, name: str) -> None:
        """Remember the tree before a signal that may end the process: after that, its children cannot be recognised.

        All trees that are observed before the next `signal` share one snapshot.
        """
        if self._before is None:
            self._before = self._look()
        if self._before is not None and name in self._running:
            self._running[name].observe(self._before)

    def signal(self, orders: Iterable[Kill]) -> Outcome:
        """Signal all members of these trees except their processes, which were signalled before if they still live."""
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
            # The process already got it by its pid, and some programs count their signals.
            sweeps[order.name] = (Sweep(tree.all_but(order.pid, order.spared_group), order.signal), order)
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
                    self.ends.expect(name, round_.signalled)
                if round_.refused:
                    refused.setdefault(name, round_.refused[0])
                if round_.settled:
                    settled.append(name)
            for name in settled:
                order = sweeps.pop(name)[1]
                if not (order.pid or name in reached or self._signalled_members_live(order, found)):
                    self._ended_without(name, refused.get(name), outcome)
        return outcome

    def kill_rest(self, tree: Tree) -> None:
        """The root was just reaped, and belongs to none of these: kill what is left of its tree."""
        found = self._look()
        for member in tree.members(found, just_reaped=True) if found is not None else ():
            send_to(member.identity, SIGKILL)

    def remaining(self) -> tuple[Left, ...]:
        """The processes that remain at the end: as PID 1 all others, else the master's own descendants."""
        if os.getpid() != 1 and not has_children():
            return ()  # without a child there is no other descendant, and a look at all processes takes its time
        found = self._look()
        if found is None:
            return ()
        ours = {process.pid: process for process in found.descendants(os.getpid())}
        processes = found.all_others() if os.getpid() == 1 else ours.values()
        return tuple(Left(process, _owner(process, ours, self._tags)) for process in processes)

    def _report_later(self, name: str, tree: ProcessTree) -> None:
        if len(self._unreported) < MOST_REPORTED:
            self._unreported[name] = tree
        elif not tree.outlives_report:
            tree.close()

    def _signalled_members_live(self, order: Kill, found: ProcSnapshot) -> bool:
        """Whether members are left that got the signal before this order."""
        members = self._waited[order.name].members(found) if order.spared_group else ()
        return any(process.group == order.spared_group for process in members)

    def _ended_without(self, name: str, refusal: str | None, outcome: Outcome) -> None:
        """No member got the signal: none is left, or none may be signalled."""
        self._waited.pop(name).close()
        self.ends.tree_is_empty(name)
        if refusal is None:
            outcome.gone.append(name)
        else:
            outcome.refused[name] = refusal

    def _look(self) -> ProcSnapshot | None:
        try:
            return look(under=self._under)
        except CannotLook:
            # Without /proc only the processes themselves are known.
            return None


def _owner(process: Process, ours: dict[int, Process], tags: Tags) -> str | None:
    """The owner, by its tag or that of the nearest ancestor with one."""
    if process.pid not in ours:
        return None
    ancestor: Process | None = process
    while ancestor is not None:
        tag = tag_of(ancestor.pid)
        if tag is not None:
            return tags.owner(tag) or ""
        ancestor = ours.get(ancestor.parent)
    return ""
