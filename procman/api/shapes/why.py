"""Why something is as it is, and what has drifted from the files."""

from typing import NotRequired, TypedDict


class WhyLink(TypedDict):
    """One step of the chain from what is seen to its root."""

    # end, request, policy, signal, leftovers, terminal, readiness, startsecs, queue, gate, shutdown, wave, trouble,
    # file, dependency
    kind: str
    text: str
    name: NotRequired[str]  # the namespec of the process that it is about, where that is another one


class WhyOption(TypedDict):
    """An option that decides."""

    option: str
    shown: str  # as a file would have it
    source: str  # file, default, command line; earlier: the file has changed since
    file: str | None
    line: int | None
    place: str  # for people: "procman.toml:12", "default"


class WhyInfo(TypedDict):
    """Why a process, or the master, is as it is. Texts that do not apply are empty."""

    name: str  # a namespec, or "procman"
    statename: str
    phase: str  # "leftovers": it has ended, and what it has started is being stopped
    wanted: bool  # should it be up?
    as_wanted: bool
    sentence: str  # "web has been FATAL for 4 m, and should be up (wanted by boot)"
    short: str  # "FATAL: 4 failed starts in 9 s; exit status 1, last words: …"
    age: float | None  # seconds in this state
    entered: float | None  # the same since the epoch
    wanted_by: str  # who decided whether it should be up: "boot", "uid 0 (root, procmanctl stop web, pid 812)"
    wanted_since: float | None
    because: list[WhyLink]  # the root last
    end: str  # how the last run ended
    last_words: str  # what it wrote last, where it failed
    last_words_on: str  # stdout or stderr
    since: str  # the time of day, and what it followed from
    next: str  # what happens next
    next_in: float | None  # in how many seconds; null: at no certain time
    options: list[WhyOption]
    defined: str  # file and line
    changed: list[str]  # options that the file, as it was last read, has otherwise than this process
    drift: list[str]  # "started with another DB_PASSWORD than the file has now"
    commands: list[str]  # what to type


class WhyAnswer(TypedDict):
    """Explanations."""

    as_wanted: bool  # nothing is otherwise than it should be
    processes: int  # how many were looked at
    explanations: list[WhyInfo]


class DriftInfo(TypedDict):
    """What a running process has otherwise than a start now would give it: names only, no values."""

    name: str  # a namespec
    pid: int
    drifted: bool  # whether there is anything
    gone_from_file: bool  # the configuration has no such process any more
    options: list[str]  # "command", "environment LANG": the configuration on the disk has others
    environment: list[str]  # variables whose files (env_file, env_from) have other values
    credentials: list[str]  # whose files are others
    trouble: str  # why it could not be started now; "": it could
    binary: str  # "its binary /usr/bin/app was replaced"; "": it is the same
    libraries: list[str]  # paths of those that were replaced or deleted


class DriftAnswer(TypedDict):
    """The running processes that were looked at."""

    drifts: list[DriftInfo]
    file_problems: list[str]  # why the configuration on the disk could not be read; then it is as it was last read
    scaled: list["ScaledInfo"]  # the programs that were scaled


class ScaledInfo(TypedDict):
    """A program with another number of processes than the file says."""

    program: str
    numprocs: int
    in_file: int
