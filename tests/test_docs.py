"""What the documents and samples say is so: commands exist, links lead somewhere, and every sample is a good file."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from procman import __version__
from procman.cli.commands import COMMANDS

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
PAGES = [
    "README.md",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    *(str(page.relative_to(ROOT)) for page in (ROOT / "docs").glob("*.md")),
]
SAMPLES = ["procman.toml", "supervisord.conf", "container.toml"]


def commands(page: str) -> list[str]:
    """The lines of a page's shell blocks."""
    blocks = re.findall(r"^```(?:sh|console)\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    return [line.strip() for block in blocks for line in block.splitlines() if line.strip()]


def check(config: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "procman", "check", "-c", str(config), *options],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("sample", SAMPLES)
def test_every_sample_passes_check(sample):
    """`procman check` finds nothing to say about the files in conf/, but that nobody has added to one of them yet."""
    found = check(ROOT / "conf" / sample)
    assert found.returncode == 0, found.stdout + found.stderr
    said = [line for line in found.stdout.splitlines() if "(warning)" in line]
    assert [line for line in said if "no file matches" not in line or "conf.d" not in line] == []
    report = json.loads(check(ROOT / "conf" / sample, "--json").stdout)
    assert report["ok"]
    assert report["warnings"] == []
    assert report["groups"]


def test_the_toml_in_the_readme_is_good(tmp_path):
    """Every TOML block of the README passes `procman check`."""
    blocks = re.findall(r"^```toml\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    assert blocks
    for number, block in enumerate(blocks):
        config = tmp_path / f"{number}.toml"
        config.write_text(block)
        report = json.loads(check(config, "--json").stdout)
        assert report["ok"], report
        assert report["warnings"] == []


def test_every_sample_runs_only_what_is_in_the_source_tree():
    """A fresh clone has all the samples need: Python, and the scripts in conf/demo."""
    for sample in SAMPLES:
        report = json.loads(check(ROOT / "conf" / sample, "--json").stdout)
        for group in report["groups"]:
            for process in group["processes"]:
                words = process["command"].split()
                assert words[0] == "python3"
                for word in words[1:]:
                    if "/" in word and word.endswith(".py"):
                        assert os.path.isfile(word)


def test_the_two_commands_of_the_readme_set_everything_up():
    """One line runs the demo and one the tests, each from nothing but Python; .ci/run takes the second from there."""
    lines = [line for line in commands(README) if line.startswith("python3 -m venv")]
    assert len(lines) == 2
    assert lines[0].endswith("procman -c conf/procman.toml")
    assert "pytest" in lines[1]
    assert "sed -n '/^python3 -m venv .*pytest/p' README.md" in (ROOT / ".ci" / "run").read_text()
    assert re.findall(r"^python3 -m venv .*pytest.*$", README, re.MULTILINE) == [lines[1]]


def test_every_command_in_the_documents_exists():
    """`procmanctl X` names a command, `-c FILE` of the source tree a file that is there."""
    for page in PAGES:
        text = (ROOT / page).read_text()
        lines = [*commands(text), *re.findall(r"`([^`\n]+)`", text)]
        for line in lines:
            for word in re.findall(r"^(?:\$ )?(?:\S*/)?procmanctl (?:-c \S+ )?([a-z]+)", line):
                assert word in COMMANDS, f"{page}: {line}"
            for path in re.findall(r" (conf/\S+)", line):
                assert (ROOT / path).is_file(), f"{page}: {line}"


@pytest.mark.parametrize("page", PAGES)
def test_every_link_within_the_project_leads_somewhere(page):
    """No document points at a file that is not there."""
    text = (ROOT / page).read_text()
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
        if "://" not in target:
            assert (ROOT / page).parent.joinpath(target).exists(), f"{page}: {target}"


def test_the_readme_gives_a_reason_for_every_dependency():
    """What pyproject.toml asks for at run time, and nothing else."""
    import tomli

    project = tomli.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = {re.match(r"[\w-]+", requirement)[0] for requirement in project["dependencies"]}
    assert set(re.findall(r"^\| `([\w-]+)` \|", README, re.MULTILINE)) == needed


def test_the_changelog_tells_of_this_version():
    """Keep a Changelog: a heading for the version that is in the code."""
    assert re.search(rf"^## \[{re.escape(__version__)}\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)


def test_the_architecture_names_every_room():
    """Each folder and each module of the package's top is in ARCHITECTURE.md, and nothing that is not there."""
    text = (ROOT / "ARCHITECTURE.md").read_text()
    package = ROOT / "procman"
    rooms = {f"{path.name}/" for path in package.iterdir() if (path / "__init__.py").exists()}
    modules = {path.name for path in package.glob("*.py") if not path.name.startswith("__")}
    listed = set(re.findall(r"^  ([a-z_]+(?:/|\.py)) ", text, re.MULTILINE))
    assert listed == rooms | modules


def test_the_dockerfile_runs_procman_itself_as_pid_1():
    """Exec form, so that no shell stands between the runtime and procman; and the signal it is stopped by."""
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    assert 'CMD ["procman", "-c", "/etc/procman/procman.toml"]' in lines
    assert "STOPSIGNAL SIGTERM" in lines
    assert lines[-1].startswith("CMD ")


def test_scripts_can_be_run():
    """What is started by its name has the bit for it."""
    for path in [ROOT / ".ci" / "run", *(ROOT / "tests" / "end_to_end" / "programs").glob("dockerapp*.py")]:
        assert os.access(path, os.X_OK), path


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_the_ci_script_is_good_bash():
    """It can at least be read."""
    assert subprocess.run(["bash", "-n", str(ROOT / ".ci" / "run")], check=False).returncode == 0
