"""Recognises in what a program wrote last that an address was in use, and which one, where it says so.

The wordings are those of the C library, of languages (Python, Node, Go, Java, Ruby, Rust, Erlang, .NET) and of servers
that have words of their own. Nothing is asked of the system here.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from procman.config.schema.kinds.readiness import target_of
from procman.config.schema.programs import Program
from procman.core.spec import ReadyKind
from procman.system.address_holders import Address, TcpPort, UnixPath

# So many of the last lines, and letters of each, are looked at.
MOST_LINES = 50
_MOST_LETTERS = 2000
# The address may stand a few lines away: PostgreSQL's HINT, the object that Node prints.
_NEAR = 6

_IN_USE = re.compile(
    r"address (?:is )?(?:already )?in use|EADDRINUSE|AddrInUse|Only one usage of each socket address"
    r"|\bport\b.{0,24}\b(?:already )?(?:in use|taken|allocated|occupied)\b|connection in use:"
    r"|already listen(?:s|ing)? on|adding listener failed .*\(in use\)|running on the same address"
    r"|another process with pid \d+ is using unix socket",
    re.IGNORECASE,
)

# A line of a traceback: it has the number of a line, of a file that may be named for a port.
_FRAME = re.compile(r"^\s*(?:File \"|at )|\bline \d+, in ")

_PATH = r"(/[^\s'\",;)\]}:]+)"
_PATHS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"\bunix:(?://)?{_PATH}",
        rf"EADDRINUSE:? (?:address already in use )?{_PATH}",
        rf"\blisten unix {_PATH}",
        rf"\bunix (?:address|socket(?: file)?):? ['\"]?{_PATH}",
        rf"\blisten(?:s|ing)? on {_PATH}",
        rf"\bsocket(?: for address)? ['\"]{_PATH}",
        rf"\baddr={_PATH}",
    )
)
_V4 = r"\d{1,3}(?:\.\d{1,3}){3}"
# Each has the host in its first group, "" where it has none, and the port in its second.
_PORTS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"\('([^']*)', (\d{1,5})[,)]",  # Python
        r"\"([^\"]*)\" port (\d{1,5})\b",  # Ruby
        rf"({_V4}|localhost):(\d{{1,5}})\b",
        r"\[([0-9a-f:.%]*:[0-9a-f:.%\w]*)\]:(\d{1,5})\b",
        r"(?<![\w:])(::):(\d{1,5})\b",  # Node
        r"\b()port:? ['\"]?(\d{1,5})\b",
        r"\b()port\D{0,12} (\d{1,5})\b",
        r"(?:(?<=[\s\"'(>=*])|^)():(\d{1,5})\b",  # Go
    )
)
_COMMAND = tuple(
    re.compile(pattern)
    for pattern in (
        r"--?(?:port|http-port|listen-port)[= ]()(\d{1,5})\b",
        rf"(?:--?(?:bind|listen|addr|address|host|http)|-b|-l)[= ]\S*?({_V4}|localhost|\*|):(\d{{1,5}})\b",
        r"(?:^|\s)()-p ?(\d{1,5})\b",
        r"runserver (?:([\w.\[\]:]+):)?(\d{1,5})\b",
        r"http\.server ()(\d{1,5})\b",
    )
)
_LARGEST_PORT = 65535
# Conditions that look at an address of the program, if it is on this machine.
_OWN_PATH = (ReadyKind.LISTEN, ReadyKind.UNIX, ReadyKind.HTTP_UNIX)
_OWN_PORT = (ReadyKind.LISTEN, ReadyKind.TCP, ReadyKind.HTTP)
_LOCAL = ("", "localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class InUse:
    """A program has said that an address is in use."""

    line: str  # in which it said so
    address: Address | None  # None: it did not say which


def address_in_use(lines: Sequence[str]) -> InUse | None:
    """What the last lines of a program say of it; None: nothing. The last mention with an address wins."""
    seen = [line[:_MOST_LETTERS] for line in lines[-MOST_LINES:]]
    said = None
    for at in range(len(seen) - 1, -1, -1):
        if not _IN_USE.search(seen[at]):
            continue
        for near in (seen[at], *seen[at + 1 : at + 1 + _NEAR], *reversed(seen[max(0, at - _NEAR) : at])):
            address = next(_addresses(near), None) if near is seen[at] or not _FRAME.search(near) else None
            if address is not None:
                return InUse(seen[at], address)
        said = said or InUse(seen[at], None)
    return said


def address_of_command(command: str) -> Address | None:
    """Where a program is told to listen by its command, as far as the flags have the usual names."""
    return next(_ports(command, _COMMAND), None)


def address_of(program: Program) -> Address | None:
    """Where a program listens, as far as its command, `ready` or `health` say; None: they do not."""
    return address_of_command(program.command) or next(_looked_at(program), None)


def _looked_at(program: Program) -> Iterator[Address]:
    for condition in (*program.ready, *filter(None, [program.health])):
        target = target_of(condition)
        if target.path and condition.kind in _OWN_PATH:
            yield UnixPath(target.path)
        elif target.port and condition.kind in _OWN_PORT and target.host in _LOCAL:
            yield TcpPort(target.port, target.host)


def _addresses(line: str) -> Iterator[Address]:
    for pattern in _PATHS:
        if (found := pattern.search(line)) is not None:
            yield UnixPath(found[1].rstrip("."))
    yield from _ports(line, _PORTS)


def _ports(text: str, patterns: Iterable[re.Pattern[str]]) -> Iterator[TcpPort]:
    for pattern in patterns:
        for found in pattern.finditer(text):
            if 0 < int(found[2]) <= _LARGEST_PORT:
                host = (found[1] or "").strip("[]")
                yield TcpPort(int(found[2]), "" if host in ("*", "0.0.0.0", "::") else host)  # noqa: S104 - not bound
