"""One process and all its descendants, found by parents, tag and, if possible, cgroup."""

from collections.abc import Callable
from typing import Any

from procman.system.cgroup import Leaf
from procman.system.proc import Identity, Process
from procman.system.tree import ProcSnapshot, Tree

Data = dict[str, Any]


class ProcessTree:
    """`earlier` are leftovers of an earlier process of the same name, which are stopped with this one."""

    def __init__(self, tree: Tree, leaf: Leaf | None, earlier: "ProcessTree | None" = None) -> None:
        self._tree = tree
        self._leaf = leaf
        self._earlier = earlier
        self.outlives_report = False  # its leftovers have to be stopped with the next process

    @property
    def tag(self) -> str | None:
        """The tag of its root."""
        return self._tree.tag

    @property
    def root(self) -> Identity:
        """The process that was started."""
        return self._tree.root

    @property
    def cgroup(self) -> str | None:
        """The folder of its cgroup; None: it has none of its own."""
        return None if self._leaf is None else self._leaf.path

    def members(self, found: ProcSnapshot, *, just_reaped: bool = False) -> tuple[Process, ...]:
        """Its living members."""
        members = self._tree.members(found, just_reaped=just_reaped)
        others = set(self._leaf.pids()) if self._leaf is not None else set()
        if self._earlier is not None:
            earlier = {process.pid for process in self._earlier.members(found)}
            if not earlier:
                self._earlier.close()
                self._earlier = None
            others |= earlier
        return (*members, *found.living(others - {process.pid for process in members})) if others else members

    def all_but(self, pid: int, group: int) -> Callable[[ProcSnapshot], tuple[Process, ...]]:
        """Selects its members except that pid and that process group (0: none)."""
        return lambda found: tuple(
            process for process in self.members(found) if process.pid != pid and not (group and process.group == group)
        )

    def observe(self, found: ProcSnapshot) -> None:
        """Remember its living members, whose parents may end later."""
        self._tree.observe(found)
        if self._earlier is not None:
            self._earlier.observe(found)

    def kill(self) -> None:
        """Send SIGKILL to all at once, however fast they fork; only with a cgroup."""
        if self._leaf is not None:
            self._leaf.kill()
        if self._earlier is not None:
            self._earlier.kill()

    def close(self) -> None:
        """Remove its cgroup."""
        if self._leaf is not None:
            self._leaf.remove()
        if self._earlier is not None:
            self._earlier.close()

    def snapshot(self, *, adopted: bool, ended: bool = False) -> Data:
        """Plain data for `restore`; `ended`: the process has ended, and its leftovers still belong to it."""
        return {
            "pid": self._tree.root.pid,
            "start": self._tree.root.start,
            "tag": self._tree.tag,
            "cgroup": None if self._leaf is None else self._leaf.path,
            "adopted": adopted,
            "ended": ended,
            "elders": [] if self._earlier is None else [self._earlier.snapshot(adopted=adopted, ended=True)],
        }

    @classmethod
    def restore(cls, data: Data) -> "ProcessTree":
        """Make it from what `snapshot` returned."""
        leaf = None if data["cgroup"] is None else Leaf(data["cgroup"])
        earlier = cls.restore(data["elders"][0]) if data["elders"] else None
        return cls(Tree(Identity(data["pid"], data["start"]), data["tag"]), leaf, earlier)
