"""procmanctl chaos: the prediction, the question, what happens, the verdict."""

import json

import pytest

from tests.support.chaos_samples import chaos_info, step
from tests.support.fake_master import Refusal

PATH = ("POST", "/v1/processes/web/chaos")
PREDICTED = """\
kill web: by the configuration, this follows:
     0.000 s  web  RUNNING -> EXITED
     0.000 s  web  EXITED -> STARTING
     1.000 s  web  STARTING -> RUNNING
"""
HAPPENED = """\
what happens:
     0.012 s  web  RUNNING -> EXITED
     0.012 s  web  EXITED -> STARTING
     1.020 s  web  STARTING -> RUNNING
"""


def test_it_predicts_then_does_it_and_says_whether_that_is_what_happened(ctl, master):
    """With --yes; status 0 if all is as expected."""
    master.answers[PATH] = chaos_info()
    ran = ctl("chaos", "web", "--kill", "--yes")
    assert ran.text == f"{PREDICTED}{HAPPENED}as expected  web  RUNNING -> EXITED -> STARTING -> RUNNING\n"
    assert ran.status == 0
    assert [body for _, _, body in master.requests] == [
        {"what": "kill", "seconds": 0.0, "dry": True},
        {"what": "kill", "seconds": 0.0},
    ]


def test_it_asks_for_news_until_it_is_over(ctl, master):
    """Lines that have been shown are not shown again."""
    whole = chaos_info()
    master.answers[PATH] = chaos_info(over=False, seen=whole["seen"][:1], judgements=[], as_expected=None)
    master.answers["GET", "/v1/chaos/7?timeout=1"] = whole
    ran = ctl("chaos", "web", "--kill", "--yes")
    assert ran.text.startswith(PREDICTED + HAPPENED)


def test_without_a_terminal_it_does_nothing_unless_it_may(ctl, master):
    """Nobody can be asked; --dry-run needs no answer."""
    master.answers[PATH] = chaos_info()
    ran = ctl("chaos", "web", "--kill")
    assert ran.text == f"{PREDICTED}ERROR: chaos asks before it does that, and there is nobody to ask: add --yes\n"
    assert ran.status == 2
    assert ctl("chaos", "web", "--kill", "--dry-run").text == PREDICTED
    assert [body["dry"] for _, _, body in master.requests] == [True, True]


def test_what_differs_is_status_1(ctl, master):
    """Of each process that differs there is what was expected, and what it was."""
    words = "expected RUNNING -> EXITED; it was no change"
    judgements = [{"namespec": "web", "as_expected": False, "words": words}]
    master.answers[PATH] = chaos_info(judgements=judgements, as_expected=False)
    ran = ctl("chaos", "web", "--kill", "--yes")
    assert ran.text.endswith(f"OTHERWISE    web  {words}\n")
    assert ran.status == 1


def test_what_the_prediction_cannot_show_is_said(ctl, master):
    """Nothing that follows, no end of it, the end of the master."""
    master.answers[PATH] = chaos_info(what="stop", seconds=90.0, expected=[])
    assert ctl("chaos", "web", "--stop=1m30s", "--dry-run").status == 2
    assert (
        "  nothing: web and what depends on it stay as they are\n"
        in ctl("chaos", "web", "--stop=90s", "--dry-run").text
    )
    one = [step(0.0, "web", "RUNNING", "EXITED")]
    master.answers[PATH] = chaos_info(expected=one, expected_whole=False, ends_master=True)
    text = ctl("chaos", "web", "--kill", "--dry-run").text
    assert text.endswith("  and so on: it does not come to rest\n  and procman itself ends\n")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("chaos web", "say what is to happen: --kill, --stop 30s or --unready 30s"),
        ("chaos --kill", "name one process"),
        ("chaos --kill web db", "one process at a time, and not web and db"),
        ("chaos --kill --stop 3s web", "one fault at a time"),
        ("chaos --stop soon web", "--stop needs a time above 0, such as 30s or 2m, and not 'soon'"),
        ("chaos --unready 0s web", "--unready needs a time above 0"),
        ("chaos web --stop", "--stop needs a time above 0"),
    ],
)
def test_bad_usage_is_status_2_and_asks_the_master_nothing(ctl, master, line, words):
    """The help follows."""
    ran = ctl(*line.split())
    assert words in ran.text.splitlines()[0]
    assert "chaos --kill <name>" in ran.text
    assert (ran.status, master.requests) == (2, [])


def test_what_the_master_refuses_is_said(ctl, master):
    """An unknown name with what was meant."""
    master.answers[PATH] = Refusal(409, "NOT_RUNNING", "web is STOPPED: only what is RUNNING can be made to fail")
    ran = ctl("chaos", "web", "--kill", "--yes")
    assert ran.text == "web: ERROR (web is STOPPED: only what is RUNNING can be made to fail)\n"
    master.answers["POST", "/v1/processes/wep/chaos"] = Refusal(404, "BAD_NAME", "wep")
    ran = ctl("chaos", "wep", "--kill", "--yes")
    assert (ran.text, ran.err, ran.status) == ("wep: ERROR (no such process)\n", "did you mean web?\n", 1)


def hang_up(_body):
    raise ConnectionResetError


def test_a_master_that_ends_as_predicted_is_no_error(ctl, master):
    """It cannot answer any more."""
    master.answers[PATH] = chaos_info(over=False, seen=[], judgements=[], as_expected=None, ends_master=True)
    master.answers["GET", "/v1/chaos/7?timeout=1"] = hang_up
    ran = ctl("chaos", "web", "--kill", "--yes")
    assert ran.text.endswith("what happens:\nprocman itself has ended, as expected\n")
    assert ran.status == 0


def test_as_json_it_is_one_object(ctl, master):
    """That of the end."""
    master.answers[PATH] = chaos_info()
    assert json.loads(ctl("chaos", "web", "--kill", "--yes", "--json").text) == chaos_info()
