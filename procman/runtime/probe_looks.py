"""One look at a condition of `ready`: a connection, an HTTP request, a file, a command, a socket that listens.

Each returns an `Answer`, and waits no longer than its caller lets it. What may hang, such as a disk, is asked on a
thread. An optional feature: the master imports this when a program with such a condition starts.
"""

import asyncio
import errno
import os
import re
import socket
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from typing import Any, NamedTuple, NoReturn, TypeVar

import h11

from procman.config.schema.kinds.readiness import Statuses, Target
from procman.system.blocking import BlockingCall, NoThread
from procman.system.listening import who_listens
from procman.system.proc import Identity, started_at

T = TypeVar("T")

# So many calls may hang at the same time; further ones are not made.
MOST_HANGING = 32
# What is read of an answer, in bytes: its head has to be in there.
_MOST_READ = 65536
_CHUNK = 8192
# The whole first line of an answer that is the last one to a request.
_FINAL_STATUS = re.compile(rb"HTTP/1\.[01] ([2-5][0-9][0-9])(?: [^\r\n]*)?\r?\n")
# File systems have the times of files by the kernel's tick, which is up to 10 ms behind.
_TICK = 0.01

_hanging: set[object] = set()


class Answer(NamedTuple):
    """Whether the condition holds, and what was seen, without the address."""

    ok: bool
    words: str = ""


class TooManyHang(OSError):
    """Others have been asked before, and have not answered."""


async def beside_the_loop(call: Callable[[], T]) -> T:
    """Call it on a thread, and abandon that if the caller is cancelled; raises what it raises, and TooManyHang."""
    if len(_hanging) >= MOST_HANGING:
        raise TooManyHang(f"{MOST_HANGING} earlier looks hang")
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    key = object()
    _hanging.add(key)

    def on_end() -> None:
        _hanging.discard(key)
        with suppress(RuntimeError):  # the loop has been closed meanwhile
            loop.call_soon_threadsafe(ended.set)

    try:
        running = BlockingCall(call, on_end)
    except NoThread:
        _hanging.discard(key)
        raise TooManyHang("the system has no more threads") from None
    await ended.wait()
    return running.result()


async def connects(target: Target) -> Answer:
    """Is a connection accepted?"""
    try:
        with await _connected(target):
            return Answer(ok=True)
    except OSError as error:
        return Answer(ok=False, words=_why(error))


async def answers(target: Target, statuses: Statuses) -> Answer:
    """Does an HTTP server answer with one of these statuses? Redirects are not followed."""
    try:
        with await _connected(target) as connection:
            status = await _status(connection, target)
    except OSError as error:
        return Answer(ok=False, words=_why(error))
    except h11.RemoteProtocolError:
        return Answer(ok=False, words="the answer is no HTTP")
    if status is None:
        return Answer(ok=False, words="the connection was closed without an answer")
    return Answer(any(least <= status <= most for least, most in statuses), f"http {status}")


async def is_newer(path: str, start: int) -> Answer:
    """Was the file changed after that start, in ticks since the boot?"""

    def changed() -> float:
        return os.stat(path).st_mtime

    try:
        changed_at = await beside_the_loop(changed)
    except FileNotFoundError:
        return Answer(ok=False, words="no such file")
    except OSError as error:
        return Answer(ok=False, words=_why(error))
    newer = changed_at >= started_at(start) - _TICK
    return Answer(newer, "" if newer else "the file is older than this run")


async def listens(target: Target, root: Identity | None, tag: str | None) -> Answer:
    """Does a process of that tree listen there?"""
    if root is None:
        return Answer(ok=False, words="its process is not known, as there is no /proc")
    try:
        seen = await beside_the_loop(
            lambda: who_listens(root, tag, host=target.host, port=target.port, path=target.path)
        )
    except OSError as error:
        return Answer(ok=False, words=_why(error))
    return Answer(not seen, seen)


async def _connected(target: Target) -> socket.socket:
    """A connection that does not block; raises OSError."""
    loop = asyncio.get_running_loop()
    if target.path:
        return await _connect(loop, socket.AF_UNIX, target.path)
    found = _literal(target.host, target.port)
    if not found:
        host, port = target.host, target.port
        found = await beside_the_loop(lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    error: OSError = OSError("no address")
    for family, _, _, _, address in found:
        try:
            return await _connect(loop, family, address)
        except OSError as why:
            error = why
    raise error


@lru_cache(maxsize=4096)
def _literal(host: str, port: int) -> "list[tuple[Any, ...]]":
    """What getaddrinfo says of an address, which needs no thread and is always the same; nothing of a name."""
    try:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except socket.gaierror:
        return []


async def _connect(loop: asyncio.AbstractEventLoop, family: int, address: object) -> socket.socket:
    connection = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    try:
        # On the machine itself a connection is there at once, or refused: that needs no turn of the loop.
        refusal = connection.connect_ex(address)  # type: ignore[arg-type] # of that family
        if refusal == errno.EAGAIN or (refusal == errno.EINPROGRESS and not _is_connected(connection)):
            # EAGAIN: the queue of a unix socket is full.
            await loop.sock_connect(connection, address)  # type: ignore[arg-type]
        elif refusal and refusal != errno.EINPROGRESS:
            _refuse(refusal)
    except BaseException:
        connection.close()
        raise
    return connection


def _refuse(number: int) -> NoReturn:
    raise OSError(number, os.strerror(number))


def _is_connected(connection: socket.socket) -> bool:
    """Whether that is over."""
    try:
        connection.getpeername()
    except OSError:
        return False
    return True


async def _status(connection: socket.socket, target: Target) -> int | None:
    """The status of the answer; None if there is none."""
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(connection, _request(target.authority, target.url)[1])
    data = await loop.sock_recv(connection, _CHUNK)
    # Nearly always the first line is there at once, and nothing else matters; h11 has the rest of the protocol.
    first = _FINAL_STATUS.match(data)
    if first is not None:
        return int(first[1])
    parser = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MOST_READ)
    parser.send(_request(target.authority, target.url)[0])
    parser.send(h11.EndOfMessage())
    parser.receive_data(data)
    read = len(data)
    while read <= _MOST_READ:
        event = parser.next_event()
        if isinstance(event, h11.Response):
            return event.status_code
        if event is h11.NEED_DATA:
            data = await loop.sock_recv(connection, _CHUNK)
            read += len(data)
            if not data:
                return None
            parser.receive_data(data)
        elif not isinstance(event, h11.InformationalResponse):
            return None
    return None


@lru_cache(maxsize=4096)
def _request(authority: str, url: str) -> tuple[h11.Request, bytes]:
    """The request, and its bytes, which are the same each time."""
    head = [("Host", authority), ("User-Agent", "procman"), ("Accept", "*/*"), ("Connection", "close")]
    request, writer = h11.Request(method="GET", target=url, headers=head), h11.Connection(h11.CLIENT)
    return request, (writer.send(request) or b"") + (writer.send(h11.EndOfMessage()) or b"")


def _why(error: OSError) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "refused"
    if isinstance(error, socket.gaierror):
        return "the name has no address"
    return error.strerror or str(error)
