"""How long a shutdown takes at worst: the sum over its stop waves, who makes it so long, and what would make it fit.

No I/O here. The waves are those of `core.fleet`: groups of one priority stop together, the highest priority number
first (so listeners, with -1, come last), and a wave lasts as long as the largest stopwaitsecs in it. Every process
counts, also one without autostart: somebody may have started it.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from procman.config.schema.configuration import Config
from procman.config.schema.kinds.durations import sum_of_parts
from procman.config.schema.programs import Program
from procman.errors import BadRequest

# What the master needs beside the waits, in seconds: to send the signals, to reap, to write the last lines.
MASTER = 1
# How long those wait who stop containers, in seconds, when nobody tells them otherwise.
DOCKER = 10
KUBERNETES = 30

_PLAIN = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")  # of TOML, which needs quotes around all others
_MOST_NAMES = 3  # of a wave in one line of text

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Wave:
    """Groups that are stopped together. `seconds` is its longest stopwaitsecs, `critical` are those that have it."""

    priority: int
    seconds: float
    critical: tuple[Program, ...]
    programs: tuple[Program, ...]


@dataclass(frozen=True, slots=True)
class StopPlan:
    """A shutdown at its worst; the waves in the order in which they are stopped, without those that have no process.

    `needed` is what it takes when nothing cuts it short, `seconds` what it may take, both with the master's own second.
    """

    waves: tuple[Wave, ...]
    shutdown_timeout: float | None
    toml: bool = False  # in which form advice is to be given

    @property
    def needed(self) -> float:
        """The sum of the waves, and the master's own second."""
        return _tidy(sum(wave.seconds for wave in self.waves) + MASTER)

    @property
    def seconds(self) -> float:
        """The same under `shutdown_timeout`, which cuts every wave to its share."""
        return self.needed if self.shutdown_timeout is None else min(self.needed, self.shutdown_timeout)


@dataclass(frozen=True, slots=True)
class Change:
    """A line that would have to stand in a file: `section` as it is written there, and what its option is now."""

    section: str
    option: str
    before: float | None
    after: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """A plan held against a budget. `over` is by how much it is too long (0: it fits).

    `changes` together would make it fit; there are none where no stopwaitsecs above 0 would. `timeout` alone would make
    it fit, too; None where the budget is less than the master itself needs.
    """

    name: str
    budget: float
    over: float
    changes: tuple[Change, ...] = ()
    timeout: Change | None = None

    @property
    def fits(self) -> bool:
        """Is it over before somebody loses patience?"""
        return self.over <= 0


def stop_plan(config: Config) -> StopPlan:
    """The plan of a configuration, or of the groups that are active just now."""
    by_priority: dict[int, list[Program]] = {}
    for group in config.groups:
        if group.programs:
            by_priority.setdefault(group.priority, []).extend(group.programs)
    waves = tuple(_wave(priority, by_priority[priority]) for priority in sorted(by_priority, reverse=True))
    return StopPlan(waves, config.master.shutdown_timeout, config.file.endswith(".toml"))


def _wave(priority: int, programs: list[Program]) -> Wave:
    longest = max(program.stopwaitsecs for program in programs)
    critical = tuple(program for program in programs if program.stopwaitsecs == longest)
    # A wait of less than nothing is none.
    return Wave(priority, max(longest, 0), critical, tuple(programs))


def read_duration(text: str) -> float:
    """Seconds of 10, 10s, 1m30s or 500ms; raises BadRequest."""
    word = text.strip().lower()
    seconds = float(word) if _PLAIN.fullmatch(word) else sum_of_parts(word)
    if seconds is None:
        raise BadRequest(f"cannot read the duration {text[:40]!r}: expected something like 10, 10s, 1m30s or 500ms")
    return _tidy(seconds)


def show_duration(seconds: float) -> str:
    """10 s; half a second is 0.5 s."""
    return f"{_tidy(seconds)} s"


def judge(plan: StopPlan, budget: float, name: str = "budget") -> Verdict:
    """Does it fit in so many seconds? If not: what would."""
    over = _tidy(plan.seconds - budget)
    if over <= 0:
        return Verdict(name, budget, 0)
    return Verdict(name, budget, over, _shorter(plan, budget), _timeout(plan, budget))


def compare(plan: StopPlan, budget: float | None = None) -> tuple[Verdict, ...]:
    """Against that budget; without one against what containers have when nobody says anything."""
    if budget is not None:
        return (judge(plan, budget),)
    return judge(plan, DOCKER, "docker stop"), judge(plan, KUBERNETES, "Kubernetes")


def warning(plan: StopPlan, budget: float) -> str | None:
    """A line for the master's log, where its shutdown may take longer than it will be given."""
    verdict = judge(plan, budget)
    if verdict.fits:
        return None
    waits = [f"{_some(wave.critical)} {show_duration(wave.seconds)}" for wave in plan.waves if wave.seconds]
    why = ", then ".join([*waits, f"procman itself {show_duration(MASTER)}"])
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
        "master": MASTER,
        "shutdown_timeout": plan.shutdown_timeout,
        "waves": [
            {
                "priority": wave.priority,
                "seconds": wave.seconds,
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
    """The sections whose stopwaitsecs have to be less: the longest waves give most, and no wave less than a second."""
    waves = sorted((wave for wave in plan.waves if wave.seconds), key=lambda wave: wave.seconds)
    left = budget - MASTER
    if left < len(waves):
        return ()
    limits: dict[int, float] = {}
    for number, wave in enumerate(waves):
        # Whole seconds, for INI knows no others. Whoever needs less than an even share leaves the rest to the others.
        share = left // (len(waves) - number)
        limits[wave.priority] = min(wave.seconds, share)
        left -= limits[wave.priority]
    changes: dict[str, Change] = {}
    for wave in plan.waves:
        for program in wave.programs:
            limit = limits.get(wave.priority, program.stopwaitsecs)
            section = _section(program.section, toml=plan.toml)
            # A program may be in groups of several waves.
            before = changes.get(section)
            if program.stopwaitsecs > limit and (before is None or before.after > limit):
                changes[section] = Change(section, "stopwaitsecs", program.stopwaitsecs, _tidy(limit))
    return tuple(changes.values())


def _timeout(plan: StopPlan, budget: float) -> Change | None:
    if budget <= MASTER:
        return None
    section = "[procman]" if plan.toml else "[supervisord]"
    return Change(section, "shutdown_timeout", plan.shutdown_timeout, budget)


def _section(section: str, *, toml: bool) -> str:
    """[program:web] as the file has it: in TOML [program.web]."""
    kind, _, name = section.partition(":")
    if not toml:
        return f"[{section}]"
    return f"[{kind}.{name}]" if _BARE_KEY.fullmatch(name) else f"[{kind}.{json.dumps(name, ensure_ascii=False)}]"


def _tidy(seconds: float) -> float:
    """10 rather than 10.0, and no more digits than a clock is worth."""
    rounded = round(seconds, 3)
    return int(rounded) if rounded == int(rounded) else rounded
