"""procmanctl update with plans and confirmations, confirm, and diff, against a made-up master."""

import hashlib
import json

import pytest

from tests.support.fake_master import Refusal

PENDING = {
    "operation": 7,
    "actor": "uid 0",
    "began": 1.0,
    "stage": "waiting",
    "left": 60.0,
    "confirmed_by": None,
    "missing": [{"name": "web", "words": "is not ready yet (tcp:80 refused)"}],
    "reason": "",
}


def option(name, old, new, effect="restart", **more):
    return {
        "option": name,
        "old": old,
        "new": new,
        "effect": effect,
        "source": "file",
        "file": "/etc/a.conf",
        "line": 7,
        **more,
    }


def change(name, action, **more):
    known = {
        "running": True,
        "starts": True,
        "in_turn": False,
        "options": [],
        "dependents": [],
        "stop": 10,
        "start": 1,
        "down": 11,
    }
    return {"group": name, "name": name, "action": action, **known, **more}


def plan(*changes, **more):
    return {"format": "procman update plan", "changes": list(changes), "needs_reload": [], "unknown": [], **more}


def shown(ctl, master, *changes, **more):
    master.answers["GET", "/v1/config/plan"] = plan(*changes, **more)
    ran = ctl("update", "--dry-run")
    return ran.text.splitlines(), ran.status


def test_a_dry_run_has_the_exit_status_0_for_nothing_and_2_for_something(ctl, master):
    """Scripts tell both apart from the errors, which have 1."""
    assert shown(ctl, master) == (["No config updates to processes"], 0)
    assert shown(ctl, master, change("web", "added"))[1] == 2
    assert shown(ctl, master, unknown=["nope"])[1] == 1


def test_a_dry_run_says_by_which_option_and_for_how_long(ctl, master):
    """Each option has its old and its new value and its place, and a secret only that it has another one."""
    password = option("environment", "********", "********", variable="PASSWORD")
    web = change(
        "web",
        "restarted",
        options=[option("command", "./old", "./new"), option("stopwaitsecs", "10", "20", "none"), password],
        dependents=[{"name": "api", "effect": "restarted"}, {"name": "cron", "effect": "goes on"}],
    )
    assert shown(ctl, master, web) == (
        [
            "web: would be restarted, down for up to 11 s (10 s to stop, 1 s to start)",
            "    command (restart): ./old -> ./new  ; /etc/a.conf:7",
            "    stopwaitsecs: 10 -> 20  ; /etc/a.conf:7",
            "    environment.PASSWORD (restart): has another value (not shown)  ; /etc/a.conf:7",
            "    depends on it: api (restarted), cron (goes on)",
            "1 to restart",
        ],
        2,
    )


@pytest.mark.parametrize(
    ("planned", "words"),
    [
        (change("web", "added"), "added and started"),
        (change("web", "added", starts=False), "added, and not started (autostart)"),
        (change("web", "removed"), "stopped (within 10 s) and removed"),
        (change("web", "removed", running=False), "removed"),
        (change("web", "reopened"), "changed in place, and its logs reopened"),
        (change("web", "changed in place"), "changed in place"),
        (change("web", "restarted", running=False), "given the new definition, and started with it"),
        (
            change("web", "restarted", running=False, starts=False),
            "given the new definition, and not started: it has it from its next start",
        ),
        (change("web", "restarted", starts=False), "stopped (within 10 s), and not started"),
        (
            change("web", "restarted", start=None),
            "restarted, down for up to 10 s to stop, and then until it is ready (start_timeout=none)",
        ),
        (
            change("web", "restarted", in_turn=True),
            "restarted in its turn, down for up to 11 s (10 s to stop, 1 s to start)",
        ),
        ({**change("notify:ops", "removed"), "name": ""}, "removed"),
    ],
)
def test_every_action_has_its_words(ctl, master, planned, words):
    """Whether a process runs, and whether it starts, is part of them."""
    assert shown(ctl, master, planned)[0][0] == f"{planned['group']}: would be {words}"


def test_options_of_the_master_are_left_for_a_reload(ctl, master):
    """They are said beside what an update does."""
    lines, status = shown(ctl, master, needs_reload=[option("loglevel", "info", "debug", "none")])
    assert lines == [
        "an update leaves these options of procman itself; a reload takes them:",
        "    loglevel: info -> debug  ; /etc/a.conf:7",
        "No config updates to processes",
    ]
    assert status == 0


def test_a_diff_shows_both_values_and_has_the_exit_status_of_diff(ctl, master):
    """What is only active, or only in the file, is a line of its own."""
    master.answers["GET", "/v1/config/plan"] = plan()
    assert (ctl("diff").text, ctl("diff").status) == ("the file has what is active\n", 0)
    web = change("web", "restarted", options=[option("command", "./old", "./new"), option("directory", None, "/srv")])
    secret = change("db", "restarted", options=[option("command", "x ********", "x ********")])
    master.answers["GET", "/v1/config/plan"] = plan(web, secret, change("new", "added"), change("old", "removed"))
    ran = ctl("diff")
    assert ran.text.splitlines() == [
        "  web",
        "  - command = ./old",
        "  + command = ./new  ; /etc/a.conf:7",
        "  - directory = (not set)",
        "  + directory = /srv  ; /etc/a.conf:7",
        "  db",
        "  ! command has another value (not shown)  ; /etc/a.conf:7",
        "+ new: is in the file, and not active",
        "- old: is active, and not in the file any more",
    ]
    assert ran.status == 1
    master.answers["GET", "/v1/config/plan"] = Refusal(422, "CANT_REREAD", "a.conf:1: x")
    assert ctl("diff").status == 2


def test_a_plan_is_written_for_its_owner_only_and_sent_without_what_it_shows(ctl, master, tmp_path):
    """With --plan alone the exit status is 0, also where there is something to do."""
    file = tmp_path / "p.json"
    master.answers["GET", "/v1/config/plan?groups=web,db"] = plan(change("web", "added"))
    ran = ctl("update", "--plan", str(file), "web", "db")
    assert ran.text.splitlines()[-1] == f"written to {file}; to carry it out: procmanctl update --apply {file}"
    assert ran.status == 0
    assert file.stat().st_mode & 0o777 == 0o600
    master.answers["POST", "/v1/config/apply"] = {"operation": 7, "steps": [{"group": "web", "action": "added"}]}
    assert ctl("update", "--apply", str(file)).text == "web: added process group\n"
    written = json.loads(file.read_text())
    shown = json.dumps([written.pop("changes"), written.pop("needs_reload")], sort_keys=True)
    sent = {**written, "shown": hashlib.sha256(shown.encode()).hexdigest()}
    assert master.bodies("/v1/config/apply") == [{"plan": sent}]


def test_a_plan_that_cannot_be_written_or_read_is_said(ctl, master, tmp_path):
    """Each message names the file; nothing is sent to the master."""
    master.answers["GET", "/v1/config/plan"] = plan()
    ran = ctl("update", "--plan", f"{tmp_path}/none/p.json")
    assert (ran.text.splitlines()[-1], ran.status) == (
        f"Error: cannot write {tmp_path}/none/p.json: No such file or directory",
        1,
    )
    ran = ctl("update", "--apply", f"{tmp_path}/p.json")
    assert (ran.text, ran.status) == (f"Error: cannot read {tmp_path}/p.json: No such file or directory\n", 1)
    file = tmp_path / "a.conf"
    file.write_text("[program:web]")
    ran = ctl("update", "--apply", str(file))
    text = f"Error: {file} is no plan of an update: make one with procmanctl update --plan FILE\n"
    assert (ran.text, ran.status) == (text, 1)
    assert master.bodies("/v1/config/apply") == []


def test_what_the_master_says_of_a_plan_is_shown(ctl, master, tmp_path):
    """A plan that is out of date is an error, and so is an update that waits."""
    file = tmp_path / "p.json"
    file.write_text("{}")
    for code in ("STALE_PLAN", "UNCONFIRMED", "BAD_ARGUMENTS"):
        master.answers["POST", "/v1/config/apply"] = Refusal(409, code, "cannot apply the plan")
        ran = ctl("update", "--apply", str(file))
        assert (ran.text, ran.status) == ("ERROR: cannot apply the plan\n", 1)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--apply"], "--apply needs the path of a file"),
        (["--confirm"], "--confirm needs a time such as 60s"),
        (["--confirm", "soon"], "cannot read the time 'soon': expected something like 60s or 5m"),
        (["--apply", "p", "web"], "--apply takes nothing but the file of a plan, which says which groups are changed"),
        (["--dry-run", "--confirm", "5"], "--confirm is for an update, and not for a plan: give it with --apply"),
        (["--abort", "--dry-run"], "--abort takes nothing but the id of an operation"),
        (["--no-wait"], "--no-wait goes with --confirm"),
        (["--abort", "web"], "'web' is not the id of an operation"),
    ],
)
def test_words_that_make_no_sense_together_are_refused(ctl, master, words, text):
    """Nothing is asked of the master; the help has procman's flags, too."""
    ran = ctl("update", *words)
    assert (ran.text.splitlines()[0], ran.status) == (f"Error: {text}", 1)
    assert "update --apply FILE" in ran.text
    assert master.requests == []


def test_an_update_that_is_not_waited_for_says_how_to_keep_it(ctl, master):
    """The confirmation is another command then, which waits for the end."""
    master.answers["POST", "/v1/config/update"] = {
        "operation": 7,
        "steps": [{"group": "web", "action": "added"}],
        "pending": PENDING,
    }
    ran = ctl("update", "--confirm", "1m", "--no-wait")
    assert ran.text.splitlines() == [
        "web: added process group",
        "update 7 is rolled back in 1 m 0 s unless it is confirmed, and all of it is ready and healthy",
        "to keep it: procmanctl confirm 7; to roll it back: procmanctl update --abort 7",
    ]
    assert (ran.status, master.bodies("/v1/config/update")) == (0, [{"confirm": 60.0}])
    master.answers["POST", "/v1/config/confirm"] = {"operation": 7, "result": "kept"}
    assert ctl("confirm").text == ctl("confirm", "7").text == "update 7 is kept\n"
    assert master.bodies("/v1/config/confirm") == [{}, {"operation": 7}]
    master.answers["POST", "/v1/config/confirm"] = Refusal(409, "ROLLED_BACK", "update 7 was rolled back: web failed")
    ran = ctl("confirm")
    assert (ran.text, ran.status) == ("ERROR: update 7 was rolled back: web failed\n", 1)


def test_a_wait_ends_with_the_update(ctl, master):
    """Its exit status is 0 where it is kept, and 1 where it was rolled back."""
    master.answers["POST", "/v1/config/update"] = {"operation": 7, "steps": [], "pending": PENDING}
    master.answers["GET", "/v1/config/confirmation"] = {"pending": None}
    master.answers["GET", "/v1/operations/7"] = {"id": 7, "state": "done"}
    ran = ctl("update", "--confirm", "60s")
    assert (ran.text.splitlines()[-1], ran.status) == ("update 7 is kept", 0)
    error = {"code": "ROLLED_BACK", "message": "update 7 was rolled back: nobody has confirmed it"}
    master.answers["GET", "/v1/operations/7"] = {"id": 7, "state": "failed", "error": error}
    ran = ctl("update", "--confirm", "60s")
    assert (ran.text.splitlines()[-1], ran.status) == (error["message"], 1)
    master.answers["GET", "/v1/operations/7"] = Refusal(404, "BAD_NAME", "there is no operation 7")
    assert ctl("update", "--confirm", "60s").status == 1


def test_without_a_change_there_is_nothing_to_confirm(ctl, master):
    """It is said, and not waited for."""
    master.answers["POST", "/v1/config/update"] = {"operation": 7, "steps": []}
    ran = ctl("update", "--confirm", "60s")
    assert (ran.text, ran.status) == ("nothing was changed, so there is nothing to confirm\n", 0)


def test_an_abort_says_what_is_in_effect(ctl, master):
    """It is an answer of the master, and no promise."""
    master.answers["POST", "/v1/config/abort"] = {"operation": 7, "result": "rolled back"}
    ran = ctl("update", "--abort")
    text = "update 7 is rolled back: the definitions from before it are in effect again\n"
    assert (ran.text, ran.status) == (text, 0)
    master.answers["POST", "/v1/config/abort"] = Refusal(404, "BAD_NAME", "no update waits for a confirmation")
    assert ctl("update", "--abort").status == 1


def test_a_roll_back_that_goes_on_is_told_as_one(ctl, master, monkeypatch):
    """What is put back is not ready at once, which is no news of the update."""
    monkeypatch.setattr("procman.cli.procmanctl_commands.confirming.EVERY", 0)
    master.answers["POST", "/v1/config/update"] = {"operation": 7, "steps": [], "pending": PENDING}
    back = {**PENDING, "stage": "rolling back", "left": None, "reason": "nobody has confirmed it"}
    pending = [PENDING, back, {**back, "missing": []}, None]
    error = {"code": "ROLLED_BACK", "message": "update 7 was rolled back: nobody has confirmed it"}
    master.answers["GET", "/v1/config/confirmation"] = lambda _: {"pending": pending.pop(0)}
    master.answers["GET", "/v1/operations/7"] = lambda _: (
        {"id": 7, "state": "running"} if len(pending) > 1 else {"id": 7, "state": "failed", "error": error}
    )
    assert ctl("update", "--confirm", "60s").text.splitlines()[2:] == [
        "not ready and healthy yet: web is not ready yet (tcp:80 refused)",
        "rolling back: nobody has confirmed it",
        "update 7 was rolled back: nobody has confirmed it",
    ]
