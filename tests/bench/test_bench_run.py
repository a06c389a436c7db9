"""bench/run measures what it claims to; no test can know how fast that should be."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HANG = 120


@pytest.mark.skipif(shutil.which("cc") is None, reason="the programs under test are compiled")
def test_a_quick_run_has_a_row_for_what_was_asked_for(tmp_path):
    """A run prints the requested figure of both masters and the floor, and writes the values and the page."""
    command = [
        sys.executable,
        "bench/run",
        "--quick",
        "sigterm",
        "--json",
        tmp_path / "values",
        "--markdown",
        tmp_path / "page",
    ]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=HANG, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    (row,) = (line for line in run.stdout.splitlines() if line.startswith("SIGTERM to the master"))
    (figure,) = json.loads((tmp_path / "values").read_text())["figures"]
    assert set(figure["values"]) == {"procman", "supervisord", "floor"}
    shown = float(re.split(" {2,}", row)[3])
    assert shown == pytest.approx(figure["ratio"], abs=0.06)
    assert "| SIGTERM to the master" in (tmp_path / "page").read_text()


@pytest.mark.skipif(shutil.which("cc") is None, reason="the programs under test are compiled")
def test_a_revision_that_is_not_there_is_said():
    """The history may be missing: there is nothing to compare with then, and the way out is named."""
    command = [sys.executable, "bench/against", "no-such-revision"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=HANG, check=False)
    assert (run.returncode, run.stdout) == (1, "")
    assert "there is no revision no-such-revision in" in run.stderr
    assert "git fetch --unshallow" in run.stderr
