"""Finds limits that could not be set on this machine, by the user who checks: they would be failed starts."""

import os
from collections.abc import Iterator

from procman.config.resolve.option_reader import OptionReader
from procman.config.schema.configuration import Config
from procman.config.schema.limits import RLIMITS
from procman.config.schema.programs import Program
from procman.system.capabilities import bounding_set, is_effective
from procman.system.cgroup import why_no_limits
from procman.system.process_limits import (
    Rlimit,
    is_raised,
    missing_cpus,
    own_oom_score,
    why_no_oom_score,
    why_no_rlimit,
    why_not_nice,
)

_CONTROLLERS = {
    "memory_max": "memory",
    "memory_high": "memory",
    "cpu_max": "cpu",
    "cpu_weight": "cpu",
    "pids_max": "pids",
}
# An option, why it cannot be set, and whether it is a best effort.
_Doubt = tuple[str, str, bool]


def warn_of_limits(reading: OptionReader, config: Config) -> None:
    """Complain about each option, once for a section."""
    if reading.machine.is_assumed:
        return
    seen: set[str] = set()
    for group in config.groups:
        for program in group.programs:
            if program.section in seen:
                continue
            seen.add(program.section)
            section = reading.sections.sections[program.section]
            for option, why, optional in _doubts(program):
                is_lost = option == "cpu_affinity" and not optional
                message = f"{why} (here it starts without)" if optional else why
                reading.complain(section, option, message, "impossible-limit", "error" if is_lost else "warning")


def _doubts(program: Program) -> Iterator[_Doubt]:
    yield from _of_each_process(program)
    yield from _of_rights(program)
    known: dict[str, str] = {}
    for option, controller in _CONTROLLERS.items():
        limit = getattr(program, option)
        if limit is None:
            continue
        if controller not in known:
            known[controller] = why_no_limits(frozenset({controller}))
        if known[controller]:
            yield option, f"cannot be set here: {known[controller]}", limit[1]


def _of_each_process(program: Program) -> Iterator[_Doubt]:
    for name in RLIMITS:
        value = getattr(program, f"rlimit_{name}")
        if value is not None and not is_effective("SYS_RESOURCE"):
            one = Rlimit(name, *value)
            if is_raised(one):
                yield f"rlimit_{name}", why_no_rlimit(one), one.optional
    if program.nice is not None and not is_effective("SYS_NICE"):
        value, optional = program.nice
        if value < os.getpriority(os.PRIO_PROCESS, 0):
            yield "nice", why_not_nice(value), optional
    if program.oom_score_adj is not None and not is_effective("SYS_RESOURCE"):
        value, optional = program.oom_score_adj
        if value < own_oom_score():
            yield "oom_score_adj", why_no_oom_score(value), optional
    if program.cpu_affinity is not None:
        cpus, optional = program.cpu_affinity
        text = missing_cpus(cpus)
        if text:
            yield "cpu_affinity", text, optional


def _of_rights(program: Program) -> Iterator[_Doubt]:
    root = os.geteuid() == 0
    if program.ionice is not None and program.ionice[0] == "realtime" and not root:
        yield "ionice", "only root (CAP_SYS_ADMIN, CAP_SYS_NICE) may have realtime", program.ionice[2]
    for option, gids in (("user_group", (program.gid,)), ("supplementary_groups", program.extra_gids)):
        if not root and any(gid not in (None, os.getegid()) for gid in gids):
            yield option, "only root may change groups: start procman as root, or take it out", False
    if program.capabilities is None:
        return
    has, _, optional = program.capabilities
    missing = sorted(set(has) - {"ALL"} - bounding_set())
    if missing:
        yield "capabilities", f"{', '.join(missing).lower()}: not even root has that here", optional
    elif not is_effective("SETPCAP"):
        yield "capabilities", "only root (CAP_SETPCAP) may limit them: start procman as root, or take it out", optional
