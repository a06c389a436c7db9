"""The OpenAPI document of a real master is valid, and what the master answers is as the document says."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.free_ports import free_port
from tests.support.running_master import SLEEPER, RunningMaster

DOCUMENT = Path(__file__).parents[2] / "docs/reference/openapi.json"
# They end the master, or do not end by themselves.
LEFT_OUT = (
    "/v1/master/shutdown",
    "/v1/master/reload",
    "/v1/master/upgrade",
    "/v1/events",
    "/v1/processes/{spec}/run",
    "/v1/processes/{spec}/attach",
    "/v1/processes/{spec}/debug",
)
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
)
PROGRAMS = f"""
[program:web]
command={SLEEPER}
startsecs=0
numprocs=2
numprocs_max=3
process_name=%(process_num)d
[program:job]
type=oneshot
command=echo done
autostart=false
[program:broken]
command=false
startretries=0
[program:log]
command={SLEEPER}
startsecs=0
health=exec:true
"""


class Listening(RunningMaster):
    """A master with a TCP server beside its socket."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        super().__init__(folder, f"{PROGRAMS}\n[inet_http_server]\nport=127.0.0.1:{self.port}\n")


@pytest.fixture
def master(tmp_path) -> Iterator[Listening]:
    with Listening(tmp_path) as master:
        master.wait_for("gave up: broken")
        yield master


def test_the_document_is_valid():
    """It is OpenAPI 3.1, and every reference in it leads somewhere."""
    from openapi_spec_validator import OpenAPIV31SpecValidator  # half a second

    OpenAPIV31SpecValidator(json.loads(DOCUMENT.read_text())).validate()


def test_a_master_serves_the_document_of_docs(master):
    """Both are the same."""
    assert master.call("GET", "/v1/openapi.json") == json.loads(DOCUMENT.read_text())


@pytest.mark.slow
def test_every_answer_is_as_the_document_says(master, tmp_path):
    """Arbitrary requests, right and wrong ones, get no server error, and no answer of another shape."""
    file = tmp_path / "openapi.json"
    file.write_text(json.dumps(ended(json.loads(DOCUMENT.read_text()))))
    asked = ["run", file, "--url", f"http://127.0.0.1:{master.port}", "--checks", ",".join(CHECKS)]
    quickly = ["--phases", "coverage,fuzzing", "--max-examples", "3", "--seed", "19", "--request-timeout", "5"]
    ran = subprocess.run(
        [sys.executable, "-m", "schemathesis.cli", *map(str, asked), *quickly, "--no-color"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert master.call("GET", "/v1/master")["statename"] == "RUNNING"


def ended(document: dict[str, Any]) -> dict[str, Any]:
    """Without what does not end, and with names that there are."""
    for path in LEFT_OUT:
        del document["paths"][path]
    for operations in document["paths"].values():
        for operation in operations.values():
            given = [one for one in operation.get("parameters", ()) if one["name"] != "follow"]
            operation["parameters"] = given
            for one in given:
                if one["name"] == "spec":
                    one["schema"] = {
                        "type": "string",
                        "enum": ["web:0", "web:*", "job", "broken", "log", "all", "nothing"],
                    }
    return document
