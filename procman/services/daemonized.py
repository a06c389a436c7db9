"""Recognises a program that has put itself into the background: for procman it has ended, and its processes run on."""

from dataclasses import dataclass

from procman.core.events import ExitStatus
from procman.system.background import stay_in_foreground

# A program that daemonizes has left within this, in seconds; one that ends later has done something first.
SOON = 10.0


@dataclass(frozen=True, slots=True)
class Daemonized:
    """What it has left behind, and what to do about it; `sentence` says both."""

    pids: tuple[int, ...]  # of its processes that run on
    way_out: str  # for its command, for example "add -F"; "": the command is not known
    sentence: str


def daemonized(status: ExitStatus, age: float, left: tuple[int, ...], command: str) -> Daemonized | None:
    """Whether a run has ended that way. May read a file of the program: call it beside the loop.

    Args:
        status: how it ended.
        age: how long it ran, in seconds.
        left: its descendants that still run, as OrphanedDescendants or AnnounceDescendants has them.
        command: the command of the program.
    """
    if not left or age > SOON or not status.known or status.signal is not None or status.code:
        return None
    return finding(left, stay_in_foreground(command))


def finding(left: tuple[int, ...], way_out: str) -> Daemonized:
    """The same for these processes, which all its runs have left behind."""
    run = "1 process of it runs" if len(left) == 1 else f"{len(left)} processes of it run"
    instead = way_out or "without an & or a flag for a daemon"
    stay = f"run it in the foreground ({instead}), or set leftovers=stop to have them stopped with it"
    return Daemonized(left, way_out, f"it has daemonized: {run}; {stay}")
