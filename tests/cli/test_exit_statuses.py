"""What the reference says about `--json` is what the commands print."""

import importlib
import json
import pkgutil
import re
import typing

import pytest

from procman.api import shapes
from procman.cli.exit_statuses import PROCMANCTL
from tests.support.chaos_samples import chaos_info
from tests.support.crash_samples import crash_info, crash_report
from tests.support.fake_master import Stream, process, result

# All that the topics of the interface define, by name.
SHAPES = {
    name: shape
    for module in pkgutil.iter_modules(shapes.__path__, f"{shapes.__name__}.")
    for name, shape in vars(importlib.import_module(module.name)).items()
}

# Each line of these is checked where it is tested: they need a process that runs, or a terminal.
STREAMS = {"fg", "attach", "debug", "top"}

ANSWERS = {
    ("GET", "/v1/drift"): {"drifts": [], "file_problems": []},
    ("POST", "/v1/processes/web/chaos"): chaos_info(),
    ("GET", "/v1/crashes?name=all"): {"crashes": [crash_info()], "note": ""},
    ("GET", "/v1/crashes/812"): crash_report(),
    ("GET", "/v1/health?file=1"): {"ready": True, "missing": [], "warnings": []},
    ("GET", "/v1/stop-plan"): {key: [] for key in typing.get_type_hints(SHAPES["StopPlanInfo"])}
    | {"seconds": 1.0, "needed": 1.0, "master": 1.0, "shutdown_timeout": None},
    ("GET", "/v1/journal?limit=50"): {"records": [], "next": 7},
    ("GET", "/v1/journal/spans?since=1795960800.0&until=1795964400.0"): {
        "since": 1795960800.0,
        "until": 1795964400.0,
        "known_since": None,
        "processes": [],
    },
    ("GET", "/v1/processes/web/runs"): {"runs": []},
    ("GET", "/v1/scale"): {"scales": []},
    ("GET", "/v1/runs?name=web"): {"runs": []},
    ("GET", "/v1/schedules?count=1&name=all"): {"schedules": []},
    ("GET", "/v1/why"): {"as_wanted": True, "processes": 2, "explanations": []},
    ("GET", "/v1/figures"): {"figures": []},
    ("GET", "/v1/terminals"): {"terminals": []},
    ("GET", "/v1/graph"): {"processes": []},
    ("GET", "/v1/config"): {"processes": []},
    ("GET", "/v1/master/config"): {"sections": []},
    ("GET", "/v1/processes/web/config"): {"sections": []},
    ("GET", "/metrics"): b"procman_events_total 1\n",
    ("GET", "/v1/log?tail=1600"): b"text",
    ("GET", "/v1/logs?lines=10"): Stream(
        b'{"name": "web", "channel": "stdout", "time": 1.5, "data": "hi\\n", "missed": 0}\n'
    ),
    ("GET", "/v1/log?follow=1"): Stream(b"text"),
    ("GET", "/v1/processes/web/log/stdout?tail=1600"): b"text",
    ("GET", "/v1/processes/web/log/stdout?follow=1"): Stream(b"text"),
    ("GET", "/v1/whoami"): {
        "uid": 0,
        "user": "root",
        "groups": [0],
        "has_token": False,
        "server": "",
        "by_roles": False,
        "role": "admin",
        "grants": [],
        "processes": [],
    },
    ("POST", "/v1/config/reread"): {"added": [], "changed": [], "removed": [], "notify": [], "access": []},
    ("GET", "/v1/notify"): {"sections": []},
    ("POST", "/v1/notify/ops/test"): {"name": "ops", "sent": True, "words": "HTTP 200"},
    ("POST", "/v1/config/update"): {"steps": []},
    ("POST", "/v1/config/confirm"): {"operation": 7, "result": "kept"},
    ("POST", "/v1/config/abort"): {"operation": 7, "result": "rolled back"},
    ("GET", "/v1/config/plan"): {"changes": [], "needs_reload": [], "unknown": []},
    ("POST", "/v1/groups/web/add"): {"result": "added"},
    ("POST", "/v1/groups/web/remove"): {"result": "removed"},
    ("POST", "/v1/master/reload"): {},
    ("POST", "/v1/master/shutdown"): {},
    ("POST", "/v1/master/upgrade"): {"upgrades": 1},
    ("POST", "/v1/processes/web/run"): Stream(
        b'{"event": "began", "name": "web", "operation": 7}\n',
        b'{"event": "output", "channel": "stdout", "data": "hi", "missed": 0}\n',
        b'{"event": "ended", "statename": "EXITED", "done": true, "code": 0, "text": "done in 0 s"}\n',
    ),
}
LINES = [
    *(
        "add web",
        "avail",
        "chaos web --kill --yes",
        "clear web",
        "logs",
        "is-running web",
        "kill web",
        "config",
        "config web",
        "confirm",
        "diff",
        "crash 812",
        "crashes",
        "drift",
        "events",
        "exit",
        "graph",
        "health",
        "help",
        "help tail",
        "history web",
        "maintail",
        "maintail -f",
        "metrics",
        "next",
        "notify",
        "notify test ops",
        "pid",
        "pid web",
    ),
    *(
        "quit",
        "refresh web",
        "reload",
        "remove web",
        "reread",
        "restart web",
        "retry web",
        "run web",
        "runs web",
        "scale",
        "shutdown",
        "signal HUP web",
        "start web",
        "status",
    ),
    *(
        "status --long",
        "stop web",
        "stop-plan",
        "tail web",
        "tail -f web",
        "timeline --since 1795960800 --until 1795964400",
        "update",
        "update --abort",
        "update --dry-run",
        "upgrade",
        "version",
        "whoami",
        "why",
    ),
]


def declared(name: str) -> list[set[str]]:
    """The keys of each object that the reference describes."""
    text = PROCMANCTL[name].json
    found = []
    for code in re.findall(r"`([^`]+)`", text):
        if code in SHAPES:
            found.append(set(typing.get_type_hints(SHAPES[code])))
        elif code.startswith("{"):
            found.append(set(json_keys(code)))
        elif code.startswith('"'):
            found.append(found[-1] | set(json_keys("{" + code + "}")))
    return found


def json_keys(shape: str) -> list[str]:
    """The keys of the outermost object of a shape such as {"a": [{"b": str}], "c": int}."""
    keys, depth = [], 0
    for token in re.findall(r'"\w+":|[{}\[\]]', shape):
        if token in "{[":
            depth += 1
        elif token in "}]":
            depth -= 1
        elif depth == 1:
            keys.append(token[1:-2])
    return keys


@pytest.mark.parametrize("line", LINES)
def test_every_object_has_the_keys_of_the_reference(ctl, master, line):
    """A command prints one object, a stream one for each line."""
    master.show(process("web"))
    master.answers |= ANSWERS
    for operation in ("start", "stop", "refresh", "retry", "signal", "clear"):
        master.results(operation, result("web"))
    ran = ctl(*line.split(), "--json")
    assert ran.status == 0
    for text in ran.text.splitlines():
        assert set(json.loads(text)) in declared(line.split()[0])
    assert ran.text


def test_every_command_is_tried():
    """A new command needs a case here; `open` takes the address of a master."""
    assert {line.split()[0] for line in LINES} == PROCMANCTL.keys() - STREAMS - {"open"}


def test_open_prints_the_processes(ctl, master):
    """`open` prints the processes of the master that it connects to."""
    ran = ctl("open", master.url, "--json")
    assert [set(json.loads(ran.text))] == declared("open")
