"""Commands that show logs: tail, maintail.

Log bytes are printed unchanged, so that a pipe gets what the program wrote; on a terminal they are made harmless.
"""

import sys

from procman.cli import suggestions, terminal_text
from procman.cli.invocation import Invocation
from procman.client.api_client import ApiError, quoted
from procman.config.spelling import closest

_DEFAULT_BYTES = 1600
_BYTES_OF_A_LINE = 200
_DIGITS = 8
_MOST_WORDS = 3  # supervisorctl has -f or -N, name, channel; procmanctl allows both -f and -N
_CHANNELS = ("stdout", "stderr")
_WORDS = {"NO_FILE": "no log file", "FAILED": "unknown error reading log", "BAD_NAME": "no such process name"}


class _BadArgument(Exception):
    """A word that is neither -f nor a number."""


def tail(invocation: Invocation, words: list[str]) -> None:
    """`tail [-f] [-N] NAME [stdout|stderr]`."""
    if not words:
        invocation.check()
        invocation.usage("Error: too few arguments", "tail")
        return
    words, lines = _lines_wanted(words)
    if lines is None:
        invocation.usage("Error: -n requires a number of lines", "tail")
        return
    modifiers, names = _modifiers(words)
    if len(words) > (_MOST_WORDS if len(modifiers) <= 1 else _MOST_WORDS + 1):
        invocation.check()
        invocation.usage("Error: too many arguments", "tail")
        invocation.suggest(_as_logs(invocation, names, modifiers, lines))
        return
    if not names:
        invocation.check()
        invocation.usage("Error: tail requires process name")
        return
    name, channel = names[0], names[-1].lower() if len(names) > 1 else "stdout"
    if channel not in _CHANNELS:
        invocation.check()
        invocation.usage(f"Error: bad channel {channel!r}")
        flag = channel.removeprefix("-")
        behind = flag == "f" or flag.isdecimal()
        meant = f"tail -{flag} {name}" if behind else closest(channel, _CHANNELS, prefixes=True)
        invocation.suggest(meant or _as_logs(invocation, names, modifiers, lines))
        return
    path = f"/v1/processes/{quoted(name)}/log/{channel}"
    _show(invocation, path, modifiers, name, channel, lines=lines)


def _as_logs(invocation: Invocation, names: list[str], modifiers: list[str], lines: int) -> str | None:
    """What shows several processes, since tail shows one at a time; None if one of the names is unknown."""
    known = suggestions.as_names(invocation, names)
    if known is None:
        return None
    flags = [*(["-f"] if "-f" in modifiers else []), *([f"-n {lines}"] if lines else [])]
    return " ".join(["logs", *flags, *known])


def _guess(invocation: Invocation, name: str, modifiers: list[str], lines: int) -> None:
    """What was meant by a word that is no process: its logs if it is a group, or else one of a similar name."""
    if (as_logs := _as_logs(invocation, [name], modifiers, lines)) is not None:
        invocation.suggest(as_logs)
    else:
        suggestions.suggest_processes(invocation, [name], one=True)


def maintail(invocation: Invocation, words: list[str]) -> None:
    """`maintail [-f] [-N]`: the log of the master."""
    modifiers, others = _modifiers(words)
    start_and_follow = len(modifiers) == len(words) == 2 and "-f" in modifiers  # noqa: PLR2004 - -f and -N
    if len(words) > 1 and not start_and_follow:
        invocation.check()
        invocation.usage("Error: too many arguments", "maintail")
        return
    if others:
        invocation.check()
        invocation.usage(f"Error: bad argument {others[0]}")
        return
    _show(invocation, "/v1/log", modifiers, "supervisord", None)


def _lines_wanted(words: list[str]) -> tuple[list[str], int | None]:
    """The words without `-n N`, and N; 0 if it is not among them, None if it is no number."""
    for place, word in enumerate(words):
        flag, equals, value = word.partition("=")
        if flag == "-n":
            rest = words[place + 1 :] if equals else words[place + 2 :]
            value = value if equals else "".join(words[place + 1 : place + 2])
            number = int(value) if value.isascii() and value.isdecimal() and len(value) < _DIGITS else 0
            return [*words[:place], *rest], number or None
    return words, 0


def _bytes_of(invocation: Invocation, path: str, lines: int) -> int:
    """How many bytes the last lines of a log have."""
    count = max(_DEFAULT_BYTES, lines * _BYTES_OF_A_LINE)
    while True:
        data = invocation.client.exchange("GET", f"{path}?tail={count}")
        found = data.removesuffix(b"\n").split(b"\n")
        if len(found) > lines:
            return sum(len(line) + 1 for line in found[-lines:]) - (not data.endswith(b"\n"))
        if len(data) < count:
            return len(data)
        count *= 8


def _modifiers(words: list[str]) -> tuple[list[str], list[str]]:
    """The leading `-f` and `-N`, and the other words."""
    count = 0
    while count < len(words) and words[count].startswith("-"):
        count += 1
    return words[:count], words[count:]


def _show(
    invocation: Invocation, path: str, modifiers: list[str], name: str, channel: str | None, *, lines: int = 0
) -> None:
    try:
        following, count = _read_modifiers(modifiers)
    except _BadArgument as error:
        invocation.check()
        invocation.usage(f"Error: bad argument {error}")
        return
    try:
        if lines:
            count = _bytes_of(invocation, path, lines)
        if following:
            _follow(invocation, path, count, name, channel)
        else:
            _once(invocation, path, _DEFAULT_BYTES if count is None else count, name, channel)
    except ApiError as error:
        if error.code not in _WORDS:
            raise
        # FAILED alone does not say why.
        reason = f": {error.message}" if error.code == "FAILED" else ""
        invocation.problem(f"{name}: ERROR ({_WORDS[error.code]}{reason})", code=error.code, name=name)
        if error.code == "BAD_NAME":
            _guess(invocation, name, modifiers, lines)
        if error.code == "NO_FILE" and not following:
            _point_to_stderr(invocation, name, channel)


def _read_modifiers(modifiers: list[str]) -> tuple[bool, int | None]:
    following, count = False, None
    for modifier in modifiers:
        if modifier == "-f":
            following = True
            continue
        try:
            count = int(modifier[1:])
        except ValueError:
            raise _BadArgument(modifier) from None
    return following, count


def _once(invocation: Invocation, path: str, count: int, name: str, channel: str | None) -> None:
    # As in supervisor, -0 is all of the log, and --5 all but the first five bytes.
    query = f"tail={count}" if count > 0 else f"offset={-count}&length=0"
    data = invocation.client.exchange("GET", f"{path}?{query}")
    invocation.put(name=name, channel=channel, data=data.decode("utf-8", "surrogateescape"))
    if invocation.as_json:
        return
    if invocation.terminal:
        cleaner = terminal_text.LogCleaner()
        data = (cleaner.feed(data) + cleaner.flush()).encode("utf-8", "surrogateescape")
    invocation.write(data + b"\n")
    if not data:
        _point_to_stderr(invocation, name, channel)


def _follow(invocation: Invocation, path: str, count: int | None, name: str, channel: str | None) -> None:
    """Follow the log until Ctrl-C, or until the master ends the stream."""
    start = "" if count is None else f"&tail={max(count, 0)}"
    cleaner = terminal_text.LogCleaner()
    invocation.say("==> Press Ctrl-C to exit <==")
    invocation.flush()
    if channel == "stdout" and not _has_output(invocation, name, channel):
        _point_to_stderr(invocation, name, channel)
    try:
        with invocation.client.stream("GET", f"{path}?follow=1{start}") as stream:
            for data in stream:
                if invocation.as_json:
                    text = data.decode("utf-8", "surrogateescape")
                    invocation.write_line({"name": name, "channel": channel, "data": text})
                else:
                    invocation.write(cleaner.feed(data).encode() if invocation.terminal else data)
                    invocation.flush()
    except KeyboardInterrupt:
        invocation.say("")
    finally:
        if invocation.terminal and not invocation.as_json:
            invocation.write(cleaner.flush().encode())


def _point_to_stderr(invocation: Invocation, name: str, channel: str | None) -> None:
    """If only stderr has output, say so on stderr, because scripts read stdout."""
    if channel == "stdout" and not invocation.as_json and _has_output(invocation, name, "stderr"):
        words = terminal_text.safe(name)
        invocation.flush()
        print(f"{words} has written only to stderr: procmanctl tail {words} stderr", file=sys.stderr)


def _has_output(invocation: Invocation, name: str, channel: str) -> bool:
    """Whether there is any output that can be read."""
    try:
        return bool(invocation.client.exchange("GET", f"/v1/processes/{quoted(name)}/log/{channel}?tail=1"))
    except ApiError:
        return False
