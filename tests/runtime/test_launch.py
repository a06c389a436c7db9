"""What one start of a program needs: its environment above all."""

import json

from procman.runtime.launch import environment
from tests.support.launching import python, run
from tests.support.programs import program

NOBODY = 65534


def test_its_environment(monkeypatch):
    """The master's, the SUPERVISOR_ names, and its own on top of all."""
    monkeypatch.setenv("FROM_THE_MASTER", "1")
    monkeypatch.setenv("CHANGED", "master")
    ended = run(
        python("import os, json; print(json.dumps(dict(os.environ)))"),
        "unix:///run/procman.sock",
        name="worker",
        group="site",
        environment={"CHANGED": "program", "OWN": "ü = 1"},
    )
    env = json.loads(ended.stdout)
    assert env["FROM_THE_MASTER"] == "1"
    assert env["CHANGED"] == "program"
    assert env["OWN"] == "ü = 1"
    assert {name: value for name, value in env.items() if name.startswith("SUPERVISOR_")} == {
        "SUPERVISOR_ENABLED": "1",
        "SUPERVISOR_SERVER_URL": "unix:///run/procman.sock",
        "SUPERVISOR_PROCESS_NAME": "worker",
        "SUPERVISOR_GROUP_NAME": "site",
    }


def test_what_it_inherits_can_be_said(monkeypatch):
    """Instead of what this process has now."""
    monkeypatch.setenv("FROM_THE_MASTER", "1")
    said = run("/usr/bin/env", environment={"OWN": "1"}, inherited={b"GIVEN": b"1"}).stdout.splitlines()
    assert {"GIVEN=1", "OWN=1"} < set(said)
    assert "FROM_THE_MASTER=1" not in said


def test_whose_url_it_gets():
    """Its own serverurl=, else the master's, else none."""
    own = environment(program(serverurl="http://own:1"), "http://masters:1", {})
    masters = environment(program(), "http://masters:1", {})
    none = environment(program(), None, {})
    assert own[b"SUPERVISOR_SERVER_URL"] == b"http://own:1"
    assert masters[b"SUPERVISOR_SERVER_URL"] == b"http://masters:1"
    assert b"SUPERVISOR_SERVER_URL" not in none
