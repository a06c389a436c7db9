"""Ends the remaining processes before PID 1 exits: SIGTERM, a wait, and SIGKILL for those that are overdue.

Without this the kernel kills them with PID 1, without a warning. The master and `procman run` share it; each decides
which processes have had their stop signal, and how long each may take. The caller waits, and passes the time.
"""

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from signal import SIGKILL

from procman.system.pidfd import send_to
from procman.system.proc import CannotLook, Identity, Process
from procman.system.tree import ROUNDS, Sweep, look

# Seconds from SIGTERM to SIGKILL that each process gets at least; a foreign one (`docker exec`) gets no more.
AT_LEAST = 2.0
# Seconds to wait for processes that got SIGKILL.
AFTER_SIGKILL = 0.5


@dataclass(frozen=True, slots=True)
class Left:
    """A process that remains at the end."""

    process: Process
    of: str | None  # namespec of the program it descends from; "": of an unknown one; None: of none


def signal_all_others(number: int, spared_groups: Collection[int] = ()) -> None:
    """Signal all other processes of this pid namespace, except those groups; without /proc, none is found."""
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
        """`deadline` is when a process gets SIGKILL; `on_kill` gets those that are killed first, and the time."""
        self._deadline = deadline
        self._on_kill = on_kill
        self._killed: set[Identity] = set()
        self._give_up = math.inf

    def see_off(self, left: Sequence[Left], now: float) -> float | None:
        """Kill what is overdue; returns the time of the next call, or None if there is nothing left to wait for.

        To be called again whenever a process has been reaped, too.
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
