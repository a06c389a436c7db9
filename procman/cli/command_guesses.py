"""Guesses what an unknown word stands for that begins a line: often it is what another tool calls a command."""

from procman.cli.procmanctl_commands import COMMANDS
from procman.config.spelling import closest

# Other tools' names for the commands.
OTHER_NAMES = {
    "attach": "fg",
    "cat": "config",
    "check": "procman check",
    "completion": "procman completion",
    "conf": "config",
    "coredumpctl": "crashes",
    "daemon-reload": "update",
    "dashboard": "top",
    "delete": "remove",
    "disable": "stop",
    "down": "stop",
    "edit": "update",
    "enable": "start",
    "env": "config",
    "explain": "procman explain",
    "flush": "clear",
    "follow": "tail -f",
    "halt": "shutdown",
    "info": "status",
    "init": "procman init",
    "inspect": "config",
    "is-active": "is-running",
    "journal": "events",
    "journalctl": "logs",
    "kill": "signal",
    "list": "status",
    "log": "tail",
    "ls": "status",
    "monit": "top",
    "monitor": "top",
    "poweroff": "shutdown",
    "ps": "status",
    "rm": "remove",
    "run": "start",
    "show": "status",
    "startup": "procman export systemd",
    "stats": "status --long",
    "up": "start",
    "watch": "status --watch",
}
_AT_A_START = "Whether it is started with the master is its option autostart in the file; `update` applies a change."
_EDIT = "Edit the file with an editor of yours, and have its changes applied."
NOTES = {"disable": _AT_A_START, "edit": _EDIT, "enable": _AT_A_START}


def meant(line: str) -> str | None:
    """The command that was meant by a line that begins with no command."""
    first, *rest = line.split()
    if first in OTHER_NAMES:
        return OTHER_NAMES[first]
    if rest and rest[0] in COMMANDS:
        # As in `service web restart`.
        return " ".join([rest[0], first, *rest[1:]])
    return closest(first, COMMANDS.keys() - {"EOF"}, prefixes=True)
