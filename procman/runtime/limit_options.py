"""Whether a program has limits: each start asks, and most programs have none.

What makes and sets them is imported for those that have some (see `daemon.features`).
"""

from operator import attrgetter

from procman.config.schema.limits import RLIMITS, LimitedProcess

_OF_PROCESSES = (
    *(f"rlimit_{name}" for name in RLIMITS),
    "nice",
    "ionice",
    "oom_score_adj",
    "cpu_affinity",
    "capabilities",
)
_OF_CGROUPS = ("memory_max", "memory_high", "cpu_max", "cpu_weight", "pids_max", "oom_group")
_values_of_processes, _no_values_of_processes = attrgetter(*_OF_PROCESSES), (None,) * len(_OF_PROCESSES)
_values_of_cgroups, _no_values_of_cgroups = attrgetter(*_OF_CGROUPS), (None,) * len(_OF_CGROUPS)


def has_process_limits(program: LimitedProcess) -> bool:
    """Whether each of its processes inherits some."""
    return _values_of_processes(program) != _no_values_of_processes or program.no_new_privs


def has_cgroup_limits(program: LimitedProcess) -> bool:
    """Whether it and all that it has started have some together."""
    return _values_of_cgroups(program) != _no_values_of_cgroups


def has_view(program: LimitedProcess) -> bool:
    """Whether it sees another file system than the master."""
    paths = program.read_only_paths, program.read_write_paths, program.inaccessible_paths
    return program.private_tmp is not None or any(paths)
