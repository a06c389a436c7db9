"""The rules, the alerts and the dashboard of the documentation use only series that procman exports."""

import json
import re
from itertools import combinations
from pathlib import Path

import promql_parser
import pytest
import yaml

from procman.api.metrics.families import FAMILIES, OfProcessBy
from procman.api.supervisor_states import supervisor_state
from procman.core.states import State

FOLDER = Path(__file__).parents[1] / "docs" / "how-to" / "prometheus"
PAGE = (FOLDER.parent / "prometheus.md").read_text()
DASHBOARD = json.loads((FOLDER / "dashboard.json").read_text())
RULES = [
    rule
    for name in ("alerts.yml", "supervisord-names.yml")
    for group in yaml.safe_load((FOLDER / name).read_text())["groups"]
    for rule in group["rules"]
]
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
SUFFIXES = {"histogram": ("_bucket", "_sum", "_count")}
EXPORTED = {family.series + suffix: family for family in FAMILIES for suffix in SUFFIXES.get(family.kind, ("",))}
LABELS = {"group", "name", "job", "instance", "le"}


def rule_name(rule):
    return rule.get("alert") or rule["record"]


def check(expression):
    """It can be parsed, and each series in it is exported, with the labels and values that are asked for."""
    # Grafana puts durations and names in the place of its variables.
    text = expression.replace("$__rate_interval", "5m")
    promql_parser.parse(text)
    for name, matchers in re.findall(r"\b(procman_\w+)(?:\{([^}]*)\})?", text):
        assert name in EXPORTED, f"{name} is not exported"
        family = EXPORTED[name]
        label = family.label if isinstance(family, OfProcessBy) else None
        for key, value in re.findall(r'(\w+)=~?"([^"]*)"', matchers):
            assert key in LABELS or (label is not None and key == label.name), f"{name} has no label {key}"
            if label is not None and key == label.name:
                assert set(value.split("|")) <= set(label.values), f"{name} has no {key} {value}"
    return set(re.findall(r"\bprocman_\w+", text))


@pytest.mark.parametrize("rule", RULES, ids=rule_name)
def test_a_rule_uses_what_is_exported(rule):
    assert check(rule["expr"]) or rule_name(rule) == "ProcmanDown"


@pytest.mark.parametrize("rule", [rule for rule in RULES if "alert" in rule], ids=rule_name)
def test_an_alert_names_only_labels_that_its_expression_keeps(rule):
    """A template with a label that is not there would show <no value>."""
    assert rule["annotations"]["summary"]
    used = set(re.findall(r"\$labels\.(\w+)", json.dumps(rule["annotations"])))
    if not re.search(r"procman_process_", rule["expr"]):
        used -= {"instance"}
    else:
        assert "sum(" not in rule["expr"]
        used -= {"instance", "group", "name", *(["hook"] if "procman_process_hook_" in rule["expr"] else [])}
    assert used == set()


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_a_panel_of_the_dashboard_uses_what_is_exported(panel):
    assert panel["targets"]
    for target in panel["targets"]:
        assert check(target["expr"])
        kept = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
        assert kept <= {"group", "name", "state", "reason", "instance"}


def test_the_dashboard_can_be_imported():
    """Its ids are unique, its panels do not overlap, and each takes the data source that the user chooses."""
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert all(panel["datasource"]["uid"] == "${datasource}" for panel in PANELS)
    for one, other in combinations([panel["gridPos"] for panel in panels], 2):
        apart = (
            one["x"] + one["w"] <= other["x"]
            or other["x"] + other["w"] <= one["x"]
            or one["y"] + one["h"] <= other["y"]
            or other["y"] + other["h"] <= one["y"]
        )
        assert apart, (one, other)
        assert one["x"] + one["w"] <= 24
    for variable in DASHBOARD["templating"]["list"]:
        for name in re.findall(r"procman_\w+", str(variable.get("query", ""))):
            assert name in EXPORTED
    for annotation in DASHBOARD["annotations"]["list"]:
        check(annotation["expr"])


def test_the_dashboard_shows_nearly_everything():
    """What it does not show is said here."""
    shown = set().union(*(check(target["expr"]) for panel in PANELS for target in panel["targets"]))
    families = {EXPORTED[name].name for name in shown}
    assert {family.name for family in FAMILIES} - families == {
        "procman_config_last_reload_time_seconds",
        "procman_last_success_time_seconds",  # of one-shots alone, as are the runs
        "procman_last_run_time_seconds",
        "procman_last_run_duration_seconds",
        "procman_next_run_time_seconds",  # of those with a schedule
        "procman_runs",
        "procman_metrics_file_missed_writes",
        "procman_notify_messages",  # of masters with a notify section
        "procman_notify_messages_waiting",
        "procman_process_hook_commands",  # of programs with hooks alone; an alert has their failures
        "procman_process_hook_failures",
        "procman_process_hook_seconds",
        "procman_process_log_rotations",  # of programs whose logs are rotated; an alert has the failures
        "procman_process_log_rotation_failures",
        "procman_process_files_watched",  # of programs that watch files alone; an alert says when that ends
        "procman_process_healthy",  # of programs with a health check alone
        "procman_health_checks",  # likewise
        "procman_process_last_exit_code",
        "procman_process_memory_limit_bytes",  # of the few that have one
        "procman_process_listening",  # of lazy programs alone
        "procman_process_waiting_connections",  # of programs with sockets alone
        "procman_process_ready",  # what procman_process_up says of programs with ready
        "procman_process_last_exit_time_seconds",
        "procman_process_start_time_seconds",
        "procman_update_rollbacks",  # of updates that are to be confirmed alone; an alert has them
        "procman_rolling_restarts",
        "procman_rolling_restarts_stopped",
        "procman_update_unconfirmed",
        "procman_programs_scaled",
        "procman_requests_refused",  # where clients have roles; an alert says when they are many
        "procman_updates",
        "procman_upgrades",  # an annotation
    }


def test_node_exporters_names_have_supervisors_numbers():
    """All four series of its collector, and the number of each state."""
    rules = {rule["record"]: rule["expr"] for rule in RULES if "record" in rule}
    assert rules.keys() == {f"node_supervisord_{name}" for name in ("up", "state", "exit_status", "start_time_seconds")}
    numbers = {
        name: int(number) for name, number in re.findall(r'state="(\w+)"} \* (\d+)', rules["node_supervisord_state"])
    }
    assert numbers == {state.name: supervisor_state(state).code for state in State}


def test_the_page_shows_what_is_in_the_files():
    blocks = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    scrape, alert = map(yaml.safe_load, blocks)
    assert scrape == yaml.safe_load((FOLDER / "scrape.yml").read_text())
    (shown,) = alert
    (rule,) = [rule for rule in RULES if rule.get("alert") == shown["alert"]]
    assert shown == {key: rule[key] for key in shown}
    for file in FOLDER.iterdir():
        assert f"prometheus/{file.name}" in PAGE
