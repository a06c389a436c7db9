"""`procman check` warns of values that are valid but hardly intended; a start does not."""

import pytest

from procman.config.load import read

MASTER = "[supervisord]\nlogfile=/dev/null\npidfile=%(here)s/pid\n"
WEB = f"{MASTER}[program:web]\ncommand=sh\n"


def complaints(folder, text, name="a.conf"):
    """(line, option, message) of each problem, all of which are warnings."""
    path = folder / name
    path.write_text(text)
    environ = {"PATH": "/usr/bin:/bin"}
    loaded = read(str(path), environ=environ, places=True)
    assert loaded.config is not None, loaded.problems
    assert read(str(path), environ=environ).problems == ()
    return [(problem.line, problem.option, problem.message) for problem in loaded.problems]


@pytest.mark.parametrize(
    ("text", "line", "option", "hint"),
    [
        ("  autostart=false", 5, "command", "the indented line autostart = … continues this value"),
        ("\tdirectory = /tmp", 5, "command", "remove the blanks before it"),
        ("environment=A=b c", 6, "environment", "what follows a blank in the value of A is ignored"),
        ('environment=PATH="/usr/bin:$PATH"', 6, "environment", "write %(ENV_PATH)s"),
        ('environment=PATH="/usr/bin:${PATH}",B="c"', 6, "environment", "so PATH has ${PATH} in it as it is"),
        ('environment=A="1",B="$A/x"', 6, "environment", "write %(ENV_A)s"),
        ("startretries=-1", 6, "startretries", "counts as 0: write forever to never give up"),
        ("stopwaitsecs=-5", 6, "stopwaitsecs", "counts as 0: write stopwaitsecs = 0"),
        ("stdout_logfile_maxbytes=-1\nstdout_logfile=NONE", 6, "stdout_logfile_maxbytes", "counts as 0"),
        ("stdout_logfile=stdout", 6, "stdout_logfile", "this names a file: write stdout_logfile = -"),
        ("stderr_logfile=False", 6, "stderr_logfile", "write stderr_logfile = NONE"),
        (
            "stdout_logfile=%(here)s/x\nstderr_logfile=%(here)s/x",
            7,
            "stderr_logfile",
            (
                "stdout_logfile of [program:web] is the same file, and each of them rotates it: "
                "write redirect_stderr = true instead"
            ),
        ),
        (
            "stdout_logfile=%(here)s/x\n[program:other]\ncommand=sh\nstdout_logfile=%(here)s/x",
            6,
            "stdout_logfile",
            "stdout_logfile of [program:other] is the same file",
        ),
        (
            "stdout_logfile=%(here)s/x\nnumprocs=3\nprocess_name=%(process_num)d",
            6,
            "stdout_logfile",
            "tell the files apart with %(process_num)d",
        ),
        ('directory="/tmp"', 6, "directory", "does not exist"),
        ('directory="/tmp"', 6, "directory", "quotes are a part of the value here: take them out"),
        ('process_name="x"', 6, "process_name", "the value is in quotes; quotes are a part of the value here"),
        ("[group:g]", 6, None, "the group has no programs: add programs = …"),
        ("[supervisorctl]\nserverurl=/tmp/x.sock", 7, "serverurl", "write serverurl = unix:///tmp/x.sock"),
        ("[supervisorctl]\nserverurl=unix:/tmp/x.sock", 7, "serverurl", "write serverurl = unix:///tmp/x.sock"),
        ("[supervisorctl]\nserverurl=localhost:9001", 7, "serverurl", "write serverurl = http://localhost:9001"),
    ],
)
def test_doubtful_values_are_reported_once_with_a_way_out(tmp_path, text, line, option, hint):
    """The warning has its place; the file is good, as it is for supervisord."""
    [(found, name, message)] = complaints(tmp_path, f"{WEB}{text}\n")
    assert (found, name) == (line, option)
    assert hint in message


@pytest.mark.parametrize(
    "text",
    [
        "environment=\n  A=b,\n  user=me,\n  directory=x",
        "command=sh\n  --user=x\n  -c 'a'",
        'environment=A="b c";D=e',
        'environment=PRICE="5$",TOKEN="a$PATH",X="$NOTHING"',
        "stdout_logfile=/dev/stdout\nstderr_logfile=/dev/stdout",
        "stdout_logfile=%(here)s/x\nstderr_logfile=%(here)s/x\nstdout_logfile_maxbytes=0\nstderr_logfile_maxbytes=0",
        "priority=-5",
        "[supervisorctl]\nserverurl=unix:///tmp/x.sock",
    ],
)
def test_sensible_values_have_no_warning(tmp_path, text):
    """Similar but sensible values have no warning."""
    assert complaints(tmp_path, f"{WEB.replace('command=sh', '') if text.startswith('command') else WEB}{text}\n") == []


def test_two_options_that_contradict_each_other_are_told(tmp_path):
    """The message says which one wins."""
    [(line, option, message)] = complaints(tmp_path, f"{MASTER}daemon=true\nnodaemon=true\n")
    assert (line, option) == (5, "nodaemon")
    assert "which wins" in message


def test_an_empty_path_is_told(tmp_path):
    """It would be the current directory of the master."""
    [(line, option, message)] = complaints(tmp_path, f"{MASTER}[unix_http_server]\nfile=\n")
    assert (line, option) == (5, "file")
    assert message == "it is empty, so the master could not listen there: name a file"


def test_toml_is_asked_the_same(tmp_path):
    """The same warnings apply to TOML where the values are possible."""
    text = """\
[procman]
logfile = "/dev/null"
pidfile = "%(here)s/pid"
[program.web]
command = "sh"
environment = { PATH = "/usr/bin:$PATH" }
stopwaitsecs = -1
stdout_logfile = "stdout"
"""
    found = sorted(complaints(tmp_path, text, "a.toml"), key=lambda problem: problem[0])
    assert [(line, option) for line, option, _ in found] == [
        (6, "environment"),
        (7, "stopwaitsecs"),
        (8, "stdout_logfile"),
    ]
    assert found[2][2] == 'this names a file: write stdout_logfile = "-"'


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ('user="root"', "quotes are a part of the value here: take them out"),
        ("autostart='true'", "quotes are a part of the value here: take them out"),
        ('stdout_logfile="/tmp/x.log"', "quotes are a part of the value here: take them out"),
        ("autostart=true;always", "a comment begins with a blank and a ;"),
        ("user=root:root", "a process has the groups of its user, so write user = root"),
        ("stdout_logfile_maxbytes=50M", "did you mean 50MB?"),
        ("stdout_logfile_maxbytes=5 GiB", "did you mean 5GB?"),
        ("[inet_http_server]\nport=http://localhost:9001", "expected host:port, without a scheme before it"),
        ("[program:b]\ncommand=sh\n[group:g]\nprograms=web b", "names are separated by commas, web,b"),
        (
            "[rpcinterface:x]\nsupervisor.rpcinterface_factory=supervisor.rpcinterface.make_main_rpcinterface",
            "did you mean supervisor.rpcinterface:make_main_rpcinterface?",
        ),
        ("[program:b]\ncommand sleep 1", "cannot read 'command sleep 1': expected a [section], an option = value"),
    ],
)
def test_what_is_peculiar_to_ini_is_told_with_the_error(tmp_path, text, hint):
    """Each hint is given once."""
    path = tmp_path / "a.conf"
    path.write_text(f"{WEB}{text}\n")
    [problem] = read(str(path), environ={}).problems
    assert problem.severity == "error"
    assert hint in problem.message


@pytest.mark.parametrize("header", ["[program:web", "program:web"])
def test_a_broken_header_is_told_once(tmp_path, header):
    """The options below it have no complaints of their own."""
    path = tmp_path / "a.conf"
    path.write_text(f"{MASTER}{header}\ncommand=sh\nautostart=true\n")
    [problem] = read(str(path), environ={}).problems
    assert (problem.line, problem.severity) == (4, "warning")
    assert "is it a section header that lacks its" in problem.message
