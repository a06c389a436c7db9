"""help, its topics and the flags of the commands: one table, of which the reference page is made, too.

What supervisorctl says comes first; then what is ours alone, as it lists what a plug-in brings.
"""

from __future__ import annotations

TYPE_CHECKING = False  # typing's own constant costs the import of typing: 3 ms
if TYPE_CHECKING:
    from procman.cli.session import Session

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

# procman's own words for those of the topics that would name another program.
HERE = {
    "exit": "exit\tLeave the shell.",
    "maintail": (
        "maintail -f \tContinuous tail of the master's log (Ctrl-C to exit)\n"
        "maintail -100\tlast 100 *bytes* of the master's log\n"
        "maintail\tlast 1600 *bytes* of the master's log\n"
    ),
    "open": "open <url>\tConnect to another master.\n\t\t(for UNIX domain socket, use unix:///socket/path)",
    "quit": "quit\tLeave the shell.",
    "reload": "reload \t\tStop all programs, read the configuration again, and start them.",
    "shutdown": "shutdown \tStop all programs, and the master.",
    "version": "version\t\t\tShow the version of the master",
}

# What supervisorctl does not have: of each command its usages. The flags that a command takes are read from here, too.
OURS: dict[str, tuple[tuple[str, str], ...]] = {
    "clear": (("clear <gname>:*", "Clear the log files of a group"), ("clear '<pattern>'", "Clear those that match")),
    "config": (
        ("config", "Show what the master and its servers go by, and where that is from (secrets hidden)"),
        ("config <name> [...]", "The same of processes, and of the groups they are in"),
        ("config all", "The same of all processes"),
    ),
    "health": (
        (
            "health",
            "Is every process up that should be? (exit status 1, and which are not, otherwise); warns of a broken file",
        ),
        ("health --live", "Does the master answer, within 10 seconds? (whatever its configuration is by now)"),
    ),
    "maintail": (("maintail -f -<N>", "Begin with the last N bytes"),),
    "pid": (("pid <gname>:*", "Get the PIDs of a group"), ("pid '<pattern>'", "Get those that match")),
    "restart": (("restart '<pattern>'", "Restart all that match"),),
    "signal": (("signal <signal name> '<pattern>'", "Signal all that match"),),
    "start": (("start '<pattern>'", "Start all that match"),),
    "status": (
        (
            "status --long",
            "Also show what each process with its descendants uses (CPU%: in one second; a narrow terminal shows less)",
        ),
        ("status '<pattern>'", "Get status for all that match"),
    ),
    "stop": (("stop '<pattern>'", "Stop all that match"),),
    "stop-plan": (
        ("stop-plan", "Show how long a shutdown takes at worst, and why"),
        (
            "stop-plan --budget 10s",
            "Also show what would have to change to make it fit (exit status 1 when it does not)",
        ),
    ),
    "tail": (
        ("tail -<N> <name>", "The last N bytes of its stdout"),
        ("tail -f -<N> <name>", "Begin with the last N bytes"),
    ),
    "update": (("update --dry-run [<gname> ...]", "Say what would be done, and by which options"),),
    "upgrade": (
        ("upgrade", "Execute procman's own code anew, as it is installed now; programs go on and notice nothing"),
    ),
}

_ONLY_OURS = sorted(OURS.keys() - TOPICS.keys())
_TITLE = "procman commands (supervisorctl has none of these):"
_WIDTH = 79  # as wide as Python's cmd module, and so supervisorctl, makes its columns


def supervisorctls(command: str) -> str:
    """What supervisorctl shows beneath a usage error, to the letter; of a command of ours all there is."""
    return TOPICS.get(command) or text_of(command)


def inherited(command: str) -> str:
    """What is known about a command that supervisorctl has, too; nothing about the others."""
    return HERE.get(command) or TOPICS.get(command, "")


def text_of(topic: str) -> str:
    """What is known about a command."""
    text = inherited(topic).rstrip("\n")
    usages = OURS.get(topic, ())
    if not text and not usages:
        return f"*** No help on {topic}"
    width = max((len(usage) for usage, _ in usages), default=0)
    ours = [f"{usage:<{width}}  {about}" for usage, about in usages]
    if not text:
        return "\n".join(ours)
    return "\n".join([text, _TITLE, *ours, ""]) if ours else text


def flags(command: str) -> dict[str, bool]:
    """The flags that stand in the usages of a command, and whether a value follows: {"--budget": True}."""
    from re import findall  # noqa: PLC0415 - only for who gives a flag

    usages = [line.partition("\t")[0] for line in TOPICS.get(command, "").splitlines()]
    usages += [usage for usage, _ in OURS.get(command, ())]
    return {flag: bool(value) for usage in usages for flag, value in findall(r"[ \[](--?[a-z][a-z-]*)( \w)?", usage)}


def show_help(session: Session, words: list[str]) -> None:
    """The list of commands, or what is known about one."""
    topic = " ".join(words)
    if not topic:
        names = sorted(TOPICS.keys() - {"help"})
        session.put(commands=[*names, *_ONLY_OURS])
        session.say("\n".join(["", *_block("default", names), *_block("procman", _ONLY_OURS)]))
        return
    text = text_of(topic)
    session.put(topic=topic, text=text)
    session.say(text)
    if topic not in TOPICS and topic not in OURS:
        from procman.cli import suggestions as meant  # noqa: PLC0415 - only here

        session.suggest(meant.command(topic))


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
