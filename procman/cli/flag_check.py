"""Checks words that begin with a dash: flags of the command, `--help`, or mistakes, which are refused.

So `restart --gently web` restarts nothing; supervisorctl restarts web and misses a process named `--gently`.
"""

from procman.cli import help_texts
from procman.cli.invocation import Invocation
from procman.cli.procmanctl_commands import COMMANDS, UNKNOWN_FLAG, asks_for_help, load

_NAMES_FOLLOW = "--"
# These commands report a word such as -x themselves, in supervisorctl's words.
_READS_DASHES = frozenset({"kill", "tail", "maintail"})


def checked(invocation: Invocation, command: str, words: list[str]) -> list[str] | None:
    """Return the words for the command; None if it must not run, after saying why or showing its help.

    Words after `--` are names, with or without dashes.
    """
    if asks_for_help(" ".join([command, *words])):
        load(COMMANDS["help"])(invocation, [command])
        return None
    end = words.index(_NAMES_FOLLOW) if _NAMES_FOLLOW in words else len(words)
    before, names = words[:end], words[end + 1 :]
    known = help_texts.flags(command)
    before = [_ours(word, known) for word in before]
    for word in before:
        flag, equals, _ = word.partition("=")
        if not word.startswith("-") or word == "-" or (flag in known and (known[flag] or not equals)):
            continue
        if not word.startswith("--") and command in _READS_DASHES:
            continue
        load(UNKNOWN_FLAG)(invocation, command, word, known)
        return None
    return ["all" if word == "--all" else word for word in before] + names


def _ours(word: str, known: dict[str, bool]) -> str:
    """The flag as this command calls it."""
    flag, equals, value = word.partition("=")
    ours = help_texts.SAME_FLAGS.get(flag, flag)
    return f"{ours}{equals}{value}" if flag not in known and ours in known else word
