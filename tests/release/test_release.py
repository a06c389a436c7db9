"""`nox -s release` writes the version and its date, commits them, and tags the commit; or changes nothing."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "release"))
import release  # noqa: E402 - a script and no package

CHANGELOG = "# Changelog\n\n## [0.3.0] - Unreleased\n\n### Added\n- A thing.\n\n## [0.2.0] - 2026-01-01\n\n- Old.\n"


def git(repository, *words):
    return subprocess.run(["git", *words], cwd=repository, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A repository with the files that have a version, all committed."""
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "somebody")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "somebody@example.org")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    (tmp_path / "procman").mkdir()
    (tmp_path / "procman" / "__init__.py").write_text('"""It."""\n\n__version__ = "0.2.0"\n')
    (tmp_path / "Dockerfile").write_text('LABEL org.opencontainers.image.version="0.2.0" \\\n')
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG)
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "begin")
    return tmp_path


def test_a_release_has_its_version_date_commit_and_tag(repository):
    """The version is in all three files, the changelog has the date, and the tag has the notes of this version only."""
    release.main(["0.3.0"], repository)
    assert '__version__ = "0.3.0"\n' in (repository / "procman" / "__init__.py").read_text()
    assert 'image.version="0.3.0"' in (repository / "Dockerfile").read_text()
    assert re.search(r"^## \[0\.3\.0\] - \d{4}-\d\d-\d\d$", (repository / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert git(repository, "log", "-1", "--format=%s%d").startswith("release: 0.3.0 (HEAD")
    assert git(repository, "status", "--porcelain") == ""
    assert git(repository, "for-each-ref", "--format=%(contents)", "refs/tags/v0.3.0").strip() == (
        "procman 0.3.0\n\nAdded:\n- A thing."
    )


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ([], "usage"),
        (["v0.3.0"], "usage"),
        (["0.4.0"], "CHANGELOG.md has 0 places .* ## \\[VERSION\\] - Unreleased"),
        (["0.2.0"], "there is a tag v0.2.0 already"),
    ],
)
def test_a_release_that_is_not_possible_changes_nothing(repository, words, complaint):
    """A wrong version, one without an entry in the changelog, and one that exists are refused."""
    git(repository, "tag", "v0.2.0")
    with pytest.raises(SystemExit, match=complaint):
        release.main(words, repository)
    assert git(repository, "status", "--porcelain") == ""
    assert git(repository, "log", "-1", "--format=%s") == "begin\n"


def test_what_is_not_committed_is_not_released(repository):
    """With changes in the work tree nothing is released."""
    (repository / "Dockerfile").write_text("FROM scratch\n")
    with pytest.raises(SystemExit, match="not committed"):
        release.main(["0.3.0"], repository)


def test_the_project_itself_can_be_released():
    """Two files have one place each for the version; one version of the changelog at most is without a date."""
    for name, pattern in {
        "procman/__init__.py": r'(?m)^__version__ = ".*"',
        "Dockerfile": r'(image\.version=)"[^"]*"',
    }.items():
        assert "9.9.9" in release.replaced(ROOT / name, pattern, "9.9.9")
    changelog = (ROOT / "CHANGELOG.md").read_text()
    assert len(re.findall(r"^## \[.*\] - Unreleased$", changelog, re.MULTILINE)) <= 1
