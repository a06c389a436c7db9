"""procmanctl as a whole: flags, help, a missing master, and errors without a traceback."""

import errno
import json
import os
import socket
import subprocess
import sys
from io import StringIO

import pytest

import procman
from procman import __version__
from procman.cli.help_texts import HERE, OURS, TOPICS, inherited, supervisorctls
from procman.cli.procmanctl_commands import COMMANDS
from procman.client.api_client import Client
from tests.support.fake_master import Refusal, process


def test_version_shutdown_and_reload_say_what_scripts_wait_for(ctl, master):
    """The words are supervisorctl's."""
    master.answers["POST", "/v1/master/shutdown"] = master.answers["POST", "/v1/master/reload"] = {}
    assert ctl("version").text == "0.2.0\n"
    assert ctl("shutdown").text == "Shut down\n"
    assert ctl("reload").text == "Restarted supervisord\n"


def test_an_unknown_command_is_unknown_syntax(ctl):
    """The whole line is shown; as in supervisorctl, a command ends at the first character that is no letter."""
    for words, text, status in (
        (["foo"], "*** Unknown syntax: foo", 1),
        (["foo-bar", "baz"], "*** Unknown syntax: foo-bar baz", 1),
        (["!ls"], "*** Unknown syntax: !ls", 1),
        (["pid-x"], "No such process -x", 1),
        ([""], "", 0),
    ):
        ran = ctl(*words)
        assert (ran.text.rstrip("\n"), ran.status) == (text, status)


def test_help_lists_the_commands_of_supervisorctl(ctl):
    """Own commands follow as if a plug-in had added them; `?` prints the same."""
    assert ctl("help").text == (
        "\ndefault commands (type help <topic>):\n=====================================\n"
        "add    exit      open  reload  restart   start   tail   \n"
        "avail  fg        pid   remove  shutdown  status  update \n"
        "clear  maintail  quit  reread  signal    stop    version\n\n"
        "procman commands (type help <topic>):\n=====================================\n"
        "attach   crash    drift   history     metrics  retry  stop-plan  whoami\n"
        "chaos    crashes  events  is-running  next     run    timeline   why   \n"
        "config   debug    graph   kill        notify   runs   top      \n"
        "confirm  diff     health  logs        refresh  scale  upgrade  \n\n"
    )
    assert ctl("?").text == ctl("help").text
    assert ctl("help", "nope").text == "*** No help on nope\n"
    assert ctl("help", "nope").status == 0


@pytest.mark.parametrize("topic", sorted(TOPICS))
def test_every_topic_of_help_is_word_for_word_supervisorctls(ctl, topic):
    """Supervisorctl itself is asked; topics that name another program have procman's own words."""
    supervisorctl = pytest.importorskip("supervisor.supervisorctl")
    options = supervisorctl.ClientOptions()
    options.plugin_factories = [("default", supervisorctl.DefaultControllerPlugin, {})]
    options.prompt = "supervisor"
    out = StringIO()
    supervisorctl.Controller(options, stdout=out).onecmd(f"help {topic}")
    assert f"{supervisorctls(topic)}\n" == out.getvalue()
    said = ctl("help", topic).text
    assert "remote supervisord" not in said
    assert said.startswith(f"{inherited(topic).rstrip()}\n")
    if topic not in HERE:
        assert inherited(topic) == supervisorctls(topic)


@pytest.mark.parametrize("command", sorted(OURS))
def test_help_names_whatever_supervisorctl_does_not_have(ctl, command):
    """Each own usage of the reference page is a line of the help."""
    lines = ctl("help", command).text.splitlines()
    for usage, about in OURS[command]:
        assert [line for line in lines if line.startswith(usage) and line.endswith(about)]


@pytest.mark.parametrize(
    ("command", "expected"),
    [("status", ["--long"]), ("update", ["--dry-run"]), ("tail", ["-f", "-<N>"]), ("maintail", ["-f", "-<N>"])],
)
def test_help_names_all_flags_of_a_command(ctl, command, expected):
    """Every flag of a command is in its help."""
    text = ctl("help", command).text
    assert [flag for flag in expected if flag not in text] == []


def test_every_command_has_a_topic_and_every_topic_a_command():
    """`help` lists all commands, and each has a help text."""
    assert TOPICS.keys() | OURS.keys() == COMMANDS.keys() - {"EOF"}


@pytest.mark.parametrize("command", sorted(COMMANDS.keys() - {"EOF"}))
def test_bad_arguments_are_never_a_traceback(ctl, command):
    """Every command ends properly, whatever its arguments are."""
    for words in ([command, "--bogus"], [command, "-x", "y", "z"]):
        assert ctl(*words).status in (0, 1, 2, 4, 7)


@pytest.mark.parametrize("command", ["quit", "exit", "EOF"])
def test_leaving_as_a_command_is_an_empty_line(ctl, command):
    """The exit status is 0."""
    ran = ctl(command)
    assert (ran.text, ran.status) == ("\n", 0)


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["status"], 4),
        (["start", "web"], 7),
        (["start"], 7),
        (["stop", "web"], 7),
        (["pid"], 7),
        (["tail", "web"], 7),
        (["clear"], 7),
        (["version"], 7),
        (["avail"], 1),
        (["reread"], 1),
        (["update"], 1),
        (["add", "web"], 1),
        (["remove", "web"], 1),
        (["reload"], 1),
    ],
)
def test_without_a_master_the_path_and_the_reason_are_said(ctl, tmp_path, words, status):
    """The exit status is supervisorctl's for a missing socket."""
    path = tmp_path / "none.sock"
    ran = ctl("-s", f"unix://{path}", *words, bare=True)
    assert ran.text == f"cannot reach procman at {path}: no such file (is it running?)\n"
    assert ran.status == status


def test_a_refused_connection_exits_4(ctl, tmp_path):
    """A socket without a listener was left behind."""
    path = tmp_path / "stale.sock"
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(path))
    ran = ctl("-s", f"unix://{path}", "pid", bare=True)
    assert ran.text == f"cannot reach procman at {path}: refused connection (is it running?)\n"
    assert ran.status == 4


def test_shutting_down_what_is_down_says_so(ctl, tmp_path):
    """The exit status is 1, as in supervisorctl."""
    ran = ctl("-s", f"unix://{tmp_path}/none", "shutdown", bare=True)
    assert ran.text == f"ERROR: cannot reach procman at {tmp_path}/none: no such file (already shut down?)\n"
    assert ran.status == 1


def test_a_path_too_long_for_a_socket_is_said(ctl):
    """The reason is not "no such file"."""
    ran = ctl("-s", f"unix:///{'x' * 200}", "pid", bare=True)
    assert ran.text.endswith("the path is too long for a unix socket (107 bytes at most)\n")
    assert ran.status == 1


def test_an_unreachable_master_is_reported_with_the_file_that_was_found(ctl, tmp_path):
    """Another master may run with another file."""
    file = tmp_path / "cwd" / "supervisord.conf"
    file.write_text(f"[unix_http_server]\nfile={tmp_path}/nobody.sock\n")
    why = f"cannot reach procman at {tmp_path}/nobody.sock: no such file (is it running?)"
    assert ctl("status", bare=True).text == f"{why}; set in {file} (-c FILE names another)\n"
    assert ctl("-c", str(file), "status", bare=True).text == f"{why}\n"


def test_an_unreachable_master_is_an_object_under_json(ctl, tmp_path):
    """The exit status is the same."""
    ran = ctl("--json", "-s", f"unix://{tmp_path}/none", "status", bare=True)
    assert json.loads(ran.out)["errors"][0]["code"] == "UNREACHABLE"
    assert ran.status == 4


def test_a_wrong_password_is_said(ctl, master):
    """A script is not asked for another one."""
    master.password = ("u", "right")
    ran = ctl("-u", "u", "-p", "wrong", "status")
    assert (ran.text, ran.status) == ("Server requires authentication\n", 1)
    assert ctl("-u", "u", "-p", "right", "status", "web").status == 0


def test_credentials_are_taken_from_the_file_that_would_be_found(ctl, master, tmp_path):
    """As in supervisorctl, this also works with -s."""
    master.password = ("u", "p")
    (tmp_path / "cwd" / "supervisord.conf").write_text("[supervisorctl]\nusername=u\npassword=p\n")
    assert ctl("status", "web").status == 0


def test_open_shows_the_status_of_another_master_and_keeps_the_exit_status(ctl, master, tmp_path):
    """The status also stays if that fails."""
    ran = ctl("-s", f"unix://{tmp_path}/none", "open", master.url, bare=True)
    assert ran.text.startswith("cron ")
    assert ran.status == 0
    ran = ctl("open", f"unix://{tmp_path}/none")
    assert (ran.text[:19], ran.status) == ("cannot reach procma", 0)
    ran = ctl("open", "foo")
    assert (ran.text, ran.status) == ("ERROR: url must be http:// or unix://\n", 1)
    ran = ctl("open", "http://:foo")
    assert ran.text.startswith("ERROR: cannot use the address 'http://:foo'")


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["-x"], "option -x not recognized"),
        (["-c"], "option -c requires argument"),
        (["--nope"], "option --nope not recognized"),
        (["-s", "foo", "status"], "invalid value for -s 'foo': value 'foo' is not a URL"),
        (["-c", "/nofile", "status"], "could not find config file /nofile"),
        (["-u", "a", "-u", "b", "status"], "conflicting command line option '-u'"),
    ],
)
def test_bad_options_are_bad_usage(ctl, words, text):
    """The exit status is 2, with supervisorctl's words on stderr."""
    ran = ctl(*words, bare=True)
    assert ran.err == f"Error: {text}\nFor help, use procmanctl -h\n"
    assert (ran.out, ran.status) == (b"", 2)


def test_help_and_version_of_the_program_itself(ctl):
    """Every flag is in the help."""
    ran = ctl("-h", bare=True)
    for option in ("-c", "-s", "-u", "-p", "-r", "-i", "--json", "--version", "-h"):
        assert f"\n  {option}" in ran.text
    assert ran.status == 0
    assert ctl("--version", bare=True).text == f"{__version__}\n"


def test_options_may_be_written_in_every_way_of_getopt(ctl, master, tmp_path):
    """-cFILE, --configuration=FILE and a unique prefix are accepted."""
    file = tmp_path / "x.conf"
    file.write_text(f"[supervisorctl]\nserverurl={master.url}\n")
    for words in ([f"-c{file}"], [f"--configuration={file}"], ["--conf", str(file)]):
        assert ctl(*words, "status", "web", bare=True).status == 0


def test_an_error_of_the_master_is_one_line(ctl, master):
    """Every error of the master is printed on one line."""
    master.answers["GET", "/v1/processes"] = Refusal(500, "FAILED", "cannot do that")
    ran = ctl("status")
    assert (ran.text, ran.status) == ("ERROR: cannot do that\n", 1)


def test_something_else_that_answers_is_recognised(ctl, master):
    """A supervisord behind the socket, for example, does not know /v1."""
    master.answers["GET", "/v1/processes"] = b"<html>"
    assert ctl("status").text == f"cannot reach procman at {master.path}: what answers there is not procman\n"


def test_ctrl_c_exits_130_without_a_word(ctl, master, monkeypatch):
    """The master continues what it was doing."""

    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(Client, "exchange", interrupt)
    ran = ctl("status")
    assert (ran.out, ran.err, ran.status) == (b"", "", 130)


def run_apart(*words, **options) -> subprocess.CompletedProcess[bytes]:
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-m", "procman.cli.procmanctl", *words]
    return subprocess.run(command, env=environ, stderr=subprocess.PIPE, check=False, **options)


def test_output_that_cannot_be_written_is_one_line(master):
    """A full disk is reported without a traceback."""
    with open("/dev/full", "wb") as full:
        ran = run_apart("-s", master.url, "status", stdout=full)
    assert ran.stderr.decode() == f"Error: cannot go on: [Errno {errno.ENOSPC}] No space left on device\n"
    assert ran.returncode == 1


@pytest.mark.parametrize("words", [["status"], ["status", "-o", "name"]], ids=["the table", "what completion asks for"])
def test_status_imports_nothing_that_it_does_not_need(master, words):
    """Each of these modules takes longer to import than the master to answer."""
    code = (
        "import sys; from procman.cli.start_procmanctl import main; main(); sys.stdout.flush();"
        "print(*sorted(sys.modules))"
    )
    # Without site, whose own imports are not ours; so it has to be told where procman is.
    environ = {**os.environ, "PYTHONPATH": os.path.dirname(os.path.dirname(procman.__file__))}
    command = [sys.executable, "-S", "-c", code, "-s", master.url, *words]
    ran = subprocess.run(command, env=environ, stdout=subprocess.PIPE, check=True)
    modules = set(ran.stdout.decode().splitlines()[-1].split())
    assert "procman.client.api_client" in modules
    unwanted = {"argparse", "asyncio", "cmd", "configparser", "dataclasses", "http", "inspect", "logging"}
    unwanted |= {"psutil", "readline", "rich", "subprocess", "threading", "tomli", "typing", "urllib.parse"}
    unwanted |= {"xmlrpc", "contextlib", "datetime", "getopt", "gettext", "glob", "signal", "textwrap"}
    unwanted |= {
        "procman.api.shapes",
        "procman.config.schema.programs",
        "procman.core",
        "procman.cli.procmanctl_commands.shell",
    }
    assert modules & unwanted == set()


def test_names_with_control_characters_are_raw_off_a_terminal(ctl, master):
    """Scripts get the bytes that supervisorctl prints."""
    master.show(process("web", description="\x1b[2J"))
    assert b"\x1b[2J" in ctl("status").out
