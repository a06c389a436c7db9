"""logs: the output of several programs as one, with their names in front; and the rotation of their files by hand."""

from __future__ import annotations

import time

from procman.cli import suggestions
from procman.cli.followed_words import BadWords, read_words
from procman.cli.invocation import INVALID_ARGS, Invocation
from procman.cli.moments import moment
from procman.cli.procmanctl_commands.processes import operate, report
from procman.cli.terminal_text import LogCleaner, safe
from procman.cli.whole_lines import JsonLines, WholeLines
from procman.client.api_client import ApiError, quoted
from procman.errors import BadRequest

TYPE_CHECKING = False  # typing's own constant costs the import of typing: 3 ms
if TYPE_CHECKING:
    from procman.api.shapes.output import LogPiece

_BY_HAND = {"rotate": "rotated", "reopen": "reopened"}
_OPTIONS = ("--since", "--grep", "--channel")
_MOST_LINES = 100_000
# With --since all lines count, unless -n says how many.
_LINES = "10"
_COLOURS = tuple(f"\x1b[{code}m" for code in (36, 33, 32, 35, 34, 31))
_RESET = "\x1b[0m"
# Longer names are not cut; the others are padded to the longest of these.
_WIDEST = 24


def logs(invocation: Invocation, words: list[str]) -> None:
    """`logs [-f] [-n N] [--since WHEN] [--grep TEXT] [--channel C] [NAME…]`, `logs rotate|reopen [NAME…]`."""
    if "--" in words:  # what follows are names
        words = [*words[: words.index("--")], *words[words.index("--") + 1 :]]
    if words[:1] and words[0] in _BY_HAND:
        _by_hand(invocation, words[0], words[1:] or ["all"])
        return
    try:
        follows, options, names = read_words(words, _OPTIONS, least=0, most=_MOST_LINES)
        query = _query(options, names, follows=follows)
    except (BadWords, BadRequest) as error:
        invocation.usage(f"Error: {error}", "logs", exitstatus=INVALID_ARGS)
        return
    try:
        _show(invocation, f"/v1/logs?{query}", options.get("--grep"))
    except ApiError as error:
        if error.code != "BAD_NAME":
            raise
        invocation.problem(f"ERROR ({error.message})", code=error.code)
        suggestions.suggest_processes(invocation, names)
    except KeyboardInterrupt:
        invocation.say("")


def _by_hand(invocation: Invocation, what: str, names: list[str]) -> None:
    results = operate(invocation, what, names)
    invocation.put(results=results)
    suggestions.suggest_processes(invocation, report(invocation, results, _BY_HAND[what]))


def _query(options: dict[str, str], names: list[str], *, follows: bool) -> str:
    query = [f"lines={options.get('-n', _LINES)}"]
    if "--since" in options:
        query.append(f"since={moment(options['--since'], time.time())}")
    if "--channel" in options:
        query.append(f"channel={quoted(options['--channel'])}")
    if names:
        query.append(f"name={','.join(map(quoted, names))}")
    return "&".join([*query, "follow=1"] if follows else query)


def _show(invocation: Invocation, path: str, grep: str | None) -> None:
    merger = _Lines(invocation, grep)
    with invocation.client.stream("GET", path) as stream:
        reader = JsonLines()
        try:
            for data in stream:
                for piece in reader.feed(data):
                    merger.take(piece)
        finally:
            merger.finish()


class _Lines:
    """Prints the whole lines of each log with the names in front."""

    def __init__(self, invocation: Invocation, grep: str | None) -> None:
        self._out = invocation
        self._grep = None if grep is None else grep.encode("utf-8", "surrogateescape")
        self._whole = WholeLines()
        self._colours: dict[str, str] = {}
        self._width = 0

    def take(self, piece: LogPiece) -> None:
        """Print what is complete."""
        name, channel = piece["name"], piece["channel"]
        self._width = max(self._width, min(len(name), _WIDEST))
        if not piece["data"] and not piece["missed"]:
            return
        if self._out.as_json and self._grep is None:
            self._out.write_line(dict(piece))
            return
        if piece["missed"]:
            self._print(name, channel, f"[procman: {piece['missed']} bytes were not read in time]".encode(), piece)
        for line in self._whole.take(piece):
            if self._grep is None or self._grep in line:
                self._print(name, channel, line, piece)
        self._out.flush()

    def finish(self) -> None:
        """Print the lines that have no end yet."""
        for name, channel, line in self._whole.finish():
            if self._grep is None or self._grep in line:
                self._print(name, channel, line, None)

    def _print(self, name: str, channel: str, line: bytes, piece: LogPiece | None) -> None:
        if self._out.as_json:
            text = line.decode("utf-8", "surrogateescape")
            moment = None if piece is None else piece["time"]
            self._out.write_line({"name": name, "channel": channel, "time": moment, "data": f"{text}\n", "missed": 0})
            return
        shown = safe(name) if self._out.terminal else name
        prefix = f"{shown:<{self._width}} | "
        if self._out.colour:
            colour = self._colours.setdefault(name, _COLOURS[len(self._colours) % len(_COLOURS)])
            prefix = f"{colour}{prefix}{_RESET}"
        if self._out.terminal:
            cleaner = LogCleaner()
            # A line that does not end its colour would give it to the next program.
            line = (cleaner.feed(line) + cleaner.flush()).encode("utf-8", "surrogateescape")
        self._out.write(prefix.encode("utf-8", "surrogateescape") + line + b"\n")
