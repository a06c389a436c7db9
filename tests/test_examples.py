"""Every container in conf/examples is valid, fits into Docker's stop timeout, and has everything it needs."""

import os
import re
import shlex
from pathlib import Path

import pytest
import yaml

from procman.config.load import load
from procman.config.stop_plan import DOCKER, judge, stop_plan
from tests.support.export_checks import deployment, services

CONF = Path(__file__).parents[1] / "conf"
EXAMPLES = CONF / "examples"
NAMES = sorted(path.name for path in EXAMPLES.iterdir() if path.is_dir())


@pytest.mark.parametrize("name", NAMES)
def test_an_example_is_a_good_file_that_fits(name):
    """Every example passes the check without warnings and fits into the default time of `docker stop`."""
    config = load(str(EXAMPLES / name / "procman.toml"))
    assert config.warnings == ()
    assert judge(stop_plan(config), DOCKER).fits


@pytest.mark.parametrize("name", NAMES)
def test_the_dockerfile_copies_what_the_configuration_runs(name):
    """The Dockerfile copies every program that is run, executable, and every file of the directory."""
    folder = EXAMPLES / name
    copied = [
        word
        for line in (folder / "Dockerfile").read_text().splitlines()
        if line.startswith("COPY")
        for word in line.split()[1:-1]
        if not word.startswith("--")
    ]
    assert sorted([*copied, "Dockerfile"]) == sorted(os.listdir(folder))
    for group in load(str(folder / "procman.toml")).groups:
        for program in group.programs:
            assert shlex.split(program.command)[0] in copied
    for program in copied:
        if not program.endswith(".toml"):
            assert os.access(folder / program, os.X_OK), program


def test_the_page_tells_of_every_example():
    """The page lists exactly the examples that exist."""
    page = (EXAMPLES / "README.md").read_text()
    assert sorted(re.findall(r"^\| \[([\w-]+)\]\(\1\)", page, re.MULTILINE)) == NAMES


def test_programs_that_are_in_several_examples_are_the_same():
    """Copies of a program are identical; they exist because an image is built from one directory."""
    texts = {path.read_text() for path in EXAMPLES.glob("*/dockerapp1.py")}
    assert len(texts) == 1


def test_the_compose_sample_runs_unprivileged_and_fits():
    """The sample fits compose's schema, and runs as the image's user, without rights, with time to stop."""
    app = services((CONF / "compose.yaml").read_text())["app"]
    assert (app["user"], app["read_only"], app["cap_drop"]) == ("procman", True, ["ALL"])
    plan = stop_plan(load(str(CONF / "container.toml")))
    assert judge(plan, float(app["stop_grace_period"].removesuffix("s"))).fits


def test_the_kubernetes_sample_runs_unprivileged_and_fits(tmp_path):
    """The sample is valid in each version, runs as the image's user without rights, and its file is good and fits."""
    configuration, deployed = yaml.safe_load_all((CONF / "kubernetes.yaml").read_text())
    pod = deployment(yaml.safe_dump(deployed))["spec"]["template"]["spec"]
    (user,) = re.findall(r"procman:x:(\d+):\1:procman", (CONF.parent / "Dockerfile").read_text())
    assert (pod["securityContext"]["runAsNonRoot"], pod["securityContext"]["runAsUser"]) == (True, int(user))
    (container,) = pod["containers"]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    path = tmp_path / "procman.toml"
    path.write_text(configuration["data"]["procman.toml"])
    plan = stop_plan(load(str(path)))
    assert judge(plan, float(pod["terminationGracePeriodSeconds"])).fits
