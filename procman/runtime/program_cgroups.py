"""The cgroups of programs, on a machine that permits them; they are set up when the first one is wanted."""

from typing import TYPE_CHECKING

from procman.system.cgroup import Cgroups, Leaf, make_cgroups
from procman.system.cgroup_controllers import NoCgroups

if TYPE_CHECKING:
    from procman.system.cgroup_limits import CgroupLimits


class ProgramCgroups:
    """Gives each process a cgroup of its own: with limits, or only to reach its whole tree."""

    def __init__(self) -> None:
        self._cgroups: Cgroups | None = None
        self._may_work = True  # until a leaf without limits is tried

    def limited_leaf(self, name: str, limits: "CgroupLimits") -> tuple[Leaf | None, list[str]]:
        """A cgroup with these limits for the next process of that name, and which of them were left out.

        Raises NoCgroups where one of them is no best effort, and cannot be set.
        """
        if not limits:
            return None, []
        try:
            if self._cgroups is None:
                self._cgroups = make_cgroups()
            return self._cgroups.limited_leaf(name, limits)
        except NoCgroups as error:
            settings = limits.settings()
            needed = [one for one in settings if not one.optional]
            if needed:
                raise NoCgroups(
                    f"cannot set {needed[0].option}: {error}; a ? in front of its value makes it a best effort"
                ) from None
            return None, [f"cannot set {settings[0].option}: {error}"]

    def leaf(self, name: str, pid: int) -> Leaf | None:
        """A cgroup with that process in it; None if that is impossible, and the tag has to be enough."""
        try:
            if self._cgroups is None and self._may_work:
                self._may_work = False
                self._cgroups = make_cgroups()
            leaf = self._cgroups.leaf(name) if self._cgroups is not None else None
        except NoCgroups:
            return None
        if leaf is not None and leaf.add(pid) is not None:
            leaf.remove()
            return None
        return leaf

    def close(self) -> None:
        """Remove all empty cgroups."""
        if self._cgroups is not None:
            self._cgroups.close()
