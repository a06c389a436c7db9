"""A process that events have brought to some state, and its answers in short."""

from collections.abc import Iterable
from functools import partialmethod
from signal import SIGHUP, SIGKILL, SIGQUIT, SIGTERM, Signals
from typing import Any

from procman.core.actions import Action, Announce, AnnounceDescendants, AnnounceInPlace, Kill, Spawn
from procman.core.coming_up import adopted, spawned
from procman.core.due import deadline_reached
from procman.core.ending import descendants_gone, exited, kill_failed
from procman.core.events import ExitStatus
from procman.core.hooks import shorten_stop
from procman.core.process import Process
from procman.core.requests import call_off, change_in_place, kill, redefine, restart, retry, signal, start, stop
from procman.core.restarting import spawn_failed
from procman.core.states import State
from tests.support.programs import program

PID = 42
EVERY_STATE = ("NEW", "WAITING", "STARTING", "RUNNING", "BACKOFF", "STOPPING", "STOPPED", "EXITED", "FATAL", "UNKNOWN")
EPERM = "Operation not permitted"
OK, BAD, SEGV = ExitStatus(0), ExitStatus(1), ExitStatus(-1, 11, core_dumped=True)


class DrivenProcess(Process):
    """A process with what may happen to it, and what may be asked for, as methods."""

    start, stop, restart, retry, call_off, kill, signal = start, stop, restart, retry, call_off, kill, signal
    replace, change_in_place, shorten_stop = redefine, change_in_place, partialmethod(shorten_stop, now=1.0)
    spawned, spawn_failed, adopted = spawned, spawn_failed, adopted
    exited, descendants_gone, kill_failed = exited, descendants_gone, kill_failed
    deadline_reached = deadline_reached


def process_in(state: str, **options: Any) -> DrivenProcess:
    """A process that has come to that state by events, at time 0 but where time must pass.

    "WAITING" is STARTING before the spawn, "STARTING" is after it, "NEW" is STOPPED and never started.
    """
    options = {"startretries": 3, "stopwaitsecs": 10} | options
    process = DrivenProcess(program(**options))
    if state == "NEW":
        return process
    process.start(0.0)
    match state:
        case "WAITING":
            pass
        case "STARTING":
            process.spawned(PID, 0.0)
        case "BACKOFF":
            process.spawn_failed("no such file", 127, 0.0)
        case "FATAL":
            for _ in range(options["startretries"] + 1):
                process.spawn_failed("no such file", 127, 0.0)
                if process.state is State.BACKOFF:
                    process.deadline_reached(1e9)
        case _:
            process.spawned(PID, 0.0)
            if process.state is State.STARTING:
                process.deadline_reached(1.0)
    match state:
        case "STOPPING" | "STOPPED" | "UNKNOWN":
            process.stop(1.0)
        case "RESTARTING":
            process.restart(1.0)
        case "EXITED":
            process.wanted = False
            process.exited(OK, 1.0)
    if state == "STOPPED":
        process.exited(OK, 1.0)
    if state == "UNKNOWN":
        process.kill_failed(EPERM, 1.0)
    expected = {"WAITING": "STARTING", "RESTARTING": "STOPPING"}.get(state, state)
    assert process.state.name == expected
    return process


def summarize(actions: Iterable[Action]) -> list[str]:
    """What follows, in short: "STARTING>RUNNING", "SIGTERM", "SIGKILL!" (overdue), "spawn 2", "in place"."""
    lines = []
    for action in actions:
        match action:
            case Announce(before=before, after=after):
                lines.append(f"{before.name}>{after.name}")
            case Kill(pid=pid, signal=signum, overdue=overdue):
                assert pid in (PID, 0)
                name = {SIGTERM: "SIGTERM", SIGKILL: "SIGKILL", SIGQUIT: "SIGQUIT", SIGHUP: "SIGHUP"}[Signals(signum)]
                lines.append(("" if pid == PID else "descendants ") + name + "!" * overdue)
            case Spawn(attempt=attempt):
                lines.append(f"spawn {attempt}")
            case AnnounceInPlace():
                lines.append("in place")
            case AnnounceDescendants(pids=pids):
                lines.append(f"left {len(pids)}")
    return lines
