"""`procman init`: a first file for what is in the folder, which passes the check; nothing is overwritten."""

import sys
from pathlib import Path

import pexpect
import pytest

from procman.cli.procman import main
from procman.config.load import load

MANAGE = 'os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")\n'


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Run `procman init` in a folder with files (name: text); returns the exit status, stdout and stderr."""
    monkeypatch.chdir(tmp_path)

    def run(files):
        for name, text in files.items():
            (tmp_path / name).write_text(text)
        status = main(["init"])
        said = capsys.readouterr()
        return status, said.out, said.err

    return run


def commands():
    """The commands of the file that was written."""
    return {program.name: program.command for group in load("procman.toml").groups for program in group.programs}


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"Procfile": "web: sleep 100\n"}, {"web": "sh -c 'exec sleep 100'"}),
        ({"compose.yml": "services:\n  web:\n    command: sleep 100\n"}, {"web": "sleep 100"}),
        ({"circus.ini": "[watcher:web]\ncmd = sleep 100\n"}, {"web": "sleep 100"}),
        (
            {"manage.py": MANAGE},
            {"migrate": "python3 manage.py migrate --noinput", "django": "gunicorn shop.wsgi --bind 127.0.0.1:8000"},
        ),
        ({"manage.py": "main()"}, "runserver --noreload"),
        ({"package.json": '{"scripts": {"start": "node server.js"}}'}, {"node": "node server.js"}),
        ({"package.json": '{"scripts": {"start": "tsc && node x.js"}}'}, {"node": "npm start"}),
        ({"package.json": '{"scripts": {"build": "tsc"}}'}, "http.server"),
        ({"package.json": "[]"}, "http.server"),
        ({}, "http.server"),
    ],
)
def test_the_first_file_has_what_the_folder_says(run, files, expected):
    """It can be loaded, and the next step is said."""
    status, out, _ = run(files)
    assert status == 0
    assert "written: procman.toml" in out
    assert "next: procman check" in out
    found = commands()
    if isinstance(expected, str):
        assert expected in " ".join(found.values())
    else:
        assert expected.items() <= found.items()


@pytest.mark.parametrize("name", ["procman.toml", "supervisord.conf"])
def test_nothing_is_overwritten(run, tmp_path, name):
    """A configuration that is here is named, and stays as it is."""
    status, _, err = run({name: "mine", "Procfile": "web: sleep 1\n"})
    assert status == 2
    assert name in err
    assert (tmp_path / name).read_text() == "mine"
    assert name == "procman.toml" or not (tmp_path / "procman.toml").exists()


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [("package.json", '{\n "a": }', "line 2 column 7"), ("compose.yaml", "a: [", "compose.yaml:2:1")],
)
def test_a_broken_file_is_said_with_its_line(run, tmp_path, name, text, says):
    """And nothing is written."""
    status, _, err = run({name: text})
    assert status == 2
    assert says in err
    assert not (tmp_path / "procman.toml").exists()


def test_what_is_not_used_is_said(run):
    """A compose file whose services are all in images is passed over for one that says what to run."""
    files = {"compose.yaml": "services: {db: {image: postgres}}\n", "circus.ini": "[watcher:a]\ncmd = sleep 1\n"}
    status, out, err = run({**files, "package.json": '{"scripts": {"start": "node x"}}'})
    assert status == 0
    assert out.startswith("found circus.ini (a); not used: package.json\n")
    assert "nothing in compose.yaml runs here" in err


def test_a_file_that_cannot_be_read_is_said_and_passed_over(run):
    """Where another one says what to run, that is taken."""
    status, out, err = run({"Procfile": "web: sleep 1\n", "compose.yaml": "a: ["})
    assert status == 0
    assert out.startswith("found Procfile (web)\n")
    assert "procman init: compose.yaml:2:1: cannot read this as YAML" in err


def test_on_a_terminal_it_asks(tmp_path, monkeypatch):
    """Which file to take, and whether to write what is shown; no writes nothing."""
    monkeypatch.chdir(tmp_path)
    Path("Procfile").write_text("web: sleep 1\n")
    Path("package.json").write_text('{"scripts": {"start": "node x"}}')
    for answer, status in (("n", 1), ("", 0)):
        with pexpect.spawn(sys.executable, ["-m", "procman", "init"], encoding="utf-8", timeout=20) as terminal:
            terminal.expect(r"1  Procfile \(web\)\r\n  2  package.json\r\n")
            terminal.expect(r"From which one\? \[1-2, Enter for 1\] ")
            terminal.sendline("7")
            terminal.expect("a number from 1 to 2, please")
            terminal.sendline("2")
            terminal.expect("node x")
            terminal.expect(r"Write procman.toml\? \[Y/n\] ")
            assert not Path("procman.toml").exists()
            terminal.sendline(answer)
            terminal.expect(pexpect.EOF)
            terminal.wait()
            assert terminal.exitstatus == status
    assert commands() == {"node": "node x"}
