"""Generates the reference page of the command lines: flags, commands, exit statuses, and what `--json` prints."""

from collections.abc import Iterable, Mapping

from procman.cli.exit_statuses import NO_MASTER, PROCMAN, PROCMANCTL, Entry
from procman.cli.flags import Flag
from procman.cli.help_texts import OURS, inherited
from procman.cli.procman_commands.table import COMMANDS as MASTER_COMMANDS
from procman.cli.procmanctl_commands import COMMANDS, SAME_AS
from procman.cli.procmanctl_flags import FLAGS

_INTRODUCTION = """\
Flags are written as for supervisord: `-cFILE`, `-c FILE`, `--configuration=FILE` or a unique beginning such as
`--conf FILE`; none may come after the first word that is not a flag.
"""

_CTL = """\
Without a command, procmanctl is an interactive shell with completion on TAB. Texts and exit statuses are those of
supervisorctl; additions are marked *ours*. Names are `NAME`, `GROUP:NAME`, `GROUP:*`, `all`, or a pattern such as
`'web*'`. Several names are one request, which the master carries out at once; results are in the order of the names.
A name that begins with a dash must follow `--`. `procmanctl COMMAND --help`, or `help COMMAND`, prints the same usages.

The master is found through the first of these that is set: `-s URL`; `-c FILE`; `$PROCMAN_SERVER_URL`;
`$SUPERVISOR_SERVER_URL`; the file that the master would find without `-c`; the only master that answers in the
run-time directory. A file that is broken or has changed still leads to its master through its path. If nothing was
given, and the master of the file is not running, procmanctl connects to PID 1 of the container.

**Exit status.** 0 is success. As in supervisorctl, the last of several errors decides, and the shell ends with 0 unless
a command was given with `-i`. 2 is bad usage of procmanctl itself, or a flag that the command does not have; then
nothing is done. If no master answers, a command exits with
{no_master}

except for the commands that list another status below.

**`--json`**, before or after the command, prints one object; a stream prints one object for each line. Errors are in
`"errors": [{{"code": str, "message": str, …}}]`, in addition to the result, and guesses in `"did_you_mean": [str]`
(without `--json` they are printed on stderr). The names of shapes are those of
[the HTTP interface](http-api.md#shapes).
"""


def page() -> str:
    """The reference page of all command lines."""
    parts = ["# Commands", "", _INTRODUCTION]
    for name, command in MASTER_COMMANDS.items():
        called = f"procman {name}".rstrip()
        parts += [f"## `{called}`", "", _sentence(command.about), ""]
        parts += [f"Usage: `{f'{called} [flags] {command.words}'.rstrip()}`", "", *_flags(command.flags), ""]
        parts += [*_statuses(PROCMAN.get(name, {})), ""]
    no_master = "\n".join(f"- {status}: {when}" for status, when in NO_MASTER.items())
    parts += ["## `procmanctl`", "", "Ask a running master.", "", *_flags(FLAGS), "", _CTL.format(no_master=no_master)]
    parts += ["| other name | the same as |", "|---|---|"]
    parts += [*(f"| `{name}` | `{same}` |" for name, same in SAME_AS.items()), ""]
    for name in sorted(PROCMANCTL):
        parts += [f"### `{name}`", "", *_command(PROCMANCTL[name], name), ""]
    return "\n".join(parts)


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _flags(flags: Iterable[Flag]) -> list[str]:
    lines = ["| flag | |", "|---|---|"]
    return lines + [f"| {_code(flag.usage)} | {_cell(flag.about)} |" for flag in flags]


def _statuses(statuses: Mapping[int, str]) -> list[str]:
    lines = ["| exit status | when |", "|---|---|"]
    return lines + [f"| {status} | {_cell(when)} |" for status, when in statuses.items()]


def _command(entry: Entry, name: str) -> list[str]:
    lines = ["| usage | |", "|---|---|"]
    lines += [f"| {_code(usage)} | {_cell(about)} |" for usage, about in usages(inherited(name))]
    lines += [f"| {_code(usage)} | {_cell(about)} (*ours*) |" for usage, about in OURS.get(name, ())]
    lines += ["", f"`--json`: {entry.json}"]
    if entry.exits:
        lines += ["", *_statuses(entry.exits)]
    unreachable = COMMANDS[name].unreachable
    if unreachable is not None:
        lines += ["", f"No master: {unreachable}."]
    return lines


def usages(text: str) -> list[tuple[str, str]]:
    """Split a help text into usages and descriptions; a line with only one of them continues the one above."""
    found: list[tuple[str, str]] = []
    for line in text.splitlines():
        usage, _, about = (part.strip() for part in line.partition("\t"))
        if usage and about:
            found.append((usage, about))
        elif usage.endswith(")"):
            # supervisorctl puts the default after the usage
            head, _, default = usage.rpartition(" (")
            found.append((head, f"({default}"))
        elif found and (usage or about) and usage != "Ex:":
            before = found[-1][1].rstrip(".")
            found[-1] = (found[-1][0], f"{before} {about}" if about.startswith("(") else f"{before}. {usage or about}")
    return found


def _code(text: str) -> str:
    """Code in a cell of a table, where a pipe needs a backslash."""
    return f"`{text.replace('|', chr(92) + '|')}`"


def _cell(text: str) -> str:
    """Text in a cell of a table, where angle brackets must not become HTML."""
    return text.replace("|", "\\|").replace("<", "\\<")
