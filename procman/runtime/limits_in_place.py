"""Changes the limits of programs that run: after an update, and of those that a killed master has left."""

from procman.core.actions import AnnounceInPlace
from procman.core.events import Adopted
from procman.core.fleet import Fleet
from procman.runtime.bus import Bus, LimitsLeftOut, Notification
from procman.runtime.definitions import program_of
from procman.runtime.launch_limits import cgroup_limits, process_limits
from procman.runtime.process_trees import Trees
from procman.system.cgroup_limits import CgroupLimits, changes, put
from procman.system.limits_in_place import change
from procman.system.process_limits import NO_LIMITS, ProcessLimits


class LimitsInPlace:
    """Subscribe `hear`. What cannot be changed is said; it holds from the next start on."""

    hears = (AnnounceInPlace, Adopted)

    def __init__(self, fleet: Fleet, trees: Trees, bus: Bus) -> None:
        """The fleet is only read."""
        self._fleet = fleet
        self._trees = trees
        self._bus = bus

    def hear(self, notification: Notification) -> None:
        """A process has other options now."""
        event = notification.event
        if isinstance(event, AnnounceInPlace):
            before, after = program_of(event.before), program_of(event.after)
            self._change(
                event.name,
                (process_limits(before), process_limits(after)),
                (cgroup_limits(before), cgroup_limits(after)),
            )
        elif isinstance(event, Adopted):
            # The file may have changed since the other master started it.
            program = program_of(self._fleet.processes[event.name].program)
            self._change(
                event.name, (NO_LIMITS, process_limits(program)), (CgroupLimits(), cgroup_limits(program)), event.pid
            )

    def _change(
        self,
        name: str,
        own: tuple[ProcessLimits, ProcessLimits],
        shared: tuple[CgroupLimits, CgroupLimits],
        pid: int | None = None,
    ) -> None:
        process = self._fleet.processes.get(name)
        root = pid or (process.pid if process is not None else None)
        if root is None or (own[0] == own[1] and shared[0] == shared[1]):
            return
        texts: list[str] = []
        if own[0] != own[1]:
            others = (other for other in self._trees.members_of(name) if other != root)
            texts += change([root, *others], *own)
        if shared[0] != shared[1]:
            tree = self._trees.tree_of(name)
            folder = None if tree is None else tree.cgroup
            settings = changes(*shared)
            if folder is not None:
                failed, left_out = put(folder, settings)
                texts += [*failed, *left_out]
            elif settings:
                texts.append(f"{settings[0].option} is set at its next start, as it has no cgroup of its own now")
        if texts:
            self._bus.publish(LimitsLeftOut(name, tuple(texts)))
