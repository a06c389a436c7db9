"""All series: one row for each family, from which the exporter, the reference page and the tests are made.

A label has a bounded set of values, and never a pid. Names end with their unit, and counters with `_total` besides
(https://prometheus.io/docs/practices/naming/); tests/api/test_metrics.py has the rules.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from procman.services.metrics.histogram import Histogram
from procman.services.metrics.process_counts import (
    CHECK_RESULTS,
    FAILED_START_REASONS,
    HOOKS,
    RESTART_REASONS,
    RUN_RESULTS,
)
from procman.services.metrics.readings import STATES, MasterReading, ProcessReading, SectionReading

Number = int | float
Numbers = tuple[Number | None, ...]
Kind = Literal["gauge", "counter", "histogram", "info"]

_UNITS = ("seconds", "bytes")
_FLAGS = {state: tuple(int(other == state) for other in STATES) for state in STATES}
# A master's series have no labels; what has one has one value of it.
_VERSION = "version"


@dataclass(frozen=True, slots=True)
class Label:
    """One more label than those that all series of processes have, and its values, which are known beforehand."""

    name: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Family:
    """What the families of processes and of the master have in common."""

    name: str  # without the suffix of its kind
    kind: Kind
    about: str  # one sentence

    @property
    def unit(self) -> str:
        """What it is measured in, "" if it only counts."""
        last = self.name.rpartition("_")[2]
        return last if last in _UNITS else ""

    @property
    def series(self) -> str:
        """The name of its series; those of a histogram have more suffixes."""
        return self.name + {"counter": "_total", "info": "_info"}.get(self.kind, "")


@dataclass(frozen=True, slots=True)
class OfProcess(Family):
    """Of each process, with the labels `group` and `name`; None is left out."""

    read: Callable[[ProcessReading], Number | None]


@dataclass(frozen=True, slots=True)
class OfProcessBy(Family):
    """Of each process, with one more label: the numbers of its values, in their order; None is left out."""

    label: Label
    read: Callable[[ProcessReading], Numbers]


class OfSome(OfProcess):
    """What plain processes do not have: they are not asked (`ProcessReading.is_plain`)."""


class OfSomeBy(OfProcessBy):
    """The same with one more label."""


@dataclass(frozen=True, slots=True)
class DurationsOfProcess(Family):
    """Of each process that has had at least one of them."""

    read: Callable[[ProcessReading], Histogram]


@dataclass(frozen=True, slots=True)
class OfMaster(Family):
    """Of the master, without labels; None is left out."""

    read: Callable[[MasterReading], Number | None]


@dataclass(frozen=True, slots=True)
class FactsOfMaster(Family):
    """Of the master: what is in its labels; the value is 1."""

    read: Callable[[MasterReading], Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class OfSection(Family):
    """Of each notify section, with the label `section`."""

    read: Callable[[SectionReading], Number]


@dataclass(frozen=True, slots=True)
class OfSectionBy(Family):
    """Of each notify section, with one more label: the numbers of its values, in their order."""

    label: Label
    read: Callable[[SectionReading], Numbers]


HOOK = Label("hook", HOOKS)


def _of_hooks(process: ProcessReading, numbers: Mapping[str, Number], none: Number) -> Numbers:
    """Of the hooks that the process has; `none` is the number of one that has not run yet."""
    return tuple(numbers.get(hook, none) if hook in process.hooks else None for hook in HOOKS)


AnyFamily = OfProcess | OfProcessBy | DurationsOfProcess | OfMaster | FactsOfMaster | OfSection | OfSectionBy

OF_PROCESSES: tuple[OfProcess | OfProcessBy | DurationsOfProcess, ...] = (
    OfProcessBy(
        "procman_process_state",
        "gauge",
        "1 for the state that the process is in, 0 for each other one.",
        Label("state", STATES),
        lambda p: _FLAGS[p.state],
    ),
    OfProcess("procman_process_up", "gauge", "Whether the process is RUNNING.", lambda p: int(p.state == "RUNNING")),
    OfSome(
        "procman_process_listening",
        "gauge",
        "Whether the process is down and waits for a connection that starts it; absent without lazy.",
        lambda p: None if p.is_listening is None else int(p.is_listening),
    ),
    OfSome(
        "procman_process_waiting_connections",
        "gauge",
        "Connections to its TCP sockets that no program has taken yet; absent without such a socket.",
        lambda p: p.waiting,
    ),
    OfSome(
        "procman_process_ready",
        "gauge",
        "Whether the process is RUNNING and all conditions of ready have held in this run; absent without ready.",
        lambda p: int(p.state == "RUNNING") if p.has_readiness else None,
    ),
    OfSome(
        "procman_process_healthy",
        "gauge",
        "Whether the health check of the process succeeds; absent without one, and while that is not known.",
        lambda p: None if p.healthy is None else int(p.healthy),
    ),
    OfSomeBy(
        "procman_health_checks",
        "counter",
        "Looks at the health of the process, by what they have shown; discounted: there was no answer, and procman "
        "itself was not awake. Absent without a health check.",
        Label("result", CHECK_RESULTS),
        lambda p: tuple(p.counts.checks.values()) if p.has_check else (),
    ),
    OfProcess(
        "procman_process_wanted",
        "gauge",
        "Whether the process is meant to be up; it is not after a stop, or an end that is not followed by a restart.",
        lambda p: int(p.is_wanted),
    ),
    OfProcess(
        "procman_process_start_time_seconds",
        "gauge",
        "When the present run was started, since the epoch; absent without a process.",
        lambda p: p.counts.start_time if p.has_process and p.counts.start_time else None,
    ),
    OfProcess(
        "procman_process_last_exit_code",
        "gauge",
        "The exit status of the last run as a shell has it: 128 and the number of the signal that ended it, 127 or 126 "
        "if it could not be executed.",
        lambda p: p.exit_code,
    ),
    OfProcess(
        "procman_process_last_exit_time_seconds",
        "gauge",
        "When the last run ended, or could not be started, since the epoch.",
        lambda p: p.counts.last_exit_time or None,
    ),
    OfProcess("procman_process_starts", "counter", "How often it was started.", lambda p: p.counts.starts),
    OfProcessBy(
        "procman_process_restarts",
        "counter",
        "Starts after an earlier run, by what brought them about: its exit, the signal that ended it, a lack of memory "
        "(oom), its health check (unhealthy), memory_restart (memory), max_age (age), what it depends on (dependency), "
        "a file that has changed (watch), an update of the configuration, or an operator. A failed start that is tried "
        "again is none.",
        Label("reason", RESTART_REASONS),
        lambda p: tuple(p.counts.restarts.values()),
    ),
    OfProcessBy(
        "procman_process_failed_starts",
        "counter",
        "Starts that did not lead to RUNNING, by the reason: it ended too soon (exit, signal, oom), it was not ready "
        "in time (unready), there is no such command (not_found), or it cannot be executed (not_executable).",
        Label("reason", FAILED_START_REASONS),
        lambda p: tuple(p.counts.failed_starts.values()),
    ),
    OfSomeBy(
        "procman_runs",
        "counter",
        "Runs of a one-shot, by how they ended: success, failure, or timeout. A stop on request is none of these, and "
        "services have none.",
        Label("result", RUN_RESULTS),
        lambda p: tuple(p.counts.runs.values()) if p.is_oneshot else (),
    ),
    OfProcess(
        "procman_last_success_time_seconds",
        "gauge",
        "When a one-shot has last succeeded, since the epoch.",
        lambda p: p.counts.last_success_time or None,
    ),
    OfSome(
        "procman_last_run_time_seconds",
        "gauge",
        "When the last run of a one-shot began, since the epoch.",
        lambda p: p.counts.start_time or None if p.is_oneshot else None,
    ),
    OfSome(
        "procman_last_run_duration_seconds",
        "gauge",
        "How long the last run of a one-shot took that has ended.",
        lambda p: p.counts.last_run_seconds if p.is_oneshot else None,
    ),
    OfSome(
        "procman_next_run_time_seconds",
        "gauge",
        "When it runs next by its schedule, since the epoch.",
        lambda p: p.next_run,
    ),
    OfSome(
        "procman_process_files_watched",
        "gauge",
        "Whether a change of the files that it watches would be seen: 0 where that is suspended, or fails.",
        lambda p: None if p.watched is None else int(p.watched),
    ),
    OfSomeBy(
        "procman_process_hook_commands",
        "counter",
        "Commands of a hook that have ended, or could not be started; what has no hook has none.",
        HOOK,
        lambda p: _of_hooks(p, p.counts.hook_runs, 0) if p.hooks else (),
    ),
    OfSomeBy(
        "procman_process_hook_failures",
        "counter",
        "Those that failed or took too long. Not those with - before them, nor those that were killed in time because "
        "the process went on without them.",
        HOOK,
        lambda p: _of_hooks(p, p.counts.hook_failures, 0) if p.hooks else (),
    ),
    OfSomeBy(
        "procman_process_hook_seconds",
        "counter",
        "How long all commands of a hook took together.",
        HOOK,
        lambda p: _of_hooks(p, p.counts.hook_seconds, 0.0) if p.hooks else (),
    ),
    OfProcess(
        "procman_process_kills",
        "counter",
        "Stops in which procman had to send SIGKILL, as stopwaitsecs were over or not to be waited for.",
        lambda p: p.counts.kills,
    ),
    DurationsOfProcess(
        "procman_process_ready_seconds",
        "histogram",
        "How long starts took until the process was RUNNING.",
        lambda p: p.counts.ready_seconds,
    ),
    DurationsOfProcess(
        "procman_process_stop_seconds",
        "histogram",
        "How long stops took until the process, and what was to be stopped with it, had ended.",
        lambda p: p.counts.stop_seconds,
    ),
    OfProcess(
        "procman_process_resident_memory_bytes",
        "gauge",
        "Memory of the process and all that it has started; shared pages count for each of them.",
        lambda p: p.tree.rss if p.tree else None,
    ),
    OfSome(
        "procman_process_memory_limit_bytes",
        "gauge",
        "The memory that it and all that it has started may use together (memory_max), where that is limited.",
        lambda p: p.memory_limit,
    ),
    OfProcess(
        "procman_process_cpu_seconds",
        "counter",
        "CPU time of the process and all that it has started, over all runs, as far as it was seen in a scrape.",
        lambda p: p.counts.cpu_seconds,
    ),
    OfProcess(
        "procman_process_open_fds",
        "gauge",
        "Open file descriptors of the process and all that it has started.",
        lambda p: p.tree.fds if p.tree else None,
    ),
    OfProcess(
        "procman_process_threads",
        "gauge",
        "Threads of the process and all that it has started.",
        lambda p: p.tree.threads if p.tree else None,
    ),
    OfProcess(
        "procman_process_processes",
        "gauge",
        "The process and all that it has started.",
        lambda p: p.tree.processes if p.tree else None,
    ),
    OfProcessBy(
        "procman_process_log_bytes",
        "counter",
        "Output of the process that procman has read.",
        Label("stream", ("stdout", "stderr")),
        lambda p: (p.log_bytes.get("stdout"), p.log_bytes.get("stderr")),
    ),
    OfProcess(
        "procman_process_log_lost_bytes",
        "counter",
        "Output of the process that could not be written.",
        lambda p: p.lost_bytes,
    ),
    OfSome(
        "procman_process_log_rotations",
        "counter",
        "Rotations of its logs; absent before the first one where only the size of a log counts.",
        lambda p: None if p.rotations is None else p.rotations[0],
    ),
    OfSome(
        "procman_process_log_rotation_failures",
        "counter",
        "Rotations that failed, and failures to compress or remove what a log was rotated to; absent as the rotations.",
        lambda p: None if p.rotations is None else p.rotations[1],
    ),
)

OF_MASTER: tuple[OfMaster | FactsOfMaster, ...] = (
    FactsOfMaster("procman_build", "info", "The version of procman.", lambda m: {_VERSION: m.version}),
    OfMaster(
        "procman_start_time_seconds",
        "gauge",
        "When the counters began, since the epoch: at the start of the master. They go on over reloads and upgrades.",
        lambda m: m.counters.began,
    ),
    OfMaster(
        "procman_loop_lag_seconds",
        "gauge",
        "How long what could be done at once had to wait, at most, when these metrics were read.",
        lambda m: round(m.loop_lag, 6),
    ),
    OfMaster(
        "procman_orphans_reaped",
        "counter",
        "Processes reaped that procman has not started, descendants of programs among them.",
        lambda m: m.counters.orphans,
    ),
    OfMaster("procman_upgrades", "counter", "Upgrades of procman itself.", lambda m: m.counters.upgrades),
    OfMaster("procman_updates", "counter", "Updates that have ended, in whatever way.", lambda m: m.counters.updates),
    OfMaster(
        "procman_update_rollbacks",
        "counter",
        "Those of them that were rolled back, as they were not confirmed or not all of it was up.",
        lambda m: m.counters.rollbacks,
    ),
    OfMaster("procman_rolling_restarts", "gauge", "Rolling restarts that go on.", lambda m: m.rolling),
    OfMaster(
        "procman_rolling_restarts_stopped",
        "gauge",
        "Rolling restarts that have stopped at a process that is not ready, and wait for --continue or --abort.",
        lambda m: m.rolling_stopped,
    ),
    OfMaster(
        "procman_programs_scaled",
        "gauge",
        "Programs that have another number of processes than the file says (procmanctl scale).",
        lambda m: m.scaled,
    ),
    OfMaster(
        "procman_update_unconfirmed",
        "gauge",
        "Whether an update waits for its confirmation: it is rolled back without one.",
        lambda m: int(m.counters.unconfirmed),
    ),
    OfMaster(
        "procman_config_last_reload_successful",
        "gauge",
        "Whether the configuration could be used when it was last read.",
        lambda m: int(m.counters.config_is_good),
    ),
    OfMaster(
        "procman_config_last_reload_time_seconds",
        "gauge",
        "When the configuration was last read and could be used, since the epoch.",
        lambda m: m.counters.config_read,
    ),
    OfMaster(
        "procman_events", "counter", "What has happened, by the numbers of the notifications.", lambda m: m.events
    ),
    OfMaster("procman_clients", "gauge", "Connections to the servers of procman.", lambda m: m.clients),
    OfMaster(
        "procman_requests_refused",
        "counter",
        "Requests that were refused for their password, their origin or their role; the journal has them.",
        lambda m: m.counters.refused,
    ),
    OfMaster("procman_fds_free", "gauge", "File descriptors that procman may still open.", lambda m: m.free_fds),
    OfMaster(
        "procman_stop_plan_seconds",
        "gauge",
        "How long a shutdown takes at worst: procmanctl stop-plan has the details.",
        lambda m: m.stop_plan,
    ),
    OfMaster(
        "procman_metrics_file_missed_writes",
        "counter",
        "How often metrics_file was not written when it was due; absent without that option.",
        lambda m: m.counters.missed_writes if m.writes_file else None,
    ),
)

OF_SECTIONS: tuple[OfSection | OfSectionBy, ...] = (
    OfSectionBy(
        "procman_notify_messages",
        "counter",
        "Messages that were sent, that were refused for good (failed), or that were dropped: too many waited, or for "
        "too long.",
        Label("result", ("sent", "failed", "dropped")),
        lambda s: (s.sent, s.failed, s.dropped),
    ),
    OfSection("procman_notify_messages_waiting", "gauge", "Messages that are not sent yet.", lambda s: s.waiting),
)

FAMILIES: tuple[AnyFamily, ...] = (*OF_PROCESSES, *OF_MASTER, *OF_SECTIONS)
