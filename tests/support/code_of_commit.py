"""The code of procman as it was at a commit, unpacked beside today's: for upgrades from one to the other."""

import shutil
import subprocess
from pathlib import Path

from tests.support.master_process import ROOT

# The last commit that handed the fields of its classes over to the next version: format 2.
BEFORE_SNAPSHOTS = "390c039"


def has_commit(commit: str) -> bool:
    """Is this a checkout with that much history?"""
    asked = ["git", "-C", str(ROOT), "cat-file", "-e", f"{commit}^{{commit}}"]
    return shutil.which("git") is not None and subprocess.run(asked, capture_output=True, check=False).returncode == 0


def unpack(commit: str | None, folder: Path) -> None:
    """Put the package `procman` of that commit, or today's, into the folder; what was there before goes."""
    shutil.rmtree(folder / "procman", ignore_errors=True)
    if commit is None:
        shutil.copytree(ROOT / "procman", folder / "procman", ignore=shutil.ignore_patterns("__pycache__"))
        return
    archive = subprocess.run(["git", "-C", str(ROOT), "archive", commit, "procman"], capture_output=True, check=True)
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["tar", "-x", "-C", str(folder)], input=archive.stdout, check=True)
