"""status: the table of processes, and what else is asked of it."""

from __future__ import annotations

import sys

from procman.cli import status_text
from procman.cli.invocation import INVALID_ARGS, STATUS_NOT_RUNNING, STATUS_UNKNOWN, Invocation
from procman.cli.procmanctl_commands.processes import split, suggest
from procman.cli.status_text import terminal_lines
from procman.client.api_client import ApiError, quoted
from procman.config.spelling import closest

TYPE_CHECKING = False  # typing's own constant costs the import of typing: 3 ms
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from procman.api.shapes.processes import ProcessInfo
    from procman.client.api_client import Stream

_STOPPED_STATES = frozenset({"STOPPED", "EXITED", "FATAL", "UNKNOWN"})
_CHOICES = {"-o": ("name", "json", "yaml", "wide"), "--color": ("auto", "always", "never")}
_SWITCHES = ("--long", "--watch")
_CLEAR = b"\x1b[H\x1b[2J"


class _BadWords(Exception):
    """The text says which."""


def status(invocation: Invocation, words: list[str]) -> None:
    """Print the table; exit status 3 if a process is not running, 4 for an unknown name."""
    if any(word.partition("=")[0] == "--at" for word in words):
        from procman.cli.procmanctl_commands.past import status_at  # noqa: PLC0415 - it draws timelines, too

        status_at(invocation, words)
        return
    try:
        given, names = _read(words)
    except _BadWords as error:
        invocation.problem(f"Error: {error}", code="BAD_ARGUMENTS", exitstatus=INVALID_ARGS)
        return
    if "--color" in given and given["--color"] != "auto":
        invocation.colour = given["--color"] == "always"
    output = given.get("-o", "")
    if output == "json":
        invocation.as_json = True
    long = "--long" in given or output == "wide"
    show = _shows_names if output == "name" else _shows_yaml if output == "yaml" else _shows_long if long else _shows
    if "--watch" in given:
        _watch(invocation, names, show)
        return
    chosen, unknown = _chosen(invocation, names)
    invocation.put(processes=chosen)
    show(invocation, chosen)
    # Off a terminal, a script asks whether there is such a process; a group would be no answer.
    suggest(invocation, unknown, groups=sys.stderr.isatty())
    if any(info["statename"] in _STOPPED_STATES and not _is_fine(info) for info in chosen):
        invocation.exitstatus = STATUS_NOT_RUNNING


def is_running(invocation: Invocation, words: list[str]) -> None:
    """Print the states of the named processes; exit status 3 if one of them is not RUNNING, 4 for an unknown name."""
    if not words:
        invocation.check()
        invocation.usage("Error: is-running requires a process name", "is-running", exitstatus=INVALID_ARGS)
        return
    chosen, unknown = _chosen(invocation, words)
    invocation.put(processes=chosen)
    for info in chosen:
        invocation.say(info["statename"])
        if info["statename"] != "RUNNING" and not unknown:
            invocation.exitstatus = STATUS_NOT_RUNNING
    suggest(invocation, unknown)


def _read(words: list[str]) -> tuple[dict[str, str], list[str]]:
    """The flags with their values, and the names."""
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
                raise _BadWords(f"{flag} is one of {', '.join(_CHOICES[flag])}, and not {value!r}{hint}")
            given[flag] = value
        else:
            names.append(word)
    return given, names


def _chosen(invocation: Invocation, words: list[str]) -> tuple[list[ProcessInfo], list[str]]:
    """The processes that the words stand for, and the unknown words."""
    everything: list[ProcessInfo] = invocation.client.call("GET", "/v1/processes")["processes"]
    if not words or "all" in words:
        return everything, []
    unknown: list[str] = []
    return [info for word in words for info in _matching(invocation, everything, word, unknown)], unknown


def _shows(invocation: Invocation, chosen: list[ProcessInfo]) -> None:
    for line in status_text.status_table(chosen, terminal=invocation.terminal, colour=invocation.colour):
        invocation.say(line)


def _shows_names(invocation: Invocation, chosen: list[ProcessInfo]) -> None:
    for info in chosen:
        invocation.say_safe(info["namespec"])


def _shows_yaml(invocation: Invocation, chosen: list[ProcessInfo]) -> None:
    from procman.cli.yaml_text import yaml_lines  # noqa: PLC0415 - few ask for it

    for line in yaml_lines({"processes": chosen}):
        invocation.say(line)


def _shows_long(invocation: Invocation, chosen: list[ProcessInfo]) -> None:
    # The figures take a second, and rich, which draws them, 50 ms.
    from procman.cli.details_text import details  # noqa: PLC0415
    from procman.cli.figures_table import show_figures  # noqa: PLC0415
    from procman.cli.limits_text import limits_of, lines_of  # noqa: PLC0415
    from procman.cli.procmanctl_commands.health import warn_of_file  # noqa: PLC0415

    show_figures(invocation, chosen)
    limits = limits_of(invocation, (info["namespec"] for info in chosen))
    if limits:
        invocation.put(limits=limits)
    for one in limits:
        for line in lines_of(one):
            invocation.say_safe(line)
    for line in details(invocation, {info["namespec"] for info in chosen}):
        invocation.say_safe(line)
    for info in chosen:
        why = info.get("why") or (info["spawnerr"] and (status_text.reason(info) or info["spawnerr"]))
        if why:
            invocation.say_safe(f"{info['namespec']}: {why}{status_text.next_try(info)}")
        if info.get("status_text"):
            invocation.say_safe(f"{info['namespec']}: it says of itself: {info['status_text']}")
    for line in at_terminals(invocation, {info["namespec"] for info in chosen}):
        invocation.say_safe(line)
    warn_of_file(invocation)


def _watch(invocation: Invocation, words: list[str], show: Callable[[Invocation, list[ProcessInfo]], None]) -> None:
    """Show the table, and again at each change until Ctrl-C; off a terminal, only what has changed."""
    first = True
    try:
        with invocation.client.stream("GET", "/v1/events") as stream:
            for gone, changed in _messages(stream):
                chosen, _ = _chosen(invocation, words)
                if invocation.terminal and not invocation.as_json:
                    invocation.write(_CLEAR)
                elif not first:
                    chosen = [info for info in chosen if info["namespec"] in changed]
                if invocation.as_json:
                    invocation.write_line({"processes": chosen, "gone": gone})
                elif chosen:
                    show(invocation, chosen)
                for name in [] if invocation.terminal else gone:
                    invocation.say_safe(f"{name}: removed")
                invocation.flush()
                first = False
    except KeyboardInterrupt:
        invocation.say("")


def _messages(stream: Stream) -> Iterator[tuple[list[str], set[str]]]:
    """The names that are gone, and those to which something has happened, of each message."""
    from procman.cli.whole_lines import SentEvents  # noqa: PLC0415 - for --watch only

    reader = SentEvents()
    for data in stream:
        for _, content in reader.feed(data):
            yield content.get("gone", []), {info["namespec"] for info in content["processes"]}


def at_terminals(invocation: Invocation, names: set[str]) -> list[str]:
    """A line for each client that is attached to one of these."""
    try:
        clients = invocation.client.call("GET", "/v1/terminals")["terminals"]
    except ApiError:  # a master before 0.3
        return []
    found = [client for client in clients if client["name"] in names]
    invocation.put(terminals=found)
    return terminal_lines(found)


def _is_fine(info: ProcessInfo) -> bool:
    """Whether it is down as it should be: a one-shot that is done, or what waits for a connection."""
    return bool(info.get("done")) or info.get("phase") == "listening"


def _matching(
    invocation: Invocation, everything: list[ProcessInfo], word: str, unknown: list[str]
) -> list[ProcessInfo]:
    """The processes that `word` stands for; if there are none, report it and add the word to `unknown`."""
    group, name = split(word)
    if _is_glob(word):
        try:
            found: list[ProcessInfo] = invocation.client.call("GET", f"/v1/processes/{quoted(word)}")["processes"]
        except ApiError as error:
            if error.code != "BAD_NAME":
                raise
            found = []
    else:
        found = [info for info in everything if info["group"] == group and name in {None, info["name"]}]
    if not found:
        text = f"{group}: ERROR (no such group)" if name is None else f"{word}: ERROR (no such process)"
        invocation.problem(text, code="BAD_NAME", exitstatus=STATUS_UNKNOWN, name=word)
        unknown.append(word)
    return found


def _is_glob(word: str) -> bool:
    return any(character in word.removesuffix(":*") for character in "*?[")
