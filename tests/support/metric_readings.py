"""Readings of metrics for tests, and what the parsers of prometheus_client make of their text."""

import asyncio
from typing import Any

from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_families
from prometheus_client.parser import text_string_to_metric_families as prometheus_families

from procman.api.metrics.exposition import OPENMETRICS, PROMETHEUS, Format, exposition
from procman.services.metrics.counters import Counters
from procman.services.metrics.process_counts import ProcessCounts
from procman.services.metrics.readings import MasterReading, ProcessReading, Reading, SectionReading
from procman.system.tree_usage import TreeUsage

PARSERS = {PROMETHEUS: prometheus_families, OPENMETRICS: openmetrics_families}

Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


def process(name: str = "web", group: str | None = None, **facts: Any) -> ProcessReading:
    """A process with something in each of its figures."""
    counts = ProcessCounts()
    counts.starts, counts.start_time, counts.last_exit_time = 3, 1000.5, 900.25
    counts.restarts["exit"] = 2
    counts.failed_starts["not_found"] = 1
    counts.checks["timeout"] = 4
    counts.runs["success"], counts.last_success_time = 2, 950.5
    counts.last_run_seconds = 12.5
    counts.hook_ran("pre_start", 1.5, failed=True)
    counts.ready_seconds.observe(1.5)
    counts.stop_seconds.observe(0.002)
    counts.stop_seconds.observe(400.0)
    known: dict[str, Any] = {
        "state": "RUNNING",
        "is_wanted": True,
        "has_process": True,
        "exit_code": 1,
        "counts": counts,
        "tree": TreeUsage(start=5, processes=2, threads=3, rss=4096, cpu=1.5, fds=7),
        "log_bytes": {"stdout": 10, "stderr": 0},
        "lost_bytes": 0,
        "is_oneshot": True,
        "is_listening": False,
        "waiting": 3,
        "has_readiness": True,
        "has_check": True,
        "healthy": True,
        "memory_limit": 1 << 30,
        "next_run": 2000.5,
        "hooks": ("pre_start", "on_failure"),
        "watched": False,
        "rotations": (3, 1),
    }
    return ProcessReading(name=name, group=group or name, **(known | facts))


def reading(*processes: ProcessReading, **facts: Any) -> Reading:
    """With a master that has a metrics_file."""
    known: dict[str, Any] = {
        "version": "1.2.3",
        "counters": Counters(),
        "writes_file": True,
        "events": 12,
        "clients": 1,
        "free_fds": 1000,
        "loop_lag": 0.00002,
        "stop_plan": 11.0,
        "sections": (SectionReading("ops", sent=5, failed=1, dropped=2, waiting=3),),
    }
    return Reading(MasterReading(**(known | facts)), list(processes))


def text_of(known: Reading, form: Format = PROMETHEUS) -> str:
    """As it is sent."""
    return b"".join(asyncio.run(exposition(known, form))).decode()


def families(text: str, form: Format = PROMETHEUS) -> dict[str, Metric]:
    """By name; raises ValueError for what the parser does not take."""
    return {family.name: family for family in PARSERS[form](text)}


def series(text: str, form: Format = PROMETHEUS) -> Series:
    """The value of each series."""
    found: Series = {}
    for family in families(text, form).values():
        for sample in family.samples:
            key = sample.name, frozenset(sample.labels.items())
            assert key not in found, f"{key} is there twice"
            found[key] = sample.value
    return found


def value(found: Series, name: str, /, **labels: str) -> float | None:
    """Of one series; None where there is none."""
    return found.get((name, frozenset(labels.items())))
