"""The script for bash. It needs no bash-completion, and joins the words that bash cuts at colons."""

from collections.abc import Iterable

from procman.cli.completion import tables
from procman.cli.completion.tables import FILE, FOLDER, CommandWords, FlagWords

_HEAD = r"""# Completes procman and procmanctl in bash. Written by `procman completion bash`.
# For this shell: source <(procman completion bash). For every one: procman completion bash --install

# The words up to the cursor; the last one, $cur, may be empty. A name with colons is one word.
_procman_split() {
    local line=${COMP_LINE:0:COMP_POINT}
    read -ra words <<<"$line"
    [[ $line == *[[:space:]] ]] && words+=("")
    cur=${words[${#words[@]} - 1]//\\/}
    previous=${words[${#words[@]} - 2]}
}

# Offer each line that begins with $cur, as it has to be typed.
_procman_offer() {
    local word head=
    [[ $COMP_WORDBREAKS == *:* && $cur == *:* ]] && head=${cur%"${cur##*:}"}
    while IFS= read -r word; do
        [[ -n $word && $word == "$cur"* ]] || continue
        printf -v word %q "${word#"$head"}"
        COMPREPLY+=("$word")
    done <<<"$1"
}

_procman_words() { _procman_offer "${1// /$'\n'}"; }

_procman_paths() {
    compopt -o filenames 2>/dev/null
    local path
    while IFS= read -r path; do COMPREPLY+=("$path"); done < <(compgen "$1" -- "$cur")
}

# The names of processes or groups, from the master that the line is for.
_procmanctl_names() {
    local names name group
    local -A groups=()
    # 3: one of them is not running
    names=$("${asked[@]}" status -o name 2>/dev/null </dev/null) || (($? == 3)) || return
    while IFS= read -r name; do
        group=${name%%:*}
        if [[ $1 == groups && -n $group ]]; then groups[$group]=1
        elif [[ $group != "$name" ]]; then groups[$group:\*]=1; fi
    done <<<"$names"
    [[ $1 == groups ]] && names=
    for name in "${!groups[@]}"; do names+=$'\n'$name; done
    _procman_offer "$names"
}
"""


def script() -> str:
    """The whole of it."""
    return "\n".join([_HEAD, *_procmanctl(), "", *_procman(), ""])


def _procmanctl() -> list[str]:
    early, commands = tables.of_procmanctl()
    return [
        "_procmanctl() {",
        '    local words cur previous asked command="" at',
        "    _procman_split",
        '    asked=("${words[0]/#\\~/$HOME}")',
        "    for ((at = 1; at < ${#words[@]} - 1; at++)); do",
        "        case ${words[at]} in",
        f"            {'|'.join(tables.valued(early))})",
        '                asked+=("${words[at]}" "${words[at + 1]}")',
        "                ((at++)) ;;",
        '            --*=*) asked+=("${words[at]}") ;;',
        "            -*) ;;",
        "            *) command=${words[at]}; break ;;",
        "        esac",
        "    done",
        "    case $command,$previous in",
        *_values("", early),
        *(line for command in commands for line in _values(command.name, command.flags)),
        "    esac",
        '    [[ -z $command && $cur != -* ]] && { _procman_words "' + _joined(commands) + '"; return; }',
        "    if [[ $cur == -* ]]; then",
        "        case $command in",
        f'            "") _procman_words "{_names(early)}" ;;',
        *(f'            {command.name}) _procman_words "{_names(command.flags)}" ;;' for command in commands),
        "        esac",
        "        return",
        "    fi",
        "    case $command in",
        "        signal)",
        f'            if ((at == ${{#words[@]}} - 2)); then _procman_words "{tables.signal_names()}"',
        "            else _procmanctl_names processes; fi ;;",
        f'        help) _procman_words "{_joined(commands)}" ;;',
        *(
            f"        {'|'.join(each.name for each in commands if each.takes == what)}) _procmanctl_names {what} ;;"
            for what in (tables.PROCESSES, tables.GROUPS)
        ),
        "    esac",
        "}",
        "complete -F _procmanctl procmanctl",
    ]


def _procman() -> list[str]:
    early, commands = tables.of_procman()
    pairs = [command for command in commands if " " in command.name]
    firsts = {command.name.partition(" ")[0]: None for command in commands}
    return [
        "_procman() {",
        '    local words cur previous command="" at',
        "    _procman_split",
        "    ((${#words[@]} > 2)) && [[ ${words[1]} != -* ]] && command=${words[1]}",
        "    case ${words[1]},${words[2]} in",
        *(
            f'        {pair.name.replace(" ", ",")}) ((${{#words[@]}} > 3)) && command="{pair.name}" ;;'
            for pair in pairs
        ),
        "    esac",
        "    if [[ $command == run ]]; then",
        "        for ((at = 2; at < ${#words[@]} - 1; at++)); do",
        "            [[ ${words[at]} == -- ]] || continue",
        "            if ((at == ${#words[@]} - 2)); then _procman_paths -c; else _procman_paths -f; fi",
        "            return",
        "        done",
        "    fi",
        "    case $command,$previous in",
        *_values("", early),
        *(line for command in commands for line in _values(command.name, command.flags)),
        "    esac",
        "    if [[ $cur == -* ]]; then",
        "        case $command in",
        f'            "") _procman_words "{_names(early)}" ;;',
        *(f'            "{command.name}") _procman_words "{_names(command.flags)}" ;;' for command in commands),
        "        esac",
        "        return",
        "    fi",
        "    case $command in",
        f'        "") ((${{#words[@]}} == 2)) && _procman_words "{" ".join(firsts)}" ;;',
        *(
            f'        {first}) _procman_words "{tables.seconds(first, commands)}" ;;'
            for first in tables.firsts_of_pairs()
        ),
        *(f'        "{command.name}") _procman_paths -f ;;' for command in commands if command.takes == FILE),
        *(
            f'        {command.name}) _procman_words "{command.takes}" ;;'
            for command in commands
            if command.takes not in {"", FILE, tables.PROGRAM}
        ),
        "    esac",
        "}",
        "complete -F _procman procman",
    ]


def _values(command: str, known: Iterable[FlagWords]) -> list[str]:
    """The cases in which the value of a flag is completed, and nothing else."""
    lines = []
    for flag in known:
        match flag.value:
            case "":
                continue
            case tables.ANYTHING:
                does = ""
            case _ if flag.value == FILE:
                does = "_procman_paths -f; "
            case _ if flag.value == FOLDER:
                does = "_procman_paths -d; "
            case _:
                does = f'_procman_words "{flag.value}"; '
        pattern = "|".join(f'"{command},{name}"' for name in flag.names)
        lines.append(f"        {pattern}) {does}return ;;")
    return lines


def _names(known: Iterable[FlagWords]) -> str:
    return " ".join(name for flag in known for name in flag.names)


def _joined(commands: Iterable[CommandWords]) -> str:
    return " ".join(command.name for command in commands)
