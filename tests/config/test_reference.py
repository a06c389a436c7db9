"""The reference page and the schema have every option, and the schema accepts real files."""

import re
from pathlib import Path

import pytest
import tomli

from procman.config.schema import reference as describe
from procman.config.schema.limits import RLIMITS
from procman.config.schema.options import Effect, options_of
from procman.config.schema.rolling import RollingOptions
from procman.config.schema.sections import SECTIONS

ROOT = Path(__file__).parents[2]


def test_every_option_is_in_both():
    """Each option is in the section with its name."""
    page, schema = describe.reference(), describe.schema()
    for known in SECTIONS.values():
        assert f"## `[{known.ini}" in page
        inside = schema["properties"][known.toml]
        if known.ini == "include":
            continue
        table = inside["additionalProperties"] if known.named else inside
        assert table["properties"].keys() == known.options.keys()
        for option in known.options:
            assert f"| `{option}`" in page


def test_what_is_needed_first_stands_first():
    """The command comes first on the page and in an editor, unlike in the order of reading."""
    rows = re.findall(r"^(?:## `\[(.*?)[\]:]|\| `(\w+)`)", describe.reference(), re.MULTILINE)
    options = [option for _, option in rows[rows.index(("program", "")) + 1 :]]
    assert options[:3] == ["command", "directory", "user"]
    for section, needed in (("program", ["command"]), ("eventlistener", ["command", "events"])):
        table = describe.schema()["properties"][section]["additionalProperties"]
        assert list(table["properties"])[: len(needed)] == needed


def test_what_update_does_is_told_per_option():
    """The page says which options are applied in place."""
    program = SECTIONS["program"].options
    in_place = {name for name, option in program.items() if option.effect is Effect.NONE}
    assert in_place == {
        *(f"rlimit_{name}" for name in RLIMITS),
        "nice",
        "ionice",
        "oom_score_adj",
        "cpu_affinity",
        "memory_max",
        "memory_high",
        "cpu_max",
        "cpu_weight",
        "pids_max",
        "oom_group",
        "memory_restart",
        "memory_measure",
        "memory_interval",
        "max_age",
        "max_age_jitter",
        "autostart",
        "autorestart",
        "startsecs",
        "startretries",
        "stopsignal",
        "stopwaitsecs",
        "stopasgroup",
        "killasgroup",
        "stop_scope",
        "kill_scope",
        "leftovers",
        "critical",
        "exitcodes",
        "norestart_exitcodes",
        "early_exit",
        "ready",
        "start_timeout",
        "ready_interval",
        "probe_http_status",
        "depends_on",
        "depends_timeout",
        "on_dependency_restart",
        "on_dependency_stop",
        "backoff",
        "backoff_factor",
        "backoff_jitter",
        "backoff_reset",
        "restart_limit",
        "run_timeout",
        "unknown_exit",
        "on_restart_limit",
        "debug_restart",
        "pre_start",
        "post_start",
        "pre_stop",
        "stop_command",
        "before_kill",
        "before_kill_timeout",
        "post_stop",
        "on_failure",
        "hook_timeout",
        "reload",
        "reload_timeout",
        "priority",
        # And with them those of schedules.
        *(name for name, option in options_of(RollingOptions).items() if option.effect is Effect.NONE),
    }
    assert all(
        (option.effect is Effect.REOPEN) == name.startswith(("stdout_", "stderr_", "log_"))
        for name, option in program.items()
    )


TYPES = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
}


def complaints(value, schema, path="$"):
    """The violations of a schema, with the few keywords that ours uses."""
    unknown = schema.keys() - {
        "$schema",
        "$id",
        "title",
        "description",
        "default",
        "type",
        "properties",
        "additionalProperties",
        "items",
        "minItems",
        "enum",
    }
    assert not unknown
    if value not in schema.get("enum", [value]):
        return [f"{path}: {value!r} is none of {schema['enum']}"]
    types = schema.get("type", list(TYPES))
    if not any(TYPES[name](value) for name in ([types] if isinstance(types, str) else types)):
        return [f"{path}: {value!r} is none of {types}"]
    found = []
    if isinstance(value, list):
        found += [f"{path}: too short"] if len(value) < schema.get("minItems", 0) else []
        for number, item in enumerate(value):
            found += complaints(item, schema.get("items", {}), f"{path}[{number}]")
    if isinstance(value, dict):
        for key, item in value.items():
            inner = schema.get("properties", {}).get(key, schema.get("additionalProperties", True))
            if inner is False:
                found.append(f"{path}.{key}: unknown")
            elif inner is not True:
                found += complaints(item, inner, f"{path}.{key}")
    return found


def test_the_schema_accepts_the_samples():
    """Every TOML file of conf/ is valid."""
    for path in sorted((ROOT / "conf").glob("*.toml")):
        assert complaints(tomli.loads(path.read_text(encoding="utf-8")), describe.schema()) == [], path


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("[program.a]\ncommand = ['x']\nstartsecs = 0.5\nexitcodes = [0, 2]\nenvironment = { A = 1 }\n", 0),
        ("[procman]\numask = '022'\n[inet_http_server.x]\nport = 1\n", 0),
        ("include = ['x']\n[group.g]\nprograms = ['a']\n[rpcinterface.x]\nanything = 1\n", 0),
        ("[program.a]\ncomand = 'x'\n", 1),
        ("[program.a]\ncommand = []\n", 1),
        ("[program.a]\ncommand = 3\n", 1),
        ("[procman]\numask = 18\n[procmn]\n", 2),
        ("[inet_http_server]\nprt = 1\n", 1),
    ],
)
def test_the_schema_tells_good_from_bad(text, count):
    """Misspelt keys and values of a wrong type are invalid."""
    assert len(complaints(tomli.loads(text), describe.schema())) == count
