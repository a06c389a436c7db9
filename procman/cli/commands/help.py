"""help and its topics, in supervisorctl's words; then what is ours alone, as it lists what a plug-in brings."""

from __future__ import annotations

TYPE_CHECKING = False  # typing's own constant costs the import of typing: 3 ms
if TYPE_CHECKING:
    from procman.cli.ctl_session import Session

_UPDATE = "Reload config and add/remove as necessary, and will restart affected programs"

TOPICS = {
    "add": "add <name> [...]\tActivates any updates in config for process/group",
    "avail": "avail\t\t\tDisplay all configured processes",
    "clear": (
        "clear <name>\t\tClear a process' log files.\n"
        "clear <name> <name>\tClear multiple process' log files\n"
        "clear all\t\tClear all process' log files"
    ),
    "exit": "exit\tExit the supervisor shell.",
    "fg": "fg <process>\tConnect to a process in foreground mode\n\t\tCtrl-C to exit",
    "help": "help\t\tPrint a list of available actions\nhelp <action>\tPrint help for <action>",
    "maintail": (
        "maintail -f \tContinuous tail of supervisor main log file (Ctrl-C to exit)\n"
        "maintail -100\tlast 100 *bytes* of supervisord main log file\n"
        "maintail\tlast 1600 *bytes* of supervisor main log file\n"
    ),
    "open": (
        "open <url>\tConnect to a remote supervisord process.\n\t\t(for UNIX domain socket, use unix:///socket/path)"
    ),
    "pid": (
        "pid\t\t\tGet the PID of supervisord.\n"
        "pid <name>\t\tGet the PID of a single child process by name.\n"
        "pid all\t\t\tGet the PID of every child process, one per line."
    ),
    "quit": "quit\tExit the supervisor shell.",
    "reload": "reload \t\tRestart the remote supervisord.",
    "remove": "remove <name> [...]\tRemoves process/group from active config",
    "reread": "reread \t\t\tReload the daemon's configuration files without add/remove",
    "restart": (
        "restart <name>\t\tRestart a process\n"
        "restart <gname>:*\tRestart all processes in a group\n"
        "restart <name> <name>\tRestart multiple processes or groups\n"
        "restart all\t\tRestart all processes\n"
        "Note: restart does not reread config files. For that, see reread and update."
    ),
    "shutdown": "shutdown \tShut the remote supervisord down.",
    "signal": (
        "signal <signal name> <name>\t\tSignal a process\n"
        "signal <signal name> <gname>:*\t\tSignal all processes in a group\n"
        "signal <signal name> <name> <name>\tSignal multiple processes or groups\n"
        "signal <signal name> all\t\tSignal all processes"
    ),
    "start": (
        "start <name>\t\tStart a process\n"
        "start <gname>:*\t\tStart all processes in a group\n"
        "start <name> <name>\tStart multiple processes or groups\n"
        "start all\t\tStart all processes"
    ),
    "status": (
        "status <name>\t\tGet status for a single process\n"
        "status <gname>:*\tGet status for all processes in a group\n"
        "status <name> <name>\tGet status for multiple named processes\n"
        "status\t\t\tGet all process status info"
    ),
    "stop": (
        "stop <name>\t\tStop a process\n"
        "stop <gname>:*\t\tStop all processes in a group\n"
        "stop <name> <name>\tStop multiple processes or groups\n"
        "stop all\t\tStop all processes"
    ),
    "tail": (
        "tail [-f] <name> [stdout|stderr] (default stdout)\n"
        "Ex:\n"
        "tail -f <name>\t\tContinuous tail of named process stdout\n"
        "\t\t\tCtrl-C to exit.\n"
        "tail -100 <name>\tlast 100 *bytes* of process stdout\n"
        "tail <name> stderr\tlast 1600 *bytes* of process stderr"
    ),
    "update": f"update\t\t\t{_UPDATE}\nupdate all\t\t{_UPDATE}\nupdate <gname> [...]\tUpdate specific groups",
    "version": "version\t\t\tShow the version of the remote supervisord process",
}

# What supervisorctl does not have.
OURS = {
    "config": (
        "config\t\t\tShow what the master and its servers go by, and where that is from (secrets hidden)\n"
        "config <name> [...]\tThe same of processes, and of the groups they are in\n"
        "config all\t\tThe same of all processes"
    ),
    "health": (
        "health\t\t\tIs every process up that should be? (exit status 1, and which are not, otherwise)\n"
        "\t\t\tWarns of a configuration on the disk that could not be used now\n"
        "health --live\t\tDoes the master answer, within 10 seconds? (whatever its configuration is by now)"
    ),
    "upgrade": (
        "upgrade\t\t\tExecute procman's own code anew, as it is installed now; programs go on and notice nothing"
    ),
    "stop-plan": (
        "stop-plan\t\t\tShow how long a shutdown takes at worst, and why\n"
        "stop-plan --budget 10s\tAlso show what would have to change to make it fit\n"
        "\t\t\t(exit status 1 when it does not)"
    ),
}

_WIDTH = 79  # as wide as Python's cmd module, and so supervisorctl, makes its columns


def text_of(topic: str) -> str:
    """What is known about a command."""
    return (TOPICS | OURS).get(topic, f"*** No help on {topic}")


def show_help(session: Session, words: list[str]) -> None:
    """The list of commands, or what is known about one."""
    topic = " ".join(words)
    if not topic:
        names = sorted(TOPICS.keys() - {"help"})
        session.put(commands=[*names, *sorted(OURS)])
        session.say("\n".join(["", *_block("default", names), *_block("procman", sorted(OURS))]))
    else:
        text = text_of(topic)
        session.put(topic=topic, text=text)
        session.say(text)


def _block(whose: str, names: list[str]) -> list[str]:
    header = f"{whose} commands (type help <topic>):"
    return [header, "=" * len(header), *_columns(names), ""]


def _columns(words: list[str]) -> list[str]:
    """The words down the columns of as few rows as fit, each column as wide as its widest word."""
    for rows in range(1, len(words)):
        columns = [words[i : i + rows] for i in range(0, len(words), rows)]
        widths = [max(map(len, column)) for column in columns]
        if sum(widths) + 2 * (len(widths) - 1) <= _WIDTH:
            break
    else:
        return words
    lines = []
    for row in range(rows):
        cells = [column[row] if row < len(column) else "" for column in columns]
        while cells and not cells[-1]:
            cells.pop()
        lines.append("  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=False)))
    return lines
