"""Crash reports."""

from typing import Literal, TypedDict


class CrashInfo(TypedDict):
    """One crash report, as a table shows it: an unexpected end, or several equal ones that followed each other."""

    version: int  # of this form: 1
    seq: int  # its number: that of the (first) end in the journal
    last_seq: int  # that of the last one
    name: str  # the namespec of the process
    group: str
    times: int  # how many ends it stands for
    unreported: int  # further ends of the process that came too fast to have reports
    first_ended: float
    ended: float  # the last one
    kind: Literal[
        "exit",
        "signal",
        "early-exit",
        "unready",
        "unhealthy",
        "timed-out",
        "failed-start",
        "killed",
        "out-of-memory",
    ]
    how: str  # in a sentence: "terminated by SIGKILL; not by procman; the container's memory limit was hit once …"
    run: int  # the number of the run, of several the latest that was looked at closely
    spawned: float | None  # null: not known
    age: float | None  # seconds from the spawn to the end


class ExitInfo(TypedDict):
    """How a process ended."""

    known: bool  # false: it was adopted from a killed master, and nobody told
    code: int | None  # null: by a signal
    signal: str | None  # such as "SIGSEGV"
    core: bool  # the kernel says that it has dumped core
    words: str  # supervisor's: "exit status 1"
    meaning: str  # of the code or the fault, where it has one


class SenderInfo(TypedDict):
    """Where the signal came from that has ended a process."""

    kind: Literal["itself", "procman", "others", "unknown"]
    words: str  # "us: stopwaitsecs over", "operator: uid 0 (root, procmanctl signal, pid 812)", "itself", "not us"
    why: (
        str | None
    )  # of procman's: stop, run_timeout, request, stopwaitsecs, shutdown share, shutdown_timeout or second request
    waited: float | None  # seconds since it was asked to stop
    asked_by: str  # who asked for it, if somebody did


class MemoryInfo(TypedDict):
    """The kernel's counters of memory around an end."""

    verdict: str  # certain: its own cgroup has counted it; likely: the one around it has; no; unknown: nothing counts
    whose: str  # cgroup it is: program, container, unit, session or machine; "": nobody has looked
    before: dict[str, int | None] | None  # oom_kill: processes ended; oom: how often the limit was hit
    after: dict[str, int | None] | None
    limit: int | None  # bytes


class UsageInfo(TypedDict):
    """What a run has used, with those of its children that it has waited for (getrusage(2))."""

    max_rss: int  # bytes, of the largest of them; what the master took when it started the run counts, too
    user: float  # seconds
    system: float
    major_faults: int  # pages that were read from a disk
    voluntary_switches: int  # it waited for something
    involuntary_switches: int  # its time on the processor was over


class DoingInfo(TypedDict):
    """What a process did before our SIGKILL."""

    pid: int
    command: str  # the kernel's name for it
    state: str  # such as "sleeping"
    waits_in: str  # the function of the kernel, such as do_sys_poll; "": it did not wait, or that could not be seen


class LookInfo(TypedDict):
    """The figures of a process and all that it had started when somebody last asked; of itself before our SIGKILL."""

    ago: float  # seconds before the end
    processes: int
    threads: int
    rss: int  # bytes
    cpu: float  # seconds
    fds: int | None  # open descriptors; null where they may not be seen
    state: str  # before our SIGKILL: what it did, such as "stopped by a signal (SIGSTOP, SIGTSTP)"; else ""
    tree: list[DoingInfo]  # before our SIGKILL: it and what it had started, 20 at most; else none


class LeftInfo(TypedDict):
    """A process that was left behind."""

    pid: int
    command: str  # the kernel's name for it; "": it has gone meanwhile


class HealthLookInfo(TypedDict):
    """What a look at the health of a process has shown."""

    ago: float  # seconds before the end
    ok: bool | None  # null: it says nothing, since procman itself was not awake
    words: str  # such as "http 503"


class HookEndInfo(TypedDict):
    """How the last command of a hook ended, also one of an earlier run."""

    hook: str
    ended: float
    result: Literal["done", "failed", "ignored", "broken off", "skipped"]
    command: str  # without its arguments; "": it is about the whole hook
    words: str  # what failed, or why it was skipped
    seconds: float | None  # that it took
    line: str  # the last one that it wrote, if it has failed


class OutputInfo(TypedDict):
    """The end of what a run has written to one stream."""

    bytes: int  # that it has written in all
    lines: list[str] | None  # 50 and 16 KiB at most, control characters escaped; null: they cannot be read


class CrashReport(CrashInfo):
    """Everything that was known of an end: the fields of CrashInfo, and these."""

    procman: str  # the version of the master
    pid: int  # 0: it could not be spawned
    running: float | None  # when it was up for startsecs; null: it was not
    exit: ExitInfo | None  # null: it could not be spawned
    explanation: str  # what is the matter, and what to do, where that was found out
    sender: SenderInfo | None  # null: it was no signal
    cause: int | None  # the journal's number of what it follows from
    operation: int | None  # the id of the operation that it belongs to
    oom: MemoryInfo  # was it killed because memory ran out?
    usage: UsageInfo | None  # null: another process has reaped it
    left_behind: list[LeftInfo]  # 20 at most
    last_look: LookInfo | None  # null: nobody had asked while it ran
    output: dict[str, OutputInfo]  # by stream
    health: list[HealthLookInfo]  # the latest 5, the oldest first; none where nobody looks
    hooks: list[HookEndInfo]  # in the order of their ends
    restarts: dict[str, int]  # within the last hour, by reason
    definition: str  # a digest of its options
    environment: dict[str, str]  # digests of the values by name; they tell changes, and nothing of the values
    directory: str
    uid: int
    user: str
    kernel: str
    cgroup: str  # the folder whose counters count for it
    core_file: str  # its path; "": there is none, or it is not to be found
    core_handler: str  # the program that gets cores here instead
    record: int  # the journal's number of the end that these facts are about
    file: str  # where the report is kept; "": in memory
