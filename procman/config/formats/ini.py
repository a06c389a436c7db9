"""Reads INI text exactly as supervisor's parser does, into raw sections with the line of each option.

`ini_lines` has the rules for a line; a repeated option or section overlays the previous one. Every bad line is
reported, not only the first one.
"""

import os
from collections.abc import Iterable, Iterator

from procman.config.formats.raw import RawOption, RawSection
from procman.config.ini_lines import CONTINUED, HEADER, HEADLESS, UNREADABLE, classified
from procman.config.problems import Problem
from procman.config.secrets import is_secret, masked

BYTE_ORDER_MARK = "\ufeff"
LONGEST_SHOWN = 40


def parse(text: str, file: str) -> tuple[list[RawSection], list[Problem]]:
    """The sections of a file in order of appearance, and the problems of its lines."""
    reader = _Reader(file)
    if text.startswith(BYTE_ORDER_MARK):
        reader.complain(
            1, "the file begins with a byte order mark: save it as UTF-8 without one", "missing-section-header"
        )
        text = text[1:]
    # The line ends of Python's text mode; other line separators of Unicode are ordinary blanks here.
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if not lines[-1]:
        lines.pop()
    for number, kind, name, content, sign in classified(reader.without_nul(lines)):
        reader.take(number, kind, name, content, sign)
    return reader.finish(), reader.problems


class _Reader:
    """The state of configparser's loop: the current section and the current option."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.here = os.path.dirname(os.path.abspath(file))
        self.problems: list[Problem] = []
        self.sections: dict[str, RawSection] = {}
        self.section: RawSection | None = None
        self.option: RawOption | None = None
        self.headless = False
        self.after_secret = False
        # The lines of each value, joined at the end; the quote that is open after the last of them.
        self.lines: dict[int, tuple[RawOption, list[str]]] = {}
        self.quote = ""
        self.repeated: list[tuple[str, str, RawOption, RawOption]] = []  # section, name, the value before and now

    def complain(self, number: int, message: str, slug: str, *, warning: bool = False) -> None:
        label = self.section.label if self.section else None
        self.problems.append(Problem(self.file, number, label, None, message, "warning" if warning else "error", slug))

    def without_nul(self, lines: Iterable[str]) -> Iterator[str]:
        for number, line in enumerate(lines, start=1):
            if "\0" in line:
                self.complain(number, "the line contains a NUL byte: remove it", "syntax")
            yield line.replace("\0", "")

    def take(self, number: int, kind: str, name: str, text: str, sign: str) -> None:
        if kind == HEADER:
            self._header(number, name, text)
        elif kind == CONTINUED:
            self._continue(text, sign)
        elif kind == HEADLESS:
            if not self.headless:
                self.complain(
                    number,
                    "there is no [section] above this line: add a header such as [supervisord] or [program:NAME]",
                    "missing-section-header",
                )
            self.headless = True
        elif kind == UNREADABLE:
            # It may be the rest of a secret that was meant to continue here.
            what = "this line" if self.after_secret else _shown(text)
            self.complain(
                number,
                f"cannot read {what}: expected a [section], an option = value, or more indentation to continue "
                "the value above",
                "syntax",
            )
        else:
            self._option(number, name, text, sign)

    def _header(self, number: int, name: str, rest: str) -> None:
        self.option = None
        self.after_secret = False
        self.section = self.sections.setdefault(name, RawSection(name, name, self.file, number))
        if rest:
            self.complain(number, f"text after the ] is ignored: {_shown(rest.strip())}", "other", warning=True)

    def _option(self, number: int, name: str, text: str, sign: str) -> None:
        assert self.section is not None
        if not name:
            self.complain(number, f"cannot read {_shown(text)}: no name before the {text[0]!r}", "syntax")
            text = text[1:].strip()
        self.option = RawOption("", self.file, number, self.here)
        self.after_secret = name == "environment" or is_secret(name)
        before = self.section.options.get(name)
        if before is not None:
            self.repeated.append((self.section.label, name, before, self.option))
        self.section.options[name] = self.option
        self.lines[id(self.option)] = (self.option, [])
        self.quote = ""
        self._continue(text, sign)

    def _continue(self, piece: str, sign: str) -> None:
        assert self.option is not None
        self.lines[id(self.option)][1].append(piece)
        if not piece:
            return
        self.quote = open_quote(piece, self.quote)
        if sign and self.quote and self.option.cut_by is None:
            self.option.cut_by = sign

    def finish(self) -> list[RawSection]:
        for option, lines in self.lines.values():
            option.value = "\n".join(lines).rstrip()
        for label, name, before, now in self.repeated:
            if before.value != now.value:
                # Only the places: the values may be secrets.
                way_out = "take one out"
                if (label, name) == ("include", "files"):
                    way_out = "name all files in one, with blanks between them"
                message = f"this is not what line {before.line} says, and of the two this one counts: {way_out}"
                self.problems.append(Problem(self.file, now.line, label, name, message, "warning"))
        return list(self.sections.values())


def _shown(text: str) -> str:
    """The beginning of a line, for a complaint."""
    return repr(masked(text)[:LONGEST_SHOWN])


def open_quote(text: str, quote: str = "") -> str:
    """The quote that is open at the end of shell words, "" if none; `quote` is open at the beginning."""
    escaped = False
    for letter in text:
        if escaped:
            escaped = False
        elif letter == "\\" and quote != "'":
            escaped = True
        elif quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
    return quote
