"""Finds limits of restarts that can never be reached, because the delays between the restarts are too long for them.

What is reported here is true of every program: of all ways in which its runs may end, the one with the most restarts
is looked at, and a start that fails is taken to last as long as it may.
"""

from collections.abc import Iterator
from itertools import accumulate
from math import inf

from procman.config.resolve.option_reader import OptionReader
from procman.config.schema.configuration import Config
from procman.config.schema.kinds.durations import BACKOFF, RESTART_LIMIT
from procman.config.schema.programs import Program
from procman.core.backoff import reset_after, retry_delay
from procman.core.restarts import BRAKE_DELAY, BRAKE_STARTS, BRAKE_WINDOW
from procman.core.spec import FOREVER, Hook

# Of more restarts than that the first ones are looked at.
MOST = 1000


def warn_of_restart_limits(reading: OptionReader, config: Config) -> None:
    """Warn of each program, once for a section."""
    seen: set[str] = set()
    for group in config.groups:
        for program in group.programs:
            if program.section in seen or program.restart_limit is None:
                continue
            seen.add(program.section)
            section = reading.sections.sections[program.section]
            limits_tries = reading.raw(section, "startretries") is not None
            for option, message in doubts(program, brake=config.master.restart_brake, limits_tries=limits_tries):
                reading.complain(section, option, message, "unreachable-limit", "warning")


def doubts(program: Program, *, brake: bool, limits_tries: bool) -> Iterator[tuple[str, str]]:
    """The options of a program with a restart_limit that have no effect, and why.

    `brake`: restart_brake is on. `limits_tries`: startretries is in the file.
    """
    assert program.restart_limit is not None
    count, seconds = program.restart_limit
    limit = RESTART_LIMIT.show(program.restart_limit)
    if _is_tried_less_often(program, count):
        message = (
            f"{limit} can never be reached: a one-shot that fails is tried again as often as startretries says, "
            f"{program.startretries} times: raise startretries, or leave restart_limit out"
        )
        yield "restart_limit", message
        return
    possible = _possible(program, count, seconds, brake=brake)
    if possible < count:
        slow = f"backoff = {BACKOFF.show(program.backoff)}" if program.backoff is not None else "restart_brake"
        way_out = ", or shorten backoff" if program.backoff is not None else ""
        message = (
            f"{limit} can never be reached: with {slow} there are at most {possible} restarts in that time: "
            f"allow fewer{',' if way_out else ' or'} name a longer time{way_out}"
        )
        yield "restart_limit", message
        return
    if program.backoff is not None or not limits_tries or program.startretries == FOREVER:
        return
    # Failed starts alone, each as slow as it may be; the delays are 1 s, 2 s and so on.
    takes = sum(range(1, min(count, MOST) + 1)) + (count + 1) * _longest_failure(program)
    if count < program.startretries and takes < seconds:
        message = (
            f"{program.startretries} is never reached: restart_limit = {limit} comes first: raise restart_limit, or "
            "leave startretries out"
        )
        yield "startretries", message


def _is_tried_less_often(program: Program, count: int) -> bool:
    """A one-shot that nothing else restarts fails for good before its restarts are too many."""
    alone = program.is_oneshot and program.schedule is None and program.on_dependency_restart[0] == "ignore"
    return alone and program.startretries != FOREVER and program.startretries <= count


def _possible(program: Program, count: int, seconds: float, *, brake: bool) -> int:
    """How many restarts there can be within so many seconds, or `count` if there can be as many."""
    # By number: the earliest time of each restart, and of it where the run before it was long enough to forget the
    # delays. The first one follows such a run.
    earliest, anew = [0.0], [0.0]
    delays = _sums_of_delays(program, min(count, MOST))
    for number in range(1, min(count, MOST)):
        anew.append(earliest[-1] + reset_after(program))
        earliest.append(min(anew[number - short] + delays[short] for short in range(number + 1)))
        if max(earliest[-1], _braked(number + 1) if brake else 0.0) >= seconds:
            return number
    return count


def _sums_of_delays(program: Program, count: int) -> list[float]:
    """How long so many restarts are delayed together, each after a run that was too short; without jitter."""
    if program.backoff is None:
        return [0.0] * (count + 1)  # the runs may have been RUNNING
    return [0.0, *accumulate(retry_delay(program, 0, number) for number in range(1, count + 1))]


def _braked(number: int) -> float:
    """The earliest time of a restart as far as the brake matters, in seconds after the first one.

    A group is started at once, then one each second; or after a run of ten seconds there is another group at once.
    """
    group = BRAKE_STARTS + 1
    rest = max(0, number - group)
    return rest * BRAKE_DELAY - rest // group * (group * BRAKE_DELAY - BRAKE_WINDOW)


def _longest_failure(program: Program) -> float:
    """How long a start may take that fails, in seconds."""
    hooks = program.longest_hook(Hook.PRE_START)
    if not program.ready:
        return program.startsecs + hooks
    return inf if program.start_timeout is None else program.start_timeout + program.stopwaitsecs + hooks
