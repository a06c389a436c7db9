"""What the user may have had in mind with words that `procman` does not know."""

import os
import shlex
import shutil
from collections.abc import Iterable

from procman.cli.procmanctl_commands import COMMANDS
from procman.cli.terminal_text import safe
from procman.config.spelling import did_you_mean

_CONFIGURATIONS = (".toml", ".conf", ".ini", ".cfg")
# What others call the commands of procmanctl.
_OTHER_NAMES = {"list": "status", "ls": "status", "ps": "status", "log": "tail", "logs": "tail", "down": "shutdown"}
_OTHER_FLAGS = {"help": "-h", "version": "--version", "daemon": "--daemon"}


def meant(name: str, words: list[str], others: Iterable[str], *, takes_file: bool) -> str:
    """The end of the complaint, from its semicolon on; '' where nothing can be guessed.

    `name` is the command that has been given the words, "" for `procman` itself; `others` are further words for it.
    """
    said = safe(shlex.join(words))
    if takes_file and os.path.isfile(words[0]):
        return f"; did you mean -c {safe(words[0])}?"
    if takes_file and words[0].endswith(_CONFIGURATIONS):
        return f"; a configuration is named with -c, and there is no file {safe(words[0])}"
    if name in COMMANDS:
        return f"; did you mean procmanctl {name} {said}?"
    if name:
        return did_you_mean(" ".join(words[:2]), others) or did_you_mean(words[0], others)
    if words in (["start"], ["up"]):
        return "; procman alone, without a word, starts the master, and procmanctl start NAME a program of it"
    if words[0] in _OTHER_FLAGS:
        return f"; did you mean {_OTHER_FLAGS[words[0]]}?"
    command = _OTHER_NAMES.get(words[0], words[0])
    if command in COMMANDS:
        return f"; did you mean procmanctl {safe(shlex.join([command, *words[1:]]))}?"
    hint = did_you_mean(" ".join(words[:2]), others) or did_you_mean(words[0], others)
    if not hint and shutil.which(words[0]):
        return f"; did you mean run -- {said}?"
    return hint or did_you_mean(words[0], COMMANDS).replace("mean ", "mean procmanctl ")
