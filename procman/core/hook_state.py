"""Which hook a process waits for, and how that stands. No I/O and no clock here."""

from dataclasses import dataclass

from procman.core.spec import Hook, HookCommand


@dataclass(slots=True)
class Hooks:
    """Which of its hooks a process waits for, and how that stands; the functions are in `core.hooks`."""

    running: Hook | None = None  # that it waits for
    commands: tuple[HookCommand, ...] = ()  # of that one, as they were when it began
    place: int = 0  # of the command that runs
    number: int = 0  # of the command that was begun last, also of those that nothing waits for
    waited: int = 0  # the number of the command that runs
    since: float = 0.0  # when the one that runs was begun
    limit: float = 0.0  # how long it may take, in seconds; 0: as long as the stop
    prepared: bool = False  # pre_start has succeeded: it may be spawned
    owed: bool = False  # a pre_start was begun that post_stop has to follow, even if nothing was spawned
    dumped: bool = False  # before_kill has had its turn in this stop
    early: bool = False  # before_kill runs before the stop, of one that is unhealthy
    hurried: str = ""  # why what is still to come of this stop is skipped
    until: float | None = None  # a shutdown wants it down by then
