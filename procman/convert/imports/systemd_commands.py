"""The commands of a service: prefixes, variables, several in a row, and the hooks around the main one."""

import re
from dataclasses import replace

from procman.convert.imports.draft import Section, ready
from procman.convert.imports.report import Fate
from procman.convert.imports.source import Node, Ready
from procman.convert.imports.unit_reader import UnitReader
from procman.convert.imports.unit_words import Word, words_of
from procman.convert.imports.values import signal_of

_PREFIX = re.compile(r"[@\-:+!|]*")
_VARIABLE = re.compile(r"\$(\$|\{[A-Za-z_]\w*\}|[A-Za-z_]\w*)")
# What a shell in the command reads: systemd puts MAINPID into the environment, too.
_ESCAPED_PID = re.compile(r"\$\$(\{?)MAINPID\b")
_HOOKS = {
    "ExecStartPre": "pre_start",
    "ExecStartPost": "post_start",
    "ExecStop": "pre_stop",
    "ExecStopPost": "post_stop",
}
_PLAIN = re.compile(r"[\w@%+=:,./-]+")


class Commands:
    """Reads the Exec… keys of one service."""

    def __init__(self, reader: UnitReader) -> None:
        self._reader = reader

    def main(self, *, oneshot: bool) -> tuple[list[str], Node]:
        """The words of ExecStart and its place; [] if there is none."""
        found = self._reader.all("Service", "ExecStart")
        if not found:
            return [], self._reader.unit.place
        commands = [self._words(node, "ExecStart") for node in found]
        if not all(commands):
            return [], found[0]
        if len(commands) > 1 and not oneshot:
            self._reader.report.lost(
                found[0], "[Service] ExecStart", "only a one-shot may have several: the last counts"
            )
            commands = commands[-1:]
        flags = self._flags(found[-1])
        for sign, why in (
            ("-", "a failure of it is one here; exitcodes says which codes are none"),
            ("@", "it is called by the name of its file"),
            ("!", "it is started with the rights of its user"),
            ("+", "it is started with the rights of its user: take user out, if it needs more"),
        ):
            if sign in flags:
                self._reader.mark("Service", "ExecStart", Fate.APPROXIMATED, why)
        if len(commands) > 1:
            *before, last = (_shell_line(words) for words in commands)
            return ["sh", "-c", ready(*(f"{line} && " for line in map(Ready, before)), "exec ", last)], found[0]
        if _has_variables(commands[0]) and ":" not in flags:
            return ["sh", "-c", ready("exec ", _shell_line(commands[0]))], found[0]
        return [Ready(_plain(word)) for word in commands[0]], found[0]

    def hooks(self, section: Section) -> None:
        """The commands around the main one."""
        for key, option in _HOOKS.items():
            for node in self._reader.all("Service", key):
                self._hook(section, key, option, node)
        self._reload(section)

    def _hook(self, section: Section, key: str, option: str, node: Node) -> None:
        words = self._words(node, key)
        if not words:
            return
        name = _kills(words)
        if option == "pre_stop" and name is not None:
            section.set("stopsignal", name, node)
            return
        flags = self._flags(node)
        prefix = ("-" if "-" in flags else "") + ("+" if "+" in flags or "!" in flags else "")
        section.add(option, ready(prefix, _command(words)), place=node)
        if key == "ExecStartPost":
            why = "what depends on it does not wait for this"
            self._reader.report.approximated(node, f"[Service] {key}", why)

    def _reload(self, section: Section) -> None:
        found = self._reader.all("Service", "ExecReload")
        for node in found:
            words = self._words(node, "ExecReload")
            if not words:
                continue
            name = _kills(words)
            if name is not None:
                section.set("reload", f"signal:{name}", node)
            else:
                section.set("reload", _command(words), node)
        if len(found) > 1:
            self._reader.mark("Service", "ExecReload", Fate.APPROXIMATED, "of several, the last one counts")

    @staticmethod
    def _flags(node: Node) -> str:
        found = _PREFIX.match(node.text)
        return found[0] if found else ""

    def _words(self, node: Node, key: str) -> list[Word]:
        flags = self._flags(node)
        try:
            words = words_of(node.text[len(flags) :])
        except ValueError as error:
            self._reader.report.lost(node, f"[Service] {key}", f"it cannot be split into words: {error}")
            return []
        if "@" in flags and len(words) > 1:
            words = [words[0], *words[2:]]
        return [replace(word, text=_ESCAPED_PID.sub(r"$$\1PROCMAN_PID", word.text)) for word in words]


def _has_variables(words: list[Word]) -> bool:
    return any(found[1] != "$" for word in words for found in _VARIABLE.finditer(word.text))


def _plain(word: Word) -> str:
    return word.text.replace("$$", "$")


def _kills(words: list[Word]) -> str | None:
    """The signal of a `kill -HUP $MAINPID`; None if it is another command."""
    texts = [word.text for word in words]
    if texts[0].rpartition("/")[2] != "kill" or texts[-1] not in ("$MAINPID", "${MAINPID}"):
        return None
    options = [text for text in texts[1:-1] if text not in ("-s", "--signal", "-n", "--")]
    if not options:
        return "TERM"
    return (
        signal_of(options[-1].removeprefix("--signal=").removeprefix("-s").lstrip("-")) if len(options) == 1 else None
    )


def _command(words: list[Word]) -> Ready:
    """A hook, as a command line; through a shell if it uses variables."""
    if _has_variables(words):
        return Ready(f"sh -c {_single(_shell_line(words))}")
    return Ready(" ".join(_quoted(_plain(word)) for word in words))


def _shell_line(words: list[Word]) -> Ready:
    """The words for a shell: a $VAR alone may become several, a ${VAR} is one, as for systemd."""
    return Ready(" ".join(_shell_word(word) for word in words))


def _shell_word(word: Word) -> str:
    if word.bare and re.fullmatch(r"\$[A-Za-z_]\w*", word.text):
        return _renamed(word.text)
    parts = []
    at = 0
    for found in _VARIABLE.finditer(word.text):
        parts.append(_quoted(word.text[at : found.start()]) if found.start() > at else "")
        parts.append("'$'" if found[1] == "$" else f'"{_renamed(found[0])}"')
        at = found.end()
    rest = word.text[at:]
    return "".join([*parts, _quoted(rest) if rest or not parts else ""])


def _renamed(variable: str) -> str:
    return "$PROCMAN_PID" if variable.strip("${}") == "MAINPID" else variable


def _quoted(text: str) -> str:
    return text if _PLAIN.fullmatch(text) else _single(text)


def _single(text: str) -> str:
    return "'" + text.replace("'", "'\"'\"'") + "'"
