"""What the definitions of a fleet use: the parts of the core that none of them needs are not asked after each event.

It is noted when a definition comes in, and stays so: what an update takes away may still be under way.
No I/O and no clock here.
"""

from dataclasses import dataclass

from procman.core.spec import ProcessSpec


@dataclass(slots=True)
class Uses:
    """Those of one fleet, so far."""

    dependencies: bool = False
    pre_start: bool = False
    side_hooks: bool = False  # hooks that nothing waits for, and reloads
    renewals: bool = False
    schedules: bool = False
    sockets: bool = False
    watches: bool = False

    def note(self, program: ProcessSpec) -> None:
        """A process has that definition, or is going to have it."""
        reloads = program.reload is not None or "reload" in (program.on_unhealthy.what, program.watch_action.what)
        self.dependencies |= bool(program.depends_on)
        self.pre_start |= bool(program.pre_start)
        self.side_hooks |= reloads or bool(program.post_start or program.on_failure)
        self.renewals |= program.memory_restart is not None or program.max_age is not None
        self.schedules |= program.schedule is not None
        self.sockets |= bool(program.sockets)
        self.watches |= bool(program.watch)
