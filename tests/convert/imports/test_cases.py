"""Small files of the shapes that public projects have: what each becomes, and that no key of it is passed over.

A case is a source, and behind `--- becomes` what it is here: the commands and the keys that mean something else, or
nothing; or the error. `python -m tests.convert.imports.test_cases` writes these anew; read the difference.
"""

import json
import os
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from procman.config.assumptions import Assumptions
from procman.config.load import read
from procman.config.schema.configuration import Config
from procman.config.schema.programs import Program
from procman.convert import compose as compose_export
from procman.convert import systemd as systemd_export
from procman.convert.imports.draft import Draft
from procman.convert.imports.report import Fate
from procman.convert.imports.source import Source
from procman.convert.result import CannotExport
from procman.errors import ProcmanError
from procman.system.shell_split import split_words
from tests.support.export_checks import target

CASES = Path(__file__).parent / "cases"
NAMES = {
    "supervisord": "supervisord.conf",
    "procfile": "Procfile",
    "circus": "circus.ini",
    "process-compose": "process-compose.yaml",
    "pm2": "ecosystem.config.js",
    "compose": "compose.yaml",
    "systemd": "app.service",
}
VARIABLES = ("HOME", "PATH", "HOST", "PORT", "JWT_SECRET", "API_KEY", "SECRET")
ELSEWHERE = (
    "unwritable",
    "no-such-command",
    "no-such-directory",
    "no-such-file",
    "impossible-limit",
    "doubtful-include",
)
# Where nothing could be imported; what the source has wrong, too; and a daemon, which the report names.
RIGHTLY = ("no program to run", "is the same file", "goes into the background")


class Case(NamedTuple):
    title: str
    file: str
    text: str
    becomes: str


def cases(form: str) -> Iterator[Case]:
    for block in (CASES / f"{form}.txt").read_text().split("=== ")[1:]:
        head, _, rest = block.partition("\n")
        named = re.fullmatch(r"(.*?) \[(.*)\]", head)
        text, _, becomes = rest.partition("--- becomes\n")
        yield Case(head, named[2] if named else NAMES[form], text, becomes)


def draft_of(form: str, case: Case) -> Draft:
    module = import_module(f"procman.convert.imports.{form.replace('-', '_')}")
    return module.read([Source(case.file, case.text)])


def became(form: str, case: Case) -> str:
    """What stands in the file behind the source."""
    try:
        draft = draft_of(form, case)
    except ProcmanError as error:
        return f"error: {error}\n"
    lines = [f"{one.name}: {shown(one.get('command'))}" for one in draft.sections if one.get("command") is not None]
    for fate in (Fate.APPROXIMATED, Fate.LOST):
        lines += [f"{fate.name.lower()}: {one.key}" for one in draft.report.of(fate)]
    return "\n".join(lines) + "\n"


def shown(command: object) -> str:
    return command if isinstance(command, str) else repr(command)


@pytest.mark.parametrize("form", NAMES)
def test_each_case_becomes_what_is_written_below_it(form):
    """The commands and the report, or an error that names the file, and the line where it is about one."""
    for case in cases(form):
        assert became(form, case) == case.becomes, case.title
        if case.becomes.startswith("error: "):
            assert case.becomes.startswith(f"error: {case.file}:"), case.title


def assumed(folder: Path) -> Assumptions:
    return Assumptions(
        env=dict.fromkeys(VARIABLES, "1"),
        users={"nobody": 65534, "1000": 1000, "root": 0},
        groups={"nogroup": 65534, "1000": 1000},
        directories=frozenset({"/tmp", str(folder)}),
    )


@pytest.mark.parametrize("form", NAMES)
def test_procman_takes_each_result(form, tmp_path):
    """Nothing is wrong with it but what this machine lacks."""
    file = tmp_path / "procman.toml"
    for case in cases(form):
        if case.becomes.startswith("error: "):
            continue
        file.write_text(draft_of(form, case).text())
        loaded = read(str(file), assume=assumed(tmp_path), places=True)
        assert loaded.config is not None, (case.title, [str(problem) for problem in loaded.problems])
        doubts = [one for one in loaded.problems if one.severity == "warning" and one.slug not in ELSEWHERE]
        found = [str(one) for one in doubts if not any(words in one.message for words in RIGHTLY)]
        assert found == [], case.title


@pytest.mark.parametrize("form", NAMES)
def test_no_key_of_a_case_is_passed_over(form):
    """Each is in the report, or a part of one that is; what is not kept has a reason."""
    for case in cases(form):
        if case.becomes.startswith("error: "):
            continue
        remarks = [one for fate in Fate for one in draft_of(form, case).report.of(fate)]
        assert all(one.how for one in remarks if one.fate is not Fate.KEPT), case.title
        said = " ".join(f"{one.key} {one.how}" for one in remarks)
        for key in keys_of(form, case.text):
            assert re.search(rf"(?<![\w-]){re.escape(key)}(?![\w-])", said), f"{case.title}: {key} in {said}"


# What says where the rest stands, or that something has no name of its own.
STRUCTURE = {
    "services",
    "processes",
    "apps",
    "<<",
    "volumes",
    "networks",
    "secrets",
    "configs",
    "environment",
    "env",
    "vars",
}


def keys_of(form: str, text: str) -> set[str]:
    """Every key of a program, whatever the depth at which it stands."""
    if form in ("compose", "process-compose"):
        document = yaml.safe_load(text)
        top = document.get("services" if form == "compose" else "processes", {})
        return {key for program in top.values() if isinstance(program, dict) for key in program} - STRUCTURE
    if form == "pm2" and text.startswith("{"):
        return {key for app in json.loads(text)["apps"] for key in app} - STRUCTURE
    if form == "pm2":
        without = re.sub(r"deploy: \{.*\}|'[^']*'|\"[^\"]*\"(?!\s*:)|//.*|/\*.*?\*/", "", text)
        inner = re.sub(r"env\w*\"?: \{[^}]*\}", "", without)
        return set(re.findall(r"(\w+)\"?\s*:", inner)) - STRUCTURE
    if form == "procfile":
        return set(re.findall(r"^(\w[\w-]*):", text, re.MULTILINE))
    sections = re.sub(r"\[env.*?(?=^\[|\Z)", "", text, flags=re.MULTILINE | re.DOTALL)
    found = set(re.findall(r"^([A-Za-z][\w.]*) *=", sections, re.MULTILINE))
    return found - {"supervisor.rpcinterface_factory"}  # it is told of with its section


ALL = [(form, case) for form in NAMES for case in cases(form)]
EXPORTS = {"compose": compose_export, "systemd": systemd_export}
KNOWN = ("environment", "autorestart", "stopsignal", "user", "memory_max", "pids_max", "rlimit_nofile")


@pytest.mark.parametrize("engine", EXPORTS)
def test_what_is_exported_comes_back(engine, tmp_path):
    """The result of each case, exported for compose and systemd and imported again, has the same programs."""
    compared = 0
    for form, case in ALL:
        before = {} if case.becomes.startswith("error: ") else programs_of(draft_of(form, case), tmp_path)
        if not before:
            continue
        try:
            files = EXPORTS[engine].export(loaded(draft_of(form, case), tmp_path), target(split=True)).files
        except CannotExport:  # an event listener runs nowhere else
            continue
        again = import_module(f"procman.convert.imports.{engine}").read([Source(*file) for file in files.items()])
        # The name of a unit has that of the application before it.
        after = {name.removeprefix("shop-"): one for name, one in programs_of(again, tmp_path).items()}
        assert len(after) == len(before), case.title
        in_order = dict(zip(sorted(before), sorted(after), strict=True))  # replicas are counted from 1
        for name, one in before.items():
            other = after.get(name) or after.get(name.replace("_", "-")) or after[in_order[name]]
            assert words_of(one, tmp_path) == words_of(other, tmp_path), (case.title, name)
            for option in KNOWN:
                if option != "user" or one.user is not None:  # else it has that of the master
                    assert getattr(other, option) == getattr(one, option), (case.title, name, option)
            compared += 1
    assert compared > 100


def loaded(draft: Draft, folder: Path) -> Config:
    file = folder / "procman.toml"
    file.write_text(draft.text())
    config = read(str(file), assume=assumed(folder)).config
    assert config is not None
    return config


def programs_of(draft: Draft, folder: Path) -> dict[str, Program]:
    return {program.name: program for group in loaded(draft, folder).groups for program in group.programs}


def words_of(program: Program, folder: Path) -> list[str]:
    """Its command; a unit has the whole path of what is given by one with a slash."""
    first, *rest = split_words(program.command)
    return [os.path.normpath(os.path.join(program.directory or folder, first)) if "/" in first else first, *rest]


def test_there_are_thirty_files_of_each_format():
    """With those of `samples`, which have the whole result beside them."""
    for form in NAMES:
        samples = [path for path in (CASES.parent / "samples" / form).iterdir() if path.is_dir()]
        assert len(samples) + len(list(cases(form))) >= 30, form


def main() -> None:
    for form in NAMES:
        blocks = [f"=== {one.title}\n{one.text}--- becomes\n{became(form, one)}" for one in cases(form)]
        (CASES / f"{form}.txt").write_text("".join(blocks))


if __name__ == "__main__":
    main()
