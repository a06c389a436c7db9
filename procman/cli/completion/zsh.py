"""The script for zsh, which also works as a file `_procman` in a directory of $fpath."""

from collections.abc import Iterable

from procman.cli.completion import tables
from procman.cli.completion.tables import FILE, FOLDER, CommandWords, FlagWords

_HEAD = r"""#compdef procman procmanctl
# Completes procman and procmanctl in zsh. Written by `procman completion zsh`.
# For this shell: source <(procman completion zsh). For every one: procman completion zsh --install

# The names of processes or groups, from the master that the line is for.
_procmanctl_names() {
    local -a names groups
    local answer
    # 3: one of them is not running
    answer=$("${asked[@]}" status -o name 2>/dev/null </dev/null) || (($? == 3)) || return
    names=(${(f)answer})
    groups=(${(u)${(M)names:#*:*}%%:*})
    if [[ $1 == groups ]]; then
        compadd -- ${(u)names%%:*}
    else
        compadd -- $names ${^groups}:\*
    fi
}
"""
_TAIL = r"""
_procman() {
    if [[ $service == procmanctl ]]; then _procman_of_procmanctl; else _procman_of_procman; fi
}

if [[ $funcstack[1] == _procman ]]; then
    _procman "$@"
else
    compdef _procman procman procmanctl
fi
"""


def script() -> str:
    """The whole of it."""
    return "\n".join([_HEAD, *_procmanctl(), "", *_procman(), _TAIL])


def _procmanctl() -> list[str]:
    early, commands = tables.of_procmanctl()
    return [
        "_procman_of_procmanctl() {",
        "    local -a asked known",
        '    local command="" previous=${words[CURRENT - 1]} cur=${words[CURRENT]} at',
        "    asked=(${(Q)${words[1]/#\\~/$HOME}})",
        "    for ((at = 2; at < CURRENT; at++)); do",
        "        case ${words[at]} in",
        f"            ({'|'.join(tables.valued(early))}) asked+=(${{words[at]}} ${{(Q)words[at + 1]}}); ((at++)) ;;",
        "            (--*=*) asked+=(${words[at]}) ;;",
        "            (-*) ;;",
        "            (*) command=${words[at]}; break ;;",
        "        esac",
        "    done",
        "    case $command,$previous in",
        *_values("", early),
        *(line for command in commands for line in _values(command.name, command.flags)),
        "    esac",
        "    case $command,$cur in",
        f"        (,-*) known=({_described(early)}); _describe -o flag known; return ;;",
        f"        (,*) known=({_all(commands)}); _describe command known; return ;;",
        *(
            f"        ({command.name},-*) known=({_described(command.flags)}); _describe -o flag known; return ;;"
            for command in commands
        ),
        "    esac",
        "    case $command in",
        "        (signal)",
        f"            if ((at == CURRENT - 1)); then compadd -- {tables.signal_names()}",
        "            else _procmanctl_names processes; fi ;;",
        f"        (help) known=({_all(commands)}); _describe command known ;;",
        *(
            f"        ({'|'.join(each.name for each in commands if each.takes == what)}) _procmanctl_names {what} ;;"
            for what in (tables.PROCESSES, tables.GROUPS)
        ),
        "    esac",
        "}",
    ]


def _procman() -> list[str]:
    early, commands = tables.of_procman()
    singles = [command for command in commands if " " not in command.name]
    pairs = [command for command in commands if " " in command.name]
    return [
        "_procman_of_procman() {",
        "    local -a known",
        '    local command="" previous=${words[CURRENT - 1]} cur=${words[CURRENT]} at=${words[(i)--]}',
        "    ((CURRENT > 2)) && [[ ${words[2]} != -* ]] && command=${words[2]}",
        "    case ${words[2]},${words[3]} in",
        *(f'        ({pair.name.replace(" ", ",")}) ((CURRENT > 3)) && command="{pair.name}" ;;' for pair in pairs),
        "    esac",
        "    if [[ $command == run ]] && ((at < CURRENT)); then",
        "        if ((at == CURRENT - 1)); then _command_names -e; else _files; fi",
        "        return",
        "    fi",
        "    case $command,$previous in",
        *_values("", early),
        *(line for command in commands for line in _values(command.name, command.flags)),
        "    esac",
        "    case $command,$cur in",
        f"        (,-*) known=({_described(early)}); _describe -o flag known; return ;;",
        f"        (,*) ((CURRENT == 2)) && {{ known=({_all(singles)}); _describe command known; }}; return ;;",
        *(
            f'        ("{command.name}",-*) known=({_described(command.flags)}); _describe -o flag known; return ;;'
            for command in commands
        ),
        "    esac",
        "    case $command in",
        *(f"        ({first}) compadd -- {tables.seconds(first, commands)} ;;" for first in tables.firsts_of_pairs()),
        *(f'        ("{command.name}") _files ;;' for command in commands if command.takes == FILE),
        *(
            f"        ({command.name}) compadd -- {command.takes} ;;"
            for command in commands
            if command.takes not in {"", FILE, tables.PROGRAM}
        ),
        "    esac",
        "}",
    ]


def _values(command: str, known: Iterable[FlagWords]) -> list[str]:
    """The cases in which the value of a flag is completed, and nothing else."""
    lines = []
    for flag in known:
        if flag.value:
            does = {FILE: "_files; ", FOLDER: "_files -/; ", tables.ANYTHING: ""}.get(
                flag.value, f"compadd -- {flag.value}; "
            )
            pattern = "|".join(f'"{command},{name}"' for name in flag.names)
            lines.append(f"        ({pattern}) {does}return ;;")
    return lines


def _described(known: Iterable[FlagWords]) -> str:
    return " ".join(_quoted(name, flag.about) for flag in known for name in flag.names)


def _all(commands: Iterable[CommandWords]) -> str:
    return " ".join(_quoted(command.name, command.about) for command in commands)


def _quoted(name: str, about: str) -> str:
    text = f"{name}:{about}".replace("'", "'\\''")
    return f"'{text}'"
