"""Reads the object literal of an ecosystem.config.js without running it; what is more than a literal is refused.

Understood are JSON, comments, names without quotes, both quotes, commas at the end, `module.exports =` and
`export default` before the object, `process.env.NAME` with or without `|| "default"`, and `__dirname`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from procman.convert.imports.draft import ready
from procman.convert.imports.source import Node, Ready, Source, Unreadable, Value

_BLANK = re.compile(r"(?:\s+|//[^\n]*|/\*.*?\*/)+", re.DOTALL)
_HEAD = re.compile(r"(?:module\.exports|exports\.default|export\s+default)\s*=?\s*")
_STRICT = re.compile(r"(['\"])use strict\1\s*;?")
_WORD = re.compile(r"[A-Za-z_$][\w$]*")
_NUMBER = re.compile(r"[+-]?(?:0[xX][0-9a-fA-F]+|(?:\d[\d_]*)?\.?\d+(?:[eE][+-]?\d+)?\.?)")
_ENVIRONMENT = re.compile(r"process\.env(?:\.([A-Za-z_]\w*)|\[\s*(['\"])([A-Za-z_]\w*)\2\s*\])")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "0": "", "\n": ""}
_DEEPEST = 50
_WAY_OUT = (
    "this is a program: have node write it as JSON, and import that: "
    "node -p 'JSON.stringify(require(\"./ecosystem.config.js\"))' > ecosystem.json"
)


@dataclass(frozen=True, slots=True)
class Literal:
    """The object, and the lines in which a default was taken instead of a variable."""

    node: Node
    defaults: Sequence[tuple[int, str]]


def literal_of(source: Source) -> Literal:
    """The object of the file; raises Unreadable."""
    reader = _Reader(source)
    reader.blank()
    while (found := _STRICT.match(reader.text, reader.at)) is not None:
        reader.at = found.end()
        reader.blank()
    head = _HEAD.match(reader.text, reader.at)
    if head is not None:
        reader.at = head.end()
    reader.blank()
    if not reader.text.startswith(("{", "["), reader.at):
        raise reader.refused()
    node = reader.value(0)
    reader.blank()
    if reader.text.startswith(";", reader.at):
        reader.at += 1
        reader.blank()
    if reader.at < len(reader.text):
        raise reader.refused()
    return Literal(node, reader.defaults)


class _Reader:
    """A place in the text."""

    def __init__(self, source: Source) -> None:
        self.text = source.text
        self.file = source.path
        self.at = 0
        self._counted = 0
        self.defaults: list[tuple[int, str]] = []
        self._line = 1

    def line(self) -> int:
        """The line of the place; it only goes on, so that counting takes linear time."""
        self._line += self.text.count("\n", self._counted, self.at)
        self._counted = self.at
        return self._line

    def refused(self, why: str = "") -> Unreadable:
        column = self.at - self.text.rfind("\n", 0, self.at)
        return Unreadable(self.file, self.line(), why or self._refusal(), column)

    def _refusal(self) -> str:
        if self.at >= len(self.text):
            return "the text ends too early: is a }, a ] or a quote missing?"
        if self.file.endswith(".json"):
            return "cannot read on here: this is no JSON; mend it"
        return f"cannot read on here: {_WAY_OUT}"

    def blank(self) -> None:
        found = _BLANK.match(self.text, self.at)
        if found is not None:
            self.at = found.end()

    def value(self, depth: int) -> Node:
        """A literal, with what may stand behind it."""
        if depth > _DEEPEST:
            raise self.refused("it is nested too deeply: no such file needs that")
        self.blank()
        line = self.line()
        start = self.at
        found = self._one(depth)
        simple = isinstance(found, (int, float)) and not self.text.startswith("process", start)
        raw = self.text[start : self.at].strip() if simple else ""
        return Node(found, self.file, line, raw)

    def _one(self, depth: int) -> Value:
        letter = self.text[self.at : self.at + 1]
        if letter == "{":
            return self._object(depth)
        if letter == "[":
            return self._list(depth)
        if letter and letter in "'\"`":
            return self._quoted(letter)
        if (found := _ENVIRONMENT.match(self.text, self.at)) is not None:
            self.at = found.end()
            return self._variable(found[1] or found[3], depth)
        if (found := _NUMBER.match(self.text, self.at)) is not None:
            self.at = found.end()
            return self._ended(_number(found[0]))
        if (found := _WORD.match(self.text, self.at)) is not None:
            words: dict[str, Value] = {"true": True, "false": False, "null": None, "undefined": None}
            words["__dirname"] = Ready("%(here)s")
            if found[0] in words:
                self.at = found.end()
                return self._ended(words[found[0]])
        raise self.refused()

    def _ended(self, value: Value) -> Value:
        """The value, if nothing is done with it."""
        self.blank()
        if self.text[self.at : self.at + 1] not in (",", "}", "]", ";", ""):
            raise self.refused()
        return value

    def _variable(self, name: str, depth: int) -> Value:
        self.blank()
        for sign in ("||", "??"):
            if self.text.startswith(sign, self.at):
                self.at += len(sign)
                self.defaults.append((self.line(), name))
                return self.value(depth + 1).value
        return self._ended(Ready(f"%(ENV_{name})s"))

    def _object(self, depth: int) -> dict[str, Node]:
        self.at += 1
        found: dict[str, Node] = {}
        while not self._closes("}"):
            line = self.line()
            key = self._key()
            self.blank()
            if not self.text.startswith(":", self.at):
                raise self.refused()
            self.at += 1
            node = self.value(depth + 1)
            found[key] = Node(node.value, node.file, line, node.raw)
            self._separated("}")
        return found

    def _list(self, depth: int) -> list[Node]:
        self.at += 1
        found: list[Node] = []
        while not self._closes("]"):
            found.append(self.value(depth + 1))
            self._separated("]")
        return found

    def _closes(self, sign: str) -> bool:
        self.blank()
        if not self.text.startswith(sign, self.at):
            return False
        self.at += 1
        return True

    def _separated(self, sign: str) -> None:
        self.blank()
        if self.text.startswith(",", self.at):
            self.at += 1
        elif not self.text.startswith(sign, self.at):
            raise self.refused()

    def _key(self) -> str:
        letter = self.text[self.at : self.at + 1]
        if letter and letter in "'\"":
            return str(self._quoted(letter, followed=":"))
        found = _WORD.match(self.text, self.at) or re.compile(r"\d+").match(self.text, self.at)
        if found is None:
            raise self.refused()
        self.at = found.end()
        return found[0]

    def _quoted(self, quote: str, followed: str = "") -> str:
        self.at += 1
        parts: list[str] = []
        run = re.compile(r"[^\\" + quote + ("$" if quote == "`" else "\n") + r"]+")
        while True:
            found = run.match(self.text, self.at)
            if found is not None:
                parts.append(found[0])
                self.at = found.end()
            letter = self.text[self.at : self.at + 1]
            if letter == quote:
                self.at += 1
                break
            if letter == "\\":
                parts.append(self._escape())
            elif letter == "$" and self.text.startswith("${__dirname}", self.at):
                parts.append(Ready("%(here)s"))
                self.at += len("${__dirname}")
            elif letter == "$" and not self.text.startswith("${", self.at):
                parts.append("$")
                self.at += 1
            else:
                raise self.refused()
        text = ready(*parts) if any(isinstance(part, Ready) for part in parts) else "".join(parts)
        if not followed:
            self._ended(text)
        return text

    def _escape(self) -> str:
        letter = self.text[self.at + 1 : self.at + 2]
        code = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|u\{([0-9a-fA-F]{1,6})\})").match(
            self.text, self.at
        )
        if code is not None:
            self.at = code.end()
            number = int(code[1] or code[2] or code[3], 16)
            return chr(number) if number <= 0x10FFFF and not 0xD800 <= number <= 0xDFFF else ""  # noqa: PLR2004 - Unicode
        self.at += 2
        return _ESCAPES.get(letter, letter)


def _number(text: str) -> int | float | str:
    plain = text.replace("_", "")
    try:
        return int(plain, 16) if plain[:2].lower() == "0x" else int(plain)
    except ValueError:
        pass
    try:
        return float(plain)
    except ValueError:
        return text
