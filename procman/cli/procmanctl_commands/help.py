"""help: the list of commands, and the help of one."""

from procman.cli import suggestions
from procman.cli.help_texts import OURS, OWN_COMMANDS, TOPICS, text_of
from procman.cli.invocation import Invocation

_WIDTH = 79  # the width that Python's cmd module, and so supervisorctl, uses


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
    if topic not in TOPICS and topic not in OURS:
        invocation.suggest(suggestions.command(topic))


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
