"""`procman import`: where it writes, what it reports, and what it refuses."""

import os

import pytest

from procman.cli.procman import main
from procman.config.load import load

COMPOSE = "services:\n  web:\n    command: sleep 100\n    restart: always\n"


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Run `procman import WORDS...` in a folder of its own; returns the exit status, stdout and stderr."""
    monkeypatch.chdir(tmp_path)

    def run(*words):
        status = main(["import", *words])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


def test_the_result_goes_to_stdout_and_the_report_to_stderr(run, tmp_path):
    """If nothing is lost, the status is 0, and what comes out can be loaded."""
    (tmp_path / "compose.yaml").write_text(COMPOSE)
    status, out, err = run("compose", "compose.yaml")
    assert status == 0
    assert err == "procman import: 1 program; kept 4, approximated 0, lost 0\n"
    (tmp_path / "procman.toml").write_text(out)
    assert load("procman.toml").groups[0].programs[0].command == "sleep 100"


def test_what_is_lost_has_its_line_and_makes_the_status_1(run, tmp_path):
    """The report names the key and the reason; the same is in the head of the file."""
    (tmp_path / "compose.yaml").write_text(COMPOSE + "    ports: ['80:80']\n    nonsense: 1\n")
    status, out, err = run("compose", "compose.yaml")
    assert status == 1
    assert "compose.yaml:5: services.web.ports: lost: " in err
    assert "compose.yaml:6: services.web.nonsense: lost: procman has nothing like it\n" in err
    assert "# - compose.yaml:6: services.web.nonsense: procman has nothing like it\n" in out


def test_verbose_reports_what_is_kept_too(run, tmp_path):
    """Each key that was used has its line, in the order kept, approximated, lost."""
    (tmp_path / "compose.yaml").write_text(COMPOSE + "    ports: ['80:80']\n")
    lines = run("compose", "-v", "compose.yaml")[2].splitlines()
    assert "compose.yaml:3: services.web.command: kept" in lines
    assert ": lost: " in lines[-2]


def test_no_file_is_overwritten_without_force(run, tmp_path):
    """With --force it is; the flags may stand before or after the file."""
    (tmp_path / "compose.yaml").write_text(COMPOSE)
    (tmp_path / "x.toml").write_text("mine")
    assert run("compose", "compose.yaml", "-o", "x.toml") == (
        2,
        "",
        "procman: cannot write x.toml: it exists; name another with -o, or add --force\n",
    )
    assert (tmp_path / "x.toml").read_text() == "mine"
    assert run("compose", "-o", "x.toml", "--force", "compose.yaml")[0] == 0
    assert "[program.web]" in (tmp_path / "x.toml").read_text()
    assert run("compose", "compose.yaml", "-o", "y.toml")[:2] == (0, "written: y.toml\n")


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, "cannot read compose.yaml: No such file or directory"),
        (b"services:\n  a: [", "compose.yaml:3:1: cannot read this as YAML"),
        (b"services: {}\n", "compose.yaml:1:1: there are no services in it"),
        (b"name: x\nservices: 5\n", "compose.yaml:2:1: there are no services in it"),
        (b"a: \xff\n", "compose.yaml:1:4: this is not UTF-8 text"),
        ("\ufeffö: ö\n".encode() + b"\xff", "compose.yaml:2:1: this is not UTF-8 text"),
        ("\ufeffö: ".encode() + b"\xff", "compose.yaml:1:4: this is not UTF-8 text"),
        (b"a\nb\0", "compose.yaml:2:2: there is a NUL byte"),
        (b"services: {a: {command: x, scale: %s}}" % (b"9" * 5000), "compose.yaml:1:35: this number is too long"),
        (b"#" * (8 * 1024 * 1024 + 1), "cannot read compose.yaml: it is larger than 8 MiB"),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_line(run, tmp_path, content, complaint):
    """The status is 2, nothing is written, and there is no traceback."""
    if content is not None:
        (tmp_path / "compose.yaml").write_bytes(content)
    status, out, err = run("compose", "compose.yaml", "-o", "x.toml")
    assert (status, out) == (2, "")
    assert complaint in err
    assert err.count("\n") == 1
    assert not (tmp_path / "x.toml").exists()


def test_a_pipe_is_no_file(run, tmp_path):
    """It would be waited for; it is refused."""
    os.mkfifo(tmp_path / "compose.yaml")
    os.close(os.open(tmp_path / "compose.yaml", os.O_RDWR | os.O_NONBLOCK))
    assert run("compose", str(tmp_path))[0] == 2


def test_an_engine_and_a_file_have_to_be_named(run):
    """The complaint has the engines, or the usage."""
    assert "supervisord, procfile, compose, systemd, process-compose, pm2, circus" in run()[2]
    assert "procman import compose FILE" in run("compose")[2]
    assert "did you mean" in run("compse")[2]


def test_a_formation_of_a_procfile(run, tmp_path):
    """-m says how many there are of each; a name that the file does not have is refused."""
    (tmp_path / "Procfile").write_text("web: sleep 100\nworker: sleep 100\n")
    (tmp_path / ".env").write_text("PORT=7000\n")
    status, out, _ = run("procfile", "Procfile", "-m", "worker=2")
    assert status == 0
    assert 'PORT = "7101"' in out
    assert 'programs = ["worker.1", "worker.2"]' in out
    assert "did you mean web?" in run("procfile", "Procfile", "-m", "wev=2")[2]
    assert "expected NAME=NUMBER" in run("procfile", "Procfile", "-m", "web")[2]
