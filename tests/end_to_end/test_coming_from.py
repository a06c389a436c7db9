"""The commands of docs/how-to/coming-from.md, and a Procfile that runs as it is."""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "how-to" / "coming-from.md").read_text()
SAMPLES = ROOT / "tests" / "convert" / "imports" / "samples"
TIMEOUT = 60

FILES = {
    "supervisord.conf": SAMPLES / "supervisord/usual/supervisord.conf",
    "Procfile": SAMPLES / "procfile/rails/Procfile",
    "compose.yaml": SAMPLES / "compose/ordered/compose.yaml",
    "web.service": SAMPLES / "systemd/socket/web.service",
    "web.socket": SAMPLES / "systemd/socket/web.socket",
    "backup.service": SAMPLES / "systemd/timer/backup.service",
    "backup.timer": SAMPLES / "systemd/timer/backup.timer",
    "ecosystem.config.js": SAMPLES / "pm2/cluster/ecosystem.config.js",
    "circus.ini": SAMPLES / "circus/limits/circus.ini",
    "process-compose.yaml": SAMPLES / "process-compose/dev/process-compose.yaml",
}


def procman(*words, cwd):
    return subprocess.run(
        [sys.executable, "-m", "procman", *words],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def imports():
    return [
        line
        for block in re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
        for line in block.splitlines()
    ]


@pytest.mark.parametrize("line", [line for line in imports() if line.startswith("procman import")])
def test_each_import_of_the_page_works(line, tmp_path):
    """It writes the file, with a status of 0 or 1 and a report that ends with the counts."""
    for name, source in FILES.items():
        shutil.copy(source, tmp_path / name)
    ended = procman(*shlex.split(line)[1:], cwd=tmp_path)
    assert ended.returncode in (0, 1), ended.stderr
    assert ended.stderr.splitlines()[-1].startswith("procman import: ")
    assert (tmp_path / "procman.toml").read_text().startswith("# Written by `procman import ")
    if line == imports()[0]:
        check = imports()[1]
        assert procman(*shlex.split(check)[1:], cwd=tmp_path).returncode == 0


def test_a_procfile_runs_as_it_is(tmp_path):
    """Names stand before the lines, .env and PORT are there, signals reach the program, and Ctrl-C ends all."""
    (tmp_path / ".env").write_text("GREETING='hello there'\n")
    (tmp_path / "Procfile").write_text(
        'web: echo "$GREETING from $PORT"; exec sleep 1000\nidle: sleep 1000\nrelease: echo migrated\n'
    )
    command = [sys.executable, "-m", "procman", "-f", "Procfile", "-m", "web=2,idle=0"]
    master = subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    lines = []
    try:
        while not {"web:web.1", "web:web.2", "release"} <= {line.split(" |")[0].strip() for line in lines}:
            line = master.stdout.readline()
            assert line, "".join(lines)
            lines.append(line)
        master.send_signal(signal.SIGINT)
        rest, _ = master.communicate(timeout=TIMEOUT)
    finally:
        master.kill()
        master.wait()
    said = [line.rstrip().partition(" | ")[2] for line in lines]
    assert {"hello there from 5000", "hello there from 5001", "migrated"} <= set(said)
    assert said.index("migrated") < said.index("hello there from 5000")
    assert master.returncode == 0, rest


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("-f", "Procfile", "-c", "x.toml"), "-f and -c each name a file"),
        (("-f", "other.txt"), "rename it"),
        (("-f", "missing"), "there is no file missing"),
        (("--formation", "web=2"), "--formation needs -f"),
        (("-f", "Procfile", "-m", "web=x"), "cannot read the formation"),
        (("-f", "Procfile", "-m", "nobody=1"), "there is no nobody in the Procfile"),
    ],
)
def test_what_f_refuses(words, complaint, tmp_path, capsys, monkeypatch):
    """One line, status 2."""
    from procman.cli.procman import main

    monkeypatch.delenv("PROCMAN_FORMATION", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Procfile").write_text("web: sleep 1\n")
    (tmp_path / "other.txt").write_text("web: sleep 1\n")
    if "nobody=1" in words:
        ended = procman(*words, cwd=tmp_path)
        status, error = ended.returncode, ended.stderr
    else:
        status, error = main(words), capsys.readouterr().err
    assert status == 2
    assert complaint in error
