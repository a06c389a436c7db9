"""Reads unit files of systemd: sections, lines that go on, words with quotes, and specifiers (systemd.syntax(7))."""

import re
from dataclasses import dataclass, field

from procman.convert.imports.draft import ready
from procman.convert.imports.source import Node, Ready, Source, Unreadable

_ESCAPES = {
    "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\", '"': '"', "'": "'",
    "s": " ",
}  # fmt: skip
_CODE = re.compile(r"x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})")
_FOLDERS = {"t": "/run", "S": "/var/lib", "C": "/var/cache", "L": "/var/log", "E": "/etc"}
_FOLDERS |= {"T": "/tmp", "V": "/var/tmp"}  # noqa: S108 - what systemd says for them


@dataclass(slots=True)
class Unit:
    """A unit with its drop-ins: the values of each key by section, where an empty value has emptied the list."""

    name: str  # web.service
    source: Source
    found: dict[tuple[str, str], list[Node]] = field(default_factory=dict)
    lines: list[tuple[str, str, Node]] = field(default_factory=list)

    @property
    def stem(self) -> str:
        """The name without its kind."""
        return self.name.rpartition(".")[0]

    @property
    def kind(self) -> str:
        """The kind: service, timer, socket, target."""
        return self.name.rpartition(".")[2]

    @property
    def place(self) -> Node:
        """The first line of the file."""
        return Node(None, self.source.path, 1)

    def add(self, source: Source) -> None:
        """Read a file, or a drop-in, on top of what there is."""
        section = ""
        for number, line in joined_lines(source.text):
            text = line.strip()
            if text.startswith("["):
                if not text.endswith("]"):
                    raise Unreadable(source.path, number, "a section begins with [ and ends with ]: close it")
                section = text[1:-1]
                continue
            key, equals, value = text.partition("=")
            if not equals or not section:
                what = "expected KEY=VALUE" if section else "expected a section such as [Service] before it"
                raise Unreadable(source.path, number, f"cannot read this line: {what}")
            node = Node(value.strip(), source.path, number)
            self.lines.append((section, key.strip(), node))
            values = self.found.setdefault((section, key.strip()), [])
            if value.strip():
                values.append(node)
            else:
                values.clear()


def joined_lines(text: str) -> list[tuple[int, str]]:
    """The lines, without comments, and with what a backslash at the end joins."""
    found: list[tuple[int, str]] = []
    begun: tuple[int, str] | None = None
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.lstrip()
        if stripped.startswith(("#", ";")) or (begun is None and not stripped):
            continue
        whole = line if begun is None else f"{begun[1]} {stripped}"
        first = number if begun is None else begun[0]
        if whole.endswith("\\"):
            begun = (first, whole[:-1])
            continue
        found.append((first, whole))
        begun = None
    if begun is not None:
        found.append(begun)
    return found


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a command; `bare` if none of it was quoted, so that a $VAR alone may become several words."""

    text: str
    bare: bool


def words_of(text: str) -> list[Word]:
    """The words of a value; raises ValueError for a quote that is open at the end."""
    words: list[Word] = []
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        letters: list[str] = []
        quote, bare = "", True
        while at < len(text) and (quote or not text[at].isspace()):
            letter = text[at]
            if letter == quote:
                quote = ""
            elif not quote and letter in "\"'":
                quote, bare = letter, False
            elif letter == "\\" and at + 1 < len(text):
                piece, at = _escape(text, at + 1)
                letters.append(piece)
                continue
            else:
                letters.append(letter)
            at += 1
        if quote:
            raise ValueError(f"the quote {quote} is not closed")
        words.append(Word("".join(letters), bare))
    return words


def _escape(text: str, at: int) -> tuple[str, int]:
    """What a backslash before this place means, and the place behind it."""
    if text[at] in _ESCAPES:
        return _ESCAPES[text[at]], at + 1
    code = _CODE.match(text, at)
    if code is None:
        return f"\\{text[at]}", at + 1
    digits = code[1] or code[2] or code[3]
    number = int(digits, 16) if digits else int(code[4], 8)
    return (chr(number) if 0 < number <= 0x10FFFF and not 0xD800 <= number <= 0xDFFF else ""), code.end()  # noqa: PLR2004 - Unicode


def specified(text: str, unit: Unit, user: str = "") -> tuple[Ready, list[str]]:
    """The text with its specifiers filled in, in procman's notation; and those that cannot be."""
    parts: list[str] = []
    unknown: list[str] = []
    at = 0
    prefix, _, instance = unit.stem.partition("@")
    known: dict[str, str] = {
        **_FOLDERS,
        "%": "%",
        "n": unit.name,
        "N": unit.stem,
        "p": prefix,
        "P": prefix,
        "i": instance,
        "I": instance,
        "j": prefix.rpartition("-")[2],
        "H": Ready("%(host_node_name)s"),
        "u": user or "root",
        "h": "/root" if user in ("", "root") else f"/home/{user}",
    }
    while (sign := text.find("%", at)) >= 0 and sign + 1 < len(text):
        parts.append(text[at:sign])
        letter = text[sign + 1]
        value = known.get(letter)
        if value is None or (letter in "iI" and not instance):
            unknown.append(f"%{letter}")
            value = f"%{letter}"
        parts.append(value)
        at = sign + 2
    parts.append(text[at:])
    return ready(*parts), unknown
