"""Guesses what an unknown word stands for: a command, a process, a group or a signal.

A guess is a question on stderr, in addition to supervisorctl's words. A bad guess is worse than none: `nope` is not
`open`.
"""

import signal
from collections.abc import Iterable

from procman.cli.invocation import Invocation
from procman.cli.procmanctl_commands import COMMANDS
from procman.cli.status_text import namespec
from procman.config.spelling import closest
from procman.errors import ProcmanError

# Other tools' names for the commands.
OTHER_NAMES = {
    "attach": "fg",
    "check": "procman check",
    "completion": "procman completion",
    "conf": "config",
    "coredumpctl": "crashes",
    "daemon-reload": "update",
    "disable": "stop",
    "down": "stop",
    "edit": "update",
    "enable": "start",
    "env": "config",
    "explain": "procman explain",
    "follow": "tail -f",
    "halt": "shutdown",
    "info": "status",
    "init": "procman init",
    "journal": "events",
    "kill": "signal",
    "list": "status",
    "log": "tail",
    "ls": "status",
    "poweroff": "shutdown",
    "ps": "status",
    "rm": "remove",
    "run": "start",
    "show": "status",
    "up": "start",
}
_AT_A_START = "Whether it is started with the master is its option autostart in the file; `update` applies a change."
_EDIT = "Edit the file with an editor of yours, and have its changes applied."
NOTES = {"disable": _AT_A_START, "edit": _EDIT, "enable": _AT_A_START}
_MOST = 3  # at most so many processes of the same name in different groups


def command(line: str) -> str | None:
    """The command that was meant by a line that begins with no command."""
    first, *rest = line.split()
    if first in OTHER_NAMES:
        return OTHER_NAMES[first]
    if rest and rest[0] in COMMANDS:
        # As in `service web restart`.
        return " ".join([rest[0], first, *rest[1:]])
    return closest(first, COMMANDS.keys() - {"EOF"}, prefixes=True)


def suggest_processes(invocation: Invocation, words: Iterable[str], *, groups: bool = True) -> None:
    """For each unknown name of a process, ask whether another one was meant.

    Without `groups`, `site` is not guessed to be `site:*`.
    """
    known = _known(invocation, "/v1/processes")
    for word in dict.fromkeys(words):
        invocation.suggest(*_processes(word, known, groups=groups))


def are_processes(invocation: Invocation, words: Iterable[str]) -> bool:
    """Whether all these are names of processes."""
    names = {namespec(*each) for each in _known(invocation, "/v1/processes")}
    return names.issuperset(words)


def suggest_group(invocation: Invocation, word: str, path: str = "/v1/processes") -> None:
    """For the unknown name of a group, ask whether another one was meant, or the group of a process."""
    known = _known(invocation, path)
    group, _, _ = word.partition(":")
    around = next((other for other, name in known if group in (other, name)), None)
    invocation.suggest(around or closest(group, dict(known), prefixes=True))


def signals() -> list[str]:
    """The names of signals, without SIG."""
    return [each.name.removeprefix("SIG") for each in signal.Signals if not each.name.startswith("SIGRT")]


def suggest_signal(invocation: Invocation, word: str, names: list[str]) -> bool:
    """For a word that is not a signal, ask whether another one was meant, or whether the last word is the signal."""
    known = signals()
    asked, last = (each.upper().removeprefix("SIG") for each in (word, names[-1]))
    if asked.isdecimal() or asked in known:
        return False
    swapped = f"signal {names[-1]} {' '.join([word, *names[:-1]])}"
    guess = swapped if last in known else closest(asked, known, prefixes=True)
    invocation.suggest(guess)
    return guess is not None


def _known(invocation: Invocation, path: str) -> list[tuple[str, str]]:
    """Group and name of all processes; nothing if the master does not answer, which is reported elsewhere."""
    try:
        return [(info["group"], info["name"]) for info in invocation.client.call("GET", path)["processes"]]
    except ProcmanError:
        return []


def _processes(word: str, known: list[tuple[str, str]], *, groups: bool) -> list[str]:
    around = dict(known)
    group, colon, name = word.partition(":")
    if colon and name in ("", "*"):
        meant = closest(group, around, prefixes=True)
        return [f"{meant}:*"] if meant else []
    if not colon and group in around:
        return [f"{group}:*"] if groups else []
    if within := [namespec(*each) for each in known if each[1] == word]:
        return within[:_MOST]
    # A process in a group may be given without the group, and a group without its `:*`.
    names = {namespec(*each): namespec(*each) for each in known}
    if not colon:
        names = {group: f"{group}:*" for group in around} | {each[1]: namespec(*each) for each in known} | names
    meant = closest(word, names, prefixes=True)
    return [names[meant]] if meant else []
