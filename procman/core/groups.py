"""An active group: its definition, and its processes."""

from dataclasses import dataclass, field

from procman.core.process import Process
from procman.core.spec import GroupSpec


@dataclass(slots=True)
class ActiveGroup:
    """A group and its processes by namespec, in the order in which they start."""

    spec: GroupSpec
    processes: dict[str, Process] = field(default_factory=dict)
    leaving: bool = False  # forgotten when its processes have settled

    @property
    def settled(self) -> bool:
        """Nothing will happen to its processes by itself any more."""
        return all(process.settled for process in self.processes.values())

    @property
    def over(self) -> bool:
        """Nothing will run by itself any more: no schedule is on, and nothing waits for a connection."""
        return all(p.settled and not p.timing.on and not p.listens for p in self.processes.values())
