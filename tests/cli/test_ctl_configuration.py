"""avail, config, reread, update, add and remove print what supervisorctl prints."""

import json

import pytest

from tests.support.fake_master import Refusal


def info(name, group=None, **changed):
    base = {"name": name, "group": group or name, "inuse": True, "autostart": True, "command": "x"}
    return {**base, "group_prio": 999, "process_prio": 999, **changed}


def test_avail_is_supervisorctls_table(ctl, master):
    """The columns are the name, whether it is in use, whether it starts by itself, and both priorities."""
    master.answers["GET", "/v1/config"] = {
        "processes": [info("web"), info("a", "site", inuse=False, autostart=False, group_prio=5, process_prio=7)]
    }
    assert ctl("avail").text == (
        "web                              in use    auto      999:999\n"
        "site:a                           avail     manual    5:7\n"
    )


def setting(option, shown, **more):
    return {"option": option, "value": shown, "shown": shown, "source": "default", "file": None, "line": None, **more}


WEB = {
    "section": "program:web",
    "name": "g:web",
    "settings": [
        setting("priority", "999"),
        setting("environment", "80", variable="PORT", source="file", file="/a.conf", line=3),
        setting("command", "sh -c 'a\nb'", source="file", file="/a.toml"),
        setting("umask", "022", source="earlier"),
    ],
}


def test_config_names_each_option_and_where_it_is_from(ctl, master):
    """Each option is one line, even if its value has several."""
    master.answers["GET", "/v1/processes/web/config"] = {"sections": [WEB]}
    assert ctl("config", "web").text == (
        "g:web  [program:web]\n"
        "  priority = 999          ; default\n"
        "  environment.PORT = 80   ; /a.conf:3\n"
        "  command = sh -c 'a\\nb'  ; /a.toml\n"
        "  umask = 022             ; the file has another value now: see update\n"
    )
    assert json.loads(ctl("config", "web", "--json").out) == {"sections": [WEB]}


def test_config_alone_is_the_masters(ctl, master):
    """The master's options and those of its servers are separated by blank lines."""
    section = {"section": "supervisord", "name": "", "settings": [setting("umask", "022", source="command line")]}
    master.answers["GET", "/v1/master/config"] = {"sections": [section, WEB]}
    ran = ctl("config")
    assert ran.text.startswith("[supervisord]\n  umask = 022  ; command line\n\ng:web  [program:web]\n")
    assert ran.status == 0


def test_config_of_an_unknown_name_is_an_error(ctl, master):
    """The other processes are shown."""
    master.answers["GET", "/v1/processes/x/config"] = Refusal(404, "BAD_NAME", "no such process or group: x")
    master.answers["GET", "/v1/processes/web/config"] = {"sections": [WEB]}
    ran = ctl("config", "x", "web")
    assert ran.status == 1
    assert ran.text.startswith("x: ERROR (no such process)\ng:web  [program:web]\n")


def test_reread_lists_groups_by_name(ctl, master):
    """New, changed and removed groups are listed."""
    master.answers["POST", "/v1/config/reread"] = {"added": ["z"], "changed": ["b", "a"], "removed": ["k"]}
    assert ctl("reread").text == "a: changed\nb: changed\nk: disappeared\nz: available\n"
    assert json.loads(ctl("reread", "--json").out) == {"added": ["z"], "changed": ["b", "a"], "removed": ["k"]}


def test_reread_without_changes_says_so(ctl, master):
    """Scripts wait for supervisorctl's words."""
    master.answers["POST", "/v1/config/reread"] = {"added": [], "changed": [], "removed": []}
    ran = ctl("reread")
    assert (ran.text, ran.status) == ("No config updates to processes\n", 0)


@pytest.mark.parametrize("words", [["reread"], ["update"], ["update", "--dry-run"]])
def test_a_file_that_cannot_be_read_is_said_with_all_its_problems(ctl, master, words):
    """The exit status is 1, and the text begins with supervisorctl's code."""
    for method, path in (("POST", "reread"), ("POST", "update"), ("GET", "plan")):
        master.answers[method, f"/v1/config/{path}"] = Refusal(409, "CANT_REREAD", "a.conf:1: x\na.conf:2: y")
    ran = ctl(*words)
    assert (ran.text, ran.status) == ("ERROR: CANT_REREAD: a.conf:1: x\na.conf:2: y\n", 1)


def test_update_says_what_became_of_each_group(ctl, master):
    """Removed, replaced, changed and added groups are listed in the order of the changes."""
    master.answers["POST", "/v1/config/update"] = {
        "steps": [
            {"group": "old", "name": "old", "action": "stopped"},
            {"group": "old", "action": "removed"},
            {"group": "web", "name": "web", "action": "replaced", "options": ["command"]},
            {"group": "web", "action": "updated"},
            {"group": "cron", "name": "cron", "action": "changed in place", "options": ["stopwaitsecs"]},
            {"group": "site", "name": "b", "action": "added"},
            {"group": "new", "action": "added"},
        ]
    }
    ran = ctl("update")
    assert ran.text == (
        "old: stopped\nold: removed process group\n"
        "web: stopped\nweb: updated process group\n"
        "cron: updated process group\n"
        "site: updated process group\n"
        "new: added process group\n"
    )
    assert ran.status == 0
    assert master.bodies("/v1/config/update") == [{}]


def test_update_of_groups_names_them_and_all_means_all(ctl, master):
    """An unknown group is an error; `all` means the same as no name."""
    master.answers["POST", "/v1/config/update"] = {
        "steps": [{"group": "nope", "action": "error"}, {"group": "web", "action": "added"}]
    }
    ran = ctl("update", "web", "nope")
    assert (ran.text, ran.status) == ("ERROR: no such group: nope\nweb: added process group\n", 1)
    ctl("update", "web", "all")
    assert master.bodies("/v1/config/update") == [{"groups": ["web", "nope"]}, {}]


def test_add_and_remove_answer_for_each_group(ctl, master):
    """An active group is reported without an error; an unknown or running group is an error."""
    master.answers["POST", "/v1/groups/a/add"] = {"result": "added"}
    master.answers["POST", "/v1/groups/b/add"] = Refusal(409, "ALREADY_ADDED")
    master.answers["POST", "/v1/groups/a/remove"] = {"result": "removed"}
    master.answers["POST", "/v1/groups/b/remove"] = Refusal(409, "STILL_RUNNING")
    ran = ctl("add", "a", "b")
    assert (ran.text, ran.status) == ("a: added process group\nERROR: process group already active\n", 0)
    ran = ctl("add", "c", "a")
    assert (ran.text, ran.status) == ("ERROR: no such process/group: c\na: added process group\n", 1)
    ran = ctl("remove", "a", "b", "c")
    assert ran.text == (
        "a: removed process group\nERROR: process/group still running: b\nERROR: no such process/group: c\n"
    )
    assert ran.status == 1
    document = json.loads(ctl("add", "a", "c", "--json").out)
    assert document["results"] == [{"group": "a", "result": "added"}]
    assert document["errors"][0]["group"] == "c"


@pytest.mark.parametrize(
    ("words", "text", "status"),
    [
        (["reread"], "ERROR: supervisor shutting down", 1),
        (["avail"], "ERROR: supervisor shutting down", 1),
        (["status"], "ERROR: supervisor shutting down", 1),
        (["update"], "ERROR: already shutting down", 1),
        (["reload"], "ERROR: already shutting down", 1),
        (["shutdown"], "ERROR: already shutting down", 0),
        (["add", "x"], "ERROR: shutting down", 1),
    ],
)
def test_a_master_that_is_shutting_down_has_supervisorctls_words(ctl, master, words, text, status):
    """Exit statuses are supervisorctl's too; a second shutdown is no error."""
    refusal = Refusal(503, "SHUTDOWN_STATE", "procman is shutting down")
    for path in ("/v1/config/reread", "/v1/config/update", "/v1/master/reload", "/v1/master/shutdown"):
        master.answers["POST", path] = refusal
    master.answers["POST", "/v1/groups/x/add"] = refusal
    master.answers["GET", "/v1/config"] = master.answers["GET", "/v1/processes"] = refusal
    master.answers["GET", "/v1/master"] = {"statename": "SHUTDOWN"}
    ran = ctl(*words)
    assert (ran.text, ran.status) == (text + "\n", status)


@pytest.mark.parametrize("command", ["avail", "reread", "version", "shutdown", "reload"])
def test_commands_without_arguments_accept_none(ctl, master, command):
    """Nothing is done, the help is shown, and the exit status is 1."""
    ran = ctl(command, "x")
    assert ran.text.splitlines()[0] == f"Error: {command} accepts no arguments"
    assert ran.text.splitlines()[1].startswith(command)
    assert ran.status == 1
    assert master.requests == []
