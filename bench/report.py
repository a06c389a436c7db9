"""The results as a table of text, as JSON, and as the page docs/performance.md."""

import argparse
import json
import os
import platform
import shlex
import statistics
from collections.abc import Iterable
from dataclasses import dataclass, field

from figure import Figure
from supervisors import Peer

BASE = "supervisord"
OURS = "procman"
# What supervisord took where the targets were set, by the figure's key: on another machine the ratio is what counts.
_THEIRS = {
    "boot 1": 1.12,
    "boot 100": 1.35,
    "restart p50": 1010,
    "restart p99": 1015,
    "rate 1": 0.7,
    "rate 50": 203,
    "cpu per restart 50": 1.21,
    "sigterm": 886,
    "rss 1": 24.7,
    "uss 1": 14.7,
    "rss 100": 25.9,
    "uss 100": 15.9,
    "log": 1216,
    "log cpu": 0.80,
    "rotated": 983,
    "many": 1290,
    "console": 717,
    "lines": 209,
    "status 1": 86,
    "status 100": 105,
    "info 10": 0.39,
    "info 100": 5.9,
    "state p50": 0.38,
    "state p99": 0.60,
    "flooded p99": 115,
    "flooded log": 89,
}


@dataclass
class Results:
    """Every value of every figure of every master, and all failures."""

    peers: list[Peer]
    versions: dict[str, str]
    command: str
    figures: list[Figure] = field(default_factory=list)
    values: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def add(self, figure: Figure, peer: Peer, values: Iterable[float]) -> None:
        if figure not in self.figures:
            self.figures.append(figure)
        self.values.setdefault(figure.key, {}).setdefault(peer.name, []).extend(values)

    def of(self, figure: Figure, name: str) -> list[float]:
        return self.values.get(figure.key, {}).get(name, [])

    def median(self, figure: Figure, name: str) -> float | None:
        values = self.of(figure, name)
        return statistics.median(values) if values else None

    def ratio(self, figure: Figure) -> float | None:
        """The ratio of procman's median to supervisord's."""
        ours, theirs = self.median(figure, OURS), self.median(figure, BASE)
        return ours / theirs if ours is not None and theirs else None

    def named(self, key: str) -> Figure | None:
        return next((figure for figure in self.figures if figure.key == key), None)

    def missed(self) -> list[Figure]:
        found = []
        for figure in self.figures:
            value = self.median(figure, OURS)
            if value is not None and figure.reached(value) is False:
                found.append(figure)
        return found


def rows(results: Results) -> list[list[str]]:
    """The rows of the table, its head first."""
    # One that could measure nothing of what was asked for has no column.
    names = [peer.name for peer in results.peers if any(results.of(figure, peer.name) for figure in results.figures)]
    table = [["figure", "unit", names[0], "ratio", *names[1:], "target", ""]]
    for figure in results.figures:
        ratio, ours = results.ratio(figure), results.median(figure, OURS)
        cells = [_cell(figure, results.of(figure, name)) for name in names]
        met = None if ours is None else figure.reached(ours)
        table.append(
            [
                figure.label,
                figure.unit,
                cells[0],
                "–" if ratio is None else f"{ratio:.3f}" if ratio < 1 else f"{ratio:.1f}",
                *cells[1:],
                "" if figure.target is None else f"{figure.target:g}",
                {None: "", True: "yes", False: "no"}[met],
            ]
        )
    return table


def as_text(table: list[list[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in table)


def as_json(results: Results) -> str:
    figures = [
        {
            "key": figure.key,
            "label": figure.label,
            "unit": figure.unit,
            "target": figure.target,
            "more_is_better": figure.more_is_better,
            "ratio": results.ratio(figure),
            "values": results.values.get(figure.key, {}),
        }
        for figure in results.figures
    ]
    whole = {
        "command": results.command,
        "machine": machine(),
        "versions": results.versions,
        "figures": figures,
        "failures": results.failures,
    }
    return json.dumps(whole, indent=1) + "\n"


_PAGE = """\
# Speed and size

Written by the benchmarks. To regenerate this on another machine:

```sh
{command}
```

Measured on {machine}; {versions}. All masters take turns in one run, with the same programs: a small static C program
that records the time in its first instructions, in memory shared with the benchmark, so nothing is polled. procman and
supervisord read the same file. A figure is the median, followed by the smallest and the largest value. "ratio" is
procman's median divided by supervisord's; it depends less on the machine than the figures. The floor is the cost of
the system itself: a supervisor in C that decides nothing (with splice, it moves output without reading it); for
`ctl status`, idle and memory, a Python that does nothing; for health checks, a bare asyncio client.

{table}

{bare}## Against an earlier revision

`bench/against REVISION` measures what a restart costs, in pairs with another revision of procman, and prints the
medians of the ratios: restarts per second, and the master's CPU per restart (from its threads' schedstat in /proc).
Without a revision it takes the one before there was a journal; `--of REVISION` measures that one instead of the code
beside it. It needs a clone with its history.

## Where procman misses its target

{missed}
"""

_BARE = "The targets were set on a machine where a Python that does nothing takes 9 ms; here it takes {bare:.0f}."


def as_page(results: Results) -> str:
    head, *body = rows(results)
    versions = ", ".join(f"{name} {version}" for name, version in results.versions.items() if "floor" not in name)
    missed = [_missed(results, figure) for figure in results.missed()]
    missed += [f"- not measured: {text}" for text in results.failures]
    bare = results.median(figure, "floor") if (figure := results.named("status 1")) else None
    return _PAGE.format(
        bare="" if bare is None else f"{_BARE.format(bare=bare)}\n\n",
        command=results.command,
        machine=machine(),
        versions=versions,
        table="\n".join("| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *body)),
        missed="\n".join(missed) or "Nowhere in this run.",
    )


def machine() -> str:
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        models = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    processor = models[0] if models else platform.machine()
    return (
        f"{os.cpu_count()} processors ({processor}), {memory:.0f} GiB of memory, Linux {platform.release()}, "
        f"Python {platform.python_version()}"
    )


def command_line(options: argparse.Namespace) -> str:
    """The command to repeat this run; the page is always docs/performance.md."""
    words = [*options.figures, *(["--peers", ",".join(options.peers)] if options.peers else [])]
    words += ["--quick"] if options.quick else []
    words += ["--rounds", str(options.rounds)] if options.rounds else []
    return shlex.join(["python3", "bench/run", *words, "--markdown", "docs/performance.md"])


def _cell(figure: Figure, values: list[float]) -> str:
    if not values:
        return "–"
    low, middle, high = (
        f"{value:.{figure.digits}f}" for value in (min(values), statistics.median(values), max(values))
    )
    return middle if low == high else f"{middle} ({low}–{high})"


def _missed(results: Results, figure: Figure) -> str:
    value = results.median(figure, OURS)
    assert value is not None
    text = f"- {figure.label}: {value:.{figure.digits}f} {figure.unit}, target {figure.target:g}."
    ratio, theirs = results.ratio(figure), _THEIRS.get(figure.key)
    if ratio is not None and theirs and figure.target is not None:
        text += f" Ratio to supervisord {ratio:.3f}, target {figure.target / theirs:.3f}."
    return f"{text} {figure.why}" if figure.why else text
