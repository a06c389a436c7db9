"""How a process ended, and why: facts, and one sentence for people that is made of them. No I/O and no clock here.

The sentence begins with supervisor's words for the end, as its log has them; what follows says more:
`terminated by SIGKILL; not by procman; the container's memory limit was hit 3 times (oom_kill)`.
"""

from dataclasses import dataclass
from enum import Enum
from signal import SIGKILL, Signals

from procman.core.events import ExitStatus
from procman.runtime.ending import ending
from procman.services.exit_codes import meaning_of
from procman.system.memory_events import MemoryChange, Whose


class Why(Enum):
    """What procman sent a signal for."""

    STOP = "stop"  # the stop signal
    RUN_TIMEOUT = "run_timeout"  # the same, to a one-shot whose time was over
    REQUEST = "request"  # a client asked for it
    STOPWAITSECS = "stopwaitsecs"  # the process had not stopped in time
    SHUTDOWN_SHARE = "shutdown share"  # the same, with its share of shutdown_timeout instead
    SHUTDOWN_TIMEOUT = "shutdown_timeout"  # it was over
    SECOND_REQUEST = "second request"  # the master was asked to shut down once more


@dataclass(frozen=True, slots=True)
class Sent:
    """A signal that procman has sent to a process."""

    signal: int
    why: Why
    waited: float | None = None  # seconds since the process was asked to stop; None: it was not


class Sender(Enum):
    """Where the signal came from that has ended a process."""

    NOBODY = "nobody"  # it was no signal
    ITSELF = "itself"  # of its own fault: SIGSEGV, SIGABRT …
    PROCMAN = "procman"
    OTHERS = "others"  # the kernel for want of memory, an operator, another program, or the process itself
    UNKNOWN = "unknown"  # it ran already when this master began to count what it sends


class Oom(Enum):
    """Whether it was killed because memory ran out."""

    CERTAIN = "certain"  # its own cgroup has counted it
    LIKELY = "likely"  # the cgroup around it has, and it ended by a SIGKILL that is not procman's
    NO = "no"
    UNKNOWN = "unknown"  # nothing counts it here


# Why the stop signal was sent, as far as that alone tells.
ASKED = "it was asked to stop"

# What a process gets from the kernel for what it has just done, in the words of signal(7).
_FAULTS = {
    Signals.SIGILL: "it executed an instruction that this processor does not have",
    Signals.SIGTRAP: "it hit a breakpoint",
    Signals.SIGABRT: "it has aborted itself",
    Signals.SIGBUS: "it accessed a mapped file that has become shorter, or a disk failed",
    Signals.SIGFPE: "it divided by zero, or the like",
    Signals.SIGSEGV: "it accessed memory that is not its own",
    Signals.SIGPIPE: "it wrote to a pipe or socket that nobody reads",
    Signals.SIGXCPU: "it used more processor time than its limit",
    Signals.SIGXFSZ: "it made a file larger than its limit",
    Signals.SIGSYS: "it made a system call that it may not make (seccomp)",
}


@dataclass(frozen=True, slots=True)
class End:
    """How one run ended. `sentence` says all of it; the rest is the same as fields."""

    status: ExitStatus
    meaning: str  # of the code, or of the fault; "": there is nothing to add
    sender: Sender
    sent: Sent | None  # what procman sent, where that has ended it
    oom: Oom
    memory: MemoryChange | None  # what was compared; None: it was not looked at
    core_file: str  # its path; "": none is known
    sentence: str


def describe_end(
    status: ExitStatus,
    *,
    sent: Sent | None = None,
    all_is_known: bool = True,
    memory: MemoryChange | None = None,
    core_file: str = "",
    program: str = "",
) -> End:
    """Put the facts of an end together.

    Args:
        status: as it was reaped.
        sent: the signal of that number that procman has sent to it, if it has.
        all_is_known: whether procman knows of every signal that it has sent to this process.
        memory: counters before and after; None where nobody has looked.
        core_file: its path, where it was found.
        program: the first word of its command.
    """
    sender = _sender(status, sent, all_is_known=all_is_known)
    oom = _oom(status, sender, memory)
    meaning = _meaning(status, program)
    said = [ending(status)]
    if meaning and status.signal is None:
        said[0] += f" ({meaning})"
    elif meaning and sender is Sender.ITSELF:
        said.append(meaning)
    if sender is Sender.PROCMAN and sent is not None:
        said.append(f"by procman: {_purpose(sent)}")
    elif sender is Sender.OTHERS:
        said.append("not by procman")
    if (status.signal == SIGKILL and sender is Sender.OTHERS) or oom is Oom.CERTAIN:
        said.append(_memory(oom, memory))
    if core_file:
        said.append(f"its core is {core_file}")
    return End(
        status=status,
        meaning=meaning,
        sender=sender,
        sent=sent if sender is Sender.PROCMAN else None,
        oom=oom,
        memory=memory,
        core_file=core_file,
        sentence="; ".join(filter(None, said)),
    )


def _sender(status: ExitStatus, sent: Sent | None, *, all_is_known: bool) -> Sender:
    if not status.known:
        return Sender.UNKNOWN
    if status.signal is None:
        return Sender.NOBODY
    if sent is not None and sent.signal == status.signal:
        return Sender.PROCMAN
    if status.signal in _FAULTS:
        return Sender.ITSELF
    return Sender.OTHERS if all_is_known else Sender.UNKNOWN


def _oom(status: ExitStatus, sender: Sender, memory: MemoryChange | None) -> Oom:
    if status.known and status.signal != SIGKILL:
        return Oom.NO
    if memory is None or not memory.known:
        return Oom.NO if sender is Sender.PROCMAN else Oom.UNKNOWN
    if not memory.kills:
        return Oom.NO
    if memory.whose is Whose.PROGRAM:
        # A process that procman has killed may have been about to go anyway; the kernel has counted someone else then.
        return Oom.CERTAIN if sender is not Sender.PROCMAN else Oom.NO
    return Oom.LIKELY if sender is Sender.OTHERS else Oom.NO


def _meaning(status: ExitStatus, program: str) -> str:
    if not status.known:
        return ""
    if status.signal is None:
        return meaning_of(status.code, program)
    return next((words for signal, words in _FAULTS.items() if signal == status.signal), "")


def _purpose(sent: Sent) -> str:
    waited = "its time" if sent.waited is None else f"{round(sent.waited, 2):g} s"
    match sent.why:
        case Why.STOP:
            return ASKED
        case Why.RUN_TIMEOUT:
            return "its run_timeout was over"
        case Why.REQUEST:
            return "a client asked for this signal"
        case Why.STOPWAITSECS:
            return f"it had not stopped after {waited} (stopwaitsecs)"
        case Why.SHUTDOWN_SHARE:
            return f"it had not stopped after {waited}, its share of shutdown_timeout"
        case Why.SHUTDOWN_TIMEOUT:
            return "the shutdown_timeout was over"
        case Why.SECOND_REQUEST:
            return "the shutdown was asked for a second time"


def _memory(oom: Oom, memory: MemoryChange | None) -> str:
    if oom is Oom.UNKNOWN or memory is None:
        return "whether memory was short is not counted here"
    if oom is Oom.NO:
        return "memory was not short"
    whose = "its" if memory.whose is Whose.PROGRAM else f"the {memory.whose.value}'s"
    if memory.whose is Whose.MACHINE:
        return f"the machine ran out of memory {_times(memory.kills)} (oom_kill)"
    if memory.limit_was_hit:
        return f"{whose} memory limit was hit {_times(memory.kills)} (oom_kill)"
    processes = "a process" if memory.kills == 1 else f"{memory.kills} processes"
    return f"the kernel has killed {processes} of {whose} cgroup because memory ran out (oom_kill)"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
