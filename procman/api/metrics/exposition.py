"""The metrics as text: Prometheus' format 0.0.4, or OpenMetrics 1.0 for a client that says that it takes it.

The series are the same in both; only the heads of the families differ, and the end.
https://prometheus.io/docs/instrumenting/exposition_formats/ and https://prometheus.io/docs/specs/om/open_metrics_spec/
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

from procman.api.metrics.families import (
    FAMILIES,
    AnyFamily,
    DurationsOfProcess,
    FactsOfMaster,
    Family,
    OfMaster,
    OfProcess,
    OfProcessBy,
    OfSection,
    OfSectionBy,
)
from procman.services.metrics.histogram import BOUNDS
from procman.services.metrics.readings import ProcessReading, Reading

# What stands for the labels of a process in a template: no name has it in it.
_LABELS = "\0"
_LE = (*map(str, BOUNDS), "+Inf")


@dataclass(frozen=True, slots=True)
class Format:
    """One of the two."""

    content_type: str
    head: Callable[[Family], str]
    end: str


class _Labelled(NamedTuple):
    """A process, and its labels as they are written."""

    labels: str
    reading: ProcessReading


def _prometheus_head(family: Family) -> str:
    kind = "gauge" if family.kind == "info" else family.kind
    about = family.about.replace("\\", r"\\").replace("\n", r"\n")
    return f"# HELP {family.series} {about}\n# TYPE {family.series} {kind}\n"


def _openmetrics_head(family: Family) -> str:
    unit = f"# UNIT {family.name} {family.unit}\n" if family.unit else ""
    return f"# HELP {family.name} {escaped(family.about)}\n# TYPE {family.name} {family.kind}\n{unit}"


PROMETHEUS = Format("text/plain; version=0.0.4; charset=utf-8", _prometheus_head, "")
OPENMETRICS = Format("application/openmetrics-text; version=1.0.0; charset=utf-8", _openmetrics_head, "# EOF\n")


async def exposition(reading: Reading, form: Format) -> bytes:
    """The whole text; everything else goes on between two families."""
    processes = [_Labelled(labels_of(one), one) for one in reading.processes]
    pieces = []
    for family in FAMILIES:
        samples = _samples(family, reading, processes)
        if samples:
            pieces += [form.head(family), samples]
        await asyncio.sleep(0)
    pieces.append(form.end)
    return "".join(pieces).encode()


def labels_of(process: ProcessReading) -> str:
    """What all series of a process have between their braces."""
    return f'group="{escaped(process.group)}",name="{escaped(process.name)}"'


def escaped(text: str) -> str:
    r"""The value of a label; what is not text (a byte of a name that is not UTF-8) is spelt out, as \udc80."""
    if not text.isascii():
        text = text.encode("utf-8", "backslashreplace").decode()
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _samples(family: AnyFamily, reading: Reading, processes: Sequence[_Labelled]) -> str:
    series = family.series
    match family:
        case OfProcess(read=read_one):
            return "".join(
                [f"{series}{{{labels}}} {value}\n" for labels, one in processes if (value := read_one(one)) is not None]
            )
        case OfProcessBy(read=read_many, label=label):
            return "".join(
                [
                    _by(series, label.name, tuple(values.items()), labels)
                    for labels, one in processes
                    if (values := read_many(one))
                ]
            )
        case DurationsOfProcess(read=read_durations):
            return "".join(
                [
                    f"{_buckets(series, tuple(found.buckets)).replace(_LABELS, labels)}"
                    f"{series}_sum{{{labels}}} {found.sum}\n{series}_count{{{labels}}} {found.count}\n"
                    for labels, one in processes
                    if (found := read_durations(one)).count
                ]
            )
        case OfMaster(read=read):
            value = read(reading.master)
            return "" if value is None else f"{series} {value}\n"
        case FactsOfMaster(read=read_facts):
            facts = ",".join(f'{label}="{escaped(text)}"' for label, text in read_facts(reading.master).items())
            return f"{series}{{{facts}}} 1\n"
        case OfSection(read=read_section):
            of = reading.master.sections
            return "".join([f'{series}{{section="{escaped(one.name)}"}} {read_section(one)}\n' for one in of])
        case OfSectionBy(read=read_parts, label=label):
            return "".join(
                [
                    _by(series, label.name, tuple(read_parts(one).items()), f'section="{escaped(one.name)}"')
                    for one in reading.master.sections
                ]
            )


def _by(series: str, label: str, values: tuple[tuple[str, int | float], ...], labels: str) -> str:
    return _several(series, label, values).replace(_LABELS, labels)


@lru_cache(maxsize=64)  # most processes are in the same state, and were never restarted
def _several(series: str, label: str, values: tuple[tuple[str, int | float], ...]) -> str:
    return "".join([f'{series}{{{_LABELS},{label}="{of}"}} {value}\n' for of, value in values])


@lru_cache(maxsize=64)  # most processes were started once
def _buckets(series: str, counts: tuple[int, ...]) -> str:
    below = zip(_LE, accumulate(counts), strict=True)
    return "".join([f'{series}_bucket{{{_LABELS},le="{bound}"}} {count}\n' for bound, count in below])
