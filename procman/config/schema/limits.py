"""The options that limit what a process may use and may do. Plain facts in here: no I/O."""

from dataclasses import dataclass, fields
from typing import Literal

from procman.config.schema import kinds
from procman.config.schema.kinds.limits import Capabilities, Cpus, IoPriority, Number, PrivateTmp, Rlimit
from procman.config.schema.options import Effect, Kind, option
from procman.config.schema.sockets import SocketOptions


def _rlimit(kind: Kind[Rlimit], what: str) -> Rlimit | None:
    """A limit of setrlimit(2)."""
    about = f"{what}: SOFT, or SOFT:HARD (setrlimit). A ? in front makes it a best effort. Default: the master's."
    found: Rlimit | None = option(kind, about, default=None, effect=Effect.NONE)
    return found


@dataclass(frozen=True, slots=True, kw_only=True, init=False, repr=False, eq=False)  # only a Program is made
class LimitedProcess(SocketOptions):
    """A process slot with its limits."""

    gid: int | None = None  # of user_group
    extra_gids: tuple[int, ...] = ()  # of supplementary_groups

    rlimit_nofile: Rlimit | None = _rlimit(kinds.RLIMIT_COUNT, "How many descriptors each of its processes may open")
    rlimit_nproc: Rlimit | None = _rlimit(
        kinds.RLIMIT_COUNT, "How many processes and threads its user may have, whoever started them"
    )
    rlimit_core: Rlimit | None = _rlimit(kinds.RLIMIT_SIZE, "How large a core file may be; 0 makes none")
    rlimit_as: Rlimit | None = _rlimit(kinds.RLIMIT_SIZE, "The address space of each of its processes")
    rlimit_data: Rlimit | None = _rlimit(kinds.RLIMIT_SIZE, "The data segment of each of its processes")
    rlimit_stack: Rlimit | None = _rlimit(kinds.RLIMIT_SIZE, "The stack of each of its processes")
    rlimit_memlock: Rlimit | None = _rlimit(kinds.RLIMIT_SIZE, "How much memory it may lock")
    rlimit_rss: Rlimit | None = _rlimit(
        kinds.RLIMIT_SIZE, "Without effect on Linux, where memory_max limits the memory in use"
    )
    rlimit_fsize: Rlimit | None = _rlimit(kinds.RLIMIT_SIZE, "How large a file may become that it writes to")
    rlimit_cpu: Rlimit | None = _rlimit(
        kinds.RLIMIT_SECONDS, "How many seconds of processor time each of its processes may use"
    )
    rlimit_nice: Rlimit | None = _rlimit(
        kinds.RLIMIT_COUNT, "Down to which nice value it may go by itself, as 20 minus that value"
    )
    rlimit_rtprio: Rlimit | None = _rlimit(kinds.RLIMIT_COUNT, "Which real-time priority it may give itself")
    rlimit_rttime: Rlimit | None = _rlimit(
        kinds.RLIMIT_COUNT, "How many microseconds it may run in real time without a pause"
    )
    rlimit_sigpending: Rlimit | None = _rlimit(kinds.RLIMIT_COUNT, "How many signals may be queued for its user")
    rlimit_msgqueue: Rlimit | None = _rlimit(kinds.RLIMIT_SIZE, "How much POSIX message queues of its user may take")
    nice: Number | None = option(
        kinds.NICE,
        "Its nice value, from -20 (first) to 19 (last). Less than the master's takes root or CAP_SYS_NICE.",
        default=None,
        effect=Effect.NONE,
    )
    ionice: IoPriority | None = option(
        kinds.IONICE,
        "Its I/O priority: idle, best-effort:LEVEL or realtime:LEVEL, with a level from 0 (first) to 7 (last).",
        default=None,
        effect=Effect.NONE,
    )
    oom_score_adj: Number | None = option(
        kinds.OOM_SCORE,
        "How readily the kernel ends it when memory is short: from -1000 (never) to 1000 (before all others). Less "
        "than the master's takes root or CAP_SYS_RESOURCE.",
        default=None,
        effect=Effect.NONE,
    )
    cpu_affinity: Cpus | None = option(
        kinds.CPU_AFFINITY, "The processors that it may run on, such as 0-3,6.", default=None, effect=Effect.NONE
    )
    no_new_privs: bool = option(
        kinds.BOOLEAN,
        "It can gain no rights by executing a file: set-user-ID bits, set-group-ID bits and file capabilities have no "
        "effect on it and all that it starts.",
        default=False,
    )
    capabilities: Capabilities | None = option(
        kinds.CAPABILITY_LIST,
        "The capabilities that it may have, and nothing that it starts may have more (the bounding set). With another "
        "user than root it has them (the ambient set); root has them anyway. none is for none; all, -NAME for all of "
        "the master but these.",
        default=None,
    )
    private_tmp: PrivateTmp | None = option(
        kinds.PRIVATE_TMP,
        "It has a /tmp and a /var/tmp of its own, in memory, which go with the run; a size such as 64MB limits each. "
        "The master has to be root; a ? in front makes it a best effort.",
        default=None,
    )
    read_only_paths: tuple[str, ...] = option(
        kinds.PATHS,
        "What it can read, but not write to, with all below. / is everything but /dev, /proc and /sys. The master has "
        "to be root; a ? in front of a path makes it a best effort.",
        default=(),
    )
    read_write_paths: tuple[str, ...] = option(
        kinds.PATHS, "What it can write to all the same, within read_only_paths.", default=()
    )
    inaccessible_paths: tuple[str, ...] = option(
        kinds.PATHS,
        "What it cannot see into: directories are empty for it, files cannot be opened. The master has to be root; a ? "
        "in front of a path makes it a best effort.",
        default=(),
    )
    user_group: str | None = option(
        kinds.USER_GROUP,
        "The group it runs as, by name or number (the master has to be root). Default: that of its user.",
        default=None,
    )
    supplementary_groups: tuple[str, ...] = option(
        kinds.STRINGS, "Groups that it has besides those of its user (the master has to be root).", default=()
    )
    memory_max: Number | None = option(
        kinds.MEMORY_LIMIT,
        "The memory that it and all that it has started may use together, with cgroup v2; when that is used up and "
        "nothing can be given back, the kernel ends it (see oom_group). A ? in front makes it a best effort: without "
        "it, the start fails where it cannot be set.",
        default=None,
        effect=Effect.NONE,
    )
    memory_high: Number | None = option(
        kinds.MEMORY_LIMIT,
        "The memory from which on the kernel slows them down and takes memory back, with cgroup v2. Nothing is ended.",
        default=None,
        effect=Effect.NONE,
    )
    cpu_max: Number | None = option(
        kinds.CPU_MAX,
        "The processor time that they may use together, in per cent of one processor: 150 is one and a half (cgroup "
        "v2). With numprocs, each process has that much.",
        default=None,
        effect=Effect.NONE,
    )
    cpu_weight: Number | None = option(
        kinds.WEIGHT,
        "Their share of the processors when these are short, from 1 to 10000, where 100 is usual (cgroup v2).",
        default=None,
        effect=Effect.NONE,
    )
    pids_max: Number | None = option(
        kinds.PIDS_LIMIT,
        "How many processes and threads they may be together (cgroup v2); beyond that, they can start no more.",
        default=None,
        effect=Effect.NONE,
    )
    oom_group: bool | None = option(
        kinds.BOOLEAN,
        "When the kernel kills one of them because memory runs out, it kills all of them (cgroup v2). Default: true "
        "with memory_max or memory_high.",
        default=None,
        effect=Effect.NONE,
    )
    memory_restart: int | None = option(
        kinds.MEMORY,
        "Restart it when it and all that it has started use more memory than that in two looks in a row: it is "
        "stopped as a stop does it, and of the processes of a program one at a time. 0 is off.",
        default=None,
        effect=Effect.NONE,
    )
    memory_measure: Literal["rss", "pss"] = option(
        kinds.MEMORY_MEASURE,
        "How memory_restart counts: rss counts pages that processes share for each of them, pss divides them, and "
        "takes longer.",
        default="rss",
        effect=Effect.NONE,
    )
    memory_interval: float = option(
        kinds.DURATION, "The pause between two looks of memory_restart.", default=10, effect=Effect.NONE
    )
    max_age: float | None = option(
        kinds.DURATION,
        "Restart it when it has run for that long, politely and of the processes of a program one at a time. "
        "Default: never.",
        default=None,
        effect=Effect.NONE,
    )
    max_age_jitter: float = option(
        kinds.PERCENT,
        "How much later max_age may be by chance, so that programs that were started together are not restarted "
        "together.",
        default=0.1,
        effect=Effect.NONE,
    )


RLIMITS = tuple(field.name[7:] for field in fields(LimitedProcess) if field.name.startswith("rlimit_"))
"""The names of the limits of setrlimit(2), in small letters."""
