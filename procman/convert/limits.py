"""Limits in other engines, as far as these have them, and notes on what they have not."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeGuard

from procman.config.schema.kinds.limits import UNLIMITED, Capabilities, show_cpus
from procman.config.schema.limits import RLIMITS
from procman.config.schema.programs import Program
from procman.convert.portability import Carried, sections
from procman.convert.views import is_read_only, lost_of_views, view_in_compose, view_in_systemd
from procman.convert.yaml import Comment, Flow, Yaml

Mapped = dict[str | Comment, Yaml]

_PER_CENT = 100
# A weight of 100 is docker's 1024 shares.
_SHARES = 10.24
# Docker knows all others by the same names.
_NOT_IN_DOCKER = ("as",)
_RESTARTS = ("memory_restart", "max_age")

_LOST_IN_COMPOSE = ("rlimit_as", "nice", "ionice", "memory_high", "oom_group", *_RESTARTS)
_LOST_IN_KUBERNETES = (
    *(f"rlimit_{name}" for name in RLIMITS),
    "nice",
    "ionice",
    "oom_score_adj",
    "cpu_affinity",
    "supplementary_groups",
    "memory_high",
    "cpu_weight",
    "pids_max",
    "oom_group",
    *_RESTARTS,
)
_LOST_IN_SYSTEMD = ("memory_restart",)


# ---- systemd


def in_systemd(program: Program) -> list[str]:
    """The lines of a [Service]; see systemd.exec(5) and systemd.resource-control(5)."""
    lines = [f"Group={program.user_group}"] if program.user_group else []
    if program.supplementary_groups:
        lines.append(f"SupplementaryGroups={' '.join(program.supplementary_groups)}")
    for name, (soft, hard, _) in _rlimits(program):
        values = [_infinity(soft), _infinity(hard)]
        lines.append(f"Limit{name.upper()}={values[0] if soft == hard else ':'.join(values)}")
    if program.nice is not None:
        lines.append(f"Nice={program.nice[0]}")
    if program.ionice is not None:
        name, level, _ = program.ionice
        lines.append(f"IOSchedulingClass={name}")
        lines += [f"IOSchedulingPriority={level}"] if name != "idle" else []
    if program.oom_score_adj is not None:
        lines.append(f"OOMScoreAdjust={program.oom_score_adj[0]}")
    if program.cpu_affinity is not None:
        lines.append(f"CPUAffinity={show_cpus(program.cpu_affinity[0])}")
    lines += ["NoNewPrivileges=yes"] if program.no_new_privs else []
    if program.capabilities is not None:
        listed = _systemds(program.capabilities)
        lines.append(f"CapabilityBoundingSet={listed}")
        lines += [f"AmbientCapabilities={listed}"] if program.uid and listed else []
    return [*lines, *view_in_systemd(program), *_shared_in_systemd(program), *_age_in_systemd(program)]


def _shared_in_systemd(program: Program) -> list[str]:
    lines = []
    for key, limit, unit in (
        ("MemoryMax", program.memory_max, ""),
        ("MemoryHigh", program.memory_high, ""),
        ("CPUQuota", program.cpu_max, "%"),
        ("CPUWeight", program.cpu_weight, ""),
        ("TasksMax", program.pids_max, ""),
    ):
        if limit is not None:
            unlimited = "" if key == "CPUQuota" else "infinity"
            lines.append(f"{key}={unlimited if limit[0] == UNLIMITED else f'{limit[0]}{unit}'}")
    has_memory = program.memory_max is not None or program.memory_high is not None
    together = has_memory if program.oom_group is None else program.oom_group
    if has_memory or program.oom_group is not None:
        lines.append(f"OOMPolicy={'kill' if together else 'continue'}")
    return lines


def _age_in_systemd(program: Program) -> list[str]:
    if program.max_age is None:
        return []
    lines = ["# max_age: it ends as a failure, and Restart= starts it again", f"RuntimeMaxSec={program.max_age:g}"]
    extra = program.max_age * program.max_age_jitter
    return [*lines, f"RuntimeRandomizedExtraSec={extra:g}"] if extra else lines


def _systemds(capabilities: Capabilities) -> str:
    has, lacks, _ = capabilities
    if "ALL" in has:
        return "~" + " ".join(f"CAP_{name}" for name in lacks)
    return " ".join(f"CAP_{name}" for name in has)


def _infinity(limit: int) -> str:
    return "infinity" if limit == UNLIMITED else str(limit)


# ---- compose


def in_compose(program: Program) -> Mapped:
    """The keys of a service, but for its user."""
    found: Mapped = {}
    ulimits: Mapped = {
        name: soft if soft == hard else {"soft": soft, "hard": hard}
        for name, (soft, hard, _) in _rlimits(program)
        if name not in _NOT_IN_DOCKER
    }
    if ulimits:
        found["ulimits"] = ulimits
    if _is_set(program.memory_max):
        found["mem_limit"] = program.memory_max[0]
    if _is_set(program.cpu_max):
        found["cpus"] = f"{program.cpu_max[0] / _PER_CENT:g}"
    if _is_set(program.cpu_weight):
        found["cpu_shares"] = round(program.cpu_weight[0] * _SHARES)
    if _is_set(program.pids_max):
        found["pids_limit"] = program.pids_max[0]
    if program.oom_score_adj is not None:
        found["oom_score_adj"] = program.oom_score_adj[0]
    if program.cpu_affinity is not None:
        found["cpuset"] = show_cpus(program.cpu_affinity[0])
    if program.supplementary_groups:
        found["group_add"] = Flow(program.supplementary_groups)
    added, dropped = _docker(program.capabilities)
    if dropped:
        found["cap_drop"] = Flow(dropped)
    if added:
        found["cap_add"] = Flow(added)
    if program.no_new_privs:
        found["security_opt"] = Flow(("no-new-privileges:true",))
    return found | view_in_compose(program)


# ---- Kubernetes


class InKubernetes(NamedTuple):
    """What a container has."""

    resources: Mapped
    security: Mapped  # of its securityContext


def in_kubernetes(program: Program) -> InKubernetes:
    """Both may be empty."""
    limits: Mapped = {}
    if _is_set(program.memory_max):
        limits["memory"] = str(program.memory_max[0])
    if _is_set(program.cpu_max):
        limits["cpu"] = f"{program.cpu_max[0] * 10}m"
    security: Mapped = {}
    if program.gid is not None:
        security["runAsGroup"] = program.gid
    if program.no_new_privs:
        security["allowPrivilegeEscalation"] = False
    added, dropped = _docker(program.capabilities)
    if dropped or added:
        capabilities: Mapped = {}
        if dropped:
            capabilities["drop"] = Flow(dropped)
        if added:
            capabilities["add"] = Flow(added)
        security["capabilities"] = capabilities
    if is_read_only(program):
        security["readOnlyRootFilesystem"] = True
    return InKubernetes({"limits": limits} if limits else {}, security)


# ---- what is lost


def lost_in_compose(processes: Sequence[Carried]) -> list[str]:
    """Notes for a compose file."""
    return [
        *_lost(processes, _LOST_IN_COMPOSE, "which docker has not"),
        *_only_for_root(processes),
        *lost_of_views(processes, "docker"),
    ]


def lost_in_kubernetes(processes: Sequence[Carried]) -> list[str]:
    """Notes for a Deployment."""
    return [
        *_lost(processes, _LOST_IN_KUBERNETES, "which a container of Kubernetes has not"),
        *_only_for_root(processes),
        *lost_of_views(processes, "a container of Kubernetes"),
    ]


def lost_in_systemd(processes: Sequence[Carried]) -> list[str]:
    """Notes for units."""
    return _lost(processes, _LOST_IN_SYSTEMD, "which systemd has not: MemoryHigh= or MemoryMax= limits the memory")


def _lost(processes: Sequence[Carried], options: Iterable[str], why: str) -> list[str]:
    """One note for each section."""
    lost: dict[str, dict[str, None]] = {}
    for option in options:
        for process in processes:
            if _has(process.program, option):
                lost.setdefault(process.program.section, {})[option] = None
    return [f"[{section}]: {', '.join(names)}, {why}" for section, names in lost.items()]


def _only_for_root(processes: Sequence[Carried]) -> list[str]:
    who = sections(processes, lambda p: p.capabilities is not None and p.uid not in (None, 0))
    return [f"{who}: container engines give capabilities to root only, not to another user"] if who else []


def _has(program: Program, option: str) -> bool:
    return getattr(program, option) not in (None, (), False)


def _is_set(limit: tuple[int, bool] | None) -> TypeGuard[tuple[int, bool]]:
    return limit is not None and limit[0] != UNLIMITED


def _rlimits(program: Program) -> list[tuple[str, tuple[int, int, bool]]]:
    values = ((name, getattr(program, f"rlimit_{name}")) for name in RLIMITS)
    return [(name, value) for name, value in values if value is not None]


def _docker(capabilities: Capabilities | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What is added, and what is taken away."""
    if capabilities is None:
        return (), ()
    has, lacks, _ = capabilities
    return (("ALL",), lacks) if "ALL" in has else (has, ("ALL",))
