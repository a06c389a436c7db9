"""What an explanation is made of, and what it is. Frozen facts only: no I/O and no clock here."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from procman.core.process import Process
from procman.core.states import MasterState
from procman.services.explain_texts import quoted_name

# What a link of a chain is about; the last link is the root.
LinkKind = Literal[
    "end",  # how a run ended, or a start failed
    "request",  # somebody has asked for it
    "policy",  # an option says so
    "signal",  # its process has a signal, and has not ended
    "leftovers",  # what it has started has not ended
    "terminal",  # a client is attached to it, or debugs it
    "readiness",  # a condition of ready does not hold
    "hook",  # a command of its own runs, and is waited for
    "health",  # what its health check has seen
    "startsecs",  # it counts as up after that
    "queue",  # other starts come first
    "gate",  # a disk or a user database does not answer
    "shutdown",  # the master shuts down or reloads
    "wave",  # others are stopped before it
    "trouble",  # something else that is the matter: a port is taken, a program has daemonized itself
    "file",  # the configuration
    "dependency",  # something that it depends on is not as it needs it
]


class Link(NamedTuple):
    """One row of the chain from what is seen to its root. Another one is what a process waits for."""

    kind: LinkKind
    text: str
    name: str = ""  # the namespec of the process that it is about, where that is another one


class Setting(NamedTuple):
    """An option that decides, with its place."""

    option: str
    shown: str  # as a file would have it
    source: str = ""  # file, default, command line, earlier (the file has changed since); "": not looked up
    file: str | None = None
    line: int | None = None
    place: str = ""  # "procman.toml:12", "default"


class Wish(NamedTuple):
    """The request that decided whether a process should be up."""

    by: str = ""  # "boot", "uid 0 (root, procmanctl restart db, pid 812)"; "": not known
    at: str = ""  # a time of day; "": not known
    since: float | None = None  # the same in seconds since the epoch

    @property
    def text(self) -> str:
        """Both."""
        return f"{self.by} at {self.at}" if self.by and self.at else self.by


class Turn(NamedTuple):
    """What an ordered start waits for."""

    ahead: int = 0  # so many starts come before it
    silent: str = ""  # what does not answer; "": nothing that is known


def _of_spec(process: Process, option: str) -> Setting:
    return Setting(option, str(getattr(process.program, option, "")))


_NO_WISH = Wish()


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the core does not know of a process. Every field may be missing: the core alone is enough for an answer."""

    wish: Wish = _NO_WISH
    age: float | None = None  # seconds since it entered its state
    entered: float | None = None  # the same in seconds since the epoch
    entered_at: str = ""  # the same as a time of day
    caused: str = ""  # what that followed from: "when uid 0 (…) asked for restart db"
    end: str = ""  # how the last run ended; "": none has, or it could not be started
    last_words: str = ""
    last_words_on: str = ""  # stdout or stderr
    tries: int | None = None  # failed starts in a row
    tries_took: float | None = None  # seconds from the first of these to the end of the last
    trouble: tuple[str, ...] = ()  # what else was found to be the matter, with its remedy
    turn: Turn | None = None
    killed: bool = False  # it has SIGKILL already
    report: int | None = None  # the number of the crash report of its last run
    descendants: tuple[str, ...] = ()  # what it has left behind and is waited for: "pid 812 (sleep)"
    flaps: bool = False  # autorestart keeps restarting it
    setting: Callable[[Process, str], Setting] = _of_spec
    priority: Setting | None = None  # of its group
    defined: str = ""  # where: "procman.toml:12"
    changed: tuple[str, ...] = ()  # options of the file as it was last read that differ from what it goes by
    next_run: str = ""  # when it runs next by its schedule, in words: "next run Nov 24 02:00 CET (in 3 h)"
    next_run_in: float | None = None  # seconds until then
    gone_from_file: bool = False  # the file as it was last read has no such process
    drift: tuple[str, ...] = ()  # what it was given from files otherwise than they would give it now
    watch: str = ""  # why its files are not watched that should be
    logs: tuple[str, ...] = ()  # what is wrong with its log files


NOTHING = Known()


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What is said of the master and of all others, once for all explanations."""

    now: float  # seconds of the core's clock
    master: MasterState = MasterState.RUNNING
    first_to_stop: tuple[str, ...] = ()  # namespecs of the wave that is being stopped
    first_priority: int | None = None  # and its priority
    until: float | None = None  # seconds that remain of shutdown_timeout
    behind: Callable[[Process], tuple[Link, ...]] = field(default=lambda _: ())  # what it waits for, the root last
    clock: Callable[[float], str] = field(default=lambda _: "")  # the time of day in so many seconds


class Case(NamedTuple):
    """One process with all that is known of it."""

    process: Process
    known: Known
    around: Around

    @property
    def name(self) -> str:
        """For a command line."""
        return quoted_name(self.process.name)

    def left(self, deadline: float | None) -> float | None:
        """The seconds until then."""
        return None if deadline is None else max(0.0, deadline - self.around.now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What the table of states says of one process."""

    because: tuple[Link, ...]
    next: str
    next_in: float | None = None  # seconds until that; None: it has no time
    options: tuple[str, ...] = ()  # names of the options that decide
    commands: tuple[str, ...] = ()  # what to type
    fine: bool = False  # it is as it should be
    verdict: str = ""  # instead of "and should be up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why one process, or the master, is as it is."""

    name: str  # a namespec; "procman" is the master
    state: str  # in lower case
    phase: str
    wanted: bool
    as_wanted: bool
    sentence: str  # `web has been FATAL for 4 m, and should be up (wanted by boot)`
    short: str  # `FATAL: 4 failed starts in 9 s; exit status 1, last words: …`
    age: float | None
    wish: Wish
    because: tuple[Link, ...]  # the root last
    end: str
    last_words: str
    last_words_on: str
    entered: float | None
    since: str
    next: str
    next_in: float | None
    options: tuple[Setting, ...]
    defined: str
    changed: tuple[str, ...]
    commands: tuple[str, ...]
    drift: tuple[str, ...] = ()
