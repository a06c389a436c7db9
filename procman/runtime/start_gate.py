"""Whether the disk answers that a program is started from, and whoever knows its user.

Whoever starts a program waits in the exec for the disk that it is on, and cannot be told not to. So its file and its
folder are opened before that, by a thread that is there for nothing else. While that hangs the program waits, and
nobody else. What falls silent between that look and the exec still holds up the master. The groups of a user are asked
for in the same way: a directory service elsewhere (LDAP, say) has a part in the answer, even for a user of this
machine.
"""

import _thread
import asyncio
import os
import signal
import stat
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import lru_cache

from procman.config.schema.programs import Program
from procman.system.accounts import Account, find_account
from procman.system.shell_split import split_words

# For how long after a start there need be no other look, in seconds; and how old one may be that is unused: a loop
# that is slow has to come to the start.
LEASE = 0.02
FRESH = 1.0
# How long all that is to be started waits for a look, so that it is started in its order, in seconds.
PATIENCE = 0.05
# When it is said that a disk does not answer, in seconds.
SAID_AFTER = 2.0
# So many looks that hang are let be: with more of them, places that nobody has looked at are taken to be open.
MOST_SILENT = 32
# So many places are kept in mind.
_MOST_KNOWN = 4096

_ALL = signal.valid_signals()  # to make this set takes 0.1 ms

# What has to answer: a file or a folder, or the user database about a uid.
_Place = str | int


class StartGate:
    """The ways to programs, on the running loop; `on_news` is told when there may be one more, or one less."""

    def __init__(self, say: Callable[[str], None], on_news: Callable[[], None]) -> None:
        """`say` is told when a disk does not answer, and when it does again."""
        self._say = say
        self._on_news = on_news
        self._loop = asyncio.get_running_loop()
        self._open_until: dict[_Place, float] = {}
        self._looks: dict[_Place, _Look] = {}  # by what they look at
        self._accounts: dict[int, Account | None] = {}
        self._waiters: list[asyncio.Future[None]] = []
        self._closed = False

    def is_open(self, program: Program) -> bool | None:
        """Whether it can be started; None where that will be known in a moment."""
        places = _places(program)
        found = self._seen(places)
        if found:
            lease = self._loop.time() + LEASE
            for place in places:
                self._open_until[place] = min(self._open_until.get(place, 0.0), lease)
        return found

    async def silent_among(self, programs: Iterable[Program]) -> set[str]:
        """The namespecs of those that cannot be started, once that is known of all of them."""
        silent = set()
        for program in programs:
            places = _places(program)
            while (found := self._seen(places)) is None and not self._closed:
                self._waiters.append(self._loop.create_future())
                await self._waiters[-1]
            if not found:
                silent.add(program.namespec)
        return silent

    @property
    def may_open_soon(self) -> bool:
        """Whether something is silent that has not been for as long that it was said: the machine may be busy."""
        return any(look.is_silent and not look.was_said for look in self._looks.values())

    def account(self, uid: int) -> Account:
        """Who that is, for a start that was said to be open; raises KeyError where it is nobody."""
        if uid not in self._accounts:
            return find_account(uid)  # nobody could look
        found = self._accounts[uid]
        if found is None:
            raise KeyError(uid)
        return found

    def _seen(self, places: Iterable[_Place]) -> bool | None:
        now = self._loop.time()
        # Each for itself: that one of them is silent says nothing about others who need the other one alone.
        looks = [
            look
            for place in places
            if self._open_until.get(place, 0.0) < now and (look := self._looks.get(place) or self._look(place))
        ]
        if not looks:
            return True
        return False if any(look.is_silent for look in looks) else None

    @property
    def silent(self) -> str | None:
        """Says what does not answer: who looks at it may be there for long."""
        return next((f"{_who(place)} does not answer" for place, look in self._looks.items() if look.is_silent), None)

    def close(self) -> None:
        """Nobody waits any more."""
        self._closed = True
        for look in self._looks.values():
            look.timer.cancel()
        self._looks.clear()
        self._let_go()

    def _let_go(self) -> None:
        """Of who waits to know more."""
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    def _tell_news(self) -> None:
        self._let_go()
        self._on_news()

    def _look(self, place: _Place) -> "_Look | None":
        """Have it looked at; None where nobody can."""
        if isinstance(place, int):
            self._accounts.pop(place, None)
        if len(self._looks) >= MOST_SILENT:
            return None
        try:
            _thread.start_new_thread(self._ask, (place,))
        except RuntimeError:  # no more threads for this user
            return None
        look = self._looks[place] = _Look(self._loop.call_later(PATIENCE, self._is_silent, place))
        return look

    def _ask(self, place: _Place) -> None:
        # On the thread. Signals are for the one that has the loop.
        signal.pthread_sigmask(signal.SIG_BLOCK, _ALL)
        account = None
        with suppress(OSError, ValueError, KeyError):  # any answer will do
            if isinstance(place, int):
                account = find_account(place)
            else:
                _open(place)
        with suppress(RuntimeError):  # the loop has been closed meanwhile
            self._loop.call_soon_threadsafe(self._answered, place, account)

    def _answered(self, place: _Place, account: Account | None) -> None:
        look = self._looks.pop(place, None)
        if look is None:  # closed meanwhile
            return
        if isinstance(place, int):
            self._accounts[place] = account
        look.timer.cancel()
        now = self._loop.time()
        if len(self._open_until) > _MOST_KNOWN:
            self._open_until.clear()
        self._open_until[place] = now + FRESH
        if look.was_said:
            self._say(f"{_who(place)} answers again, after {now - look.began:.0f} seconds")
        self._tell_news()

    def _is_silent(self, place: _Place) -> None:
        look = self._looks[place]
        look.is_silent = True
        look.timer = self._loop.call_later(SAID_AFTER - PATIENCE, self._tell, place)
        self._tell_news()

    def _tell(self, place: _Place) -> None:
        self._looks[place].was_said = True
        waiting = "that run as this user" if isinstance(place, int) else "that are started from there"
        self._say(f"{_who(place)} does not answer; programs {waiting} wait")
        self._tell_news()


class _Look:
    """One that has not come back."""

    def __init__(self, timer: asyncio.TimerHandle) -> None:
        self.timer = timer
        self.began = asyncio.get_running_loop().time()
        self.is_silent = False
        self.was_said = False


def _who(place: _Place) -> str:
    return f"the user database, asked for uid {place}," if isinstance(place, int) else f"the disk of {place}"


def _open(place: str) -> None:
    """NFS asks its server when something is opened; nothing is that only looks like a program, as a device may."""
    path = os.open(place, os.O_PATH | os.O_CLOEXEC)
    try:
        mode = os.fstat(path).st_mode
        if stat.S_ISREG(mode) or stat.S_ISDIR(mode):
            os.close(os.open(f"/proc/self/fd/{path}", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC))
    finally:
        os.close(path)


def _places(program: Program) -> tuple[_Place, ...]:
    return _places_of(program.command, program.directory, program.uid)


@lru_cache(maxsize=1024)
def _places_of(command: str, directory: str | None, uid: int | None) -> tuple[_Place, ...]:
    """The folder that it is to be in, and its file. What is looked for in PATH is taken to be the system's."""
    places: list[_Place] = [] if directory is None else [directory]
    with suppress(ValueError, IndexError):
        name = split_words(command)[0]
        if "/" in name:
            places.append(os.path.join(directory or "", name))
    if uid and os.geteuid() == 0:  # nobody else can become another user
        places.append(uid)
    return tuple(places)
