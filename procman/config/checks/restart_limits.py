"""Finds limits of restarts that can never be reached, because the delays between the restarts are too long for them.

Each run is taken to last no time at all, so that what is reported here is true of every program.
"""

from collections.abc import Iterator

from procman.config.resolve.option_reader import OptionReader
from procman.config.schema.configuration import Config
from procman.config.schema.kinds.durations import BACKOFF, RESTART_LIMIT
from procman.config.schema.programs import Program
from procman.core.spec import FOREVER

# Of more restarts than that the first ones are looked at; the delays have reached their maximum by then.
MOST = 10_000


def warn_of_restart_limits(reading: OptionReader, config: Config) -> None:
    """Warn of each program, once for a section."""
    seen: set[str] = set()
    for group in config.groups:
        for program in group.programs:
            if program.section in seen or program.restart_limit is None:
                continue
            seen.add(program.section)
            for option, message in _doubts(program):
                section = reading.sections.sections[program.section]
                reading.complain(section, option, message, "unreachable-limit", "warning")


def _doubts(program: Program) -> Iterator[tuple[str, str]]:
    assert program.restart_limit is not None
    count, seconds = program.restart_limit
    limit = RESTART_LIMIT.show(program.restart_limit)
    if program.backoff is not None:
        possible = _possible(program, seconds)
        if possible <= count:
            message = (
                f"{limit} can never be reached: with backoff = {BACKOFF.show(program.backoff)} there are at most "
                f"{possible} restarts in that time: allow fewer, name a longer time, or shorten backoff"
            )
            yield "restart_limit", message
            return
    # The delays of failed starts alone: 1 s, 2 s and so on.
    takes = sum(_delays(program, min(count, MOST)))
    if program.startretries != FOREVER and count < program.startretries and takes < seconds:
        message = (
            f"{program.startretries} is never reached: restart_limit = {limit} comes first: raise restart_limit, or "
            "leave startretries out"
        )
        yield "startretries", message


def _possible(program: Program, seconds: float) -> int:
    """How many restarts there can be within so many seconds."""
    passed, number = 0.0, 1
    for delay in _delays(program, MOST):
        passed += delay
        if passed >= seconds:
            return number
        number += 1
    return number


def _delays(program: Program, count: int) -> Iterator[float]:
    """The delays of the first restarts, without jitter."""
    if program.backoff is None:
        yield from range(1, count + 1)
        return
    delay, most = program.backoff
    for _ in range(count):
        yield delay
        delay = min(delay * program.backoff_factor, most)
