"""Reports how the members of stopping trees ended, as far as the master or /proc knows."""

from collections.abc import Iterable
from dataclasses import dataclass

from procman.system.proc import Process, look_at
from procman.system.reaper import Reaped


@dataclass(frozen=True, slots=True)
class MemberEnded:
    """A member of a stopping tree has ended; `how` is None if only its own parent knows."""

    name: str  # namespec of the process whose tree it is
    member: str  # the kernel's name for it
    pid: int
    how: Reaped | None


class MemberEnds:
    """Keeps the members that were signalled until they have ended."""

    def __init__(self) -> None:
        self._expected: dict[int, tuple[str, str]] = {}  # by pid: the namespec of its tree, and its own name
        self._unreported: list[MemberEnded] = []

    @property
    def expected(self) -> bool:
        """Whether any member may have to be reaped."""
        return bool(self._expected)

    def expect(self, name: str, members: Iterable[Process]) -> None:
        """Members of the tree of that process are expected to end."""
        self._expected |= {process.pid: (name, process.name) for process in members}

    def forget(self, name: str) -> None:
        """The tree of that process is not being stopped any more."""
        self._expected = {pid: known for pid, known in self._expected.items() if known[0] != name}

    def reaped(self, reaped: Reaped) -> MemberEnded | None:
        """Return the tree of a reaped process; None if that is not being stopped."""
        known = self._expected.pop(reaped.pid, None)
        return None if known is None else MemberEnded(*known, reaped.pid, reaped)

    def tree_is_empty(self, name: str) -> None:
        """That tree has no living members. The rest will be reaped soon, or was reaped elsewhere."""
        for pid in [pid for pid, known in self._expected.items() if known[0] == name]:
            if look_at(pid) is None:
                self._unreported.append(MemberEnded(*self._expected.pop(pid), pid, None))

    def take_reaped_elsewhere(self) -> list[MemberEnded]:
        """Return the members that ended since the last call and were reaped by their own parents."""
        ended, self._unreported = self._unreported, []
        return ended
