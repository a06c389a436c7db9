"""Words that begin with a dash: the flags of a command, `--help`, and what is neither, which is refused.

So `restart --rolling web` restarts nothing, where supervisorctl restarts web and then misses a process `--rolling`.
"""

from __future__ import annotations

from procman.cli.commands import help as table
from procman.cli.session import INVALID_ARGS, asks_for_help
from procman.config.spelling import closest

TYPE_CHECKING = False  # typing's own constant costs the import of typing: 3 ms
if TYPE_CHECKING:
    from procman.cli.session import Session

_NAMES_FOLLOW = "--"
# They say themselves, in supervisorctl's words, what is wrong with a word such as -x.
_READS_DASHES = frozenset({"tail", "maintail"})


def judged(session: Session, command: str, words: list[str]) -> list[str] | None:
    """The words for the command; None where it must not run: that has been said, or its help shown.

    What comes after `--` is names, dashes or not.
    """
    if asks_for_help(" ".join([command, *words])):
        table.show_help(session, [command])
        return None
    end = words.index(_NAMES_FOLLOW) if _NAMES_FOLLOW in words else len(words)
    before, names = words[:end], words[end + 1 :]
    known = table.flags(command)
    for word in before:
        flag, equals, _ = word.partition("=")
        if not word.startswith("-") or word == "-" or (flag in known and (known[flag] or not equals)):
            continue
        if not word.startswith("--") and command in _READS_DASHES:
            continue
        _refuse(session, command, word, known)
        return None
    return before + names


def _refuse(session: Session, command: str, word: str, known: dict[str, bool]) -> None:
    from procman.cli.procmanctl import FLAGS  # noqa: PLC0415 - it is there already, or nobody has any

    flag = word.partition("=")[0]
    early = any(flag in (*each.names, *each.hidden) for each in FLAGS)
    if early:
        text = f"Error: {flag} has to stand before the command: procmanctl {flag} ... {command}"
    else:
        text = f"Error: {command} has no flag {word}; to give a name that begins with a dash, write -- before it"
    session.problem(text, code="BAD_ARGUMENTS", exitstatus=INVALID_ARGS)
    session.suggest(closest(flag, known, prefixes=True))
    if not early:
        session.say(table.text_of(command).rstrip())
