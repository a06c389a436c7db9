"""procmanctl update while its master is upgraded, killed or restarted, against a made-up one."""

import json

import pytest

from tests.cli.test_ctl_update import PENDING, change, plan
from tests.support.fake_master import Refusal, Stream

LOST = "the connection was lost; asking the next master"
STEPS = [{"group": "web", "action": "updated"}]


def running(number=7):
    return {"id": number, "kind": "update", "state": "running", "steps": []}


def ended(number=7, **more):
    return {"id": number, "kind": "update", "state": "done", "steps": STEPS, **more}


def stopped(program):
    text = "rolling restart stopped: web_1 is not ready (x); 1 of 4 has the new definition"
    return {"program": program, "state": "stopped", "text": text}


def in_turn(*answers):
    """These, one for each question, and the last one for all that follow."""
    left = list(answers)
    return lambda _: left.pop(0) if len(left) > 1 else left[0]


@pytest.fixture
def lost(master, monkeypatch):
    """The first master goes with an update that it was asked for; nothing of it goes on in the next one."""
    for module in ("procmanctl_commands.next_master", "until_answered"):
        monkeypatch.setattr(f"procman.cli.{module}.EVERY", 0)
    for path in ("/v1/config/update", "/v1/config/apply"):
        master.answers["POST", path] = in_turn(
            Stream(b"{", cut=True), {"operation": 8, "steps": STEPS, "pending": {**PENDING, "operation": 8}}
        )
    master.answers["GET", "/v1/operations"] = {"operations": [ended(6)]}
    master.answers["GET", "/v1/config/confirmation"] = {"pending": None}
    master.answers["GET", "/v1/rolling"] = {"rolling": []}
    master.answers["GET", "/v1/config/plan"] = plan()
    return master


def test_an_update_that_goes_on_in_the_next_master_is_followed_to_its_end(ctl, lost):
    """Its steps are told as if nothing had happened."""
    lost.answers["GET", "/v1/operations"] = in_turn(
        Refusal(503, "SHUTDOWN_STATE"), {"operations": [running()]}, {"operations": [ended()]}
    )
    ran = ctl("update")
    assert (ran.text.splitlines(), ran.status) == ([LOST, "web: updated process group"], 0)
    assert len(lost.bodies("/v1/config/update")) == 1


def test_one_that_fails_there_fails(ctl, lost):
    """With its words."""
    failed = ended(state="failed", error={"code": "STALE_PLAN", "message": "cannot apply the plan"})
    lost.answers["GET", "/v1/operations"] = in_turn({"operations": [running()]}, {"operations": [failed]})
    ran = ctl("update")
    assert (ran.text.splitlines(), ran.status) == ([LOST, "ERROR: cannot apply the plan"], 1)


def test_a_rolling_restart_that_it_has_begun_is_waited_for(ctl, lost):
    """The exit status is 7 where that has stopped; one of a group that was not meant does not count."""
    going = {"program": "web", "state": "going", "aborting": False, "total": 4, "ready": [], "under_way": ["web:web_1"]}
    for names, wanted in (((), [stopped("web"), stopped("db")]), (("web",), [stopped("web")])):
        lost.answers["POST", "/v1/config/update"] = Stream(b"{", cut=True)
        lost.answers["GET", "/v1/rolling"] = in_turn({"rolling": [going]}, {"rolling": [stopped("web"), stopped("db")]})
        lost.answers["GET", "/v1/config/plan?groups=web"] = plan()
        ran = ctl("update", *names)
        told = [f"{one['program']}: {one['text']}" for one in wanted]
        assert ran.text.splitlines() == [LOST, "the file has what is active: the update has been carried out", *told]
        assert ran.status == 7


def test_one_that_waits_for_its_confirmation_there_is_waited_for(ctl, lost):
    """The next master has it with the time that is left."""
    lost.answers["GET", "/v1/operations"] = {"operations": [running()]}
    lost.answers["GET", "/v1/config/confirmation"] = in_turn(
        {"pending": {**PENDING, "stage": "applying", "left": None}}, {"pending": PENDING}
    )
    lost.answers["GET", "/v1/operations/7"] = ended()
    ran = ctl("update", "--confirm", "60s")
    assert (ran.text.splitlines()[0], ran.text.splitlines()[-1]) == (LOST, "update 7 is kept")
    assert (ran.status, len(lost.bodies("/v1/config/update"))) == (0, 1)


def test_one_of_which_the_next_master_knows_nothing_is_asked_for_again(ctl, lost, tmp_path):
    """Where it still makes a difference; a plan too, which a next master may refuse."""
    lost.answers["GET", "/v1/config/plan"] = plan(change("web", "restarted"))
    ran = ctl("update")
    assert (ran.text.splitlines(), ran.status) == ([LOST, "web: updated process group"], 0)
    assert lost.bodies("/v1/config/update") == [{}, {}]
    file = tmp_path / "p.json"
    file.write_text(json.dumps(plan(change("web", "restarted"))))
    ran = ctl("update", "--apply", str(file))
    assert (ran.text.splitlines(), ran.status) == ([LOST, "web: updated process group"], 0)


def test_nobody_rolls_back_what_a_kill_has_cut_off(ctl, lost):
    """It is no success: it has neither been confirmed, nor found to be ready and healthy."""
    ran = ctl("update", "--confirm", "60s")
    text = "ERROR: the file has what is active, and nothing is rolled back any more: see procmanctl maintail"
    assert (ran.text.splitlines(), ran.status) == ([LOST, text], 1)


def test_a_master_that_restarts_is_waited_for(ctl, lost):
    """The next one is asked."""
    lost.answers["POST", "/v1/config/update"] = in_turn(
        Refusal(503, "SHUTDOWN_STATE"), {"operation": 1, "steps": STEPS}
    )
    lost.answers["GET", "/v1/master"] = in_turn(
        {"statename": "RESTARTING"}, {"statename": "RESTARTING"}, {"statename": "RUNNING"}
    )
    ran = ctl("update")
    told = ["procman restarts; asking the next master", "web: updated process group"]
    assert (ran.text.splitlines(), ran.status) == (told, 0)


def test_a_confirmation_is_given_to_the_next_master(ctl, lost):
    """An update that waits goes on there."""
    lost.answers["POST", "/v1/config/confirm"] = in_turn(Stream(b"{", cut=True), {"operation": 7, "result": "kept"})
    ran = ctl("confirm", "7")
    assert (ran.text.splitlines(), ran.status) == ([LOST, "update 7 is kept"], 0)
    assert lost.bodies("/v1/config/confirm") == [{"operation": 7}] * 2


@pytest.mark.parametrize(
    ("words", "end", "text"),
    [
        (["confirm"], ended(), "update 7 is kept"),
        (
            ["update", "--abort"],
            ended(state="failed", error={"code": "ROLLED_BACK", "message": "x"}),
            "update 7 is rolled back: the definitions from before it are in effect again",
        ),
    ],
)
def test_one_that_the_first_master_has_taken_counts(ctl, lost, words, end, text):
    """The update may have come to its end before the client is back; another end than that is no success."""
    gone = Refusal(404, "BAD_NAME", "no update waits for a confirmation")
    path = "abort" if "--abort" in words else "confirm"
    for found, told, status in ((end, text, 0), (ended(state="failed", error={"code": "FAILED"}), None, 1)):
        lost.answers["POST", f"/v1/config/{path}"] = in_turn(Stream(b"{", cut=True), gone)
        lost.answers["GET", "/v1/operations"] = {"operations": [found]}
        ran = ctl(*words)
        assert ran.text.splitlines() == [LOST, told or "ERROR: no update waits for a confirmation"]
        assert ran.status == status


def test_a_server_that_cuts_off_each_connection_is_no_next_master(ctl, lost):
    """It may want TLS, or a certificate: nobody waits for another one."""
    for path in ("/v1/operations", "/v1/master"):
        lost.answers["GET", path] = Stream(b"{", cut=True)
    ran = ctl("update")
    text = f"cannot reach procman at {lost.path}: the connection was lost"
    assert (ran.text.splitlines(), ran.status) == ([LOST, text], 1)
