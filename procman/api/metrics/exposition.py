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
    Number,
    Numbers,
    OfMaster,
    OfProcess,
    OfProcessBy,
    OfSection,
    OfSectionBy,
    OfSome,
    OfSomeBy,
)
from procman.services.metrics.histogram import BOUNDS, Histogram
from procman.services.metrics.readings import MasterReading, ProcessReading, Reading

_LE = (*map(str, BOUNDS), "+Inf")
# Each copy of the text costs a fifth of the time that it takes to write it. So what is most of it is made as bytes, and
# joined once. The kernel maps blocks of 128 KiB and more anew each time (see `system.memory`), which costs as much: so
# there are pieces of about so many bytes, from the samples of so many processes at a time.
_PIECE = 48 * 1024
_BATCH = 50


@dataclass(frozen=True, slots=True)
class Format:
    """One of the two."""

    content_type: str
    head: Callable[[Family], str]
    end: str


class _Batch(NamedTuple):
    """Some processes, and the labels of each: as text, and as they are sent."""

    processes: list[ProcessReading]
    labels: list[str]
    raw: list[bytes]


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
    batches = _batches(reading.processes)
    # Most processes have nothing of what a third of the families is about.
    some = _batches([one for one in reading.processes if not one.is_plain])
    text = _Pieces()
    for family in FAMILIES:
        head = [form.head(family).encode()]
        asked = some if isinstance(family, OfSome | OfSomeBy) else batches
        for samples in _samples(family, reading.master, asked):
            if any(samples):
                text.add(head + samples)
                head = []
        if not head:  # it has samples, and they took time
            await asyncio.sleep(0)
    text.add([form.end.encode()])
    return text.finish()


def _batches(processes: list[ProcessReading]) -> list[_Batch]:
    return [_batch(processes[at : at + _BATCH]) for at in range(0, len(processes), _BATCH)]


def _batch(processes: list[ProcessReading]) -> _Batch:
    labels = [labels_of(one.group, one.name) for one in processes]
    return _Batch(processes, [text for text, _ in labels], [raw for _, raw in labels])


class _Pieces:
    """Text that is joined only as far as the allocator keeps the memory: larger blocks cost more than their content."""

    def __init__(self) -> None:
        self._whole: list[bytes] = []
        self._begun: list[bytes] = []
        self._size = 0  # bytes of what is begun

    def add(self, parts: list[bytes]) -> None:
        self._begun += parts
        self._size += sum(map(len, parts))
        if self._size >= _PIECE:
            self._end_piece()

    def finish(self) -> tuple[bytes, ...]:
        self._end_piece()
        return tuple(self._whole)

    def _end_piece(self) -> None:
        self._whole.append(b"".join(self._begun))
        self._begun.clear()
        self._size = 0


@lru_cache(maxsize=4096)  # they are the same at each scrape
def labels_of(group: str, name: str) -> tuple[str, bytes]:
    """What all series of a process have between their braces, as text and as it is sent."""
    labels = f'group="{escaped(group)}",name="{escaped(name)}"'
    return labels, labels.encode()


def escaped(text: str) -> str:
    r"""The value of a label; what is not text (a byte of a name that is not UTF-8) is spelt out, as \udc80."""
    if not text.isascii():
        text = text.encode("utf-8", "backslashreplace").decode()
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _samples(family: AnyFamily, master: MasterReading, batches: Sequence[_Batch]) -> Iterator[list[bytes]]:
    series = family.series
    match family:
        case OfProcess(read=read_one):
            for some in batches:
                yield _numbers(series, some, list(map(read_one, some.processes)))
        case OfProcessBy(read=read_many, label=label):
            between = _Between(series, label.name, label.values)
            for some in batches:
                yield [raw.join(between[read_many(one)]) for raw, one in zip(some.raw, some.processes, strict=True)]
        case DurationsOfProcess(read=read_durations):
            between = _Between(f"{series}_bucket", "le", _LE, sums=True)
            for some in batches:
                yield _durations(series, some, list(map(read_durations, some.processes)), between)
        case OfMaster(read=read):
            value = read(master)
            yield [] if value is None else [f"{series} {value}\n".encode()]
        case FactsOfMaster(read=read_facts):
            facts = ",".join(f'{label}="{escaped(text)}"' for label, text in read_facts(master).items())
            yield [f"{series}{{{facts}}} 1\n".encode()]
        case OfSection(read=read_section):
            for section in master.sections:
                yield [f'{series}{{section="{escaped(section.name)}"}} {read_section(section)}\n'.encode()]
        case OfSectionBy(read=read_parts, label=label):
            between = _Between(series, label.name, label.values)
            for section in master.sections:
                yield [f'section="{escaped(section.name)}"'.encode().join(between[read_parts(section)])]


def _numbers(series: str, some: _Batch, numbers: list[Number | None]) -> list[bytes]:
    first = numbers[0]
    if numbers.count(first) < len(numbers):
        found = zip(some.labels, numbers, strict=True)
        lines = [f"{series}{{{labels}}} {number}\n" for labels, number in found if number is not None]
        return ["".join(lines).encode()]
    if first is None:
        return []
    # Mostly all have the same: all are up, and none was killed.
    start, end = f"{series}{{".encode(), f"}} {first}\n".encode()
    return [start, (end + start).join(some.raw), end]


def _durations(series: str, some: _Batch, durations: list[Histogram], between: "_Between") -> list[bytes]:
    samples = []
    for labels, raw, found in zip(some.labels, some.raw, durations, strict=True):
        if found.count:
            samples.append(raw.join(between[tuple(found.buckets)]))
            rest = f"{series}_sum{{{labels}}} {found.sum:.6f}\n{series}_count{{{labels}}} {found.count}\n"
            samples.append(rest.encode())
    return samples


class _Between(dict[Numbers, list[bytes]]):
    """What stands between the labels of a process in its samples, by their numbers: most processes have the same."""

    def __init__(self, series: str, label: str, values: Sequence[str], *, sums: bool = False) -> None:
        """Of a series with one more label, which has these values; the numbers are in their order, None is left out.

        With `sums` each sample has the sum of its number and those before.
        """
        super().__init__()
        self._sums = sums
        self._start = f"{series}{{"
        self._ends = [f',{label}="{value}"}}' for value in values]

    def __missing__(self, numbers: Numbers) -> list[bytes]:
        written = accumulate(numbers) if self._sums else numbers
        ends = [f"{end} {n}\n" for end, n in zip(self._ends, written, strict=False) if n is not None]
        pieces = [self._start, *(end + self._start for end in ends[:-1]), ends[-1]] if ends else [""]
        self[numbers] = [piece.encode() for piece in pieces]
        return self[numbers]
