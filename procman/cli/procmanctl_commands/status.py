"""status: the table of processes. `status_forms` and `status_watch` have its other forms, and take longer to import."""

from __future__ import annotations

import sys

from procman.cli.invocation import INVALID_ARGS, STATUS_NOT_RUNNING, STATUS_UNKNOWN, Invocation
from procman.cli.status_text import split, status_table
from procman.cli.suggestions import suggest_processes
from procman.cli.terminal_text import safe
from procman.client.api_client import ApiError, quoted
from procman.config.spelling import closest

TYPE_CHECKING = False  # typing's own constant costs the import of typing: 3 ms
if TYPE_CHECKING:
    from collections.abc import Callable

    from procman.api.shapes.processes import ProcessInfo

    # Lines that are safe on a terminal; what `--json` prints is put into the invocation.
    View = Callable[[Invocation, list[ProcessInfo]], list[str]]

_STOPPED_STATES = frozenset({"STOPPED", "EXITED", "FATAL", "UNKNOWN"})
_CHOICES = {"-o": ("name", "json", "yaml", "wide"), "--color": ("auto", "always", "never")}
_SWITCHES = ("--long", "--watch")


def status(invocation: Invocation, words: list[str]) -> None:
    """Print the table; exit status 3 if a process is not running, 4 for an unknown name."""
    read = read_words(invocation, words)
    if read is not None:
        given, names = read
        print_status(invocation, names, name_lines if given.get("-o") == "name" else table_lines)


def is_running(invocation: Invocation, words: list[str]) -> None:
    """Print the states of the named processes; exit status 3 if one of them is not RUNNING, 4 for an unknown name."""
    if not words:
        invocation.check()
        invocation.usage("Error: is-running requires a process name", "is-running", exitstatus=INVALID_ARGS)
        return
    chosen, unknown = choose(invocation, words)
    _report(invocation, unknown)
    invocation.put(processes=chosen)
    for info in chosen:
        invocation.say(info["statename"])
        if info["statename"] != "RUNNING" and not unknown:
            invocation.exitstatus = STATUS_NOT_RUNNING
    suggest_processes(invocation, unknown)


def read_words(invocation: Invocation, words: list[str]) -> tuple[dict[str, str], list[str]] | None:
    """The flags with their values, and the names; None after a complaint. Colours and `-o json` are seen to."""
    given, names = dict[str, str](), list[str]()
    rest = iter(words)
    for word in rest:
        flag, equals, value = word.partition("=")
        if word in _SWITCHES:
            given[word] = ""
        elif flag in _CHOICES:
            value = value if equals else next(rest, "")
            if value not in _CHOICES[flag]:
                meant = closest(value, _CHOICES[flag], prefixes=True)
                hint = f"; did you mean {meant}?" if meant else ""
                text = f"Error: {flag} is one of {', '.join(_CHOICES[flag])}, and not {value!r}{hint}"
                invocation.problem(text, code="BAD_ARGUMENTS", exitstatus=INVALID_ARGS)
                return None
            given[flag] = value
        else:
            names.append(word)
    if given.get("--color", "auto") != "auto":
        invocation.colour = given["--color"] == "always"
    if given.get("-o") == "json":
        invocation.as_json = True
    return given, names


def print_status(invocation: Invocation, names: list[str], view: View) -> None:
    """Print what the view makes of the processes with these names, or of all."""
    chosen, unknown = choose(invocation, names)
    _report(invocation, unknown)
    invocation.put(processes=chosen)
    for line in view(invocation, chosen):
        invocation.say(line)
    # Off a terminal, a script asks whether there is such a process; a group would be no answer.
    suggest_processes(invocation, unknown, groups=sys.stderr.isatty())
    if any(info["statename"] in _STOPPED_STATES and not _is_fine(info) for info in chosen):
        invocation.exitstatus = STATUS_NOT_RUNNING


def table_lines(invocation: Invocation, chosen: list[ProcessInfo]) -> list[str]:
    """The table as supervisorctl has it; on a terminal it says more."""
    return status_table(chosen, terminal=invocation.terminal, colour=invocation.colour)


def name_lines(invocation: Invocation, chosen: list[ProcessInfo]) -> list[str]:
    """Only the names, one a line: completion asks for them on each TAB."""
    names = [info["namespec"] for info in chosen]
    return [*map(safe, names)] if invocation.terminal else names


def choose(invocation: Invocation, words: list[str]) -> tuple[list[ProcessInfo], list[str]]:
    """The processes that the words stand for, all if there are none; and the unknown words."""
    everything: list[ProcessInfo] = invocation.client.call("GET", "/v1/processes")["processes"]
    if not words or "all" in words:
        return everything, []
    found = [(word, _matching(invocation, everything, word)) for word in words]
    return [info for _, infos in found for info in infos], [word for word, infos in found if not infos]


def unknown_text(word: str) -> str:
    """What is said of a word that stands for no process."""
    group, name = split(word)
    return f"{group}: ERROR (no such group)" if name is None else f"{word}: ERROR (no such process)"


def _report(invocation: Invocation, unknown: list[str]) -> None:
    for word in unknown:
        invocation.problem(unknown_text(word), code="BAD_NAME", exitstatus=STATUS_UNKNOWN, name=word)


def _is_fine(info: ProcessInfo) -> bool:
    """Whether it is down as it should be: a one-shot that is done, or what waits for a connection."""
    return bool(info.get("done")) or info.get("phase") == "listening"


def _matching(invocation: Invocation, everything: list[ProcessInfo], word: str) -> list[ProcessInfo]:
    """The processes that `word` stands for."""
    if not _is_glob(word):
        group, name = split(word)
        return [info for info in everything if info["group"] == group and name in {None, info["name"]}]
    try:
        found: list[ProcessInfo] = invocation.client.call("GET", f"/v1/processes/{quoted(word)}")["processes"]
    except ApiError as error:
        if error.code != "BAD_NAME":
            raise
        return []
    return found


def _is_glob(word: str) -> bool:
    return any(character in word.removesuffix(":*") for character in "*?[")
