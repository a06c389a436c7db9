"""The limits of a program as the system sets them."""

from procman.config.schema.kinds.limits import covered_of
from procman.config.schema.limits import RLIMITS, LimitedProcess
from procman.runtime.limit_options import has_cgroup_limits, has_process_limits, has_view
from procman.system.capabilities import WantedCapabilities
from procman.system.cgroup_limits import NO_CGROUP_LIMITS, CgroupLimits
from procman.system.mount_namespace import WHOLE, View, view_with
from procman.system.process_limits import NO_LIMITS, ProcessLimits, Rlimit


def process_limits(program: LimitedProcess) -> ProcessLimits:
    """What each of its processes inherits."""
    if not has_process_limits(program):
        return NO_LIMITS
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


def view_of(program: LimitedProcess) -> View:
    """What it sees of the file system."""
    if not has_view(program):
        return WHOLE
    paths = program.read_only_paths, program.read_write_paths, program.inaccessible_paths
    return view_with(program.private_tmp, *(map(covered_of, texts) for texts in paths))


def rlimits(program: LimitedProcess) -> dict[str, tuple[int, int, bool]]:
    """Those that it sets, under the names of setrlimit(2) in small letters."""
    values = ((name, getattr(program, f"rlimit_{name}")) for name in RLIMITS)
    return {name: value for name, value in values if value is not None}


def cgroup_limits(program: LimitedProcess) -> CgroupLimits:
    """What it and all that it has started have together."""
    if not has_cgroup_limits(program):
        return NO_CGROUP_LIMITS
    return CgroupLimits(
        memory_max=program.memory_max,
        memory_high=program.memory_high,
        cpu_max=program.cpu_max,
        cpu_weight=program.cpu_weight,
        pids_max=program.pids_max,
        oom_group=program.oom_group,
    )
