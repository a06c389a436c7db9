"""The help texts of procmanctl's commands; their flags, and the reference page, are read from here too.

Supervisorctl's texts come first, then those of procman's own commands and usages.
"""

import re

from procman.cli.procmanctl_commands import SAME_AS

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

# procman's words for topics in which supervisorctl names another program.
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

# Usages that supervisorctl does not have, by command. The flags of a command are read from here too.
OURS: dict[str, tuple[tuple[str, str], ...]] = {
    "attach": (
        ("attach <name>", "Go to the terminal of a program that has one (pty = true); Ctrl-P Ctrl-Q leaves it"),
        ("attach --read-only <name>", "Only look, and type nothing"),
        ("attach --detach-keys KEYS <name>", "Detach with other keys, such as ctrl-a,d"),
    ),
    "clear": (
        ("clear <gname>:*", "Clear the log files of a group"),
        ("clear '<pattern>'", "Clear the log files of all that match"),
    ),
    "config": (
        ("config", "Show the effective settings of the master, and where each was set (secrets hidden)"),
        ("config <name> [...]", "Show those of processes and their groups"),
        ("config all", "Show those of all processes"),
        ("config --drift [<name> ...]", "The same as drift"),
    ),
    "confirm": (
        ("confirm [<operation>]", "Keep the update that waits for it (update --confirm), once all of it is healthy"),
    ),
    "crash": (("crash <seq>", "Show a crash report: how the end came about, with the last lines of output"),),
    "crashes": (
        ("crashes", "List the crash reports: unexpected ends, failed starts, programs that had to be killed"),
        ("crashes <name> [...]", "Those of processes, groups (<gname>:*) or '<pattern>'"),
    ),
    "debug": (
        (
            "debug <name>",
            "Stop it, and run it once on this terminal with all that it has otherwise; then start it again",
        ),
        ("debug [--env NAME=VALUE] <name> [-- <command> ...]", "Run another command instead, such as a shell"),
        ("debug --detach-keys KEYS <name>", "End it with other keys than Ctrl-P Ctrl-Q"),
    ),
    "diff": (
        ("diff [<gname> ...]", "Show what differs between what is active and the file (exit status 1 if anything)"),
    ),
    "drift": (
        ("drift", "Show what running programs have otherwise than a start now would give them (exit status 1 if any)"),
        (
            "drift <name> [...]",
            "Those of processes and groups: options, variables and credentials of files, binaries",
        ),
    ),
    "events": (
        ("events", "Show the last 50 records of the journal: what has happened, by whom, #number <- #cause"),
        ("events <name> [...]", "Show those about these processes and groups ('<pattern>' and <gname>:* too)"),
        ("events -f", "Keep printing new ones as they come (Ctrl-C to exit)"),
        ("events -n 20", "Show so many"),
        ("events --since 10m", "Show all since then: 10m ago, 14:02, 2026-11-29T14:02, or the number of a record"),
        ("events --kind exit,state", "Show these kinds only (a wrong one lists them)"),
    ),
    "health": (
        (
            "health",
            "Check that all wanted processes are up (if not: exit status 1 and their names); warns of a broken file",
        ),
        ("health --live", "Check that the master answers within 10 seconds (its configuration file is not read)"),
        ("health <name> [...]", "Show what the health checks of these processes have seen (all: of every process)"),
        ("health --now <name>", "Look at them now, without counting it"),
        (
            "health --pause 10m --reason text <name>",
            "Do not check for that time, for example while a dump is made; 0 ends a pause",
        ),
    ),
    "graph": (
        ("graph", "Show what depends on what, and what is waited for"),
        ("graph <name> [...]", "Show what these processes or groups (<gname>:*) depend on"),
        ("graph --mermaid", "Print it as a Mermaid diagram"),
    ),
    "history": (
        (
            "history <name> [...]",
            "Show the runs of a process: when, how long, how each ended, who started or stopped it",
        ),
    ),
    "is-running": (
        ("is-running <name> [...]", "Print the state of each; exit status 3 if one of them is not RUNNING"),
    ),
    "kill": (
        (
            "kill <name> [...]",
            "Send SIGTERM, as kill(1) does; autorestart decides what follows: to keep it down, use stop",
        ),
        ("kill -HUP <name> [...]", "Send another signal: by its name or number, also after -s"),
    ),
    "logs": (
        ("logs", "Show the last lines of all programs, with their names in front"),
        ("logs <name> [...]", "Those of processes, groups (<gname>:*) or '<pattern>'"),
        ("logs -f", "Keep printing new ones as they come (Ctrl-C to exit)"),
        ("logs -n 20", "Show this many lines of each log (10, unless --since is given)"),
        ("logs --since 10m", "Show what was written since then: 10m ago, 14:02, 2026-11-29T14:02"),
        ("logs --grep TEXT", "Show only lines with this text in them"),
        ("logs --channel stderr", "Show only stderr, or only stdout"),
        ("logs rotate [<name> ...]", "Rotate log files now (all of them, or those of these processes)"),
        ("logs reopen [<name> ...]", "Open log files again, after something else has moved them away"),
    ),
    "maintail": (("maintail -f -<N>", "Start with the last N bytes"),),
    "metrics": (("metrics", "Show what is counted and measured, in Prometheus' text format (as GET /metrics)"),),
    "next": (
        ("next", "Show when each program with a schedule runs next"),
        ("next <name> [...]", "Show the next five times of these, with their offsets"),
        ("next -n 20 [<name> ...]", "Show so many"),
    ),
    "chaos": (
        (
            "chaos --kill <name>",
            "Kill it, and say whether it and what depends on it do what the configuration says (asks before)",
        ),
        ("chaos --stop 30s <name>", "Suspend it for this long (SIGSTOP, then SIGCONT)"),
        ("chaos --unready 30s <name>", "Count each of its health checks as failed for this long"),
        ("chaos --dry-run --kill <name>", "Only say what should follow"),
        ("chaos --yes --kill <name>", "Do not ask"),
    ),
    "notify": (
        ("notify", "Show what each notify section reports to whom, and what it has sent"),
        (
            "notify test <section> [...]",
            "Send a test message, and say what came of it (exit status 1 if it was not sent)",
        ),
    ),
    "pid": (("pid <gname>:*", "Get the PIDs of a group"), ("pid '<pattern>'", "Get the PIDs of all that match")),
    "refresh": (
        ("refresh <name> [...]", "Have a program read its configuration again, as its option reload says"),
        ("refresh all", "Do so for all that have that option"),
    ),
    "restart": (
        ("restart '<pattern>'", "Restart all that match"),
        ("restart --all", "The same as restart all"),
        ("restart <name> --rolling", "One process after the other; the next one when it is ready, and healthy"),
        ("restart <name> --rolling --batch 25%", "This many at a time: a number, or a percentage of them"),
        ("restart <name> --rolling --continue", "Go on where it has stopped, with what has failed first"),
        ("restart <name> --rolling --abort", "End it, and put the earlier definition back where an update changed it"),
    ),
    "retry": (
        ("retry <name> [...]", "Start at once what waits for its next try, or is FATAL, and count its tries from zero"),
        ("retry all", "Do so for all of them"),
    ),
    "scale": (
        ("scale <name>=4", "Run this many processes of a program, until numprocs changes in the file, or a reload"),
        ("scale <name>+1", "One more (or web-1: one less; the highest number leaves first)"),
        ("scale", "Show how many there are, and what the file says"),
    ),
    "run": (
        ("run <name>", "Run it now, show what it writes, and end with its exit status; Ctrl-C stops it"),
        ("run [--env NAME=VALUE] <name> [-- <argument> ...]", "Give this run variables and arguments as well"),
        ("run --detach <name>", "Do not wait for it"),
        ("run --attach <name>", "Follow the run that is under way"),
    ),
    "runs": (
        ("runs", "Show the last runs of all one-shots: when, how long, how each ended, at whose request"),
        ("runs <name> [...]", "Show those of these processes"),
        ("runs --output [<name> ...]", "Show the last lines that each wrote, too"),
    ),
    "signal": (("signal <signal name> '<pattern>'", "Signal all that match"),),
    "start": (
        ("start '<pattern>'", "Start all that match"),
        ("start --all", "The same as start all"),
        ("start --no-deps <name>", "Start it now, whatever it depends on"),
    ),
    "status": (
        ("status -o name", "Print only the names; json, yaml: all that is known; wide: as --long"),
        ("status --watch", "Show it again at each change (Ctrl-C to exit); off a terminal, only what has changed"),
        ("status --color always", "Use colours although this is no terminal; never: none; auto"),
        (
            "status --long",
            "Also show limits, hooks and how they ended, files, and what each process tree uses (CPU%: in one second)",
        ),
        (
            "status --at 14:02 [<name> ...]",
            "Show the states at that time (10m ago, 2026-11-29T14:02:10), from the journal",
        ),
        ("status '<pattern>'", "Get status for all that match"),
        ("status --all", "The same as status all"),
    ),
    "stop": (
        ("stop '<pattern>'", "Stop all that match"),
        ("stop --all", "The same as stop all"),
        ("stop --cascade <name>", "Stop what depends on it first, then the process itself"),
    ),
    "stop-plan": (
        ("stop-plan", "Show how long a shutdown takes at most, and why"),
        ("stop-plan --budget 10s", "Also show what would make it fit (exit status 1 if it does not)"),
    ),
    "tail": (
        ("tail -<N> <name>", "The last N bytes of its stdout"),
        ("tail -n 20 <name>", "The last 20 lines"),
        ("tail -f -<N> <name>", "Start with the last N bytes, or with -n N by the last N lines"),
    ),
    "timeline": (
        ("timeline [<name> ...]", "Draw which states processes were in during the last hour, from the journal"),
        ("timeline --since 6h", "Begin there: 6h ago, 14:02, 2026-11-29T14:02"),
        ("timeline --until 14:30", "End there"),
    ),
    "update": (
        ("update --dry-run [<gname> ...]", "Show what would be done, by which options (exit status 2 if anything)"),
        ("update --plan FILE [<gname> ...]", "Show that, and write it into a file"),
        ("update --apply FILE", "Carry out that plan; nothing is done if the file or what runs has changed since"),
        (
            "update --confirm 60s [<gname> ...]",
            "Roll it back then, unless it is confirmed and all of it is ready and healthy (also with --apply)",
        ),
        ("update --confirm 60s --no-wait", "Do not wait for that: see confirm"),
        ("update --abort [<operation>]", "Roll back the update that waits for its confirmation"),
    ),
    "top": (
        ("top", "Show all programs and their logs in a screen, with keys for everything (needs procman[tui])"),
        ("top <name> [...]", "Show these at first; also a part of a name, '<pattern>', or @failed, @up, @down"),
        ("top --theme light", "Colours for a light background, or dark; auto: ask the terminal. This is remembered"),
        ("top --mouse", "Let the mouse select lines and scroll; then the terminal does not select text"),
    ),
    "upgrade": (("upgrade", "Make the master execute the procman that is installed now; all programs keep running"),),
    "whoami": (("whoami", "Show who you are to the master, and what you may do there"),),
    "why": (
        ("why", "Explain all that is not as it should be, those first that others wait for"),
        ("why <name> [...]", "Explain these: who wants it so, how it ended, what comes next, which options decide"),
        (
            "why --at 14:02 <name>",
            "Explain its state at that time, from the journal: at whose request, and what led there",
        ),
        ("why procman", "Explain the master itself: what ends it, what it waits for, what is the matter with it"),
    ),
}

# Other tools' spellings of flags, for the commands that have the flag.
SAME_FLAGS = {
    "--colour": "--color",
    "--follow": "-f",
    "--lines": "-n",
    "--output": "-o",
    "--wide": "--long",
    "-F": "-f",
    "-l": "--long",
    "-w": "--watch",
}

OWN_COMMANDS = sorted(OURS.keys() - TOPICS.keys())
_TITLE = "procman commands (supervisorctl has none of these):"


def supervisorctls(command: str) -> str:
    """What supervisorctl shows below a usage error, to the letter; of an own command its whole help."""
    return TOPICS.get(command) or text_of(command)


def inherited(command: str) -> str:
    """The help of a command that supervisorctl has too, "" for the others."""
    return HERE.get(command) or TOPICS.get(command, "")


def text_of(topic: str) -> str:
    """The whole help of a command."""
    if topic in SAME_AS and topic not in OURS:
        same = SAME_AS[topic]
        return f"{topic}\tThe same as {same}\n\n{text_of(same.partition(' ')[0])}"
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
    """The flags in the usages of a command, and whether a value follows: {"--budget": True}."""
    usages = [line.partition("\t")[0] for line in TOPICS.get(command, "").splitlines()]
    usages += [usage for usage, _ in OURS.get(command, ())]
    return {flag: bool(value) for usage in usages for flag, value in re.findall(r"[ \[](--?[a-z][a-z-]*)( \w)?", usage)}


def takes(command: str) -> str:
    """What names a command takes: "processes", "groups", or none."""
    text = text_of(command)
    if command in {"add", "remove"} or ("<gname>" in text and "<name>" not in text):
        return "groups"
    return "processes" if "<name>" in text or "<process>" in text else ""
