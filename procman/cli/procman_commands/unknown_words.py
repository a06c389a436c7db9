"""Guesses what was meant by words that `procman` does not know."""

import os
import shlex
import shutil
from collections.abc import Iterable

from procman.cli.command_guesses import OTHER_NAMES
from procman.cli.procmanctl_commands import COMMANDS
from procman.cli.terminal_text import safe
from procman.config.spelling import did_you_mean

_CONFIGURATIONS = (".toml", ".conf", ".ini", ".cfg")
_OTHER_FLAGS = {"help": "-h", "version": "--version", "daemon": "--daemon"}


def meant(name: str, words: list[str], others: Iterable[str], *, takes_file: bool) -> str:
    """The end of the complaint, beginning with a semicolon; "" if there is no guess.

    `name` is the command that was given the words, "" for `procman` itself; `others` are further words for it.
    """
    said = safe(shlex.join(words))
    if takes_file and os.path.isfile(words[0]):
        return f"; did you mean -c {safe(words[0])}?"
    if takes_file and words[0].endswith(_CONFIGURATIONS):
        return f"; a configuration is named with -c, and there is no file {safe(words[0])}"
    if name in COMMANDS:
        return f"; did you mean procmanctl {name} {said}?"
    if name:
        choices = list(others)
        hint = did_you_mean(" ".join(words[:2]), choices) or did_you_mean(words[0], choices)
        return hint or (f"; expected one of {', '.join(choices)}" if choices else "")
    if words in (["start"], ["up"]):
        return "; procman without a command starts the master, and procmanctl start NAME a program of it"
    if words[0] in _OTHER_FLAGS:
        return f"; did you mean {_OTHER_FLAGS[words[0]]}?"
    # procmanctl has `down web` for stop; of a whole master it means shutdown.
    command = "shutdown" if words[0] == "down" else OTHER_NAMES.get(words[0], words[0])
    if command.split()[0] in COMMANDS:
        return f"; did you mean procmanctl {' '.join([command, *map(safe, map(shlex.quote, words[1:]))])}?"
    hint = did_you_mean(" ".join(words[:2]), others) or did_you_mean(words[0], others)
    if not hint and shutil.which(words[0]):
        return f"; did you mean run -- {said}?"
    return hint or did_you_mean(words[0], COMMANDS).replace("mean ", "mean procmanctl ")
