"""XML-RPC on the wire: reads a call, which any client that can log in may send, and writes the answer.

XML's own dangers are kept out: no DTD, which could declare entities, and a bounded depth. Long calls and answers (up to
a megabyte, or a whole log) are read and written in pieces, so that other clients get their turn.
"""

import asyncio
import re
from codecs import getincrementaldecoder
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast
from xml.parsers import expat
from xmlrpc import client as wire

from procman.api.faults import Fault, fault_of
from procman.errors import BadRequest, OperationError

# Elements within each other; a multicall whose parameters hold an array of structs has 15.
DEEPEST = 100
# Bytes that are read at a time; if they are all short elements, that takes some milliseconds.
PIECE = 16 * 1024
# Bytes of a log that are written at a time; if none of them is UTF-8, that takes three milliseconds.
LOG_PIECE = 16 * 1024

# Monitors repeat the same call, byte by byte. Short calls without parameters are parsed once, and then found by their
# bytes, up to MOST_KNOWN of them: parsing takes a tenth of the time of a short answer.
SHORT = 512
MOST_KNOWN = 16
_known: dict[bytes, str] = {}

XML = "text/xml"
_HEAD, _END = "<?xml version='1.0'?>\n<methodResponse>\n", "</methodResponse>\n"
# Characters that XML cannot contain (https://www.w3.org/TR/xml/#charsets) are escaped; `_encoded` does surrogates.
_ESCAPES: dict[int, str] = {code: f"\\x{code:02x}" for code in range(0x20) if code not in (0x09, 0x0A, 0x0D)}
_ESCAPES |= {0xFFFE: "\\ufffe", 0xFFFF: "\\uffff", ord("&"): "&amp;", ord("<"): "&lt;", ord(">"): "&gt;"}
_to_escape = re.compile(f"[{re.escape(''.join(map(chr, _ESCAPES)))}]").search

# Items of an answer that are written before other clients get their turn: for processes that takes half a millisecond.
# A turn after each item would take as long as the writing.
TURN = 25


class Template:
    """A struct that is written again and again: its XML, with a gap for each member that differs each time."""

    __slots__ = ("last", "pieces", "weight")

    def __init__(self, struct: Mapping[str, Any], gaps: Mapping[str, type[int] | type[str]]) -> None:
        """`gaps` are members of `struct`, whose values there do not count, and their types."""
        self.weight = 0
        self.pieces: list[str] = []  # each ends where a gap is
        self.last = "<value><struct>\n"  # what follows the last gap
        for name, value in struct.items():
            self.weight += len(name)
            self.last += _member(name)
            kind = gaps.get(name)
            if kind is None:
                parts: list[str | bytes] = []
                _lay_out(value, parts)
                self.last += "".join(cast("list[str]", parts))
                self.weight += weight(value)
            else:
                self.pieces.append(f"{self.last}<value><{_KINDS[kind]}>")
                self.last = f"</{_KINDS[kind]}></value>\n"
            self.last += "</member>\n"
        self.last += "</struct></value>\n"

    def filled(self, *values: int | str) -> "Filled":
        """The whole struct, with these values in its gaps, in the struct's order."""
        return Filled(self, values)


@dataclass(frozen=True, slots=True)
class Filled:
    """A struct most of which has been written already."""

    template: Template
    values: tuple[int | str, ...]


_KINDS = {int: "int", str: "string"}


async def read_call(body: bytes) -> tuple[str | None, list[Any]]:
    """Return the name of the method (None if it is missing) and the parameters.

    Raises:
        BadRequest: this is not XML-RPC; the text says why.
    """
    known = _known.get(body) if len(body) <= SHORT else None
    if known is not None:
        return known, []
    call = wire.Unmarshaller()
    parser = _parser(call)
    try:
        parser.Parse(body[:PIECE], False)
        for start in range(PIECE, len(body), PIECE):
            await asyncio.sleep(0)
            parser.Parse(body[start : start + PIECE], False)
        parser.Parse(b"", True)
        parameters = list(call.close())
    except (BadRequest, expat.ExpatError) as error:
        raise BadRequest(str(error)) from None
    except Exception as error:  # noqa: BLE001 - the standard library's reader raises whatever its parts raise
        raise BadRequest(f"this is not a call ({type(error).__name__})") from None
    name = call.getmethodname()
    if name and not parameters and len(body) <= SHORT:
        if len(_known) >= MOST_KNOWN:
            _known.clear()
        _known[body] = name
    return name, parameters


def _parser(call: wire.Unmarshaller) -> expat.XMLParserType:
    depth = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > DEEPEST:
            raise BadRequest(f"elements are nested more than {DEEPEST} deep")
        call.start(name, attributes)

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        call.end(name)

    def document_type(*_: object) -> None:
        raise BadRequest("DTDs and entities are not allowed")

    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = document_type
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = call.data
    call.xml("", None)  # no encoding: what it is given is text already
    return parser


async def write_answer(value: Any) -> bytes:
    """Write what a method has returned: str, int, bool, list, dict and `Filled`; bytes are text from a log.

    Bytes that are not UTF-8, and characters that XML cannot contain, are escaped.
    """
    parts: list[str | bytes] = [_HEAD, "<params>\n<param>\n"]
    if isinstance(value, list):  # may be long: all processes, a multicall
        parts.append("<value><array><data>\n")
        for number, item in enumerate(value, 1):
            _lay_out(item, parts)
            if not number % TURN:
                await asyncio.sleep(0)
        parts.append("</data></array></value>\n")
    else:
        _lay_out(value, parts)
    parts.append("</param>\n</params>\n" + _END)
    if bytes not in map(type, parts):
        return _encoded("".join(cast("list[str]", parts)))
    answer = bytearray()
    for part in parts:
        if isinstance(part, str):
            answer += _encoded(part)
            continue
        for piece in _readable(part):
            answer += _encoded(piece.translate(_ESCAPES))
            await asyncio.sleep(0)
    return bytes(answer)


def write_fault(code: int, text: str) -> bytes:
    """Write an error instead of an answer."""
    parts: list[str | bytes] = [_HEAD, "<fault>\n"]
    _lay_out({"faultCode": code, "faultString": text}, parts)
    return _encoded("".join(map(str, parts)) + "</fault>\n" + _END)


def weight(value: Any) -> int:
    """About how many bytes it takes on the wire."""
    match value:
        case str() | bytes():
            return len(value)
        case dict():
            return sum(len(name) + weight(item) for name, item in value.items())
        case list():
            return sum(map(weight, value))
        case Filled():
            return value.template.weight + sum(map(weight, value.values))
        case _:
            return 1


def _lay_out(value: Any, parts: list[str | bytes]) -> None:
    """Add the XML of a value to the parts, and bytes of a log as they are."""
    match value:
        case Filled():
            template = value.template
            for piece, item in zip(template.pieces, value.values, strict=True):
                parts += (piece, _escaped(item) if type(item) is str else str(item))
            parts.append(template.last)
        case bool():
            parts.append(f"<value><boolean>{value:d}</boolean></value>\n")
        case int():
            parts.append(f"<value><int>{value:d}</int></value>\n")
        case str():
            parts.append(f"<value><string>{_escaped(value)}</string></value>\n")
        case bytes():
            parts += ("<value><string>", value, "</string></value>\n")
        case list():
            parts.append("<value><array><data>\n")
            for item in value:
                _lay_out(item, parts)
            parts.append("</data></array></value>\n")
        case dict():
            parts.append("<value><struct>\n")
            for name, item in value.items():
                # Most are str and int: with a call for each, 100 processes would take twice as long.
                if type(item) is str:
                    parts.append(f"{_member(name)}<value><string>{_escaped(item)}</string></value>\n</member>\n")
                elif type(item) is int:
                    parts.append(f"{_member(name)}<value><int>{item}</int></value>\n</member>\n")
                else:
                    parts.append(_member(name))
                    _lay_out(item, parts)
                    parts.append("</member>\n")
            parts.append("</struct></value>\n")
        case _:
            raise TypeError(f"XML-RPC has no type for {type(value).__name__}")


@lru_cache(maxsize=64)
def _member(name: str) -> str:
    return f"<member>\n<name>{_escaped(name)}</name>\n"


def _escaped(text: str) -> str:
    # Few texts need escaping, and searching takes a tenth of the time of translate.
    return text.translate(_ESCAPES) if _to_escape(text) else text


def _readable(log: bytes) -> Iterator[str]:
    """Text piece by piece, with no character cut in two."""
    decoder = getincrementaldecoder("utf-8")("backslashreplace")
    for start in range(0, len(log), LOG_PIECE):
        yield decoder.decode(log[start : start + LOG_PIECE])
    yield decoder.decode(b"", final=True)


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "backslashreplace")


def fault(code: Fault, text: str | None = None) -> wire.Fault:
    """The exception that a client receives: its text begins with the name of the code."""
    return wire.Fault(int(code), code.name if text is None else f"{code.name}: {text}")


def as_fault(error: OperationError) -> wire.Fault:
    """The same for an error of the services."""
    return fault(fault_of(error.reason), str(error))
