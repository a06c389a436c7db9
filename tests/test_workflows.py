"""The workflows for a forge are valid, and leave the checks to .ci/run."""

import json
from importlib import resources
from pathlib import Path

import pytest
import yaml

FOLDER = Path(__file__).parents[1] / ".github" / "workflows"
NAMES = sorted(path.name for path in FOLDER.iterdir())


def workflow_of(name):
    return yaml.safe_load((FOLDER / name).read_text())


def test_every_workflow_has_the_form_that_the_forge_takes():
    """The schema of the forge accepts them."""
    import jsonschema  # half a second

    vendored = resources.files("check_jsonschema") / "builtin_schemas" / "vendor" / "github-workflows.json"
    schema = json.loads(vendored.read_text())
    for name in NAMES:
        # YAML 1.1 reads the key `on` as a boolean.
        workflow = {"on" if key is True else key: value for key, value in workflow_of(name).items()}
        jsonschema.Draft7Validator(schema).validate(workflow)


@pytest.mark.parametrize("name", NAMES)
def test_a_workflow_runs_the_same_checks_as_everybody(name):
    """Each runs .ci/run, with no more rights than it needs."""
    workflow = workflow_of(name)
    steps = [step.get("run", "") for job in workflow["jobs"].values() for step in job["steps"]]
    assert any(".ci/run" in step for step in steps)
    assert workflow["permissions"]["contents"] == ("write" if name == "release.yml" else "read")
