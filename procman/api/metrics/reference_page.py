"""The reference page of the metrics, made from the table that the exporter uses."""

from collections.abc import Sequence

from procman.api.metrics.families import (
    OF_MASTER,
    OF_PROCESSES,
    OF_SECTIONS,
    AnyFamily,
    FactsOfMaster,
    OfProcessBy,
    OfSectionBy,
)
from procman.services.metrics.histogram import BOUNDS
from procman.services.metrics.tree_figures import KEPT_FOR

_HEAD = """\
# Metrics

`GET /metrics` on every server of the master, `procmanctl metrics`, and the file that
[`metrics_file`](options.md) names. [How to use them](../how-to/prometheus.md) has a scrape configuration, alerts, rules
and a dashboard.

The format is Prometheus' text format 0.0.4, or OpenMetrics 1.0 for a client whose `Accept` asks for it. A server with a
user name and a password requires them here, too; the read-only account will do.

- Labels of processes are `group` and `name`, as in `status`, and those in the table, whose values are listed. No label
  ever has a pid. A process that is removed from the configuration is absent from then on.
- **Counters go on** over an `upgrade`, and over a `reload` for every process that comes back under its name. After a
  kill they begin anew: `procman_start_time_seconds` has changed then.
- A counter is there from the beginning, with 0. A histogram is there from its first duration on. What is not known is
  absent, and never 0.
"""

_TREES = f"""\
- Figures of process trees (memory, CPU, descriptors, threads, processes) are read from /proc, beside everything else,
  when somebody asks, and kept for {KEPT_FOR:g} seconds. Nobody asks: nothing is read.
- The buckets of the histograms are {", ".join(f"{bound:g}" for bound in BOUNDS)} seconds, and more.
"""


def metrics_page() -> str:
    """All series, with type, labels and meaning."""
    parts = [_HEAD.rstrip("\n"), _TREES]
    parts_of_it: tuple[tuple[str, Sequence[AnyFamily]], ...] = (
        ("Of each process", OF_PROCESSES),
        ("Of the master", OF_MASTER),
        ("Of each notify section, with the label `section`", OF_SECTIONS),
    )
    for title, families in parts_of_it:
        parts += [f"## {title}", "", "| name | type | further label | |", "|---|---|---|---|"]
        parts += [_row(family) for family in families]
        parts.append("")
    return "\n".join(parts)


def _row(family: AnyFamily) -> str:
    label = ""
    if isinstance(family, OfProcessBy | OfSectionBy):
        label = f"`{family.label.name}`: {', '.join(family.label.values)}"
    elif isinstance(family, FactsOfMaster):
        label = "`version`"
    kind = "gauge" if family.kind == "info" else family.kind
    return f"| `{family.series}` | {kind} | {label} | {family.about} |"
