"""Every file of the corpus is exported in every way, and the tools of the other side accept the result."""

import json
import os
import shutil
from pathlib import Path

import pytest

from procman.config.assumptions import Assumptions
from procman.config.load import read
from procman.convert import compose, kubernetes, systemd
from procman.convert.result import CannotExport
from tests.support.export_checks import deployment, only, services, target, verified

SHARED = Path(os.environ.get("PROCMAN_SHARED", Path(__file__).parents[2].parent / "shared"))
CORPUS = SHARED / "corpus"
NAMES = sorted(path.stem for path in CORPUS.glob("*.conf"))

pytestmark = pytest.mark.skipif(not NAMES, reason=f"the corpus of real files is not there: {CORPUS}")


@pytest.fixture(scope="module")
def configs(tmp_path_factory):
    """Every usable file of the corpus by its name, loaded for the machine that it is for."""
    folder = tmp_path_factory.mktemp("srv") / "conf"
    folder.mkdir()
    found = {}
    for name in NAMES:
        expected = json.loads((CORPUS / "expected" / f"{name}.json").read_text())
        shutil.copy(CORPUS / f"{name}.conf", folder)
        assumed = json.loads(json.dumps(expected["assumed"]).replace("/srv/conf", str(folder)))
        config = read(str(folder / f"{name}.conf"), assume=Assumptions.from_json(assumed)).config
        if config is not None:
            found[name] = config
    assert len(found) > 30
    return found


def each(configs, export, *, split):
    """The exports by the names of their files; a file with only listeners has none."""
    for name, config in configs.items():
        try:
            yield name, export(config, target(name, split=split))
        except CannotExport:
            assert split


@pytest.mark.slow
@pytest.mark.parametrize("split", [False, True], ids=["whole", "split"])
def test_every_deployment_is_one_to_kubernetes(configs, split):
    """Each fits the schema of the oldest and the newest version."""
    assert [
        name for name, exported in each(configs, kubernetes.export, split=split) if deployment(only(exported.files))
    ]


@pytest.mark.parametrize("split", [False, True], ids=["whole", "split"])
def test_every_compose_file_is_one_to_compose(configs, split):
    """Each fits the schema of the compose specification."""
    assert [name for name, exported in each(configs, compose.export, split=split) if services(only(exported.files))]


@pytest.mark.parametrize("split", [False, True], ids=["whole", "split"])
def test_systemd_finds_nothing_wrong_with_any_unit(configs, split, tmp_path):
    """Complaints about programs and users that this machine does not have do not count."""
    units = {}
    for _, exported in each(configs, systemd.export, split=split):
        assert units.keys().isdisjoint(exported.files)
        units |= exported.files
    assert [line for line in verified(units, tmp_path) if "this is not safe" not in line] == []
