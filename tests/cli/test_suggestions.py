"""Guesses are asked once on stderr; stdout and the exit status are supervisorctl's."""

import json

import pytest

from tests.support.fake_master import Refusal, process, result


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("log web", "tail"),
        ("poweroff", "shutdown"),
        ("restrat web", "restart"),
        ("statsu", "status"),
        ("shut-down", "shutdown"),
        ("stop_plan", "stop-plan"),
        ("rest web", "restart"),
        ("daemon-reload", "update"),
        ("web restart", "restart web"),
        ("monit", "top"),
        ("is-active web", "is-running"),
        ("watch", "status --watch"),
    ],
)
def test_an_unknown_command_is_guessed(ctl, line, meant):
    """Names in other tools, spelling and position are considered."""
    ran = ctl(*line.split())
    assert (ran.text, ran.status) == (f"*** Unknown syntax: {line}\n", 1)
    assert ran.err == f"did you mean {meant}?\n"


@pytest.mark.parametrize("word", ["nope", "foo", "foo-bar", "!ls", "web", "x"])
def test_what_resembles_nothing_is_not_guessed(ctl, word):
    """`nope` has the letters of `open`, but does not stand for it."""
    assert ctl(word).err == ""


def test_help_guesses_its_topic(ctl):
    """Unknown topics are guessed like commands."""
    ran = ctl("help", "log")
    assert (ran.text, ran.err, ran.status) == ("*** No help on log\n", "did you mean tail?\n", 0)


@pytest.fixture
def shop(master):
    """Two programs of their own, and a group of two."""
    master.show(process("web"), process("ticker"), process("cat", group="api"), process("dog", group="api"))
    for operation in ("start", "stop", "signal", "clear"):
        master.answers["POST", f"/v1/processes/{operation}"] = lambda body: {
            "results": [result(name, "BAD_NAME") for name in body["names"]]
        }
    return master


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("wbe", "web"),
        ("Web", "web"),
        ("tikcer", "ticker"),
        ("tick", "ticker"),
        ("api", "api:*"),
        ("cat", "api:cat"),
        ("act", "api:cat"),
        ("api:cta", "api:cat"),
        ("apj:cat", "api:cat"),
        ("apj:*", "api:*"),
    ],
)
@pytest.mark.parametrize("command", ["restart", "stop", "start", "clear", "signal HUP", "pid", "config"])
def test_an_unknown_process_is_guessed_once(ctl, shop, command, name, meant):
    """Every command guesses."""
    ran = ctl(*command.split(), name)
    assert ran.err == f"did you mean {meant}?\n"
    assert ran.status != 0


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("fg wbe", "web"),
        ("fg api", "api:cat or api:dog"),
        ("fg apj:*", "api:cat or api:dog"),
        ("tail apj", "api:cat or api:dog"),
        ("tail -n 2 wbe", "web"),
        ("tail api", "logs api:*"),
        ("tail api:*", "logs api:*"),
        ("tail -f -n 2 api", "logs -f -n 2 api:*"),
    ],
)
def test_what_takes_one_process_is_not_led_to_a_group(ctl, shop, line, meant):
    """The processes of the group are suggested, or for their logs the command that takes several."""
    ran = ctl(*line.split())
    assert ran.err == f"did you mean {meant}?\n"
    assert "ERROR (no such process name)" in ran.text or "bad process name" in ran.text
    assert ran.status == 1


def test_a_restart_of_an_unknown_process_says_what_supervisorctl_says(ctl, shop):
    """Off a terminal the error is printed twice, with exit status 1."""
    ran = ctl("restart", "wbe", "tikcer")
    assert ran.text == "wbe: ERROR (no such process)\ntikcer: ERROR (no such process)\n" * 2
    assert ran.err == "did you mean web?\ndid you mean ticker?\n"
    assert ran.status == 1


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("tail web -f", "tail -f web"),
        ("tail web -50", "tail -50 web"),
        ("tail web 50", "tail -50 web"),
        ("signal -HUP web", "signal HUP"),
        ("signal -9 web", "signal 9"),
        ("signal -sigusr1 web", "signal SIGUSR1"),
        ("kill web -9", "kill -9 web"),
        ("kill web ticker -s hup", "kill -hup web ticker"),
    ],
)
def test_what_other_tools_write_elsewhere_is_guessed(ctl, shop, line, meant):
    """The flags of tail stand before the name, and a signal has no dash."""
    ran = ctl(*line.split())
    assert ran.err == f"did you mean {meant}?\n"
    assert ran.status != 0


def test_status_guesses_too_but_tells_no_script_of_a_group(ctl, shop):
    """Scripts take the error for an answer; a group is only suggested on a terminal."""
    ran = ctl("status", "wbe")
    assert (ran.text, ran.err, ran.status) == ("wbe: ERROR (no such process)\n", "did you mean web?\n", 4)
    assert ctl("status", "api").err == ""


def test_only_the_unknown_names_of_a_line_are_guessed(ctl, shop):
    """A known process is not taken for its group, nor a known group for itself."""
    shop.answers["GET", "/v1/logs?lines=10&name=web,api%3A%2A,wbe"] = Refusal(404, "BAD_NAME", "no such process: wbe")
    assert ctl("logs", "web", "api:*", "wbe").err == "did you mean web?\n"


@pytest.mark.parametrize(("line", "meant"), [("tail --folow web", "--follow"), ("status --wid", "--wide")])
def test_a_flag_is_guessed_by_its_other_names_too(ctl, line, meant):
    """What other tools call a flag is a flag here."""
    assert ctl(*line.split()).err == f"did you mean {meant}?\n"


def test_an_unknown_program_of_scale_is_guessed(ctl, shop):
    """With the number that was asked for."""
    shop.answers["GET", "/v1/scale"] = {"scales": [{"program": "web"}]}
    shop.answers["POST", "/v1/scale"] = Refusal(404, "BAD_NAME", "no such program: wbe")
    assert ctl("scale", "wbe+12").err == "did you mean scale web+12?\n"


def test_several_groups_may_have_a_process_of_that_name(ctl, shop):
    """All of them are suggested."""
    shop.show(process("w", group="a"), process("w", group="b"))
    assert ctl("stop", "w").err == "did you mean a:w or b:w?\n"


@pytest.mark.parametrize(
    ("line", "meant"),
    [("add apj", "api"), ("remove apj", "api"), ("remove cat", "api"), ("update apj", "api"), ("update api:*", "api")],
)
def test_an_unknown_group_is_guessed(ctl, shop, line, meant):
    """The commands add and update know the groups of the file, remove knows the active ones."""
    shop.answers["GET", "/v1/config"] = {"processes": [{"group": "api", "name": "cat"}]}
    shop.answers["POST", "/v1/config/update"] = lambda body: {
        "steps": [{"group": group, "action": "error"} for group in body["groups"]]
    }
    assert ctl(*line.split()).err == f"did you mean {meant}?\n"


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("signal HPU web", "HUP"),
        ("signal SIGTREM web", "TERM"),
        ("signal web HUP", "signal HUP web"),
        ("signal web ticker usr1", "signal usr1 web ticker"),
    ],
)
def test_a_signal_is_guessed(ctl, shop, line, meant):
    """Spelling and swapped arguments are considered, whichever of the two the master refuses."""
    assert ctl(*line.split()).err == f"did you mean {meant}?\n"
    shop.answers["POST", "/v1/processes/signal"] = Refusal(400, "BAD_SIGNAL")
    assert ctl(*line.split()).err == f"did you mean {meant}?\n"


def test_a_channel_is_guessed(ctl):
    """There are two channels."""
    assert ctl("tail", "web", "stdrr").err == "did you mean stderr?\n"


def test_guesses_are_part_of_the_object_under_json(ctl, shop):
    """Nothing is on stderr then."""
    ran = ctl("stop", "wbe", "tikcer", "--json")
    assert (json.loads(ran.out)["did_you_mean"], ran.err) == (["web", "ticker"], "")
