"""When PID 1 ends: what is still running is asked to leave, waited for, and killed when its time is over.

The kernel kills with PID 1 whatever is left, without asking. The master and `procman run` share this; each decides what
has had its stop signal already, and how long each process may take. The caller waits, and tells the time.
"""

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from signal import SIGKILL

from procman.system.pidfd import send_to
from procman.system.proc import CannotLook, Identity, Process
from procman.system.tree import ROUNDS, Sweep, look

# The least that a process has from SIGTERM to SIGKILL, in seconds; a stranger (`docker exec`) has no more.
AT_LEAST = 2.0
# How long those that got SIGKILL are waited for, in seconds.
AFTER_SIGKILL = 0.5


@dataclass(frozen=True, slots=True)
class Left:
    """A process that is left at the very end."""

    process: Process
    of: str | None  # namespec of the program that it descends from; "": not known which; None: it is a stranger


def signal_all_others(number: int, spared_groups: Collection[int] = ()) -> None:
    """Signal all others of this pid namespace but those in these process groups; without /proc, none is found."""
    sweep = Sweep(lambda found: tuple(p for p in found.all_others() if p.group not in spared_groups), number)
    try:
        for _ in range(ROUNDS):
            if sweep.round(look()).settled:
                return
    except CannotLook:
        pass


class FinalKill:
    """The last signals to what is left. Times are in seconds, of a steady clock."""

    def __init__(
        self, deadline: Callable[[Left], float], on_kill: Callable[[Sequence[Left], float], None] = lambda *_: None
    ) -> None:
        """`deadline` is when a process gets SIGKILL; `on_kill` is told of those that get their first, and the time."""
        self._deadline = deadline
        self._on_kill = on_kill
        self._killed: set[Identity] = set()
        self._give_up = math.inf

    def see_off(self, left: Sequence[Left], now: float) -> float | None:
        """Kill what is overdue; returns when to look again at the latest, or None when there is nothing to wait for.

        To be called again, too, whenever a process has been reaped.
        """
        overdue = [one for one in left if self._deadline(one) <= now]
        if new := [one for one in overdue if one.process.identity not in self._killed]:
            self._on_kill(new, now)
            self._killed |= {one.process.identity for one in new}
            self._give_up = now + AFTER_SIGKILL
        for one in overdue:
            send_to(one.process.identity, SIGKILL)
        if len(overdue) == len(left) and (not left or now >= self._give_up):
            return None
        until = [self._deadline(one) for one in left if one not in overdue]
        return min([*until, now + AFTER_SIGKILL] if overdue else until)
