"""The limits of a program as the system sets them."""

from procman.config.schema.limits import RLIMITS, LimitedProcess
from procman.system.capabilities import WantedCapabilities
from procman.system.cgroup_limits import CgroupLimits
from procman.system.process_limits import ProcessLimits, Rlimit


def process_limits(program: LimitedProcess) -> ProcessLimits:
    """What each of its processes inherits."""
    wanted = program.capabilities
    return ProcessLimits(
        rlimits=tuple(Rlimit(name, *value) for name, value in rlimits(program).items()),
        nice=program.nice,
        ionice=program.ionice,
        oom_score_adj=program.oom_score_adj,
        cpus=program.cpu_affinity,
        capabilities=None if wanted is None else WantedCapabilities(*wanted),
        no_new_privs=program.no_new_privs,
    )


def rlimits(program: LimitedProcess) -> dict[str, tuple[int, int, bool]]:
    """Those that it sets, under the names of setrlimit(2) in small letters."""
    values = ((name, getattr(program, f"rlimit_{name}")) for name in RLIMITS)
    return {name: value for name, value in values if value is not None}


def cgroup_limits(program: LimitedProcess) -> CgroupLimits:
    """What it and all that it has started have together."""
    return CgroupLimits(
        memory_max=program.memory_max,
        memory_high=program.memory_high,
        cpu_max=program.cpu_max,
        cpu_weight=program.cpu_weight,
        pids_max=program.pids_max,
        oom_group=program.oom_group,
    )
