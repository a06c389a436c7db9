"""What documents and samples say is true: commands exist, links lead somewhere, and every sample is valid."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from procman import __version__
from procman.api.faults import Fault
from procman.api.reference_pages import FAULTS, methods
from procman.api.route_rows import route_rows
from procman.cli import reference_docs as describe
from procman.cli.exit_statuses import PROCMAN, PROCMANCTL
from procman.cli.procman import COMMANDS as MASTER_COMMANDS
from procman.cli.procmanctl_commands import COMMANDS, SAME_AS
from procman.config.report import report
from tests.support import import_graph, ways

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
PAGES = [
    "README.md",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    *sorted(str(page.relative_to(ROOT)) for page in (ROOT / "docs").rglob("*.md")),
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
    """`procman check` has no complaint about the files in conf/, except that conf.d is still empty.

    What listens on this machine does not matter.
    """
    found = check(ROOT / "conf" / sample)
    assert found.returncode == 0, found.stdout + found.stderr
    said = [line for line in found.stdout.splitlines() if "(warning)" in line and "another program listens" not in line]
    assert [line for line in said if "no file matches" not in line or "conf.d" not in line] == []
    report = json.loads(check(ROOT / "conf" / sample, "--json").stdout)
    assert report["ok"]
    assert report["warnings"] == []
    assert report["groups"]


def test_every_sample_runs_only_what_is_in_the_source_tree():
    """The samples run in a fresh clone: they need Python, a shell, and the scripts in conf/demo."""
    for sample in SAMPLES:
        report = json.loads(check(ROOT / "conf" / sample, "--json").stdout)
        for group in report["groups"]:
            for process in group["processes"]:
                words = process["command"].split()
                assert words[0] in ("python3", "sh")
                for word in words[1:]:
                    if "/" in word and word.endswith((".py", ".sh")):
                        assert os.path.isfile(word)


def test_the_two_commands_of_the_readme_set_everything_up():
    """One line runs the demo and one the tests, with nothing but Python; .ci/run uses the second line."""
    lines = [line for line in commands(README) if line.startswith("python3 -m venv")]
    assert len(lines) == 2
    assert lines[0].endswith("procman -c conf/procman.toml")
    assert "pytest" in lines[1]
    assert "sed -n '/^python3 -m venv .*pytest/p' README.md" in (ROOT / ".ci" / "run").read_text()
    assert re.findall(r"^python3 -m venv .*pytest.*$", README, re.MULTILINE) == [lines[1]]


def test_every_command_in_the_documents_exists():
    """In the documents, `procmanctl X` names a command, and `-c conf/FILE` an existing file."""
    for page in PAGES:
        text = (ROOT / page).read_text()
        lines = [*commands(text), *re.findall(r"`([^`\n]+)`", text)]
        for line in lines:
            for word in re.findall(r"^(?:\$ )?(?:\S*/)?procmanctl (?:-c \S+ )?([a-z]+)", line):
                assert word in COMMANDS or word in SAME_AS, f"{page}: {line}"
            for path in re.findall(r" (conf/\S+)", line):
                assert (ROOT / path).is_file(), f"{page}: {line}"


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, by GitHub's rules."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    found: set[str] = set()
    for heading in re.findall(r"^#+ (.*)", text, re.MULTILINE):
        words = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading)
        anchor = re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")
        number = 0
        while (numbered := f"{anchor}-{number}" if number else anchor) in found:
            number += 1
        found.add(numbered)
    return found


@pytest.mark.parametrize("page", PAGES)
def test_every_link_within_the_project_leads_somewhere(page):
    """Every link to a file or a heading of the project has a target."""
    text = re.sub(r"^```.*?^```", "", (ROOT / page).read_text(), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        file = (ROOT / page).parent / path if path else ROOT / page
        assert file.exists(), f"{page}: {target}"
        if anchor:
            assert anchor in anchors(file), f"{page}: {target}"


@pytest.mark.parametrize("page", [page for page in PAGES if page != "CHANGELOG.md"])
def test_every_configuration_in_the_documents_is_good(page, tmp_path):
    """Every TOML and INI block in the documents passes `procman check`, but for files of tests."""
    blocks = re.findall(r"^```(toml|ini)\n(.*?)^```", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)
    blocks = [(form, text) for form, text in blocks if not text.startswith("# tests.toml\n")]
    for number, (form, text) in enumerate(blocks):
        config = tmp_path / f"{number}.{'toml' if form == 'toml' else 'conf'}"
        config.write_text(text)
        found = report(str(config))
        assert found["ok"], f"{page}: {found['error']['message']}"
        # Its places and its programs are those of another machine.
        elsewhere = {"unwritable", "no-such-command", "no-such-directory", "no-such-file", "impossible-limit"}
        elsewhere.add("port-in-use")
        doubts = [problem for problem in found["problems"] if problem["severity"] != "note"]
        said = [problem["message"] for problem in doubts if problem["class"] not in elsewhere]
        assert [message for message in said if "no file matches" not in message] == [], page


def linked(index: Path) -> set[Path]:
    """The files that a page links to."""
    targets = re.findall(r"\]\(([^)]+)\)", index.read_text())
    return {(index.parent / target.partition("#")[0]).resolve() for target in targets}


def test_every_page_of_the_documents_can_be_found():
    """docs/README.md links to every page; the index of decisions links to every decision."""
    docs = ROOT / "docs"
    found = linked(docs / "README.md")
    found |= linked(docs / "decisions" / "README.md")
    for page in PAGES:
        if page not in {"README.md", "docs/README.md"}:
            assert (ROOT / page).resolve() in found | {ROOT / "CHANGELOG.md"}, f"docs/README.md does not lead to {page}"
    assert docs / "decisions" / "README.md" in linked(docs / "README.md")


def test_every_decision_says_why():
    """Every decision has its four parts, and the index and ARCHITECTURE.md link to it by its title."""
    index = (ROOT / "docs" / "decisions" / "README.md").read_text()
    architecture = (ROOT / "ARCHITECTURE.md").read_text()
    pages = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
    assert [int(page.name[:4]) for page in pages] == [*range(1, len(pages) + 1)]
    for page in pages:
        text = page.read_text()
        title = text.splitlines()[0].removeprefix("# ")
        assert re.findall(r"^## (.*)", text, re.MULTILINE) == ["Context", "Decision", "Consequences", "Ruled out"]
        assert f"[{title}]({page.name})" in index
        assert f"[{title.partition('. ')[2]}](docs/decisions/{page.name})" in architecture, page.name


def test_what_contributors_are_told_to_run_is_there():
    """Every session in CONTRIBUTING.md is one of noxfile.py, and every marker is declared."""
    text = (ROOT / "CONTRIBUTING.md").read_text()
    sessions = set(re.findall(r"^def (\w+)\(session", (ROOT / "noxfile.py").read_text(), re.MULTILINE))
    assert set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)) == sessions
    for command in re.findall(r"nox -s ([a-z ]+)", text):
        assert set(command.split()) <= sessions
    import tomli

    pytest_options = tomli.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]
    declared = {marker.partition(":")[0] for marker in pytest_options["markers"]}
    assert {"root", "container", "slow"} <= declared


@pytest.mark.parametrize("name", [*describe.PAGES, *describe.MAN, describe.SCHEMA, describe.OPENAPI])
def test_the_generated_files_are_fresh(name):
    """The generated pages are what the code generates now."""
    path = ROOT / "docs" / name
    stale = not path.exists() or path.read_text(encoding="utf-8") != describe.text(name)
    assert not stale, f"docs/{name} is stale; run: {describe.COMMAND}"


@pytest.mark.parametrize("drawings", [import_graph, ways])
def test_the_pictures_are_fresh(drawings):
    """Pictures, and docs/imports.md, are what their commands draw from the code now."""
    for path, text in drawings.texts().items():
        assert path.read_text(encoding="utf-8") == text, f"stale; run: {drawings.COMMAND}"


def test_every_command_is_in_the_reference():
    """Every command has a row in the reference; `EOF`, which the shell makes of the end of its input, needs none."""
    assert PROCMANCTL.keys() == COMMANDS.keys() - {"EOF"}, "give it a row in procman/cli/exit_statuses.py"
    assert PROCMAN.keys() == MASTER_COMMANDS.keys(), "give it a row in procman/cli/exit_statuses.py"


def test_every_method_of_xml_rpc_is_in_the_reference():
    """Every XML-RPC method is in the reference, and faults are listed only for existing methods."""
    page = (ROOT / "docs/reference/xml-rpc.md").read_text()
    for name in methods():
        assert f" {name}(" in page
    assert FAULTS.keys() <= methods().keys()
    assert all(f"| {fault:d} | `{fault.name}` |" in page for fault in Fault)


def routes() -> set[tuple[str, str]]:
    """Method and path of every route that a class of `api` adds, with parameters in capitals."""
    return {(row.method, re.sub(r"\{(\w+)\}", lambda name: name[1].upper(), row.pattern)) for row in route_rows()}


def test_every_endpoint_is_in_the_reference():
    """Every route is in one of the reference pages, and the table of /v1 has no others."""
    page = (ROOT / "docs/reference/http-api.md").read_text()
    told = set(re.findall(r"^(GET|POST|PUT|DELETE) +(/v1/\S+)", page, re.MULTILINE))
    assert told == {row for row in routes() if row[1].startswith("/v1/")}, "see procman/api/openapi"
    both = page + (ROOT / "docs/reference/xml-rpc.md").read_text()
    for _, path in routes():
        if not path.startswith("/v1/"):
            assert f"{path.removesuffix('/CHANNEL')}" in both


def test_the_readme_gives_a_reason_for_every_dependency():
    """The README lists exactly the run-time dependencies of pyproject.toml."""
    import tomli

    project = tomli.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = {re.match(r"[\w-]+", requirement)[0] for requirement in project["dependencies"]}
    assert set(re.findall(r"^\| `([\w-]+)` \|", README, re.MULTILINE)) == needed


def test_nobody_is_sent_to_the_public_index():
    """Another project has the name there, so no document or message installs it by the name alone."""
    for path in [*(ROOT / page for page in PAGES), *(ROOT / "procman").rglob("*.py")]:
        if path.name not in {"faq.md", "0019-the-name-on-the-index.md"}:
            assert not re.search(
                r"install (-\S+ )*'?procman'?(\s|`|$)|pip:\n +name: procman$", path.read_text(), re.MULTILINE
            ), path


def test_pictures_load_nothing_from_elsewhere():
    """No picture and no style sheet of the documents names another server, but for the name of SVG's namespace."""
    for path in (ROOT / "docs" / "pictures").iterdir():
        if path.suffix in {".svg", ".css"}:
            assert not re.search(r"(?<!xmlns=\")(?<!xmlns:xlink=\")https?://|@import", path.read_text()), path


def test_the_changelog_tells_of_this_version():
    """CHANGELOG.md has a heading for the version of the code."""
    assert re.search(rf"^## \[{re.escape(__version__)}\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)


def test_the_architecture_names_every_room():
    """ARCHITECTURE.md lists exactly the packages and top-level modules."""
    text = (ROOT / "ARCHITECTURE.md").read_text()
    package = ROOT / "procman"
    rooms = {f"{path.name}/" for path in package.iterdir() if (path / "__init__.py").exists()}
    modules = {path.name for path in package.glob("*.py") if not path.name.startswith("__")}
    listed = set(re.findall(r"^  ([a-z_]+(?:/|\.py)) ", text, re.MULTILINE))
    assert listed == rooms | modules


def test_the_dockerfile_runs_procman_itself_as_pid_1():
    """The Dockerfile starts procman in exec form, without a shell, and sets its stop signal."""
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    assert 'CMD ["procman", "-c", "/etc/procman/procman.toml"]' in lines
    assert "STOPSIGNAL SIGTERM" in lines
    assert lines[-1].startswith("CMD ")


def test_the_labels_of_the_image_tell_of_this_version():
    """The image has OCI labels, with the version of the code."""
    labels = dict(re.findall(r'org\.opencontainers\.image\.(\w+)="([^"]*)"', (ROOT / "Dockerfile").read_text()))
    assert labels.keys() == {"title", "description", "version", "revision", "created", "licenses"}
    assert labels["version"] == __version__


def test_scripts_can_be_run():
    """Scripts that are started by name are executable."""
    for path in [ROOT / ".ci" / "run", *(ROOT / "tests" / "end_to_end" / "programs").glob("dockerapp*.py")]:
        assert os.access(path, os.X_OK), path


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_the_ci_script_is_good_bash():
    """Bash can parse .ci/run."""
    assert subprocess.run(["bash", "-n", str(ROOT / ".ci" / "run")], check=False).returncode == 0
