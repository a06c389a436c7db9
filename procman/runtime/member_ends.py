"""How the members of trees that are being stopped have ended: reported where the master, or only /proc, can tell."""

from collections.abc import Iterable
from dataclasses import dataclass

from procman.system.proc import Process, look_at
from procman.system.reaper import Reaped


@dataclass(frozen=True, slots=True)
class MemberEnded:
    """A member of a tree that is being stopped has ended; `how` is None where only its own parent was told."""

    name: str  # namespec of the process whose tree it is
    member: str  # the kernel's name for it
    pid: int
    how: Reaped | None


class MemberEnds:
    """Knows the members that have been signalled, until they have ended."""

    def __init__(self) -> None:
        self._expected: dict[int, tuple[str, str]] = {}  # by pid: the namespec of its tree, and its own name
        self._unreported: list[MemberEnded] = []

    @property
    def expected(self) -> bool:
        """Whether any member may have to be reaped."""
        return bool(self._expected)

    def expect(self, name: str, members: Iterable[Process]) -> None:
        """Members of the tree of that process are about to end."""
        self._expected |= {process.pid: (name, process.name) for process in members}

    def forget(self, name: str) -> None:
        """The tree of that process is not being stopped any more."""
        self._expected = {pid: known for pid, known in self._expected.items() if known[0] != name}

    def reaped(self, reaped: Reaped) -> MemberEnded | None:
        """Name the tree that a reaped process was a member of; None where that is not being stopped."""
        known = self._expected.pop(reaped.pid, None)
        return None if known is None else MemberEnded(*known, reaped.pid, reaped)

    def tree_is_empty(self, name: str) -> None:
        """That tree has no living members. Those that were not reaped here yet are about to be, or were elsewhere."""
        for pid in [pid for pid, known in self._expected.items() if known[0] == name]:
            if look_at(pid) is None:
                self._unreported.append(MemberEnded(*self._expected.pop(pid), pid, None))

    def take_reaped_elsewhere(self) -> list[MemberEnded]:
        """Name the members that have ended since the last call, and that their own parents have reaped."""
        ended, self._unreported = self._unreported, []
        return ended
