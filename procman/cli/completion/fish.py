"""The script for fish. A condition of each rule says on which command lines it holds."""

from collections.abc import Iterable

from procman.cli.completion import tables
from procman.cli.completion.tables import FILE, FOLDER, FlagWords

_HEAD = r"""# Completes procman and procmanctl in fish. Written by `procman completion fish`.
# For this shell: procman completion fish | source. For every one: procman completion fish --install

# Whether the line up to the cursor has this command; "" is none yet.
function __procmanctl_has
    set -l command
    set -l words (commandline -opc)
    set -e words[1]
    while set -q words[1]
        switch $words[1]
            case @VALUED@
                set -e words[1]
            case '-*'
            case '*'
                set command $words[1]
                break
        end
        set -e words[1]
    end
    contains -- "$command" $argv
end

function __procman_has
    set -l words (commandline -opc)
    set -l command $words[2]
    string match -q -- '-*' $command; and set command
    if contains -- "$command" @PAIRED@
        set -q words[3]; and set command "$command $words[3]"
    end
    contains -- "$command" $argv
end

# How many words that are no flags follow the command.
function __procmanctl_follow
    test (count (string match -v -- '-*' (commandline -opc))) -eq $argv[1]
end

# The names of processes or groups, from the master that the line is for.
function __procmanctl_names
    set -l words (commandline -opc)
    set -l asked $words[1]
    set -e words[1]
    while set -q words[1]
        switch $words[1]
            case @VALUED@
                set -a asked $words[1..2]
                set -e words[1]
            case '--*=*'
                set -a asked $words[1]
            case '-*'
            case '*'
                break
        end
        set -e words[1]
    end
    set -l names ($asked status -o name 2>/dev/null </dev/null)
    # 3: one of them is not running
    contains -- $status 0 3; or return
    if test "$argv[1]" = groups
        string replace -r ':.*' '' -- $names | sort -u
    else
        printf '%s\n' $names
        string match -r -- '^[^:]+(?=:)' $names | sort -u | string replace -r '$' ':*'
    end
end

complete -c procmanctl -f
"""


def script() -> str:
    """The whole of it."""
    early, commands = tables.of_procmanctl()
    head = _HEAD.replace("@VALUED@", " ".join(tables.valued(early)))
    lines = [head.replace("@PAIRED@", " ".join(tables.firsts_of_pairs()))]
    lines += _flags("procmanctl", '__procmanctl_has ""', early)
    for command in commands:
        lines.append(_rule("procmanctl", '__procmanctl_has ""', f"-a {command.name} -d {_quoted(command.about)}"))
        lines += _flags("procmanctl", f"__procmanctl_has {command.name}", command.flags)
    for what in (tables.PROCESSES, tables.GROUPS):
        names = " ".join(command.name for command in commands if command.takes == what)
        lines.append(_rule("procmanctl", f"__procmanctl_has {names}", f"-a '(__procmanctl_names {what})'"))
    signal = "__procmanctl_has signal; and"
    lines.append(_rule("procmanctl", f"{signal} __procmanctl_follow 2", f"-a {_quoted(tables.signal_names())}"))
    lines.append(_rule("procmanctl", f"{signal} not __procmanctl_follow 2", "-a '(__procmanctl_names processes)'"))
    names = " ".join(command.name for command in commands)
    lines.append(_rule("procmanctl", "__procmanctl_has help", f"-a {_quoted(names)}"))
    return "\n".join([*lines, *_procman(), ""])


def _procman() -> list[str]:
    early, commands = tables.of_procman()
    lines = ["", "complete -c procman -f", *_flags("procman", '__procman_has ""', early)]
    for command in commands:
        first, _, second = command.name.partition(" ")
        where = f"__procman_has {first}" if second else '__procman_has ""'
        lines.append(_rule("procman", where, f"-a {second or first} -d {_quoted(command.about)}"))
        has = f"__procman_has {_double(command.name)}"
        lines += _flags("procman", has, command.flags)
        if command.takes == FILE:
            lines.append(_rule("procman", has, "-F"))
        elif command.takes == tables.PROGRAM:
            lines.append(_rule("procman", has, "-F -a '(__fish_complete_subcommand --fcs-skip=3)'"))
        elif command.takes:
            lines.append(_rule("procman", has, f"-a {_quoted(command.takes)}"))
    return lines


def _flags(program: str, condition: str, known: Iterable[FlagWords]) -> list[str]:
    lines = []
    for flag in known:
        names = " ".join(f"-l {name[2:]}" if name[1] == "-" else f"-s {name[1]}" for name in flag.names)
        value = {"": "", FILE: " -r -F", FOLDER: " -x -a '(__fish_complete_directories)'", tables.ANYTHING: " -x"}.get(
            flag.value, f" -x -a {_quoted(flag.value)}"
        )
        lines.append(_rule(program, condition, f"{names}{value} -d {_quoted(flag.about)}"))
    return lines


def _rule(program: str, condition: str, what: str) -> str:
    return f"complete -c {program} -n {_quoted(condition)} {what}"


def _double(text: str) -> str:
    return f'"{text}"'


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
