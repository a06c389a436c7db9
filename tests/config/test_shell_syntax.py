"""Shell syntax in commands is reported, and the proposed line does what was meant."""

import re
import shlex
import subprocess

import pytest

from procman.config.checks.shell_syntax import needs_a_shell
from procman.config.formats.raw import RawOption
from procman.config.load import read


def complaint(command, *, toml=False):
    return needs_a_shell(RawOption(command, "procman.toml", 1, "/", toml=toml))


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (
            "cd /srv && ./run -x",
            (
                "cd is a shell builtin: write directory = /srv and command = ./run -x, "
                "or command = sh -c 'cd /srv && exec ./run -x'"
            ),
        ),
        ("cd /srv ./run", "write directory = /srv, and the program itself as the command"),
        ("cd /srv || ./run", "write command = sh -c 'cd /srv || ./run'"),
        ("cd /srv", "write directory = /srv, and the program itself as the command"),
        ("cd /srv; ./run 'a b'", "or command = sh -c \"cd /srv; exec ./run 'a b'\""),
        ("cd /srv && ./run >log", "write command = sh -c 'cd /srv && exec ./run >log'"),
        ("source env/bin/activate && app", "write command = sh -c '. env/bin/activate && exec app'"),
        ("export A=b && app", "or use the option environment"),
        ("exec app", "leave it out"),
        ("if true; then app; fi", "write command = sh -c 'if true; then app; fi'"),
        ("one && two", "so && is passed to the program as an argument: write command = sh -c 'one && exec two'"),
        ("one | two", "command = sh -c 'one | two', and stopasgroup = true, so that a stop reaches all of it"),
        ("one; two", "so ; is passed to the program"),
        ("app &", "so & is passed to the program as an argument: leave it out"),
        ("one & two", "give each program a section of its own"),
        ("app > /var/log/x", "so > is passed to the program as an argument: write stdout_logfile = FILE instead"),
        ("app 2>>errors", "so 2>> is passed to the program as an argument: write stderr_logfile = FILE instead"),
        ("app 2>&1", "write redirect_stderr = true instead, or command = sh -c 'exec app 2>&1'"),
        ("app < input", "write command = sh -c 'exec app < input'"),
        (
            "sleep $DURATION",
            (
                "so the program is given $DURATION as it is: write %(ENV_DURATION)s, "
                "or command = sh -c 'exec sleep $DURATION'"
            ),
        ),
        ('app "${HOME}/x"', "so the program is given ${HOME} as it is: write %(ENV_HOME)s"),
        ("app ${N:-3}", "so the program is given ${N:-3} as it is: write command = sh -c 'exec app ${N:-3}'"),
        ("$VENV/bin/app", "write %(ENV_VENV)s"),
        ("bash ${DIR}/run.sh", "write %(ENV_DIR)s"),
        ("app -w $(nproc)", "so the program is given $(…) as it is: write command = sh -c 'exec app -w $(nproc)'"),
        ("app -w `nproc`", "so the program is given `…` as it is"),
        ("~/bin/app", "so ~ is not expanded: write the whole path"),
        ("app ~/x", "write the whole path"),
        ("PORT=80 app", 'so PORT=… is taken for the program: write environment = PORT="…", and leave it out here'),
        ("nginx -g daemon off;", "nginx takes one word after -g: write it in quotes, -g 'daemon off;'"),
    ],
)
def test_what_only_a_shell_understands_is_told_with_the_line_to_write(command, message):
    """Without a shell, the program would get `&&` as an argument."""
    told = complaint(command)
    assert told is not None
    assert told.startswith("no shell is run, ")
    assert message in told


@pytest.mark.parametrize(
    "command",
    [
        "app -x 'a && b | c > d; $HOME'",
        "bash -c 'cd /x && exec app $HOME'",
        'bash -lc "app $HOME"',
        "sh -c $COMMAND",
        'su me -c "app $HOME"',
        "ssh host cd /x && app $HOME",
        "nginx -g 'daemon off;'",
        'nginx -g "daemon off;"',
        "find /tmp -exec rm {} ;",
        "find /tmp -exec rm {} \\;",
        "curl http://host/?a=1&b=2",
        "app --match=a|b",
        "app --pattern ^/x$",
        "java -Dlog=${catalina.home}/log",
        'perl -e "print $x"',
        "awk '{ print $1 }'",
        "app --ips=* \\$HOME",
        "app --set A=b",
        "cdr /srv",
        ["sh", "-c", "cd /x && app $HOME; done"],
        ["app", "a b;"],
        [1, None],
        "cat 'x",
        "",
        7,
    ],
)
def test_commands_without_shell_syntax_have_no_warning(command):
    """Quoted text, text for a shell, and arguments of certain programs have no warning."""
    assert complaint(command) is None


def test_a_list_of_toml_is_told_as_a_list():
    """The proposal has the form of the file."""
    told = complaint(["cd", "/srv", "&&", "./run", "a b"], toml=True)
    assert 'write directory = "/srv" and command = "./run \'a b\'", or ' in told
    assert told.endswith('command = ["sh", "-c", "cd /srv && exec ./run \'a b\'"]')
    assert complaint("a && b", toml=True).endswith("command = \"sh -c 'a && exec b'\"")


@pytest.mark.parametrize(
    "command",
    [
        "cd / && pwd",
        "cd /; echo 'a  b' \"$PWD\"",
        "echo one | tr o 0",
        "echo $TERM_OF_TEST",
        "echo ${NOTHING:-there}",
        "true && echo `echo x`",
        "true && echo 'a; b' \"c && d\"",
        "cd / || echo x; pwd",
        "echo 'a\"b' && echo $TERM_OF_TEST",
        "if true; then echo x; fi",
        "TERM_OF_TEST=2 sh -c 'echo $TERM_OF_TEST' && echo x",
    ],
)
def test_the_line_that_is_offered_does_what_was_meant(command):
    """It does the same as in a shell, and has no warning itself."""
    line = (
        complaint(command)
        .rpartition("command = ")[2]
        .removesuffix(", and stopasgroup = true, so that a stop reaches all of it")
    )
    assert complaint(line) is None
    env = {"PATH": "/usr/bin:/bin", "TERM_OF_TEST": "seven"}
    meant = subprocess.run(["sh", "-c", command], env=env, capture_output=True, check=True)
    assert subprocess.run(shlex.split(line), env=env, capture_output=True, check=True).stdout == meant.stdout
    assert meant.stdout


def test_no_secret_is_in_the_line():
    """Flags and variables are masked, and lines that are too long to copy are left out."""
    for command in (
        "app --password=hunter2 && b",
        "TOKEN=hunter2 app",
        "app --password=x$hunter2",
        "app --token ${hunter2:-x}",
        f"app {'x' * 300} && b",
    ):
        told = complaint(command)
        assert "hunter2" not in told
        assert len(told) < 200


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "a.conf",
            "[supervisord]\n[program:web]\ncommand=cd /srv && ./run\nnumprocs=2\nprocess_name=%(process_num)d\n",
        ),
        ("a.toml", '[procman]\n[program.web]\ncommand = "cd /srv && ./run"\n'),
    ],
)
def test_it_is_one_warning_in_either_form(tmp_path, name, text):
    """There is one for all processes, and none about a missing program named `cd`."""
    path = tmp_path / name
    path.write_text(text)
    for places in (False, True):
        loaded = read(str(path), places=places)
        [problem] = [problem for problem in loaded.problems if problem.option == "command"]
        assert (problem.line, problem.severity, problem.slug) == (3, "warning", "needs-a-shell")
        assert re.match("no shell is run, and cd is", problem.message)
        assert loaded.config is not None


def test_a_program_that_is_not_there_is_told_beside_its_operator(tmp_path):
    """Both mistakes are reported."""
    path = tmp_path / "a.conf"
    path.write_text("[supervisord]\n[program:web]\ncommand=nosuchprogram | cat\n")
    told = [problem.slug for problem in read(str(path), places=True).problems if problem.option == "command"]
    assert told == ["needs-a-shell", "no-such-command"]
