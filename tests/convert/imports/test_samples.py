"""Files of the shapes that are met in the field: what becomes of each, and that procman runs it.

`python -m tests.convert.imports.test_samples` writes the expected results anew; read the difference before you keep it.
"""

import os
from importlib import import_module
from pathlib import Path

import pytest

from procman.config.assumptions import Assumptions
from procman.config.load import read
from procman.convert.imports.report import Fate
from procman.convert.imports.source import Source

SAMPLES = Path(__file__).parent / "samples"
EXPECTED = "expected.toml"
FORMATS = ("supervisord", "procfile", "compose", "systemd", "process-compose", "pm2", "circus")
VARIABLES = ("HOME", "PATH", "HOST", "KEY", "NAME", "PORT", "CONF")


def imported(folder: Path, form: str, **options: str):
    """The draft of all files of a sample."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != EXPECTED)
    # A later file overrides an earlier one, and compose.override.yaml sorts before compose.yaml.
    files.sort(key=lambda path: (".override." in path.name, str(path)))
    sources = [Source(str(path.relative_to(folder)), path.read_text()) for path in files]
    return import_module(f"procman.convert.imports.{form.replace('-', '_')}").read(sources, **options)


def folders(form: str) -> list[Path]:
    found = sorted(path for path in (SAMPLES / form).iterdir() if path.is_dir())
    assert len(found) >= 9, form
    return found


@pytest.mark.parametrize("form", FORMATS)
def test_each_sample_becomes_what_is_written_beside_it(form):
    """The TOML has the report in its head, and the line of the source behind each option."""
    for folder in folders(form):
        assert imported(folder, form).text() == (folder / EXPECTED).read_text(), folder.name


@pytest.mark.parametrize("form", FORMATS)
def test_procman_has_nothing_against_what_is_written(form, tmp_path):
    """The loader takes each result; its warnings are about this machine alone."""
    elsewhere = (
        "unwritable",
        "no-such-command",
        "no-such-directory",
        "no-such-file",
        "impossible-limit",
        "doubtful-include",
    )
    for folder in folders(form):
        file = tmp_path / "procman.toml"
        file.write_text((folder / EXPECTED).read_text())
        assume = Assumptions(
            env=dict.fromkeys(VARIABLES, "/x"),
            users={"nobody": 65534, "1000": 1000, "root": 0},
            groups={"nogroup": 65534, "1000": 1000, "5": 5},
            directories=frozenset({"/tmp", str(tmp_path)}),
        )
        loaded = read(str(file), assume=assume, places=True)
        said = [str(problem) for problem in loaded.problems if problem.severity == "error"]
        assert loaded.config is not None, (folder.name, said)
        doubts = [p for p in loaded.problems if p.severity == "warning" and p.slug not in elsewhere]
        assert [str(p) for p in doubts if "no file matches" not in p.message] == [], folder.name


@pytest.mark.parametrize("form", FORMATS)
def test_no_key_of_a_sample_is_passed_over(form):
    """Every key of a source has a remark: kept, approximated or lost, with a reason where it is not kept."""
    for folder in folders(form):
        draft = imported(folder, form)
        remarks = [remark for fate in Fate for remark in draft.report.of(fate)]
        assert all(remark.how for remark in remarks if remark.fate is not Fate.KEPT), folder.name
        said = {(os.path.basename(remark.file), remark.line) for remark in remarks}
        for path in folder.rglob("*"):
            if form not in ("systemd", "supervisord", "circus") or not path.is_file() or path.name == EXPECTED:
                continue
            for number, line in enumerate(path.read_text().splitlines(), 1):
                if "=" in line and not line.startswith(("#", ";", " ")):
                    assert (path.name, number) in said, f"{folder.name}: {path.name}:{number}: {line}"


def main() -> None:
    for form in FORMATS:
        for folder in folders(form):
            (folder / EXPECTED).write_text(imported(folder, form).text())


if __name__ == "__main__":
    main()
