"""What programs say of themselves: messages to their notification sockets, and a newline on their descriptors.

Each run of a program with `ready = notify`, `ready = fd` or a watchdog has channels of its own, so what comes over them
is of that run, whichever of its processes has sent it. They are closed when the run has ended.
"""

import asyncio
import os
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from procman.config.schema.kinds.readiness import target_of
from procman.config.schema.programs import Program
from procman.core.actions import Announce, ProcessRemoved
from procman.core.events import Adopted, Notified, ProbeResult
from procman.core.spec import ReadyKind
from procman.core.states import State
from procman.runtime.bus import Notification
from procman.system.accounts import Account
from procman.system.commands import CannotSpawn
from procman.system.inherited_sockets import first_free, out_of_the_way
from procman.system.ready_channels import make_folder, open_socket, receive, remove_left_folders

# Messages of one run in one second; further ones are read, so that nobody waits, and dropped.
MOST_IN_A_SECOND = 100
MOST_AT_ONCE = 64
LONGEST_STATUS = 200  # letters
_READ = 4096
# What is understood: that it is ready, or reads its configuration again, what it does, that it is well, and that it
# takes longer.
_FIELDS = frozenset({"READY", "RELOADING", "STATUS", "WATCHDOG", "WATCHDOG_USEC", "EXTEND_TIMEOUT_USEC"})
# Read, and without a meaning here.
_SILENT = frozenset({"BARRIER", "STOPPING", "MONOTONIC_USEC", "ERRNO"})


@dataclass(slots=True)
class Channels:
    """Those of one run, and what it says over them."""

    name: str
    run: int
    uid: int
    sock: socket.socket | None = None
    path: str = ""
    pipe: int | None = None  # our end
    theirs: int | None = None  # the program's end, until it was spawned
    place: int | None = None  # the number that it has in the program; None: the same
    number: int = 0  # the position of the condition that the pipe belongs to
    second: int = 0  # that is being counted
    count: int = 0
    dropped: int = 0
    watchdog: float | None = None  # how often it has to say that it is well, in seconds
    ignored: set[str] = field(default_factory=set)

    @property
    def environment(self) -> dict[str, str]:
        """What tells the program of them."""
        told = {"NOTIFY_SOCKET": self.path} if self.sock is not None else {}
        if self.watchdog is not None:
            told["WATCHDOG_USEC"] = str(round(self.watchdog * 1e6))
        fd = self.theirs if self.place is None else self.place
        return told | ({"PROCMAN_READY_FD": str(fd)} if fd is not None else {})


class ReadyChannels:
    """The channels of all programs. Subscribe `hear` to the bus."""

    hears = (State.BACKOFF, State.EXITED, State.STOPPED, ProcessRemoved, Adopted)

    def __init__(self, post: Callable[[Notified | ProbeResult], None], remark: Callable[[str], object]) -> None:
        """`post` takes what they say, `remark` a line about what is not understood."""
        self._post = post
        self._remark = remark
        self._open: dict[str, Channels] = {}
        self._folder = ""
        self._lock: int | None = None  # of the folder
        self._count = 0
        self._has_tidied = False

    def open(self, name: str, program: Program, run: int, account: Account | None) -> Channels | None:
        """For a run that is about to be spawned; None if it needs none. Raises CannotSpawn."""
        self.forget(name)
        kinds = [condition.kind for condition in program.ready]
        speaks = ReadyKind.NOTIFY in kinds or program.watchdog is not None
        if not speaks and ReadyKind.FD not in kinds:
            return None
        channels = Channels(name, run, os.geteuid() if account is None else account.uid, watchdog=program.watchdog)
        self._open[name] = channels
        try:
            if speaks:
                if not self._folder:
                    self._folder, self._lock = make_folder()
                self._count += 1
                channels.path = f"{self._folder}/{os.getpid()}-{self._count}"
                channels.sock = open_socket(channels.path, account)
            if ReadyKind.FD in kinds:
                channels.number = kinds.index(ReadyKind.FD)
                channels.pipe, theirs = os.pipe2(os.O_CLOEXEC)
                channels.place = target_of(program.ready[channels.number]).fd
                channels.theirs = out_of_the_way(theirs, first_free(len(program.addresses), channels.place))
                os.set_blocking(channels.pipe, False)
                if account is not None:
                    os.fchown(channels.theirs, account.uid, -1)
        except OSError as error:
            self.forget(name)
            raise CannotSpawn(f"cannot open what it is to say READY on: {error.strerror}") from error
        return channels

    def spawned(self, channels: Channels) -> None:
        """The program has its end; listen."""
        if channels.theirs is not None:
            os.close(channels.theirs)
            channels.theirs = None
        self._listen(channels)

    def forget(self, name: str) -> None:
        """Close those of a process, if it has any."""
        channels = self._open.pop(name, None)
        if channels is None:
            return
        loop = asyncio.get_running_loop()
        if channels.sock is not None:
            loop.remove_reader(channels.sock.fileno())
            channels.sock.close()
            with suppress(OSError):
                os.unlink(channels.path)
        self._close_pipe(channels)
        if channels.theirs is not None:
            os.close(channels.theirs)

    def hear(self, notification: Notification) -> None:
        """Close the channels of what has ended."""
        event = notification.event
        if isinstance(event, (Announce, ProcessRemoved)):
            if event.name in self._open:
                self.forget(event.name)
        elif isinstance(event, Adopted) and not self._has_tidied:
            # What the killed master has left: nobody listens there any more.
            self._has_tidied = True
            remove_left_folders()

    # ---- over an upgrade

    def snapshot(self) -> dict[str, Any]:
        """Plain data: the descriptors go over."""
        return {
            "folder": self._folder,
            "lock": self._lock,
            "count": self._count,
            "open": [
                [one.name, one.run, one.uid, one.sock.fileno() if one.sock else None, one.path, one.pipe, one.number]
                for one in self._open.values()
            ],
        }

    @staticmethod
    def descriptors(data: Mapping[str, Any]) -> list[int]:
        """Those in a snapshot."""
        found = [fd for known in data["open"] for fd in (known[3], known[5])]
        return [fd for fd in (*found, data.get("lock")) if fd is not None]

    def restore(self, data: Mapping[str, Any]) -> None:
        """Go on from what `snapshot` returned."""
        self._folder, self._count, self._lock = data["folder"], data["count"], data.get("lock")
        for name, run, uid, fd, path, pipe, number in data["open"]:
            sock = None if fd is None else socket.socket(fileno=fd)
            channels = self._open[name] = Channels(name, run, uid, sock, path, pipe, None, number)
            self._listen(channels)

    def close(self) -> None:
        """Close all of them, and remove the folder."""
        for name in list(self._open):
            self.forget(name)
        if self._folder:
            with suppress(OSError):
                os.rmdir(self._folder)
            self._folder = ""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    # ---- what comes

    def _listen(self, channels: Channels) -> None:
        loop = asyncio.get_running_loop()
        if channels.sock is not None:
            loop.add_reader(channels.sock.fileno(), self._messages, channels)
        if channels.pipe is not None:
            loop.add_reader(channels.pipe, self._newline, channels)

    def _messages(self, channels: Channels) -> None:
        second = int(asyncio.get_running_loop().time())
        for _ in range(MOST_AT_ONCE):
            if channels.sock is None or self._open.get(channels.name) is not channels:
                return
            received = receive(channels.sock)
            if received is None:
                return
            if channels.second != second:
                self._tell_dropped(channels)
                channels.second, channels.count = second, 0
            channels.count += 1
            if channels.count > MOST_IN_A_SECOND:
                channels.dropped += 1
                continue
            uid, data = received
            if uid in (channels.uid, os.geteuid(), 0):
                self._message(channels, data)
            else:
                self._ignore(channels, f"a message of user {uid}")

    def _message(self, channels: Channels, data: bytes) -> None:
        fields: list[tuple[str, str]] = []
        for line in data.decode(errors="replace").split("\n"):
            name, equals, value = line.partition("=")
            if equals and name in _FIELDS:
                shown = "".join(letter if letter.isprintable() else " " for letter in value)
                fields.append((name, shown[:LONGEST_STATUS]))
            elif equals and name not in _SILENT:
                self._ignore(channels, f"{name[:40]!r}")
        if fields:
            self._post(Notified(channels.name, channels.run, tuple(fields)))

    def _ignore(self, channels: Channels, what: str) -> None:
        """Once for each run and thing, and for few of them."""
        if what not in channels.ignored and len(channels.ignored) < 8:  # noqa: PLR2004 - as many lines in the log
            channels.ignored.add(what)
            self._remark(f"{channels.name} has sent {what} to its notification socket, which is ignored")

    def _tell_dropped(self, channels: Channels) -> None:
        if channels.dropped:
            self._remark(f"{channels.dropped} messages of {channels.name} to its notification socket were dropped")
            channels.dropped = 0

    def _newline(self, channels: Channels) -> None:
        assert channels.pipe is not None
        try:
            data = os.read(channels.pipe, _READ)
        except BlockingIOError:
            return
        if data and b"\n" not in data:
            return
        name, run, number = channels.name, channels.run, channels.number
        self._close_pipe(channels)
        words = "" if data else "fd was closed without a newline"
        self._post(ProbeResult(name, run, number, bool(data), words))

    @staticmethod
    def _close_pipe(channels: Channels) -> None:
        if channels.pipe is not None:
            asyncio.get_running_loop().remove_reader(channels.pipe)
            os.close(channels.pipe)
            channels.pipe = None
