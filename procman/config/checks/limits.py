"""Finds limits that could not be set on this machine, by the user who checks: they would be failed starts."""

import os
from collections.abc import Iterator
from contextlib import suppress

from procman.config.resolve.option_reader import OptionReader
from procman.config.schema.configuration import Config
from procman.config.schema.kinds.limits import covered_of
from procman.config.schema.limits import RLIMITS
from procman.config.schema.programs import Program
from procman.system.capabilities import bounding_set, is_effective
from procman.system.cgroup import why_no_limits
from procman.system.mount_namespace import View, view_with
from procman.system.process_limits import (
    Rlimit,
    is_raised,
    missing_cpus,
    own_oom_score,
    why_no_oom_score,
    why_no_rlimit,
    why_not_nice,
)
from procman.system.shell_split import split_words

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
    yield from _of_the_view(program)
    if program.capabilities is None:
        return
    has, _, optional = program.capabilities
    missing = sorted(set(has) - {"ALL"} - bounding_set())
    if missing:
        yield "capabilities", f"{', '.join(missing).lower()}: not even root has that here", optional
    elif not is_effective("SETPCAP"):
        yield "capabilities", "only root (CAP_SETPCAP) may limit them: start procman as root, or take it out", optional


def _of_the_view(program: Program) -> Iterator[_Doubt]:
    paths = program.read_only_paths, program.read_write_paths, program.inaccessible_paths
    view = view_with(program.private_tmp, *(map(covered_of, texts) for texts in paths))
    if not view:
        return
    if not is_effective("SYS_ADMIN"):
        why = "only root (CAP_SYS_ADMIN, which a container usually lacks) can give it a file system view of its own"
        if program.private_tmp is not None:
            yield "private_tmp", f"{why}: start procman as root, or put a ? in front", program.private_tmp[1]
        for option in ("read_only_paths", "inaccessible_paths"):
            marks = [covered_of(text)[1] for text in getattr(program, option)]
            if marks:
                yield option, f"{why}: start procman as root, or put a ? in front of each path", all(marks)
    if program.read_write_paths and not program.read_only_paths:
        yield "read_write_paths", "without effect, as there are no read_only_paths: take it out", False
    for option in ("read_only_paths", "read_write_paths", "inaccessible_paths"):
        for path, optional in map(covered_of, getattr(program, option)):
            if hidden := View(private_tmp=view.private_tmp).hiding(path):
                yield option, f"{hidden}, or leave it out", optional
            elif not optional and _is_missing(path):
                yield option, f"there is no {path}: make it, or put a ? in front to leave it out", False
    used = ("directory", program.directory or ""), ("command", _file_of(program))
    for option, place in used:
        if place and (hidden := view.hiding(place)):
            yield option, hidden, False


def _file_of(program: Program) -> str:
    with suppress(ValueError, IndexError):
        name = split_words(program.command)[0]
        return os.path.join(program.directory or "", name) if "/" in name else ""
    return ""


def _is_missing(path: str) -> bool:
    """Whether it is known not to be there."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        pass
    return False
