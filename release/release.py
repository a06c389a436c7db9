"""Makes a release of what is committed: `nox -s release -- 0.3.0`.

The version gets its date in the changelog, and the commit a tag. Nothing leaves this machine. The session then builds
the files (`artefacts.py`), and says what to type to publish them.
"""

import re
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parents[1]
VERSION = re.compile(r"\d+\.\d+\.\d+(?:(?:a|b|rc)\d+)?")


def main(words: Sequence[str], root: Path = ROOT) -> None:
    """Write, commit and tag it."""
    version = wanted(words)
    if said(root, "status", "--porcelain"):
        raise SystemExit("cannot release: there are changes that are not committed; commit them first")
    if said(root, "tag", "--list", f"v{version}"):
        raise SystemExit(f"cannot release: there is a tag v{version} already; choose another version")
    files = {
        "procman/__init__.py": (r'(?m)^__version__ = ".*"', f'__version__ = "{version}"'),
        "Dockerfile": (r'(image\.version=)"[^"]*"', rf'\g<1>"{version}"'),
        "CHANGELOG.md": (
            rf"(?m)^## \[{re.escape(version)}\] - Unreleased$",
            f"## [{version}] - {datetime.now(UTC).date().isoformat()}",
        ),
    }
    texts = {name: replaced(root / name, *how) for name, how in files.items()}
    for name, text in texts.items():
        (root / name).write_text(text, encoding="utf-8")
    said(root, "commit", "--quiet", "--message", f"release: {version}", *texts)
    said(root, "tag", "--annotate", f"v{version}", "--message", notes(texts["CHANGELOG.md"], version))


def wanted(words: Sequence[str]) -> str:
    """The version that was asked for."""
    if len(words) != 1 or not VERSION.fullmatch(words[0]):
        raise SystemExit("usage: nox -s release -- VERSION, such as 0.3.0 or 0.3.0rc1")
    return words[0]


def replaced(path: Path, pattern: str, text: str) -> str:
    """The file with the one place changed."""
    new, count = re.subn(pattern, text, path.read_text(encoding="utf-8"))
    if count != 1:
        hint = "; its heading is to be: ## [VERSION] - Unreleased" if path.name == "CHANGELOG.md" else ""
        raise SystemExit(f"cannot release: {path.name} has {count} places that match {pattern}, and not one{hint}")
    return new


def notes(changelog: str, version: str) -> str:
    """What the changelog says of the version, as the message of the tag."""
    section = changelog.partition(f"## [{version}]")[2].partition("\n## [")[0].partition("\n")[2]
    # Git takes a line that begins with # for a comment.
    return f"procman {version}\n\n" + re.sub(r"(?m)^#+ (.*)$", r"\1:", section).strip() + "\n"


def said(root: Path, *words: str) -> str:
    """Run git; return its output."""
    done = subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, check=False)  # noqa: S607 - any git
    if done.returncode:
        raise SystemExit(f"cannot release: git {words[0]} has failed:\n{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    main(sys.argv[1:])
