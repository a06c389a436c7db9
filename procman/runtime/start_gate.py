"""Checks before each start that the program's filesystem and the user database respond.

An exec waits for the disk of the program, without a time-out. So a thread opens the program's file and folder first;
while that hangs, only programs that need them wait. A disk that stops responding between the probe and the exec still
blocks the master. The groups of a user are looked up in the same way, since a directory service such as LDAP takes part
in that, even for a local user.
"""

import asyncio
import os
import stat
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import lru_cache, partial

from procman.config.schema.kinds.environment_sources import credential_of, env_file_of, env_from_of
from procman.config.schema.kinds.limits import covered_of
from procman.config.schema.programs import Program
from procman.runtime.given_readings import Readings
from procman.system.accounts import Account, find_account
from procman.system.blocking import BlockingCall, NoThread
from procman.system.shell_split import split_words

# Seconds after a start without another probe, and the largest age of an unused probe, which must be enough for a slow
# loop to reach the start.
LEASE = 0.02
FRESH = 1.0
# Seconds that all starts wait for a probe, so that they keep their order.
PATIENCE = 0.05
# Seconds until a disk that does not respond is logged.
SAID_AFTER = 2.0
# At most so many hanging probes are abandoned; beyond that, other places are assumed to respond.
MOST_SILENT = 32
# At most so many places are remembered.
_MOST_KNOWN = 4096

# What has to respond: a file, a folder, or the user database for a uid.
_Place = str | int


class StartGate:
    """Decides on the running loop which starts are possible; `on_change` is called when an answer may have changed."""

    def __init__(
        self, log: Callable[[str], None], on_change: Callable[[], None], readings: Readings | None = None
    ) -> None:
        """`log` gets a line when a disk does not respond, and when it does again.

        `readings` reads what programs are given from files.
        """
        self._log = log
        self._on_change = on_change
        self._readings = readings
        self._loop = asyncio.get_running_loop()
        self._open_until: dict[_Place, float] = {}
        self._probes: dict[_Place, PathProbe] = {}  # probes that have not returned
        self._accounts: dict[int, Account | None] = {}
        self._waiters: list[asyncio.Future[None]] = []
        self._closed = False

    def is_open(self, program: Program) -> bool | None:
        """Whether it can be started; None if that will be known in a moment."""
        places = _places(program)
        found = self._respond(places)
        if found:
            lease = self._loop.time() + LEASE
            for place in places:
                self._open_until[place] = min(self._open_until.get(place, 0.0), lease)
        if found and program.is_given and self._readings is not None:
            return self._readings.is_ready(program)
        return found

    async def silent_among(self, programs: Iterable[Program]) -> set[str]:
        """The namespecs of those that cannot be started, once that is known for all."""
        silent = set()
        for program in programs:
            if not await self._answer(_places(program)):
                silent.add(program.namespec)
        return silent

    async def may_run(self, command: str) -> bool:
        """Whether a helper command can be started, as the file that it names responds."""
        return await self._answer(_places_of(command, None, None))

    @property
    def may_open_soon(self) -> bool:
        """Whether a place has not responded for too short a time to be logged: the machine may be busy."""
        return any(probe.is_silent and not probe.was_logged for probe in self._probes.values())

    def account(self, uid: int) -> Account:
        """The account of a user, for a start that is possible; raises KeyError if there is none."""
        if uid not in self._accounts:
            return find_account(uid)  # no probe was possible
        found = self._accounts[uid]
        if found is None:
            raise KeyError(uid)
        return found

    @property
    def silent(self) -> str | None:
        """Names what does not respond; None: nothing that is known."""
        found = (f"{_name(place)} does not answer" for place, probe in self._probes.items() if probe.is_silent)
        slow = self._readings.slow if self._readings is not None else None
        return next(found, None) or (None if slow is None else f"what is read for {slow} does not answer")

    def silence_for(self, program: Program) -> str | None:
        """Says what the program needs and what does not answer; None: nothing that is known."""
        probes = ((place, self._probes.get(place)) for place in _places(program))
        silent = next((f"{_name(place)} does not answer" for place, one in probes if one and one.is_silent), None)
        if silent is None and self._readings is not None and self._readings.is_slow(program):
            return "what it is given from files does not answer"
        return silent

    def close(self) -> None:
        """End all probes."""
        self._closed = True
        for probe in self._probes.values():
            probe.timer.cancel()
        self._probes.clear()
        self._release_waiters()

    def _respond(self, places: Iterable[_Place]) -> bool | None:
        now = self._loop.time()
        # Each on its own: if one of them hangs, programs that need only others can start.
        probes = [
            probe
            for place in places
            if self._open_until.get(place, 0.0) < now and (probe := self._probes.get(place) or self._probe(place))
        ]
        if not probes:
            return True
        return False if any(probe.is_silent for probe in probes) else None

    async def _answer(self, places: Iterable[_Place]) -> bool:
        """The same as `_respond`, once that is known."""
        while (found := self._respond(places)) is None and not self._closed:
            self._waiters.append(self._loop.create_future())
            await self._waiters[-1]
        return bool(found)

    def _release_waiters(self) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    def _changed(self) -> None:
        self._release_waiters()
        self._on_change()

    def _probe(self, place: _Place) -> "PathProbe | None":
        """Begin a probe; None if none is possible."""
        if isinstance(place, int):
            self._accounts.pop(place, None)
        if len(self._probes) >= MOST_SILENT:
            return None
        try:
            BlockingCall(partial(self._ask, place))
        except NoThread:
            return None
        probe = self._probes[place] = PathProbe(self._loop.call_later(PATIENCE, self._is_silent, place))
        return probe

    def _ask(self, place: _Place) -> None:
        # On the thread.
        account = None
        with suppress(OSError, ValueError, KeyError):  # any answer is enough
            if isinstance(place, int):
                account = find_account(place)
            else:
                _open(place)
        with suppress(RuntimeError):  # the loop has been closed meanwhile
            self._loop.call_soon_threadsafe(self._answered, place, account)

    def _answered(self, place: _Place, account: Account | None) -> None:
        probe = self._probes.pop(place, None)
        if probe is None:  # closed meanwhile
            return
        if isinstance(place, int):
            self._accounts[place] = account
        probe.timer.cancel()
        now = self._loop.time()
        if len(self._open_until) > _MOST_KNOWN:
            self._open_until.clear()
        self._open_until[place] = now + FRESH
        if probe.was_logged:
            self._log(f"{_name(place)} answers again, after {now - probe.began:.0f} seconds")
        self._changed()

    def _is_silent(self, place: _Place) -> None:
        probe = self._probes[place]
        probe.is_silent = True
        probe.timer = self._loop.call_later(SAID_AFTER - PATIENCE, self._log_silence, place)
        self._changed()

    def _log_silence(self, place: _Place) -> None:
        self._probes[place].was_logged = True
        waiting = "that run as this user" if isinstance(place, int) else "that are started from there"
        self._log(f"{_name(place)} does not answer; programs {waiting} wait")
        self._changed()


class PathProbe:
    """One probe that has not returned."""

    def __init__(self, timer: asyncio.TimerHandle) -> None:
        """`timer` fires if it does not return."""
        self.timer = timer
        self.began = asyncio.get_running_loop().time()
        self.is_silent = False
        self.was_logged = False


def _name(place: _Place) -> str:
    return f"the user database, asked for uid {place}," if isinstance(place, int) else f"the disk of {place}"


def _open(place: str) -> None:
    """Open it, since NFS then asks its server. Anything but a file or a folder, such as a device, is not opened."""
    path = os.open(place, os.O_PATH | os.O_CLOEXEC)
    try:
        mode = os.fstat(path).st_mode
        if stat.S_ISREG(mode) or stat.S_ISDIR(mode):
            os.close(os.open(f"/proc/self/fd/{path}", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC))
    finally:
        os.close(path)


def _files(program: Program) -> tuple[str, ...]:
    """What is read for it; a credential without a path is on the system disk."""
    named = (*map(env_from_of, program.env_from), *map(credential_of, program.credentials))
    return (*(env_file_of(text).path for text in program.env_file), *(one.path for one in named if one.path))


def _places(program: Program) -> tuple[_Place, ...]:
    files = _files(program) if program.is_given else ()
    # The child looks them up before its exec, and the master waits for that.
    mounted = (*program.read_only_paths, *program.read_write_paths, *program.inaccessible_paths)
    if mounted:
        files = (*files, *(covered_of(text)[0] for text in mounted))
    return _places_of(program.command, program.directory, program.uid, files)


@lru_cache(maxsize=1024)
def _places_of(command: str, directory: str | None, uid: int | None, files: tuple[str, ...] = ()) -> tuple[_Place, ...]:
    """Its working folder and its files. What is found by PATH is assumed to be on the system disk."""
    places: list[_Place] = [] if directory is None else [directory]
    places += [os.path.join(directory or "", file) for file in files]
    with suppress(ValueError, IndexError):
        name = split_words(command)[0]
        if "/" in name:
            places.append(os.path.join(directory or "", name))
    if uid and os.geteuid() == 0:  # only root can become another user
        places.append(uid)
    return tuple(places)
