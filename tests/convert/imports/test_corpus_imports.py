"""Every usable supervisord.conf of the corpus means the same when it is imported into TOML."""

import json
import os
import shutil
from pathlib import Path

import pytest

from procman.config.assumptions import Assumptions
from procman.config.load import read
from procman.convert.imports import supervisord
from procman.convert.imports.source import Source

SHARED = Path(os.environ.get("PROCMAN_SHARED", Path(__file__).parents[3].parent / "shared"))
CORPUS = SHARED / "corpus"
NAMES = sorted(path.stem for path in CORPUS.glob("*.conf"))

pytestmark = pytest.mark.skipif(not NAMES, reason=f"the corpus of real files is not there: {CORPUS}")


def test_every_file_of_the_corpus_means_the_same_in_toml(tmp_path):
    """The groups, their processes and the options of all of them are equal."""
    folder = tmp_path / "conf"
    folder.mkdir()
    compared = 0
    for name in NAMES:
        expected = json.loads((CORPUS / "expected" / f"{name}.json").read_text())
        shutil.copy(CORPUS / f"{name}.conf", folder)
        assume = Assumptions.from_json(json.loads(json.dumps(expected["assumed"]).replace("/srv/conf", str(folder))))
        file = folder / f"{name}.conf"
        before = read(str(file), assume=assume).config
        if before is None:
            continue
        draft = supervisord.read([Source(str(file), file.read_text())])
        imported = folder / f"{name}.toml"
        imported.write_text(draft.text())
        loaded = read(str(imported), assume=assume)
        errors = [str(problem) for problem in loaded.problems if problem.severity == "error"]
        if errors and all("[include]: there is no file" in error for error in errors):
            continue  # INI passes over a file that is not there
        assert loaded.config is not None, (name, errors)
        assert [group.name for group in loaded.config.groups] == [group.name for group in before.groups], name
        for one, other in zip(before.groups, loaded.config.groups, strict=True):
            assert one.programs == other.programs, (name, one.name)
            assert one.listener == other.listener, (name, one.name)
        compared += 1
    assert compared > 30
