"""`procman simulate` and `procman test`: what they print, their exit statuses, and that the how-to tells the truth."""

import json
import re
import shlex
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from procman.cli.procman import main
from procman.simulator.expectations import EXPECTATIONS
from procman.simulator.moments import MOMENTS
from procman.simulator.notation import HAPPENINGS

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "test-your-configuration.md").read_text()


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    """Runs a command line in a folder with the files of the how-to; returns the exit status and what it printed."""
    monkeypatch.chdir(tmp_path)
    for block in re.findall(r"^```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL):
        Path(block.split()[1]).write_text(block)

    def run(line):
        status = main(shlex.split(line)[1:])
        said = capsys.readouterr()
        return status, said.out, said.err

    return run


def test_the_commands_of_the_how_to_print_what_it_shows(run):
    """Each line that stands below a command is printed by it, in that order."""
    count = 0
    for block in re.findall(r"^```console\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL):
        command, *shown = block.splitlines()
        if "procmanctl" in command:
            continue  # tests/end_to_end/test_chaos.py
        status, out, err = run(command.removeprefix("$ "))
        assert (status, err) == (0, ""), out
        printed = iter(out.splitlines())
        for line in shown:
            assert line in printed, f"{line!r} is not printed, or not there:\n{out}"
            count += 1
    assert count > 8  # the page has examples


def test_every_expectation_and_every_word_is_in_the_how_to():
    """What may stand in a file of tests is explained."""
    for word in (*EXPECTATIONS, *HAPPENINGS, *MOMENTS, "until", "seed", "about"):
        assert re.search(rf"\b{word}\b", PAGE), word


def test_a_simulation_as_json_has_the_records_of_the_journal(run):
    """With times from the beginning, the assumptions, the states before the shutdown, and when that began."""
    status, out, _ = run("procman simulate --json -c procman.toml --kill db@20s --seed 3 --until 1m")
    told = json.loads(out)
    assert status == 0
    assert (told["seed"], told["shutdown_at"], told["exit_status"]) == (3, 60.0, 0)
    assert told["states"] == {"db": "RUNNING", "migrate": "EXITED", "web": "RUNNING"}
    first = told["records"][0]
    assert first == {
        "at": 0.0, "seq": 1, "kind": "state", "group": "db", "name": "db", "run": 1,
        "from": "STOPPED", "to": "STARTING", "actor": {"kind": "boot"},
    }  # fmt: skip
    given = [record for record in told["records"] if record["kind"] == "simulated"]
    assert given == [{"at": 20.0, "kind": "simulated", "name": "db", "reason": "db is killed from outside, by SIGKILL"}]


def test_rounds_of_the_same_lines_are_folded(run):
    """A program that ends again and again does not fill the screen."""
    _, out, _ = run("procman simulate -c procman.toml --ends web=3s:1")
    assert len(out.splitlines()) < 60
    assert re.search(r"… the last 5 lines \d+ times more", out)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ("--kill dbb@3s", "--kill: there is no process or group 'dbb'; did you mean db?"),
        ("--kill db", "--kill: cannot read 'db': expected db@10s"),
        ("--exit web@3s", "--exit: cannot read 'web@3s': expected web:1@20s"),
        ("--exit web:999@3s", "0 to 255"),
        ("--ready web", "--ready: cannot read 'web': expected NAME=TIME"),
        ("--slow-stop web=soon", "--slow-stop: cannot read 'soon' as a time"),
        ("--until tomorrow", "--until: cannot read 'tomorrow' as a time"),
        ("--seed x", "--seed: cannot read 'x'"),
        ("--unready web@3s+", "cannot read '' as a time"),
    ],
)
def test_what_cannot_be_read_is_said_with_what_is_expected(run, flags, words):
    """And nothing is simulated."""
    status, out, err = run(f"procman simulate -c procman.toml {flags}")
    assert (status, out) == (2, "")
    assert words in err


def test_what_cannot_happen_is_status_1(run):
    """The timeline is printed all the same."""
    status, out, err = run("procman simulate -c procman.toml --kill migrate@30s")
    assert status == 1
    assert "the master ends with exit status 0" in out
    assert err == "procman simulate: at 30s: migrate cannot be ended: it is not running (EXITED)\n"


def test_a_bad_configuration_is_reported_as_check_does(run):
    """With file and line."""
    Path("procman.toml").write_text('[program.web]\ncomand = "x"\n')
    for line in ("procman simulate -c procman.toml", "procman test -c procman.toml tests.toml"):
        status, out, err = run(line)
        assert (status, out) == (2, "")
        assert "procman.toml:2: [program.web]" in err


def test_a_failed_test_names_its_line_and_shows_the_timeline_of_what_it_is_about(run):
    """Status 1; the others run all the same."""
    Path("tests.toml").write_text('[test.slow]\nrunning_before = { web = "1s" }\n[test.good]\norder = ["db"]\n')
    status, out, err = run("procman test -c procman.toml tests.toml --junitxml report.xml")
    assert (status, err) == (1, "")
    lines = out.splitlines()
    assert lines[1] == "FAILED  slow"
    assert lines[2] == "        tests.toml:2: running_before: web is ready at 4s; expected 1s at the latest"
    assert lines[-2:] == ["ok      good", "1 passed, 1 failed"]
    assert any("web      STARTING -> RUNNING" in line for line in lines)
    assert not any(" db  " in line or "migrate  " in line for line in lines[3:-2])
    suite = ET.parse("report.xml").getroot()
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")


def test_tests_are_chosen_by_name_and_told_as_json(run):
    """A pattern names several; an unknown name is a mistake."""
    status, out, _ = run("procman test -c procman.toml --json tests.toml 'b*' shutdown")
    assert status == 0
    told = json.loads(out)
    assert [(one["name"], one["passed"], one["failures"]) for one in told["tests"]] == [
        ("boot", True, []),
        ("shutdown", True, []),
    ]
    status, out, err = run("procman test -c procman.toml tests.toml boto")
    assert (status, out) == (2, "")
    assert "there is no test boto; did you mean boot?" in err


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[test.x\n", "tests.toml:1: cannot read this as TOML"),
        ("", "tests.toml: there is no test in it"),
        ('[test.x]\nordr = ["db"]\n', "tests.toml:2: [test.x] ordr: there is no such line in a test"),
        (None, "cannot read tests.toml: No such file or directory"),
    ],
)  # fmt: skip
def test_a_file_that_is_none_is_status_2(run, text, words):
    """With the line of the mistake."""
    Path("tests.toml").unlink()
    if text is not None:
        Path("tests.toml").write_text(text)
    status, out, err = run("procman test -c procman.toml tests.toml")
    assert (status, out) == (2, "")
    assert words in err
