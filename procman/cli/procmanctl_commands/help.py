"""help: the list of commands, the help of one, and what `procmanctl -h` prints."""

from procman.cli import command_guesses
from procman.cli.flags_text import table
from procman.cli.help_texts import OURS, OWN_COMMANDS, TOPICS, text_of
from procman.cli.invocation import Invocation
from procman.cli.procmanctl_commands import SAME_AS
from procman.cli.procmanctl_flags import FLAGS

_WIDTH = 79  # the width that Python's cmd module, and so supervisorctl, uses

_USAGE = """\
procmanctl -- control the programs that procman runs

Usage: procmanctl [flags] [command [arguments]]

{flags}

"procmanctl help" lists the commands, "procmanctl help tail" (or "tail --help") explains one. Without a command,
procmanctl is an interactive shell. Names are NAME, GROUP:NAME, GROUP:*, all, or a pattern such as 'web*'.

Not in supervisorctl: "status --long" shows what each process uses, "update --dry-run" what an update would do,
"health" whether everything that should be up is up, "stop-plan" how long a shutdown may take ("--budget 10s": and what
would make it fit), "config" the effective options and where each was set. "upgrade" makes the master execute the
procman that is installed now, while all programs keep running.

Exit status: that of supervisorctl. 0 success; 1 an error; 2 bad usage; 3 status: something is not running;
4 status: unknown name or no master; 4 or 7 no master; 7 the program is not running or did not start."""


def usage() -> str:
    """The text of `procmanctl -h`."""
    return _USAGE.format(flags=table(FLAGS))


def show_help(invocation: Invocation, words: list[str]) -> None:
    """List the commands, or show the help of one."""
    topic = " ".join(words)
    if not topic:
        names = sorted(TOPICS.keys() - {"help"})
        invocation.put(commands=[*names, *OWN_COMMANDS])
        invocation.say("\n".join(["", *_block("default", names), *_block("procman", OWN_COMMANDS)]))
        return
    text = text_of(topic)
    invocation.put(topic=topic, text=text)
    invocation.say(text)
    if topic not in TOPICS and topic not in OURS and topic not in SAME_AS:
        invocation.suggest(command_guesses.meant(topic))


def _block(whose: str, names: list[str]) -> list[str]:
    header = f"{whose} commands (type help <topic>):"
    return [header, "=" * len(header), *_columns(names), ""]


def _columns(words: list[str]) -> list[str]:
    """Arrange the words in columns, in as few rows as fit."""
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
