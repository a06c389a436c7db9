"""Draws the pictures of docs/explanation. A test fails when they are stale.

python -m tests.support.ways
"""

from pathlib import Path

from tests.support.drawing import Arrows, drawn

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
COMMAND = "python -m tests.support.ways"

DECIDES: Arrows = {
    "kernel: signals, pipes, sockets": {"runtime: the engine"},
    "clients: procmanctl, page, HTTP": {"services"},
    "clock: one timer": {"runtime: the engine"},
    "services": {"event"},
    "runtime: the engine": {"event"},
    "event": {"core: the fleet decides"},
    "core: the fleet decides": {"actions", "notifications", "next deadline"},
    "actions": {"system: spawn, kill, probe"},
    "notifications": {"log, journal, events, page"},
    "next deadline": {"timer is set"},
    "system: spawn, kill, probe": set(),
    "log, journal, events, page": set(),
    "timer is set": set(),
}
DEATH: Arrows = {
    "SIGCHLD": {"system.reaper: collect each ended child"},
    "system.reaper: collect each ended child": {"logs: drain its pipe", "an orphan: nothing more to do"},
    "an orphan: nothing more to do": set(),
    "logs: drain its pipe": {"event Exited"},
    "event Exited": {"core: wanted? expected? limits?"},
    "core: wanted? expected? limits?": {"start again", "back off", "EXITED or FATAL", "dependents: restart, stop"},
    "back off": {"deadline"},
    "deadline": {"action Spawn"},
    "start again": {"action Spawn"},
    "action Spawn": set(),
    "EXITED or FATAL": {"crash report, web hook, critical"},
    "crash report, web hook, critical": set(),
    "dependents: restart, stop": set(),
}
LINE: Arrows = {
    "program writes": {"pipe"},
    "pipe": {"only a file wants it", "others read along"},
    "only a file wants it": {"thread of the disk: splice(2)"},
    "thread of the disk: splice(2)": {"log file"},
    "others read along": {"loop: a slice per turn"},
    "loop: a slice per turn": {
        "thread of the disk: write",
        "console: whole lines",
        "ring: the latest part",
        "listeners",
    },
    "thread of the disk: write": {"log file"},
    "log file": {"rotation by size or clock"},
    "rotation by size or clock": {"helper: compression"},
    "helper: compression": set(),
    "console: whole lines": set(),
    "ring: the latest part": {"followers: tail -f, page"},
    "followers: tail -f, page": set(),
    "listeners": set(),
}
STOP: Arrows = {
    "SIGTERM to procman": {"nothing is wanted any more"},
    "nothing is wanted any more": {"wave: highest priority number"},
    "wave: highest priority number": {"web: pre_stop, its stopsignal", "worker: its stopsignal"},
    "web: pre_stop, its stopsignal": {"it ends", "deadline: SIGKILL"},
    "worker: its stopsignal": {"it ends", "deadline: SIGKILL"},
    "it ends": {"wave has settled"},
    "deadline: SIGKILL": {"wave has settled"},
    "wave has settled": {"next wave: db"},
    "next wave: db": {"all have ended: exit status"},
    "all have ended: exit status": set(),
}
WAYS = {
    "decides": (DECIDES, "An event goes into the core, and actions come out"),
    "death": (DEATH, "What follows from the end of a program"),
    "line": (LINE, "Where a line of output goes"),
    "stop": (STOP, "What a stop of the master does"),
}


def texts() -> dict[Path, str]:
    """All pictures."""
    return {PICTURES / f"{name}.svg": drawn(arrows, title) for name, (arrows, title) in WAYS.items()}


if __name__ == "__main__":
    for path, text in texts().items():
        path.write_text(text, encoding="utf-8")
