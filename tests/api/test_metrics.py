"""The metrics as text: what prometheus_client's own parsers read of it, and whether the names are as they should be."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from procman.api.metrics.endpoint import preferred
from procman.api.metrics.exposition import OPENMETRICS, PROMETHEUS
from procman.api.metrics.families import FAMILIES, OF_PROCESSES, OfProcessBy, OfSome, OfSomeBy
from procman.services.metrics.process_counts import RESTART_REASONS, ProcessCounts
from procman.services.metrics.readings import ProcessReading
from tests.support.metric_readings import PARSERS, families, process, reading, series, text_of, value

both = pytest.mark.parametrize("form", PARSERS, ids=["prometheus", "openmetrics"])


@both
def test_every_family_is_read_by_the_clients_own_parser(form):
    """With its type and its help; a unit only where the format has one."""
    found = families(text_of(reading(process("web"), process("db", "data")), form), form)
    assert found.keys() == {
        family.series if form is PROMETHEUS and family.kind == "info" else family.name for family in FAMILIES
    }
    for family in FAMILIES:
        read = found[family.series if form is PROMETHEUS and family.kind == "info" else family.name]
        assert read.documentation == family.about
        if form is OPENMETRICS:
            assert (read.type, read.unit) == (family.kind, family.unit)
        else:
            assert read.type == {"info": "gauge"}.get(family.kind, family.kind)


def test_both_formats_have_the_same_series():
    """A server that changes its mind about the format goes on with the same series."""
    known = reading(process("web"), process("db", "data", tree=None, has_process=False))
    assert series(text_of(known), PROMETHEUS) == series(text_of(known, OPENMETRICS), OPENMETRICS)


def test_openmetrics_ends_with_its_mark_and_the_other_one_has_none():
    assert text_of(reading(), OPENMETRICS).endswith("\n# EOF\n")
    assert "# EOF" not in text_of(reading())


def test_the_values_are_those_of_the_reading():
    found = series(text_of(reading(process("web", "www"))))

    def of(name, /, **labels):
        return value(found, f"procman_{name}", **labels)

    web = {"group": "www", "name": "web"}
    assert [of("process_state", **web, state=state) for state in ("RUNNING", "FATAL")] == [1, 0]
    assert [of("process_up", **web), of("process_wanted", **web)] == [1, 1]
    assert of("process_start_time_seconds", **web) == 1000.5
    assert of("process_last_exit_code", **web) == 1
    assert of("process_last_exit_time_seconds", **web) == 900.25
    assert of("process_starts_total", **web) == 3
    assert [of("process_restarts_total", **web, reason=reason) for reason in ("exit", "operator")] == [2, 0]
    assert of("process_failed_starts_total", **web, reason="not_found") == 1
    assert [of("health_checks_total", **web, result=result) for result in ("ok", "timeout")] == [0, 4]
    assert [of("runs_total", **web, result=result) for result in ("success", "timeout")] == [2, 0]
    assert of("last_success_time_seconds", **web) == 950.5
    assert of("last_run_time_seconds", **web) == 1000.5
    assert of("last_run_duration_seconds", **web) == 12.5
    assert of("next_run_time_seconds", **web) == 2000.5
    assert of("process_files_watched", **web) == 0
    assert [of("process_log_rotations_total", **web), of("process_log_rotation_failures_total", **web)] == [3, 1]
    hooks = ("pre_start", "on_failure", "post_stop")  # it has no post_stop
    assert [of("process_hook_commands_total", **web, hook=hook) for hook in hooks] == [1, 0, None]
    assert [of("process_hook_failures_total", **web, hook=hook) for hook in hooks] == [1, 0, None]
    assert [of("process_hook_seconds_total", **web, hook=hook) for hook in hooks] == [1.5, 0, None]
    assert of("process_resident_memory_bytes", **web) == 4096
    assert of("process_log_bytes_total", **web, stream="stdout") == 10
    assert of("build_info", version="1.2.3") == 1
    assert of("stop_plan_seconds") == 11
    assert of("events_total") == 12
    assert [of("notify_messages_total", section="ops", result=one) for one in ("sent", "failed", "dropped")] == [
        5,
        1,
        2,
    ]
    assert of("notify_messages_waiting", section="ops") == 3


def test_each_of_many_processes_has_its_own_values():
    """Also where most of them have the same, and where they are next to each other."""
    known = [
        process(f"p{number:03}", state="FATAL" if number == 70 else "RUNNING", lost_bytes=number % 7)
        for number in range(160)
    ]
    found = series(text_of(reading(*known)))
    for one in known:
        labels = {"group": one.name, "name": one.name}
        assert value(found, "procman_process_up", **labels) == (one.state == "RUNNING")
        assert value(found, "procman_process_log_lost_bytes_total", **labels) == one.lost_bytes


@pytest.mark.parametrize(
    "family", [one for one in OF_PROCESSES if isinstance(one, OfSome | OfSomeBy)], ids=lambda one: one.name
)
def test_a_family_of_some_has_nothing_of_a_plain_process(family):
    """It is not asked about these, so that it may not have anything of them."""
    full = process()
    plain = ProcessReading(*full[: len(full) - len(ProcessReading._field_defaults)])
    assert plain.is_plain
    assert family.read(plain) in (None, ())


def test_a_histogram_has_cumulative_buckets_up_to_infinity():
    found = series(text_of(reading(process("web"))))
    web = {"group": "web", "name": "web"}
    bucket = "procman_process_stop_seconds_bucket"
    assert [value(found, bucket, **web, le=le) for le in ("0.01", "1.0", "300.0", "+Inf")] == [1, 1, 1, 2]
    assert value(found, "procman_process_stop_seconds_count", **web) == 2
    assert value(found, "procman_process_stop_seconds_sum", **web) == pytest.approx(400.002)


def test_what_is_not_known_is_absent():
    """A process that never ran has no times, no figures of its tree and no durations, but all of its counters."""
    never = process(
        state="STOPPED",
        is_wanted=False,
        has_process=False,
        exit_code=None,
        counts=ProcessCounts(),
        tree=None,
        log_bytes={},
        is_listening=None,
        waiting=None,
        has_readiness=False,
        has_check=False,
        healthy=None,
        memory_limit=None,
        next_run=None,
        hooks=(),
        watched=None,
        rotations=None,
    )
    found = families(text_of(reading(never, free_fds=None, writes_file=False)))
    absent = {family.name for family in FAMILIES} - found.keys() - {"procman_build"}
    assert absent == {
        "procman_last_success_time_seconds",
        "procman_process_listening",
        "procman_process_waiting_connections",
        "procman_process_ready",
        "procman_last_run_time_seconds",
        "procman_last_run_duration_seconds",
        "procman_next_run_time_seconds",
        "procman_process_files_watched",
        "procman_process_hook_commands",
        "procman_process_hook_failures",
        "procman_process_hook_seconds",
        "procman_process_start_time_seconds",
        "procman_process_healthy",
        "procman_health_checks",
        "procman_process_last_exit_code",
        "procman_process_last_exit_time_seconds",
        "procman_process_ready_seconds",
        "procman_process_stop_seconds",
        "procman_process_resident_memory_bytes",
        "procman_process_memory_limit_bytes",
        "procman_process_open_fds",
        "procman_process_threads",
        "procman_process_processes",
        "procman_process_log_bytes",
        "procman_process_log_rotations",
        "procman_process_log_rotation_failures",
        "procman_fds_free",
        "procman_metrics_file_missed_writes",
    }
    assert [sample.value for sample in found["procman_process_restarts"].samples] == [0] * len(RESTART_REASONS)


@both
@pytest.mark.parametrize(
    "name",
    ['we"ird', "back\\slash", "back\\nslash", "new\nline", "größe", "日本", "a\tb", "%d%s", "{a=b}", "a,b", "\\", "\r"],
)
def test_every_name_comes_back_as_it_was(name, form):
    found = series(text_of(reading(process(name, f"g{name}"), process("after")), form), form)
    assert value(found, "procman_process_up", group=f"g{name}", name=name) == 1
    assert value(found, "procman_process_stop_seconds_count", group=f"g{name}", name=name) == 2
    assert value(found, "procman_process_up", group="after", name="after") == 1


def test_a_name_that_is_not_text_is_spelt_out():
    """A byte that is not UTF-8 would make the whole answer unreadable."""
    found = series(text_of(reading(process("caf\udce9"))))
    assert value(found, "procman_process_up", group="caf\\udce9", name="caf\\udce9") == 1


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20), st.integers(0, 10**12))
def test_any_name_comes_back_as_it_was(name, starts):
    for form in PARSERS:
        one = process(name, "group")
        one.counts.starts = starts
        found = series(text_of(reading(one), form), form)
        assert value(found, "procman_process_starts_total", group="group", name=name) == starts


def test_a_process_that_has_left_is_absent_from_the_next_text():
    before = series(text_of(reading(process("web"), process("gone"))))
    after = series(text_of(reading(process("web"))))
    assert before.keys() - after.keys() == {key for key in before if ("name", "gone") in key[1]}


# ---- promtool's rules for names: https://prometheus.io/docs/practices/naming/


def lint(name, kind, about):
    """What promtool check metrics says of a family (util/promlint of Prometheus' Go client)."""
    if not about:
        yield "no help text"
    if re.search("[a-z][A-Z]", name) or not re.fullmatch("[a-z][a-z0-9_]*", name):
        yield "metric names should be written in snake_case, without colons"
    if (kind == "counter") != name.endswith("_total"):
        yield 'counter metrics should have "_total" suffix, and no others'
    if kind != "histogram" and re.search("_(bucket|count|sum)$", name):
        yield "the suffixes of histograms are theirs alone"
    if set(name.split("_")) & {"gauge", "counter", "summary", "histogram", "untyped"}:
        yield "metric name should not include type"
    if set(name.split("_")[1:]) & {"s", "ms", "us", "ns", "sec", "b", "kb", "mb", "gb", "tb", "pb", "m", "h", "d"}:
        yield "metric names should not contain abbreviated units"
    prefixed = "(milli|micro|nano|kilo|mega|giga|kibi|mebi|gibi)"
    units = "(minutes?|hours?|days?|weeks?|bits?|celsius|fahrenheit|percent|pages?|blocks?)"
    if re.search(f"_({prefixed}(seconds|bytes)|{units})(_|$)", name):
        yield "use a base unit"


def test_the_rules_find_what_they_are_for():
    assert list(lint("procman_camelCase", "gauge", "")) != []
    for name, kind in (
        ("procman_starts", "counter"),
        ("procman_up_total", "gauge"),
        ("procman_stop_ms", "gauge"),
        ("procman_stop_milliseconds", "gauge"),
        ("procman_log_kb", "gauge"),
        ("procman_state_gauge", "gauge"),
        ("procman_start_count", "gauge"),
        ("procman_idle_minutes", "gauge"),
    ):
        assert len(list(lint(name, kind, "x"))) == 1, name


@pytest.mark.parametrize("family", FAMILIES, ids=[family.name for family in FAMILIES])
def test_every_name_passes_promtools_rules(family):
    assert list(lint(family.series, family.kind, family.about)) == []
    assert family.series.startswith("procman_")
    assert family.about.endswith(".")


def test_every_label_is_one_of_few_and_none_is_a_pid():
    """So that a restart makes no new series, and their number is bounded by that of the processes."""
    assert [family.label.name for family in OF_PROCESSES if isinstance(family, OfProcessBy)] == [
        "state",
        "result",
        "reason",
        "reason",
        "result",
        "hook",
        "hook",
        "hook",
        "stream",
    ]
    for name, labels in series(text_of(reading(process("web")))):
        known = {key for key, _ in labels}
        assert "pid" not in known
        assert known <= {"group", "name", "state", "result", "reason", "hook", "stream", "le", "version", "section"}
        for family in OF_PROCESSES:
            if isinstance(family, OfProcessBy) and family.series == name:
                assert dict(labels)[family.label.name] in family.label.values


def test_no_family_is_there_twice():
    names = [family.series for family in FAMILIES]
    assert len(set(names)) == len(names)


# ---- the format

PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
    "application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;q=0.3,"
    "text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
)


@given(st.one_of(st.text(), st.from_regex(r"(application/openmetrics-text|text/plain)?(;q=.{0,5})?(,.*)?")))
def test_any_header_has_an_answer(accept):
    assert preferred(accept) in PARSERS


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", PROMETHEUS),
        ("*/*", PROMETHEUS),
        ("text/html,application/xhtml+xml;q=0.9,*/*;q=0.8", PROMETHEUS),
        ("text/plain;version=0.0.4", PROMETHEUS),
        ("application/openmetrics-text", OPENMETRICS),
        ("Application/OpenMetrics-Text; version=1.0.0; charset=utf-8", OPENMETRICS),
        # Prometheus 2, and 3
        ("application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1", OPENMETRICS),
        (PROMETHEUS_3, OPENMETRICS),
        ("application/openmetrics-text;q=0.2,text/plain", PROMETHEUS),
        ("application/openmetrics-text;q=0", PROMETHEUS),
        ("application/openmetrics-text;q=nonsense", OPENMETRICS),
        ("application/openmetrics-text;q=nan", PROMETHEUS),
        (";;;,,,=", PROMETHEUS),
        ("application/vnd.google.protobuf", PROMETHEUS),
    ],
)
def test_a_client_gets_the_format_that_it_prefers(accept, form):
    assert preferred(accept) is form
