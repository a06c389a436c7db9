"""For all files of the corpus, settings, groups, servers and errors are those that supervisor reports."""

import json
import os
import shutil
from pathlib import Path

import pytest

from procman.config.assumptions import Assumptions
from procman.config.report import report

SHARED = Path(os.environ.get("PROCMAN_SHARED", Path(__file__).parents[2].parent / "shared"))
CORPUS = SHARED / "corpus"
NAMES = sorted(path.stem for path in CORPUS.glob("*.conf"))
COMPARED = ("warnings", "infos", "supervisord", "serverurl", "http_servers", "rpcinterfaces", "groups", "ignored")

pytestmark = pytest.mark.skipif(not NAMES, reason=f"the corpus of real files is not there: {CORPUS}")


@pytest.fixture
def folder(tmp_path):
    """A directory that stands for /srv/conf; the files name its parent too."""
    path = tmp_path / "srv" / "conf"
    path.mkdir(parents=True)
    return path


def moved(answer, folder):
    """The answer as if the file were in /srv/conf, where supervisor read it."""
    return json.loads(json.dumps(answer).replace(str(folder.parent), "/srv"))


def assumed(answer, folder):
    """The assumptions of supervisor's run, with its directory replaced by the test's."""
    return Assumptions.from_json(json.loads(json.dumps(answer["assumed"]).replace("/srv/conf", str(folder))))


def assert_same(ours, theirs):
    assert ours["ok"] == theirs["ok"], ours["problems"]
    assert ours["here"] == theirs["here"]
    assert (ours["error"] or {}).get("class") == (theirs["error"] or {}).get("class"), ours["problems"]
    assert ours["warnings"] == theirs["warnings"]
    for key in COMPARED:
        assert ours.get(key) == theirs.get(key), key


@pytest.mark.parametrize("name", NAMES)
def test_a_real_file_means_what_it_means_to_supervisor(name, folder, monkeypatch):
    """Under the same assumptions, the file gives supervisor's answer."""
    expected = json.loads((CORPUS / "expected" / f"{name}.json").read_text())
    shutil.copy(CORPUS / f"{name}.conf", folder)
    # Relative paths are taken from where the master stands; supervisor stood there.
    monkeypatch.chdir("/")
    answer = moved(report(str(folder / f"{name}.conf"), assumed(expected, folder)), folder)
    assert answer["file"] == expected["file"]
    assert_same(answer, expected)
    assert ("as_include" in answer) == ("as_include" in expected)
    if "as_include" in expected:
        assume = assumed(expected["as_include"], folder)
        answer = moved(report(str(folder / f"{name}.conf"), assume), folder)
        assert_same(answer["as_include"], expected["as_include"])
