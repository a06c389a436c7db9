"""Why a process is as it is: one sentence, the chain of causes to its root, what comes next, and what to type.

A pure function of facts, with no I/O and no clock. The facts of the core alone are enough for an answer that says
something; `explain_service` adds what the edges know.
"""

from collections.abc import Iterable
from functools import partial

from procman.core.fleet import Fleet
from procman.core.process import Process
from procman.core.states import MasterState, Phase
from procman.services.explain_facts import NOTHING, Around, Case, Explanation, Known, Setting, Words
from procman.services.explain_texts import in_state
from procman.services.explain_words import words_for
from procman.services.waits import behind


def explain(process: Process, around: Around, known: Known = NOTHING) -> Explanation:
    """Why the process is as it is."""
    words = words_for(Case(process, known, around))
    return Explanation(
        name=process.name,
        state=process.state.value,
        phase=process.phase.value,
        wanted=process.wanted,
        as_wanted=words.fine,
        sentence=f"{process.name} {in_state(_state(process), known.age)}{_verdict(process, known, words)}",
        short=_short(process, words),
        age=known.age,
        wish=known.wish,
        because=words.because,
        end=known.end,
        last_words=known.last_words,
        last_words_on=known.last_words_on,
        entered=known.entered,
        since=_since(known),
        next=words.next,
        next_in=words.next_in,
        options=tuple(_setting(process, option, known) for option in words.options),
        defined=known.defined or ("the file has no such process any more" if known.gone_from_file else ""),
        changed=known.changed,
        commands=_commands(words, known),
        drift=known.drift,
    )


def around_of(fleet: Fleet, now: float) -> Around:
    """What is the same for all processes of the fleet."""
    if fleet.state is MasterState.RUNNING:
        return Around(now=now, behind=partial(behind, fleet))
    unsettled = [members for members in fleet.groups.values() if not members.settled]
    first = max((members.spec.priority for members in unsettled), default=None)
    left = fleet.time_left(now)
    return Around(
        now=now,
        master=fleet.state,
        first_to_stop=tuple(
            process.name
            for members in unsettled
            if members.spec.priority == first
            for process in members.processes.values()
            if not process.settled
        ),
        first_priority=first,
        until=None if left == float("inf") else left,
    )


def roots_first(explanations: Iterable[Explanation]) -> list[Explanation]:
    """In such an order that what another one waits for comes before it; ties as they were."""
    found = list(explanations)
    by_name = {one.name: one for one in found}

    def depth(one: Explanation, seen: frozenset[str]) -> int:
        waits = {link.name for link in one.because if link.name in by_name and link.name not in seen}
        return max((1 + depth(by_name[name], seen | waits) for name in waits), default=0)

    return sorted(found, key=lambda one: depth(one, frozenset({one.name})))


def _commands(words: Words, known: Known) -> tuple[str, ...]:
    """First the one that the words begin with, then the report of the end, if there is one."""
    report = () if known.report is None else (f"procmanctl crash {known.report}",)
    return (*words.commands[:1], *report, *words.commands[1:])


def _state(process: Process) -> str:
    # BACKOFF says itself that it is tried again.
    phase = f" ({process.phase.value})" if process.phase not in (Phase.NONE, Phase.RETRY) else ""
    return f"{process.state.name}{phase}"


def _verdict(process: Process, known: Known, words: Words) -> str:
    """Whether it is as it should be, and who wants it so."""
    wish = known.wish.text
    if words.verdict:
        return f", {words.verdict}"
    by = ""
    if wish and process.wanted:
        by = f" (wanted by {wish})"
    elif wish and any(link.kind in ("request", "shutdown", "wave") for link in words.because):
        by = f" (stopped by {wish})"
    if words.fine:
        return f", as it should be{by}"
    return f", and should be {'up' if process.wanted else 'down'}{by}"


def _since(known: Known) -> str:
    """The time, and what it followed from, unless the first line says that."""
    after = f"after {known.wish.by}"
    is_said = bool(known.wish.by) and (known.caused == after or known.caused.startswith(f"{after} had "))
    return ", ".join(filter(None, (known.entered_at, "" if is_said else known.caused)))


def _short(process: Process, words: Words) -> str:
    """Without a name and without anything that changes while nothing happens."""
    return f"{_state(process)}: {words.because[0].text}"


def _setting(process: Process, option: str, known: Known) -> Setting:
    if option == "priority":
        return known.priority or Setting(option, "as its group has it")
    return known.setting(process, option)
