"""Changes the limits of programs that run: after an update, and of those that a killed master has left."""

from procman.config.schema.limits import LimitedProcess
from procman.core.actions import AnnounceInPlace
from procman.core.events import Adopted
from procman.core.fleet import Fleet
from procman.runtime.bus import Bus, LimitsLeftOut, Notification
from procman.runtime.definitions import program_of
from procman.runtime.limit_options import has_cgroup_limits, has_process_limits
from procman.runtime.process_trees import Trees


class LimitsInPlace:
    """Subscribe `hear`. What cannot be changed is said; it holds from the next start on."""

    hears = (AnnounceInPlace, Adopted)

    def __init__(self, fleet: Fleet, trees: Trees, bus: Bus, left_out: dict[str, tuple[str, ...]]) -> None:
        """The fleet is only read; `left_out` has what the present run of each process goes without, and gets more."""
        self._fleet = fleet
        self._trees = trees
        self._bus = bus
        self._left_out = left_out

    def hear(self, notification: Notification) -> None:
        """A process has other options now."""
        event = notification.event
        if isinstance(event, AnnounceInPlace):
            self._change(event.name, program_of(event.before), program_of(event.after))
        elif isinstance(event, Adopted):
            # The file may have changed since the other master started it.
            self._change(event.name, None, program_of(self._fleet.processes[event.name].program), event.pid)

    def _change(self, name: str, before: LimitedProcess | None, after: LimitedProcess, pid: int | None = None) -> None:
        """From the limits of `before`, None: from none."""
        process = self._fleet.processes.get(name)
        root = pid or (process.pid if process is not None else None)
        if root is None or not (_has_limits(after) or (before is not None and _has_limits(before))):
            return
        from procman.runtime.changed_limits import change_limits  # noqa: PLC0415 - see `daemon.features`

        tree = self._trees.tree_of(name)
        others = (other for other in self._trees.members_of(name) if other != root)
        texts = change_limits(before, after, root, others, None if tree is None else tree.cgroup)
        if texts:
            self._left_out[name] = tuple(dict.fromkeys((*self._left_out.get(name, ()), *texts)))
            self._bus.publish(LimitsLeftOut(name, tuple(texts)))


def _has_limits(program: LimitedProcess) -> bool:
    return has_process_limits(program) or has_cgroup_limits(program)
