"""What a test expects of a timeline, and whether it is so."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from procman.config.schema.kinds.durations import show_seconds
from procman.config.spelling import did_you_mean
from procman.core.states import State
from procman.errors import BadRequest
from procman.simulator.moments import Moment, Told, read_moment
from procman.simulator.notation import processes_named, seconds_of
from procman.simulator.scenario import Simulation

Known = Mapping[str, Collection[str]]


class Failure(NamedTuple):
    """Something is not as expected."""

    words: str
    about: tuple[str, ...] = ()  # the processes


@dataclass(frozen=True, slots=True)
class Outcome:
    """A simulation, as the expectations see it."""

    simulation: Simulation
    before: Told  # up to the shutdown
    during: Told  # the shutdown


Check = Callable[[Outcome], list[Failure]]


def outcome_of(simulation: Simulation, oneshots: Collection[str]) -> Outcome:
    """Read a simulation."""
    before = simulation.entries[: simulation.shutdown]
    return Outcome(simulation, Told(before, oneshots), Told(simulation.entries[simulation.shutdown :], oneshots))


# ---- one for each expectation: what its value means


def _running_before(value: Any, known: Known) -> Check:
    limits = {name: seconds_of(limit) for word, limit in _table(value) for name in processes_named(word, known)}

    def check(outcome: Outcome) -> list[Failure]:
        failures = []
        for name, limit in limits.items():
            places = outcome.before.places(name, "ready")
            if not places:
                state = outcome.simulation.states.get(name, "gone")
                failures.append(Failure(f"{name} is never ready; at the end it is {state}", (name,)))
            elif (at := outcome.before.at(places[0])) > limit:
                failures.append(Failure(f"{name} is ready at {_at(at)}; expected {_at(limit)} at the latest", (name,)))
        return failures

    return check


def _back_within(value: Any, known: Known) -> Check:
    limits = {name: seconds_of(limit) for word, limit in _table(value) for name in processes_named(word, known)}

    def check(outcome: Outcome) -> list[Failure]:
        told, failures = outcome.before, []
        first = next((entry.at for entry in told.entries if entry.is_given), None)
        if first is None:
            return [Failure("nothing happens to it: give kill, unready, exit, stop, start or restart")]
        for name, limit in limits.items():
            # From when it went down for the first time; what did not is back at once.
            went = next((at for at in told.places(name, "ended") if told.at(at) >= first), None)
            if went is None:
                continue
            back = next((told.at(at) for at in told.places(name, "ready") if at > went), None)
            if back is None:
                failures.append(Failure(f"{name} does not come back", (name,)))
            elif back - first > limit:
                took, wanted = _at(back - first), _at(limit)
                failures.append(
                    Failure(f"{name} is ready again after {took}; expected {wanted} at the latest", (name,))
                )
        return failures

    return check


def _order(value: Any, known: Known) -> Check:
    moments = [read_moment(text, known, simple=True) for text in _list(value)]
    return lambda outcome: _in_order(outcome.before, moments)


def _stop_order(value: Any, known: Known) -> Check:
    moments = [read_moment(_with_word(text, "ended"), known, simple=True) for text in _list(value)]
    return lambda outcome: _in_order(outcome.during, moments)


def _with_word(text: object, word: str) -> object:
    return f"{text} {word}" if isinstance(text, str) and len(text.split()) == 1 else text


def _in_order(told: Told, moments: list[Moment]) -> list[Failure]:
    """The first mention of a moment is its first time, and the second its second."""
    mentions: dict[tuple[str, str], int] = {}
    last = -1
    before = ""
    for moment in moments:
        name, words = moment.names[0], f"{moment.names[0]} {moment.word}"
        mention = mentions[name, moment.word] = mentions.get((name, moment.word), 0) + 1
        places = told.places(name, moment.word)
        time = "" if mention == 1 else f", time {mention}"
        if len(places) < mention:
            many = f": that happens {_times(len(places))}" if places else ""
            return [Failure(f"{words}{time} does not happen{many}", (name,))]
        place = places[mention - 1]
        if place < last:
            when, then = _at(told.at(place)), _at(told.at(last))
            return [
                Failure(f"{words}{time} at {when} comes before {before} at {then}", (name, before.partition(" ")[0]))
            ]
        last, before = place, f"{words}{time}"
    return []


def _never(value: Any, known: Known) -> Check:
    moments = [read_moment(text, known) for text in _list(value)]

    def check(outcome: Outcome) -> list[Failure]:
        return [
            Failure(
                f"{moment.written}: it happens at {_at(found[0])}" + _which(moment, found[1]),
                (found[1], *moment.others),
            )
            for moment in moments
            if (found := next(outcome.before.violations(moment), None)) is not None
        ]

    return check


def _which(moment: Moment, name: str) -> str:
    return f", to {name}" if len(moment.names) > 1 else ""


def _happens(value: Any, known: Known) -> Check:
    moments = [read_moment(text, known) for text in _list(value)]

    def check(outcome: Outcome) -> list[Failure]:
        return [
            Failure(f"{moment.written}: it does not happen", (*moment.names, *moment.others))
            for moment in moments
            if next(outcome.before.violations(moment), None) is None
        ]

    return check


def _restarted(value: Any, known: Known) -> Check:
    limits = {name: _count(count) for word, count in _table(value) for name in processes_named(word, known)}

    def check(outcome: Outcome) -> list[Failure]:
        failures = []
        for name, (least, most) in limits.items():
            count = max(0, outcome.before.starts.get(name, 0) - 1)
            if not least <= count <= most:
                wanted = f"{least}" if least == most else f"at least {least}" if most == _MANY else f"at most {most}"
                how = f"started again {_times(count)}" if count else "never started again"
                failures.append(Failure(f"{name} is {how}; expected {wanted}", (name,)))
        return failures

    return check


_MANY = 1 << 30


def _count(value: Any) -> tuple[int, int]:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value, value
    least, _, number = value.rpartition(" ") if isinstance(value, str) else ("", "", "")
    if least in ("at least", "at most") and number.isdecimal() and number.isascii():
        return (int(number), _MANY) if least == "at least" else (0, int(number))
    raise BadRequest(f'cannot read {value!r}: expected a number of times, "at least 1" or "at most 3"')


def _at_end(value: Any, known: Known) -> Check:
    states = {name: _state(state) for word, state in _table(value) for name in processes_named(word, known)}

    def check(outcome: Outcome) -> list[Failure]:
        simulation = outcome.simulation
        return [
            Failure(f"{name} is {simulation.states.get(name)} at {_at(simulation.until)}; expected {state}", (name,))
            for name, state in states.items()
            if simulation.states.get(name) != state
        ]

    return check


def _state(value: Any) -> str:
    names = [state.name for state in State]
    if not isinstance(value, str) or value.upper() not in names:
        raise BadRequest(f"there is no state {value!r}{did_you_mean(str(value), names)}; there are {', '.join(names)}")
    return value.upper()


def _stops_within(value: Any, _: Known) -> Check:
    limit = seconds_of(value)

    def check(outcome: Outcome) -> list[Failure]:
        took = outcome.simulation.end - outcome.simulation.until
        if outcome.simulation.exit_status is None:
            return [Failure("the shutdown does not end")]
        return [Failure(f"the shutdown takes {_at(took)}; expected {_at(limit)} at the latest")] if took > limit else []

    return check


def _exit_status(value: Any, _: Known) -> Check:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 255:  # noqa: PLR2004 - a byte
        raise BadRequest(f"cannot read {value!r}: expected an exit status from 0 to 255")

    def check(outcome: Outcome) -> list[Failure]:
        found = outcome.simulation.exit_status
        return [] if found == value else [Failure(f"the master ends with {found}; expected {value}")]

    return check


EXPECTATIONS: Mapping[str, Callable[[Any, Known], Check]] = {
    "running_before": _running_before,
    "back_within": _back_within,
    "order": _order,
    "never": _never,
    "happens": _happens,
    "restarted": _restarted,
    "at_end": _at_end,
    "stop_order": _stop_order,
    "stops_within": _stops_within,
    "exit_status": _exit_status,
}


def _table(value: Any) -> list[tuple[str, Any]]:
    if not isinstance(value, dict) or not value:
        raise BadRequest(f'cannot read {value!r}: expected a table, such as {{ web = "30s" }}')
    return list(value.items())


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise BadRequest(f'cannot read {value!r}: expected a list, such as ["db", "web"]')
    return value


def _at(seconds: float) -> str:
    return show_seconds(round(seconds, 3))


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")
