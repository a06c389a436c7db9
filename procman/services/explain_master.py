"""Why the master itself is as it is: what ends it, what it waits for, and what is the matter. No I/O, no clock here."""

from collections.abc import Callable
from dataclasses import dataclass, field

from procman.core.fleet import Fleet
from procman.core.process import Process
from procman.core.spec import MasterPolicy, ShutdownWhen
from procman.core.states import MasterState, State
from procman.services.explain_facts import Around, Explanation, Link, Setting, Wish
from procman.services.explain_texts import counted, duration, in_state, names
from procman.system.signals import signal_name

_WHEN = {
    ShutdownWhen.ALL_DONE: "all programs have ended and none is started again",
    ShutdownWhen.ANY_EXIT: "any program has ended and is not started again",
    ShutdownWhen.ANY_FATAL: "any program is FATAL",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class MasterFacts:
    """What is known of it."""

    name: str
    pid: int
    fleet: Fleet
    around: Around
    policy: MasterPolicy
    setting: Callable[[str, object], Setting]
    file: str  # the path of its configuration
    age: float | None = None  # seconds in its state
    entered: float | None = None
    entered_at: str = ""
    wish: Wish = field(default_factory=Wish)  # who asked for the end
    file_problems: tuple[str, ...] = ()  # why the file on the disk could not be used
    differs: tuple[str, ...] = ()  # groups in which the file on the disk differs from what is active
    silent: tuple[str, ...] = ()  # disks, and the like, that do not answer
    unsent: tuple[str, ...] = ()  # notify sections whose messages cannot be sent
    lost: int = 0  # bytes of output that could not be written
    gaps: tuple[str, ...] = ()  # where the journal has none
    obstacle: str | None = None  # to an upgrade


def explain_master(facts: MasterFacts) -> Explanation:
    """Why the master is as it is."""
    ending = facts.around.master is not MasterState.RUNNING
    troubles = _troubles(facts)
    because = (*(_shutdown(facts) if ending else ()), *troubles)
    fine = not ending and not troubles
    if not because:
        because = (Link("policy", f"it runs (pid {facts.pid}), and {_count(facts.fleet)}"),)
    state = facts.around.master
    verdict = "on its way out" if ending else "as it should be" if fine else "something is the matter"
    asked = f" (asked for by {facts.wish.text})" if ending and facts.wish.text else ""
    return Explanation(
        name=facts.name,
        state=state.value,
        phase="",
        wanted=not ending,
        as_wanted=fine,
        sentence=f"{facts.name} {in_state(state.name, facts.age)}, {verdict}{asked}",
        short=f"{state.name}: {because[0].text}",
        age=facts.age,
        wish=facts.wish,
        because=(*because, *_remarks(facts)),
        end="",
        last_words="",
        last_words_on="",
        entered=facts.entered,
        since=facts.entered_at,
        next=_when_it_leaves(facts) if ending else _what_ends_it(facts),
        next_in=facts.around.until,
        options=_options(facts),
        defined=facts.file,
        changed=facts.differs,
        commands=_commands(facts, ending=ending),
    )


def _count(fleet: Fleet) -> str:
    running = sum(process.state is State.RUNNING for process in fleet.processes.values())
    return f"{running} of {counted(len(fleet.processes), 'process', 'processes')} are RUNNING"


def _troubles(facts: MasterFacts) -> tuple[Link, ...]:
    """What an administrator has to see to."""
    found = [Link("file", problem) for problem in facts.file_problems]
    found += [Link("gate", text) for text in facts.silent]
    found += [Link("trouble", text) for text in facts.unsent]
    if facts.lost:
        found.append(Link("trouble", f"{facts.lost:,} bytes of the programs' output could not be written anywhere"))
    return tuple(found)


def _remarks(facts: MasterFacts) -> tuple[Link, ...]:
    """What is worth knowing, and no trouble."""
    found = []
    found += [Link("trouble", text) for text in facts.gaps]
    if facts.obstacle is not None:
        found.append(Link("trouble", f"an upgrade would have to wait: {facts.obstacle}"))
    return tuple(found)


def _shutdown(facts: MasterFacts) -> tuple[Link, ...]:
    """What it waits for: the wave that is being stopped now, the longest wait first."""
    processes = [facts.fleet.processes[name] for name in facts.around.first_to_stop]
    if not processes:
        return (Link("shutdown", "all programs have ended; the last logs are being written"),)
    last = sorted(processes, key=lambda process: process.deadlines.stop or 0.0, reverse=True)
    rest = len(facts.fleet.unsettled()) - len(processes)
    priority = f"priority {facts.around.first_priority}"
    later = f"; {rest} more in later waves" if rest > 0 else ""
    waits = f"it waits for {names([process.name for process in last])} ({priority}{later})"
    return (Link("wave", waits, last[0].name), *(_waited_for(process, facts.around) for process in last[:1]))


def _waited_for(process: Process, around: Around) -> Link:
    stop = process.deadlines.stop
    left = f"; SIGKILL in {duration(max(0.0, stop - around.now))}" if stop is not None else ""
    if process.pid is None:
        return Link("leftovers", f"{process.name} has ended, and not what it has started{left}", process.name)
    asked = signal_name(int(process.program.stopsignal))
    text = f"{process.name} (pid {process.pid}) got {asked} and has not ended{left}"
    return Link("signal", text, process.name)


def _when_it_leaves(facts: MasterFacts) -> str:
    goes = "it starts again with the file as it is then" if facts.around.master is MasterState.RESTARTING else "it ends"
    if facts.around.until is None:
        return f"{goes} when all have ended; each has its stopwaitsecs, and there is no shutdown_timeout"
    return f"{goes} when all have ended, and in {duration(facts.around.until)} at the latest (shutdown_timeout)"


def _what_ends_it(facts: MasterFacts) -> str:
    critical = [process.name for process in facts.fleet.processes.values() if process.definition.critical]
    reasons = []
    if critical:
        which = f"{critical[0]} (critical)" if len(critical) == 1 else f"one of {names(critical)} (critical)"
        reasons.append(f"if {which} has ended and is not started again")
    if (when := _WHEN.get(facts.policy.shutdown_when)) is not None:
        reasons.append(f"if {when} (shutdown_when)")
    if not reasons:
        return "nothing ends it by itself; SIGTERM or procmanctl shutdown does"
    return f"it ends by itself {'; or '.join(reasons)}"


def _options(facts: MasterFacts) -> tuple[Setting, ...]:
    policy = facts.policy
    chosen: list[tuple[str, object]] = [("shutdown_when", policy.shutdown_when)]
    if policy.shutdown_timeout is not None or facts.around.master is not MasterState.RUNNING:
        chosen.append(("shutdown_timeout", policy.shutdown_timeout))
    if policy.exit_code_from is not None:
        chosen.append(("exit_code_from", policy.exit_code_from))
    return tuple(facts.setting(option, value) for option, value in chosen)


def _commands(facts: MasterFacts, *, ending: bool) -> tuple[str, ...]:
    if ending:
        return ("procmanctl status", "procmanctl maintail")
    if facts.file_problems:
        return (f"procman check -c {facts.file}",)
    if facts.differs:
        return ("procmanctl update --dry-run", "procmanctl update")
    if facts.unsent:
        return ("procmanctl notify",)
    return ("procmanctl maintail",) if facts.silent or facts.lost else ()
