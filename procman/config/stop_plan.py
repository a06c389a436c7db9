"""How long a shutdown takes at most: the sum over its stop waves, what makes it long, and what would make it shorter.

The waves are those of the core: groups of one priority stop together, the highest priority number first (so listeners,
with -1, stop last), what others depend on in a wave of its own after them. A wave lasts as long as the largest
stopwaitsecs in it, with the time that the hooks of that stop may take. Every process counts, also without
autostart, because it may have been started by hand.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from procman.config.levels import arrange_groups
from procman.config.schema.configuration import Config
from procman.config.schema.kinds.durations import sum_of_parts
from procman.config.schema.notify import LAST_WORDS
from procman.config.schema.programs import Program
from procman.core.spec import Hook
from procman.errors import BadRequest

# Seconds that the master needs beyond the waits: to send signals, to reap, to write the last lines.
MASTER = 1
# Default grace periods of container runtimes, in seconds.
DOCKER = 10
KUBERNETES = 30

_PLAIN = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")  # a TOML key that needs no quotes
_MOST_NAMES = 3  # programs of a wave that a line names

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Wave:
    """Groups that stop together. `seconds` is their longest stop, `critical` are the programs with it."""

    priority: int
    seconds: float
    critical: tuple[Program, ...]
    programs: tuple[Program, ...]
    level: int = 0  # above what depends on nothing
    hooks: float = 0  # what of `seconds` is for hooks


@dataclass(frozen=True, slots=True)
class StopPlan:
    """The longest possible shutdown; waves in the order in which they stop, without those that have no process.

    `needed` is its duration without a limit, `seconds` under `shutdown_timeout`; both include `master`.
    """

    waves: tuple[Wave, ...]
    shutdown_timeout: float | None
    toml: bool = False  # the form of the file, for advice
    master: float = MASTER  # what the master itself needs, in seconds
    failure: float = 0  # how long the on_failure may take that a failure has begun at the same time

    @property
    def needed(self) -> float:
        """The sum of the waves, and what the master itself needs."""
        return _tidy(max(sum(wave.seconds for wave in self.waves), self.failure) + self.master)

    @property
    def seconds(self) -> float:
        """The duration under `shutdown_timeout`, which shortens every wave to its share."""
        return self.needed if self.shutdown_timeout is None else min(self.needed, self.shutdown_timeout)


@dataclass(frozen=True, slots=True)
class Change:
    """A line to change in a file: `section` as it is written there, the option, and its value before and after."""

    section: str
    option: str
    before: float | None
    after: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """A plan compared with a budget. `over` is by how much it is too long (0 if it fits).

    `changes` together would make it fit; there are none if that needs a stopwaitsecs of 0. `timeout` alone would make
    it fit too; it is None if the budget is less than the master itself needs.
    """

    name: str
    budget: float
    over: float
    changes: tuple[Change, ...] = ()
    timeout: Change | None = None

    @property
    def fits(self) -> bool:
        """Whether the shutdown is over in time."""
        return self.over <= 0


def stop_plan(config: Config) -> StopPlan:
    """The plan of a configuration, or of the groups that are active now."""
    tied = any(program.depends_on for group in config.groups for program in group.programs)
    places = arrange_groups(config.groups) if tied else {}
    by_wave: dict[tuple[int, int], list[Program]] = {}
    for group in config.groups:
        for program in group.programs:
            wave = places[program.namespec].wave if tied else (group.priority, 0)
            by_wave.setdefault(wave, []).append(program)
    waves = tuple(_wave(*wave, by_wave[wave]) for wave in sorted(by_wave, reverse=True))
    # Messages that are under way at the end are waited for.
    own = MASTER + (LAST_WORDS if config.notify else 0)
    programs = [program for group in config.groups for program in group.programs]
    failure = max((program.longest_hook(Hook.ON_FAILURE) for program in programs), default=0)
    return StopPlan(waves, config.master.shutdown_timeout, config.file.endswith(".toml"), own, failure)


def _wave(priority: int, level: int, programs: list[Program]) -> Wave:
    longest = max(map(_longest_stop, programs))
    critical = tuple(program for program in programs if _longest_stop(program) == longest)
    hooks = max((program.hooks_of_stop for program in critical), default=0)
    # A negative wait counts as 0.
    return Wave(priority, _tidy(max(longest, 0)), critical, tuple(programs), level, _tidy(hooks))


def _longest_stop(program: Program) -> float:
    hooks = program.hooks_of_stop
    return max(program.stopwaitsecs, 0) + hooks if hooks else program.stopwaitsecs


def read_duration(text: str) -> float:
    """The seconds of 10, 10s, 1m30s or 500ms; raises BadRequest for anything else."""
    word = text.strip().lower()
    seconds = float(word) if _PLAIN.fullmatch(word) else sum_of_parts(word)
    if seconds is None:
        raise BadRequest(f"cannot read the duration {text[:40]!r}: expected something like 10, 10s, 1m30s or 500ms")
    return _tidy(seconds)


def show_duration(seconds: float) -> str:
    """10 s or 0.5 s."""
    return f"{_tidy(seconds)} s"


def judge(plan: StopPlan, budget: float, name: str = "budget") -> Verdict:
    """Compare the plan with a budget; if it does not fit, say what would make it fit."""
    over = _tidy(plan.seconds - budget)
    if over <= 0:
        return Verdict(name, budget, 0)
    return Verdict(name, budget, over, _shorter(plan, budget), _timeout(plan, budget))


def compare(plan: StopPlan, budget: float | None = None) -> tuple[Verdict, ...]:
    """Compare the plan with the budget, or without one with the defaults of container runtimes."""
    if budget is not None:
        return (judge(plan, budget),)
    return judge(plan, DOCKER, "docker stop"), judge(plan, KUBERNETES, "Kubernetes")


def warning(plan: StopPlan, budget: float) -> str | None:
    """A line for the master's log if its shutdown may take longer than the budget."""
    verdict = judge(plan, budget)
    if verdict.fits:
        return None
    waits = [f"{_some(wave.critical)} {show_duration(wave.seconds)}" for wave in plan.waves if wave.seconds]
    rest = plan.needed - plan.master - sum(wave.seconds for wave in plan.waves)
    if rest > 0:
        waits.append(f"the rest of on_failure {show_duration(rest)}")
    why = ", then ".join([*waits, f"procman itself {show_duration(plan.master)}"])
    if plan.seconds < plan.needed:
        why = "its shutdown_timeout"
    return (
        f"a shutdown may take {show_duration(plan.seconds)} ({why}), and PROCMAN_STOP_BUDGET allows "
        f"{show_duration(budget)}: allow more, or see what `procman check --budget {_tidy(budget)}s` would change"
    )


def to_json(plan: StopPlan, verdicts: Iterable[Verdict]) -> Json:
    """The shape that `check --json` and GET /v1/stop-plan have; see `StopPlanInfo` in api.shapes."""
    return {
        "seconds": plan.seconds,
        "needed": plan.needed,
        "master": plan.master,
        "shutdown_timeout": plan.shutdown_timeout,
        "waves": [
            {
                "priority": wave.priority,
                "level": wave.level,
                "seconds": wave.seconds,
                **({"hooks": wave.hooks} if wave.hooks else {}),
                "critical": [program.namespec for program in wave.critical],
                "processes": len(wave.programs),
            }
            for wave in plan.waves
        ],
        "budgets": [
            {
                "name": verdict.name,
                "seconds": verdict.budget,
                "fits": verdict.fits,
                "over": verdict.over,
                "changes": [_change(change) for change in verdict.changes],
                "timeout": None if verdict.timeout is None else _change(verdict.timeout),
            }
            for verdict in verdicts
        ],
    }


def _change(change: Change) -> Json:
    return {"section": change.section, "option": change.option, "before": change.before, "after": change.after}


def _some(programs: tuple[Program, ...]) -> str:
    names = [program.namespec for program in programs[:_MOST_NAMES]]
    more = len(programs) - len(names)
    return ", ".join(names) + (f" and {more} more" if more else "")


# ------------------------------------------------------------------------------------------------ what would fit


def _shorter(plan: StopPlan, budget: float) -> tuple[Change, ...]:
    """The sections to change: the longest waves are shortened most, and no wave to less than a second."""
    waves = sorted((wave for wave in plan.waves if wave.seconds), key=lambda wave: wave.seconds)
    left = budget - plan.master
    if left < max(len(waves), plan.failure):
        return ()  # stopwaitsecs does not shorten what on_failure may take
    limits: dict[tuple[int, int], float] = {}
    for number, wave in enumerate(waves):
        # Whole seconds, because INI has no fractions. A wave below its share leaves the rest to the others.
        share = left // (len(waves) - number)
        limits[wave.priority, wave.level] = min(wave.seconds, share)
        left -= limits[wave.priority, wave.level]
    changes: dict[str, Change] = {}
    for wave in plan.waves:
        for program in wave.programs:
            limit = limits.get((wave.priority, wave.level), _longest_stop(program)) - program.hooks_of_stop
            if program.hooks_of_stop and limit < 1:
                return ()  # no wait is short enough for what its hooks may take
            section = _section(program.section, toml=plan.toml)
            # A program may be in several groups, and so in several waves.
            before = changes.get(section)
            if program.stopwaitsecs > limit and (before is None or before.after > limit):
                changes[section] = Change(section, "stopwaitsecs", program.stopwaitsecs, _tidy(limit))
    return tuple(changes.values())


def _timeout(plan: StopPlan, budget: float) -> Change | None:
    if budget <= plan.master:
        return None
    section = "[procman]" if plan.toml else "[supervisord]"
    return Change(section, "shutdown_timeout", plan.shutdown_timeout, budget)


def _section(section: str, *, toml: bool) -> str:
    """The header of a section as the file has it: [program:web], in TOML [program.web]."""
    kind, _, name = section.partition(":")
    if not toml:
        return f"[{section}]"
    return f"[{kind}.{name}]" if _BARE_KEY.fullmatch(name) else f"[{kind}.{json.dumps(name, ensure_ascii=False)}]"


def _tidy(seconds: float) -> float:
    """10 rather than 10.0, rounded to milliseconds."""
    rounded = round(seconds, 3)
    return int(rounded) if rounded == int(rounded) else rounded
