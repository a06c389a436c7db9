"""The metrics as text: Prometheus' format 0.0.4, or OpenMetrics 1.0 for a client that says that it takes it.

The series are the same in both; only the heads of the families differ, and the end.
https://prometheus.io/docs/instrumenting/exposition_formats/ and https://prometheus.io/docs/specs/om/open_metrics_spec/
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
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
    Numbers,
    OfMaster,
    OfProcess,
    OfProcessBy,
    OfSection,
    OfSectionBy,
)
from procman.services.metrics.histogram import BOUNDS
from procman.services.metrics.readings import MasterReading, ProcessReading, Reading

_LE = (*map(str, BOUNDS), "+Inf")
# The kernel maps blocks of 128 KiB and more anew each time (see `system.memory`), which takes as long as writing them
# does. So the text is made in pieces of about so many characters, from the samples of so many processes at a time.
_PIECE = 48 * 1024
_BATCH = 50


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


async def exposition(reading: Reading, form: Format) -> tuple[bytes, ...]:
    """The whole text, in pieces; everything else goes on between two families."""
    processes = [_Labelled(labels_of(one.group, one.name), one) for one in reading.processes]
    batches = [processes[at : at + _BATCH] for at in range(0, len(processes), _BATCH)]
    text = _Pieces()
    for family in FAMILIES:
        head = form.head(family)
        for samples in filter(None, _samples(family, reading.master, batches)):
            text.add(head + samples)
            head = ""
        if not head:  # it has samples, and they took time
            await asyncio.sleep(0)
    text.add(form.end)
    return text.finish()


class _Pieces:
    """Text that is joined only as far as the allocator keeps the memory: larger blocks cost more than their content."""

    def __init__(self) -> None:
        self._whole: list[bytes] = []
        self._begun: list[str] = []
        self._size = 0  # characters of what is begun

    def add(self, text: str) -> None:
        self._begun.append(text)
        self._size += len(text)
        if self._size >= _PIECE:
            self._end_piece()

    def finish(self) -> tuple[bytes, ...]:
        self._end_piece()
        return tuple(self._whole)

    def _end_piece(self) -> None:
        self._whole.append("".join(self._begun).encode())
        self._begun.clear()
        self._size = 0


@lru_cache(maxsize=4096)  # they are the same at each scrape
def labels_of(group: str, name: str) -> str:
    """What all series of a process have between their braces."""
    return f'group="{escaped(group)}",name="{escaped(name)}"'


def escaped(text: str) -> str:
    r"""The value of a label; what is not text (a byte of a name that is not UTF-8) is spelt out, as \udc80."""
    if not text.isascii():
        text = text.encode("utf-8", "backslashreplace").decode()
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _samples(family: AnyFamily, master: MasterReading, batches: Sequence[Sequence[_Labelled]]) -> Iterator[str]:
    series = family.series
    match family:
        case OfProcess(read=read_one):
            for some in batches:
                yield "".join(
                    [f"{series}{{{labels}}} {value}\n" for labels, one in some if (value := read_one(one)) is not None]
                )
        case OfProcessBy(read=read_many, label=label):
            between = _Between(series, label.name, label.values)
            for some in batches:
                yield "".join([labels.join(between[read_many(one)]) for labels, one in some])
        case DurationsOfProcess(read=read_durations):
            between = _Between(f"{series}_bucket", "le", _LE, sums=True)
            for some in batches:
                known = [(labels, found) for labels, one in some if (found := read_durations(one)).count]
                yield "".join(
                    [
                        f"{labels.join(between[tuple(found.buckets)])}"
                        f"{series}_sum{{{labels}}} {found.sum}\n{series}_count{{{labels}}} {found.count}\n"
                        for labels, found in known
                    ]
                )
        case OfMaster(read=read):
            value = read(master)
            yield "" if value is None else f"{series} {value}\n"
        case FactsOfMaster(read=read_facts):
            facts = ",".join(f'{label}="{escaped(text)}"' for label, text in read_facts(master).items())
            yield f"{series}{{{facts}}} 1\n"
        case OfSection(read=read_section):
            for one in master.sections:
                yield f'{series}{{section="{escaped(one.name)}"}} {read_section(one)}\n'
        case OfSectionBy(read=read_parts, label=label):
            between = _Between(series, label.name, label.values)
            for one in master.sections:
                yield f'section="{escaped(one.name)}"'.join(between[read_parts(one)])


class _Between(dict[Numbers, list[str]]):
    """What stands between the labels of a process in its samples, by their numbers: most processes have the same."""

    def __init__(self, series: str, label: str, values: Sequence[str], *, sums: bool = False) -> None:
        """Of a series with one more label, which has these values; the numbers are in their order, None is left out.

        With `sums` each sample has the sum of its number and those before.
        """
        super().__init__()
        self._sums = sums
        self._start = f"{series}{{"
        self._ends = [f',{label}="{value}"}}' for value in values]

    def __missing__(self, numbers: Numbers) -> list[str]:
        written = accumulate(numbers) if self._sums else numbers
        ends = [f"{end} {n}\n" for end, n in zip(self._ends, written, strict=False) if n is not None]
        self[numbers] = [self._start, *(end + self._start for end in ends[:-1]), ends[-1]] if ends else [""]
        return self[numbers]
