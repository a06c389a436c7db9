"""Guesses what an unknown word stands for: a process or a group. `command_guesses` and `signal_guesses` have the rest.

A guess is a question on stderr, in addition to supervisorctl's words. A bad guess is worse than none: `nope` is not
`open`.
"""

from collections.abc import Iterable

from procman.cli.invocation import Invocation
from procman.cli.status_text import namespec
from procman.config.spelling import closest
from procman.errors import ProcmanError

_MOST = 3  # at most so many processes of the same name in different groups


def suggest_processes(invocation: Invocation, words: Iterable[str], *, groups: bool = True, one: bool = False) -> None:
    """For each unknown name of a process, ask whether another one was meant.

    Without `groups`, `site` is not guessed to be `site:*`; with `one`, since the command takes only one process, it is
    guessed to be one of these.
    """
    words = dict.fromkeys(words)
    known = _known(invocation, "/v1/processes") if words else []
    for word in words:
        meant = _processes(word, known, groups=groups)
        if one:
            meant = [name for each in meant for name in _members(each, known)]
        invocation.suggest(*meant)


def as_names(invocation: Invocation, words: list[str]) -> list[str] | None:
    """The words, with `:*` behind each group; None if one of them is neither a process nor a group."""
    known = _known(invocation, "/v1/processes")
    names = {word: f"{group}:*" for group, _ in known for word in (group, f"{group}:*")}
    names |= {namespec(*each): namespec(*each) for each in known}
    return [names[word] for word in words] if names.keys() >= set(words) else None


def suggest_group(invocation: Invocation, word: str, path: str = "/v1/processes") -> None:
    """For the unknown name of a group, ask whether another one was meant, or the group of a process."""
    known = _known(invocation, path)
    group, _, _ = word.partition(":")
    around = next((other for other, name in known if group in (other, name)), None)
    invocation.suggest(around or closest(group, dict(known), prefixes=True))


def _known(invocation: Invocation, path: str) -> list[tuple[str, str]]:
    """Group and name of all processes; nothing if the master does not answer, which is reported elsewhere."""
    try:
        return [(info["group"], info["name"]) for info in invocation.client.call("GET", path)["processes"]]
    except ProcmanError:
        return []


def _members(word: str, known: list[tuple[str, str]]) -> list[str]:
    """The first ones of a group; a process is the only one of its own."""
    group, colon, name = word.partition(":")
    return [namespec(*each) for each in known if each[0] == group][:_MOST] if colon and name == "*" else [word]


def _processes(word: str, known: list[tuple[str, str]], *, groups: bool) -> list[str]:
    around = dict(known)
    group, colon, name = word.partition(":")
    if word in {namespec(*each) for each in known}:
        return []  # another word of the line is the unknown one
    if colon and name in ("", "*"):
        meant = None if group in around else closest(group, around, prefixes=True)
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
