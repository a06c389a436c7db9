"""`procman check` checks whether files, sockets and commands can be used; a start finds out by itself."""

import os
import pwd
import shutil
import tempfile
from pathlib import Path

import pytest

from procman.config.assumptions import Assumptions
from procman.config.load import read
from procman.config.report import report

NOBODY = 65534

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can ask for another user")


def complaints(text, folder, **more):
    """(line, option, message) of each warning; there must be no error."""
    path = folder / "supervisord.conf"
    path.write_text(text)
    found = read(str(path), places=True, **more)
    assert found.config is not None, found.problems
    return [(problem.line, problem.option, problem.message) for problem in found.problems]


def test_a_command_that_is_not_there_is_told_before_the_start(tmp_path):
    """The words are those of a failed start, once for all processes; another machine is not checked."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "plain").write_text("")
    text = (
        "[supervisord]\nlogfile=/dev/null\npidfile=%(here)s/pid\nchildlogdir=%(here)s\ndirectory=%(here)s\n"
        "[program:there]\ncommand=sh -c 'no such thing'\n"
        "[program:relative]\ncommand=./plain\ndirectory=bin\n"
        "[program:gone]\ncommand=/usr/bin/notthere --x\nnumprocs=2\nprocess_name=%(process_num)d\n"
        "[eventlistener:typo]\ncommand=crashmial -a\nevents=TICK_5\n"
    )
    so = "so the program could not be started: install it, or name another"
    runs = "so the program could not be started: make it executable, or name what runs it before it"
    assert sorted(complaints(text, tmp_path)) == [
        (9, "command", f"command at './plain' is not executable, {runs}"),
        (12, "command", f"can't find command '/usr/bin/notthere', {so}"),
        (16, "command", f"can't find command 'crashmial', {so}"),
    ]
    assert read(str(tmp_path / "supervisord.conf")).problems == ()
    assert complaints(text, tmp_path, assume=Assumptions(directories=frozenset({str(tmp_path)}))) == []


@pytest.mark.parametrize(
    ("command", "way_out"),
    [
        ("app.py --x", "write ./app.py"),
        ("/nowhere/bin/sleep 1", "write /usr/bin/sleep, which is there"),
        ("only --x", "write /opt/x/only3, which is there"),
        ("'sleep 1'", "write its words without quotes"),
        ('["sleep","1"]', "a list is TOML"),
        ("/etc", "name a file"),
    ],
)
def test_a_command_that_is_not_there_is_told_with_what_is(tmp_path, monkeypatch, command, way_out):
    """Typical mistakes are a missing ./, a path of another machine, and python instead of python3."""
    (tmp_path / "app.py").touch()

    def which(name):
        return {"sleep": "/usr/bin/sleep", "only3": "/opt/x/only3"}.get(name)

    monkeypatch.setattr(shutil, "which", which)
    text = (
        "[supervisord]\nlogfile=/dev/null\npidfile=%(here)s/pid\nchildlogdir=%(here)s\n"
        f"[program:web]\ndirectory=%(here)s\ncommand={command}\n"
    )
    [(line, option, message)] = complaints(text, tmp_path)
    assert (line, option) == (7, "command")
    assert f"so the program could not be started: {way_out}" in message


def test_a_file_that_is_a_directory_and_a_socket_that_is_a_url_are_told(tmp_path):
    """Neither can be written."""
    text = (
        "[unix_http_server]\nfile=unix:///tmp/x.sock\n"
        "[supervisord]\nlogfile=/dev/null\npidfile=%(here)s/pid\nchildlogdir=%(here)s\n"
        "[program:web]\ncommand=sh\nstdout_logfile=%(here)s\n"
    )
    assert complaints(text, tmp_path) == [
        (
            2,
            "file",
            (
                "a socket is named by its path alone, not by a URL, so the master could not listen there: "
                "write /tmp/x.sock"
            ),
        ),
        (9, "stdout_logfile", f"{tmp_path} is a directory, so its output could not be kept: name a file in it"),
    ]


def test_a_directory_that_is_not_there_is_told_before_the_start(tmp_path):
    """It is reported once for a program; a relative command cannot be looked up then."""
    text = (
        "[supervisord]\nlogfile=/dev/null\npidfile=%(here)s/pid\nchildlogdir=%(here)s\ndirectory=%(here)s\n"
        "[program:a]\ncommand=./run\ndirectory=nowhere\nnumprocs=2\nprocess_name=%(process_num)d\n"
        "[program:b]\ncommand=/usr/bin/notthere\ndirectory=/nowhere/%(program_name)s\n"
        "[program:c]\ncommand=sh\ndirectory=%(here)s/supervisord.conf\n"
        "[program:d]\ncommand=sh\ndirectory=~/app\n"
        "[program:e]\ncommand=sh\ndirectory=.\n"
        "[program:f]\ncommand=notthere\ndirectory=/nowhere/f\n"
    )
    so = "so the program could not be started"
    assert sorted(complaints(text, tmp_path)) == [
        (8, "directory", f"the directory 'nowhere' does not exist, {so}: make it, or name another"),
        (12, "command", f"can't find command '/usr/bin/notthere', {so}: install it, or name another"),
        (13, "directory", f"the directory '/nowhere/b' does not exist, {so}: make it, or name another"),
        (16, "directory", f"'{tmp_path}/supervisord.conf' is no directory, {so}: name another"),
        (19, "directory", "there is no directory '~/app', because ~ is not expanded here: write the whole path"),
        (24, "command", f"can't find command 'notthere', {so}: install it, or name another"),
        (25, "directory", f"the directory '/nowhere/f' does not exist, {so}: make it, or name another"),
    ]
    # A start finds out, as with supervisord; nothing is known of another machine.
    assert read(str(tmp_path / "supervisord.conf")).problems == ()
    assert complaints(text, tmp_path, assume=Assumptions(directories=frozenset({str(tmp_path)}))) == []


def test_a_toml_file_without_a_program_is_told(tmp_path):
    """An INI file may include programs later."""
    path = tmp_path / "procman.toml"
    path.write_text('[procman]\nlogfile = "/dev/null"\npidfile = "%(here)s/pid"\n')
    [problem] = read(str(path), places=True).problems
    assert (problem.severity, problem.slug) == ("warning", "no-program")
    assert "add [program.NAME]" in problem.message
    path.write_text(path.read_text() + '[program.web]\ncommand = "sh"\n')
    assert read(str(path), places=True).problems == ()
    assert complaints("[supervisord]\nlogfile=/dev/null\npidfile=%(here)s/pid\n", tmp_path) == []


def test_the_folder_of_a_socket_has_to_be_there(tmp_path):
    """Without it the socket cannot be made; supervisord fails at the start."""
    text = (
        "[supervisord]\nlogfile=/dev/null\npidfile=%(here)s/pid\n"
        "[unix_http_server]\nfile=/run/nowhere/s\n"
        "[fcgi-program:app]\ncommand=sh\nstdout_logfile=NONE\nstderr_logfile=NONE\nsocket=unix:///run/nowhere/app\n"
    )
    why = "the directory '/run/nowhere' does not exist, so"
    assert complaints(text, tmp_path) == [
        (5, "file", f"{why} the master could not listen there: make it, or name another"),
        (10, "socket", f"{why} the program could not be started: make it, or name another"),
    ]
    # It is not asked for in a start, nor of a machine on which the folder is assumed to be.
    assert read(str(tmp_path / "supervisord.conf")).problems == ()
    assert complaints(text, tmp_path, assume=Assumptions(directories=frozenset({"/run/nowhere"}))) == []


PLACES = """\
[unix_http_server]
file={0}/s
[supervisord]
{1}
logfile={0}/main.log
pidfile={0}/main.pid
childlogdir={0}
[program:auto]
command=sh
[program:many]
command=sh
numprocs=3
process_name=%(process_num)d
stdout_logfile={0}/many_%(process_num)d.log
stderr_logfile=/dev/stderr
[program:old]
command=sh
stdout_logfile={0}/old.log
stderr_logfile=NONE
"""


@pytest.fixture
def closed():
    """A directory that everybody may enter, unlike pytest's own, but only its owner may write to."""
    folder = Path(tempfile.mkdtemp(prefix="pm"))
    (folder / "old.log").touch()
    os.chmod(folder / "old.log", 0o666)
    os.chmod(folder, 0o755)
    yield folder
    os.chmod(folder, 0o755)
    shutil.rmtree(folder)


def expected(who, folder):
    consequences = {
        (2, "file"): "the master could not listen there",
        (5, "logfile"): "the master could not start",
        (6, "pidfile"): "the pid would not be written",
        (7, "childlogdir"): "AUTO logs could not be made",
        (14, "stdout_logfile"): "its output could not be kept",
    }
    return [
        (*place, f"{who} may not write to {folder}, so {then}: let that user, or name another place")
        for place, then in consequences.items()
    ]


@as_root
@pytest.mark.root
def test_the_masters_user_must_be_able_to_write(closed, tmp_path):
    """Each option is reported once; writable files and devices are accepted."""
    assert complaints(PLACES.format(closed, "user=root"), tmp_path) == []
    found = complaints(PLACES.format(closed, "user=nobody"), tmp_path)
    assert sorted(found) == expected("user nobody", closed)
    os.chown(closed, NOBODY, -1)
    assert complaints(PLACES.format(closed, "user=nobody"), tmp_path) == []
    # A folder above it that it may not enter.
    inner = closed / "inner"
    inner.mkdir()
    os.chown(inner, NOBODY, -1)
    os.chown(closed, 0, -1)
    os.chmod(closed, 0o700)
    assert {option for _, option, _ in complaints(PLACES.format(inner, "user=nobody"), tmp_path)} >= {"logfile", "file"}


def test_without_a_user_the_current_one_is_checked(closed, tmp_path, monkeypatch):
    """The warnings refer to the user that runs the check, who may not be the one that starts procman."""
    real = os.access
    # Root may write everywhere.
    monkeypatch.setattr(os, "access", lambda path, *mode, **how: path != str(closed) and real(path, *mode, **how))
    name = pwd.getpwuid(os.geteuid()).pw_name
    assert sorted(complaints(PLACES.format(closed, "umask=022"), tmp_path)) == expected(f"user {name}", closed)


def test_the_report_has_them_and_is_good(tmp_path):
    """In `check --json` they are problems; warnings there are supervisor's own."""
    path = tmp_path / "supervisord.conf"
    path.write_text("[supervisord]\nlogfile=/dev/null\n[unix_http_server]\nfile=/run/nowhere/s\n")
    answer = report(str(path))
    assert answer["ok"]
    assert answer["warnings"] == []
    assert [(problem["option"], problem["severity"]) for problem in answer["problems"]] == [("file", "warning")]
