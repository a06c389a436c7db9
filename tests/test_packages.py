"""The published packages: the sdist has the whole project, the wheel everything that is useful without it."""

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from email.parser import BytesParser
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# The tests' own environment may be older than what pyproject.toml asks for.
pytestmark = [
    pytest.mark.skipif(
        find_spec("hatchling") is None and "CI" not in os.environ, reason="building takes: pip install -e '.[test]'"
    ),
    pytest.mark.skipif(shutil.which("git") is None, reason="git lists the files of the project, and is not installed"),
]
BUILD = "import sys; from hatchling import build; getattr(build, f'build_{sys.argv[1]}')(sys.argv[2])"


def build(what, source, target):
    """Build it in that directory, without warnings about deprecated settings."""
    built = subprocess.run(
        [sys.executable, "-c", BUILD, what, target], cwd=source, capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stderr
    assert "Deprecat" not in built.stdout + built.stderr
    (archive,) = Path(target).glob("*.tar.gz" if what == "sdist" else "*.whl")
    return archive


@pytest.fixture(scope="module")
def archives(tmp_path_factory):
    """The unpacked sdist, and the wheel built from it."""
    folder = tmp_path_factory.mktemp("packages")
    source = folder / "source"
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.run(listed, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout.split("\0"):
        if name and (ROOT / name).exists():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    with tarfile.open(build("sdist", source, folder)) as sdist:
        sdist.extractall(folder, filter="data")
    (unpacked,) = folder.glob("procman-*/")
    with zipfile.ZipFile(build("wheel", unpacked, folder)) as wheel:
        yield source, unpacked, wheel


def test_the_sdist_has_the_whole_project(archives):
    """The sdist has all documents, samples and tests, and no generated files of a machine."""
    source, unpacked, _ = archives
    for folder in ("docs", "conf", "tests", "bench", "procman"):
        there = {path.relative_to(source) for path in (source / folder).rglob("*") if path.is_file()}
        assert {path.relative_to(unpacked) for path in (unpacked / folder).rglob("*") if path.is_file()} == there
    for name in ("CHANGELOG.md", "README.md", "ARCHITECTURE.md", "LICENSE", "Dockerfile", "pyproject.toml"):
        assert (unpacked / name).read_bytes() == (source / name).read_bytes()


def test_the_wheel_has_the_unit_and_the_schema(archives):
    """The wheel has the unit and the schema in share/procman, and the package with its page, commands and license."""
    source, _, wheel = archives
    names = wheel.namelist()
    for name in ("conf/procman.service", "docs/procman.schema.json"):
        (found,) = (path for path in names if path.endswith(f"/data/share/procman/{Path(name).name}"))
        assert wheel.read(found) == (source / name).read_bytes()
    package = {str(path.relative_to(source)) for path in (source / "procman").rglob("*") if path.is_file()}
    assert {name for name in names if name.startswith("procman/")} == package
    assert "procman_isolated.py" in names
    assert any(name.endswith("/licenses/LICENSE") for name in names)


def test_the_license_is_an_spdx_expression(archives):
    """The license is an SPDX expression, as PEP 639 requires; the older form is refused from 2027 on."""
    wheel = archives[2]
    (metadata,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    about = BytesParser().parsebytes(wheel.read(metadata))
    assert (about["License-Expression"], about["License"]) == ("MIT", None)


def test_the_metadata_says_what_it_is(archives):
    """An index can show a summary, a description, keywords, the Pythons and the topics."""
    wheel = archives[2]
    (metadata,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    about = BytesParser().parsebytes(wheel.read(metadata))
    assert about["Description-Content-Type"] == "text/markdown"
    assert "supervisord" in about["Keywords"]
    classifiers = about.get_all("Classifier")
    for begin in ("Development Status", "Intended Audience", "Operating System", "Topic", "Typing"):
        assert any(each.startswith(f"{begin} :: ") for each in classifiers)
