"""Reads INI text exactly as supervisor's parser does, into raw sections with the line of each option.

Supervisor uses configparser with these rules: `=` or `:` after an option's lower-cased name, comments after `;` or `#`
at the start of a line or after a blank, deeper indented lines continue the value above, a repeated option or section
overlays the previous one. Its surprises are marked below; the tests compare with configparser itself. Every bad line is
reported, not only the first one.
"""

import os

from procman.config.formats.raw import RawOption, RawSection
from procman.config.problems import Problem
from procman.config.secrets import is_secret, masked

COMMENT_SIGNS = (";", "#")
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
    for number, line in enumerate(lines, start=1):
        reader.take(number, line)
    return reader.finish(), reader.problems


class _Reader:
    """The state of configparser's loop: the current section, the current option and its indentation."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.here = os.path.dirname(os.path.abspath(file))
        self.problems: list[Problem] = []
        self.sections: dict[str, RawSection] = {}
        self.section: RawSection | None = None
        self.option: RawOption | None = None
        self.indent = 0
        self.headless = False
        self.after_secret = False
        # The lines of each value, joined at the end; the quote that is open after the last of them.
        self.lines: dict[int, tuple[RawOption, list[str]]] = {}
        self.quote = ""
        self.repeated: list[tuple[str, str, RawOption, RawOption]] = []  # section, name, the value before and now

    def complain(self, number: int, message: str, slug: str, *, warning: bool = False) -> None:
        label = self.section.label if self.section else None
        self.problems.append(Problem(self.file, number, label, None, message, "warning" if warning else "error", slug))

    def take(self, number: int, line: str) -> None:
        if "\0" in line:
            self.complain(number, "the line contains a NUL byte: remove it", "syntax")
            line = line.replace("\0", "")
        end = comment_start(line)
        value = line[:end].strip()
        if not value:
            # An empty line continues the value, and a comment does not end it.
            if end is None and self.option is not None:
                self.lines[id(self.option)][1].append("")
            return
        indent = len(line) - len(line.lstrip())
        if self.option is not None and indent > self.indent:
            self._continue(value, None if end is None else line[end])
            return
        self.indent = indent
        # Greedy: "[a] b]" is the section "a] b".
        bracket = value.rfind("]")
        if value.startswith("[") and bracket > 1:
            self._header(number, value[1:bracket], value[bracket + 1 :])
        elif self.section is None:
            if not self.headless:
                self.complain(
                    number,
                    "there is no [section] above this line: add a header such as [supervisord] or [program:NAME]",
                    "missing-section-header",
                )
            self.headless = True
        else:
            self._option(number, value, None if end is None else line[end])

    def _header(self, number: int, name: str, rest: str) -> None:
        self.option = None
        self.after_secret = False
        self.section = self.sections.setdefault(name, RawSection(name, name, self.file, number))
        if rest:
            self.complain(number, f"text after the ] is ignored: {_shown(rest.strip())}", "other", warning=True)

    def _option(self, number: int, value: str, comment: str | None) -> None:
        assert self.section is not None
        ends = [end for end in (value.find("="), value.find(":")) if end >= 0]
        if not ends:
            # It may be the rest of a secret that was meant to continue here.
            what = "this line" if self.after_secret else _shown(value)
            self.complain(
                number,
                f"cannot read {what}: expected a [section], an option = value, or more indentation to continue "
                "the value above",
                "syntax",
            )
            return
        name = value[: min(ends)].rstrip().lower()
        if not name:
            self.complain(number, f"cannot read {_shown(value)}: no name before the {value[0]!r}", "syntax")
        self.option = RawOption("", self.file, number, self.here)
        self.after_secret = name == "environment" or is_secret(name)
        before = self.section.options.get(name)
        if before is not None:
            self.repeated.append((self.section.label, name, before, self.option))
        self.section.options[name] = self.option
        self.lines[id(self.option)] = (self.option, [])
        self.quote = ""
        self._continue(value[min(ends) + 1 :].strip(), comment)

    def _continue(self, piece: str, comment: str | None) -> None:
        assert self.option is not None
        self.lines[id(self.option)][1].append(piece)
        self.quote = open_quote(piece, self.quote)
        if comment and self.quote and self.option.cut_by is None:
            self.option.cut_by = comment

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


def comment_start(line: str) -> int | None:
    """The position of the comment, None if there is none.

    The signs are searched for in step, the first `;` with the first `#`, the second with the second: as soon as one of
    a pair begins a comment it counts, even if the other sign would have begun one further left later on.
    """
    if line.lstrip().startswith(COMMENT_SIGNS):
        return 0
    positions = dict.fromkeys(COMMENT_SIGNS, -1)
    while positions:
        positions = {sign: found for sign, last in positions.items() if (found := line.find(sign, last + 1)) >= 0}
        starts = [at for at in positions.values() if at == 0 or line[at - 1].isspace()]
        if starts:
            return min(starts)
    return None


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
