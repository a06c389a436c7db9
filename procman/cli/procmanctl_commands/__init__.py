"""The commands of procmanctl: name, function, and exit status if no master answers.

A module has a group of commands, and is imported when one of them is called: `load` is the only place that does it, so
the modules themselves import what they need at their top. A command is a function `command(invocation, words)`; if it
returns True, the shell ends.
"""

from __future__ import annotations

from importlib import import_module
from itertools import pairwise

TYPE_CHECKING = False  # typing's own constant costs the import of typing: 3 ms
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any


class Command:
    """Where the function of a command is."""

    __slots__ = ("function", "module", "unreachable", "verbatim")

    def __init__(self, module: str, function: str, unreachable: int | None = None, *, verbatim: bool = False) -> None:
        self.module = module
        self.function = function
        self.unreachable = unreachable  # None: depends on the reason, as in supervisorctl's upcheck
        self.verbatim = verbatim  # its words are passed on as they were given; those after -- are not looked at


COMMANDS = {
    "add": Command("configuration", "add", 1),
    "attach": Command("attach", "attach", 7),
    "avail": Command("configuration", "avail", 1),
    "clear": Command("processes", "clear"),
    "confirm": Command("update", "confirm", 1),
    "config": Command("configuration", "config", 1),
    "crash": Command("crashes", "crash", 1),
    "chaos": Command("chaos", "chaos", 1, verbatim=True),
    "crashes": Command("crashes", "crashes", 1),
    "debug": Command("attach", "debug", 7, verbatim=True),
    "diff": Command("update", "diff", 2),
    "drift": Command("drift", "drift", 1),
    "events": Command("journal", "events", 1),
    "exit": Command("master", "leave"),
    "EOF": Command("master", "leave"),
    "fg": Command("foreground", "foreground"),
    "graph": Command("graph", "graph"),
    "health": Command("health", "health", 1, verbatim=True),
    "help": Command("help", "show_help"),
    "history": Command("journal", "history", 1),
    "is-running": Command("status", "is_running", 4),
    "kill": Command("processes", "kill"),
    "logs": Command("merged_logs", "logs", verbatim=True),
    "maintail": Command("logs", "maintail"),
    "metrics": Command("metrics", "metrics", 1),
    "next": Command("schedules", "coming", 1),
    "notify": Command("notify", "notify", 1),
    "open": Command("master", "open_address"),
    "pid": Command("processes", "pid"),
    "quit": Command("master", "leave"),
    "reload": Command("master", "reload", 1),
    "remove": Command("configuration", "remove", 1),
    "reread": Command("configuration", "reread", 1),
    "restart": Command("processes", "restart"),
    "refresh": Command("processes", "refresh"),
    "retry": Command("processes", "retry"),
    "run": Command("run", "run", 7, verbatim=True),
    "runs": Command("schedules", "runs", 1),
    "scale": Command("scale", "scale", 1),
    "shutdown": Command("master", "shutdown", 1),
    "signal": Command("processes", "signal"),
    "start": Command("processes", "start"),
    "status": Command("status", "status", 4),
    "stop": Command("processes", "stop"),
    "stop-plan": Command("stop_plan", "stop_plan"),
    "tail": Command("logs", "tail"),
    "timeline": Command("past", "timeline", 1),
    "top": Command("top", "top"),
    "upgrade": Command("master", "upgrade", 1),
    "update": Command("update", "update", 1),
    "version": Command("master", "version"),
    "whoami": Command("whoami", "whoami", 1),
    "why": Command("why", "why"),
}

# What other tools call a command.
SAME_AS = {
    "describe": "status --long",
    "down": "stop",
    "info": "status --long",
    "list": "status",
    "ls": "status",
    "ps": "status",
    "show": "status --long",
    "up": "start",
}

# With one of these flags, or with this value of it, a function of another module carries a command out.
FORMS = {
    "config": {"--drift": Command("drift", "drift_of_config")},
    "restart": dict.fromkeys(("--rolling", "--batch", "--continue", "--abort"), Command("rolling", "roll")),
    "status": {
        "--at": Command("past", "status_at"),
        "--watch": Command("status_watch", "watch"),
        "--long": Command("status_forms", "status"),
        "-o wide": Command("status_forms", "status"),
        "-o yaml": Command("status_forms", "status"),
    },
    "why": {"--at": Command("past", "why_at")},
}

# What procmanctl does where there is no command to carry out.
SHELL = Command("shell", "run")
UNKNOWN_COMMAND = Command("bad_usage", "unknown_command")
UNKNOWN_FLAG = Command("bad_usage", "unknown_flag")
USAGE = Command("help", "usage")


def form_of(name: str, words: Sequence[str]) -> Command:
    """The command `name` in the form that the flags among its words ask for."""
    forms = FORMS.get(name)
    if forms:
        given = {form for word in words for form in (word.partition("=")[0], word.replace("=", " ", 1))}
        given.update(map(" ".join, pairwise(words)))
        for flag, form in forms.items():
            if flag in given:
                return form
    return COMMANDS[name]


def load(command: Command) -> Any:
    """The function of a command; its module is imported now."""
    return getattr(import_module(f"procman.cli.procmanctl_commands.{command.module}"), command.function)


def asks_for_help(line: str) -> bool:
    """Whether the line is `help`, or a command with `--help`, so that no master is needed."""
    first, *words = line.split() or [""]
    first = SAME_AS.get(first, first).partition(" ")[0]
    end = words.index("--") if "--" in words else len(words)
    if first in COMMANDS and not {"-h", "--help"}.isdisjoint(words[:end]):
        return True
    return first.startswith("?") or first == "help"
