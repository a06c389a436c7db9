"""Words that begin with a dash are flags, requests for help, or mistakes, which have no effect."""

import json

import pytest

from procman.cli.help_texts import flags
from procman.cli.procmanctl_commands import COMMANDS
from tests.support.fake_master import process, result


@pytest.mark.parametrize("command", sorted(COMMANDS.keys() - {"EOF", "help"}))
def test_an_unknown_flag_is_refused_before_anything_is_done(ctl, master, command):
    """The master is not contacted, and the help is shown."""
    ran = ctl(command, "--force", "web")
    assert ran.text.startswith(f"Error: {command} has no flag --force; ")
    assert ran.text.endswith(ctl("help", command).text.rstrip() + "\n")
    assert ran.status == 2
    assert master.requests == []


@pytest.mark.parametrize("line", ["restart -f web", "stop web -now", "signal -9 web", "pid -x", "status --long=yes"])
def test_a_single_dash_and_a_superfluous_value_are_refused(ctl, master, line):
    """A command is never carried out in part."""
    ran = ctl(*line.split())
    assert " has no flag -" in ran.text.splitlines()[0]
    assert (ran.status, master.requests) == (2, [])


def test_a_name_that_begins_with_a_dash_comes_after_two(ctl, master):
    """Files may have programs with such names."""
    master.results("stop", result("--web"))
    assert ctl("stop", "--", "--web").text == "--web: stopped\n"
    assert master.requests == [("POST", "/v1/processes/stop", {"names": ["--web"]})]


@pytest.mark.parametrize("line", ["help stop", "?stop", "stop --help", "stop web -h"])
def test_help_needs_no_readable_configuration(ctl, tmp_path, line):
    """The file may be broken or missing; other commands need it."""
    broken = tmp_path / "cwd" / "procman.toml"
    broken.write_text("bad = [")
    text = ctl("help", "stop").text
    for words in (line.split(), ["-c", str(broken), *line.split()], ["-c", "/nonexistent", *line.split()]):
        ran = ctl(*words, bare=True)
        assert (ran.text, ran.err, ran.status) == (text, "", 0)
    assert ctl("stop", "--", "--help", bare=True).status == 2


@pytest.mark.parametrize("flag", ["--help", "-h"])
@pytest.mark.parametrize("command", sorted(COMMANDS.keys() - {"EOF", "help"}))
def test_help_behind_a_command_is_its_help(ctl, master, command, flag):
    """Other words are ignored, and nothing is done."""
    text = ctl("help", command).text
    for words in ([command, flag], [command, "web", flag]):
        ran = ctl(*words)
        assert (ran.text, ran.err, ran.status) == (text, "", 0)
    assert master.requests == []


def test_a_flag_of_procmanctl_belongs_before_the_command(ctl, master):
    """The message says so."""
    ran = ctl("status", "-c", "x.conf")
    assert ran.text == "Error: -c must come before the command: procmanctl -c ... status\n"
    assert (ran.status, master.requests) == (2, [])


@pytest.mark.parametrize(
    ("line", "meant"), [("update --dryrun", "--dry-run"), ("status --lnog", "--long"), ("health --liev", "--live")]
)
def test_a_misspelt_flag_is_guessed(ctl, line, meant):
    """The guess is on stderr."""
    assert ctl(*line.split()).err == f"did you mean {meant}?\n"


def test_a_refused_flag_is_an_error_under_json(ctl):
    """The object has the guess, and stderr is empty."""
    ran = ctl("update", "--dryrun", "--json")
    document = json.loads(ran.out)
    assert [error["code"] for error in document["errors"]] == ["BAD_ARGUMENTS"]
    assert document["did_you_mean"] == ["--dry-run"]
    assert (ran.err, ran.status) == ("", 2)


def test_the_flags_of_a_command_are_those_of_its_help():
    """The reference page is generated from the same table."""
    assert {command: flags(command) for command in COMMANDS if flags(command)} == {
        "attach": {"--detach-keys": True, "--read-only": False},
        "chaos": {"--dry-run": False, "--kill": False, "--stop": True, "--unready": True, "--yes": False},
        "debug": {"--detach-keys": True, "--env": True},
        "config": {"--drift": False},
        "events": {"--kind": True, "--since": True, "-f": False, "-n": True},
        "graph": {"--mermaid": False},
        "health": {"--live": False, "--now": False, "--pause": True, "--reason": True},
        "logs": {"--channel": True, "--grep": True, "--since": True, "-f": False, "-n": True},
        "maintail": {"-f": False},
        "next": {"-n": True},
        "restart": {"--all": False, "--abort": False, "--batch": True, "--continue": False, "--rolling": False},
        "run": {"--attach": False, "--detach": False, "--env": True},
        "runs": {"--output": False},
        "status": {"--all": False, "--long": False, "--at": True, "-o": True, "--watch": False, "--color": True},
        "timeline": {"--since": True, "--until": True},
        "top": {"--mouse": False, "--theme": True},
        "why": {"--at": True},
        "stop-plan": {"--budget": True},
        "start": {"--all": False, "--no-deps": False},
        "stop": {"--all": False, "--cascade": False},
        "tail": {"-f": False, "-n": True},
        "update": {
            "--dry-run": False,
            "--plan": True,
            "--apply": True,
            "--confirm": True,
            "--no-wait": False,
            "--abort": False,
        },
    }


def test_known_flags_stay_what_they_are(ctl, master):
    """They are accepted before and after the names."""
    master.show(process("web"))
    master.answers["GET", "/v1/figures"] = {"figures": []}
    assert ctl("status", "--long", "web").text == ctl("status", "web", "--long").text
    assert ctl("tail", "-x", "web").text.startswith("Error: bad argument -x\n")


@pytest.mark.parametrize(("words", "form"), [(("--batch", "2"), "--batch N"), (("--abort",), "--abort")])
def test_the_flags_of_a_rolling_restart_are_no_names(ctl, master, words, form):
    """Without --rolling, they are refused before anything is restarted."""
    ran = ctl("restart", "web", *words)
    assert ran.text.startswith(f"Error: {words[0]} goes with --rolling: restart NAME --rolling {form}\n")
    assert ran.status == 1
    assert master.requests == []
