"""events and history: a line for each record and each run, for people and for programs."""

import json
import time

import pytest

from procman.cli import journal_text
from tests.support.fake_master import Refusal, Stream

NOW = time.mktime((2026, 11, 29, 14, 2, 11, 0, 0, -1))
CLIENT = {"kind": "client", "uid": 0, "gid": 0, "pid": 812, "user": "root", "command": "procmanctl", "via": "/s"}


def one(seq, kind, **fields):
    return {"seq": seq, "time": NOW + 0.034, "mono": 1.0, "kind": kind, **fields}


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (
            one(95, "state", **{"from": "RUNNING"}, to="STOPPING", name="web", cause=94, actor=CLIENT),
            "14:02:11.034  web               RUNNING -> STOPPING, by uid 0 (root, procmanctl, pid 812)  #95 <- #94",
        ),
        (
            one(1, "state", **{"from": "BACKOFF"}, to="FATAL", name="web", reason="too quickly", data={"tries": 4}),
            "14:02:11.034  web               BACKOFF -> FATAL, try 4: too quickly  #1",
        ),
        (one(1, "state", name="web", reason="descendants still run", data={"descendants": [7]}), "pid 7  #1"),
        (one(1, "spawn", name="web", data={"pid": 7}), "web               started with pid 7  #1"),
        (one(1, "spawn", name="web", reason="adopted", data={"pid": 7, "age": 200}), "has been there for 3 m 20 s  #1"),
        (
            one(1, "spawn", name="web", reason="no such file", data={"failed": True}),
            "could not be started: no such file",
        ),
        (one(1, "exit", name="web", data={"pid": 7, "code": 3}), "pid 7 ended with exit status 3  #1"),
        (
            one(1, "exit", name="web", data={"pid": 7, "signal": "SIGSEGV", "core": True}),
            "pid 7 was terminated by SIGSEGV (core dumped)",
        ),
        (one(1, "exit", name="web", data={"pid": 7, "known": False}), "pid 7 ended; its exit status is not known"),
        (
            one(1, "signal", name="web", reason="overdue", data={"signal": "SIGKILL", "pid": 7, "scope": "tree"}),
            "SIGKILL to pid 7 and its descendants, as stopwaitsecs were over",
        ),
        (one(1, "signal", name="web", reason="no", data={"failed": True}), "could not be signalled: no"),
        (
            one(1, "op-begin", reason="stop", data={"targets": ["a", "b"], "targets_count": 30}, actor=CLIENT),
            "procman           asked for: stop a b and 28 more, by uid 0",
        ),
        (one(1, "op-end", reason="stop", data={"failed": ["a"]}), "stop has failed for a"),
        (one(1, "op-end", reason="update", data={"error": "broken"}), "update failed: broken"),
        (one(1, "op-end", reason="stop"), "stop is done"),
        (
            one(1, "update-step", group="web", reason="replaced", data={"options": ["command", "user"]}),
            "web               update: replaced (command, user)",
        ),
        (one(1, "config", group="web", reason="group added"), "web               group added"),
        (
            one(1, "master", reason="began", data={"version": "0.3", "pid": 1}, actor={"kind": "boot"}),
            "procman           procman 0.3 began with pid 1  #1",
        ),
        (
            one(1, "master", reason="upgraded", data={"version": "0.3", "pid": 1}),
            "procman 0.3 goes on after an upgrade, with pid 1",
        ),
        (one(1, "master", reason="quit", data={"code": 0}), "ends with 0"),
        (one(1, "master", to="SHUTDOWN", actor={"kind": "signal", "via": "SIGTERM"}), "SHUTDOWN, by SIGTERM"),
        (
            one(
                1,
                "access-denied",
                reason="wrong name or password",
                data={"status": 401, "asked": "GET /"},
                times=12,
                actor={"kind": "client", "user": "me", "via": "inet 10.0.0.7"},
            ),
            "refused GET /: wrong name or password (HTTP 401) (12 times), by a client of inet 10.0.0.7 (me)",
        ),
        (
            one(9, "gap", data={"from": 3, "to": 9, "records": 5, "reason": "its disk does not answer"}),
            "records are missing from #3 to #9, 5 of them: its disk does not answer",
        ),
        (one(1, "schedule", name="job", reason="off"), "job               its schedule is switched off  #1"),
        (
            one(1, "schedule", name="job", reason="missed", data={"count": 3}),
            "job               3 runs were missed  #1",
        ),
        (one(1, "later", reason="of a newer master"), "procman           of a newer master  #1"),
    ],
)
def test_a_record_is_one_line_in_words(record, expected):
    """When, of what, what happened, by whom, its number and that of its cause."""
    assert expected in journal_text.record_line(record, NOW + 60)


def test_a_record_of_another_day_has_its_date():
    """And only such a one."""
    line = journal_text.record_line(one(1, "config", reason="x"), NOW + 86400)
    assert line.startswith("2026-11-29 14:02:11.034  ")


def test_events_asks_for_what_the_words_say(ctl, master):
    """Flags before and after names."""
    path = "/v1/journal?since=10m&kind=exit,state&name=web,site:*&limit=7"
    master.answers["GET", path] = {"records": [one(1, "exit", name="web", data={"pid": 7, "code": 3})], "next": 1}
    ran = ctl("events", "--since", "10m", "web", "--kind=exit,state", "site:*", "-n", "7")
    assert (ran.status, ran.text.count("\n")) == (0, 1)
    assert "pid 7 ended with exit status 3" in ran.text
    document = json.loads(
        ctl("events", "--json", "--since", "10m", "web", "site:*", "--kind=exit,state", "-n", "7").out
    )
    assert document["records"][0]["data"] == {"pid": 7, "code": 3}


def test_all_pages_after_a_number_are_asked_for(ctl, master):
    """An answer has a limit; the command has none."""
    master.answers["GET", "/v1/journal?since=5"] = {"records": [one(6, "config", reason="a")], "next": 7}
    master.answers["GET", "/v1/journal?since=7"] = {"records": [], "next": 7}
    master.answers["GET", "/v1/journal?since=6"] = {"records": [], "next": 7}
    assert ctl("events", "--since", "5").text.count("\n") == 1


def test_control_characters_are_spelt_out(ctl, master):
    """Also where it is no terminal: a line stays a line."""
    records = [one(1, "log-trouble", reason="a\x1b[2Jb\nc\u202ed")]
    master.answers["GET", "/v1/journal?limit=50"] = {"records": records, "next": 1}
    text = ctl("events").text
    assert "a\\x1b[2Jb\\nc\\u202ed" in text
    assert text.count("\n") == 1


def test_follow_prints_each_record_when_it_comes(ctl, master):
    """A line may come in pieces, and empty ones only say that the master is there."""
    line = json.dumps(one(3, "config", reason="x")).encode()
    stream = Stream(b"\n", line[:20], line[20:] + b"\n\n", line + b"\n")
    master.answers["GET", "/v1/journal?limit=50&follow=1"] = stream
    assert ctl("events", "-f").text.count("#3\n") == 2
    ran = ctl("events", "-f", "--json")
    assert [json.loads(text)["seq"] for text in ran.text.splitlines()] == [3, 3]


def test_follow_goes_on_after_an_upgrade(ctl, master):
    """With what has happened since, and a stream that ends is its end."""
    lines = [json.dumps(one(seq, "config", reason="x")).encode() + b"\n" for seq in (3, 4)]
    master.answers["GET", "/v1/journal?limit=50&follow=1"] = Stream(lines[0], cut=True)
    master.answers["GET", "/v1/journal?limit=50&follow=1&since=3"] = Stream(lines[1])
    ran = ctl("events", "-f")
    assert [line.rpartition("#")[2] for line in ran.text.splitlines()] == ["3", "4"]
    assert ran.status == 0


@pytest.mark.parametrize(
    ("words", "status", "text"),
    [
        (("-n", "0"), 1, "expected a number from 1 to 10000"),
        (("-n", "x"), 1, "expected a number from 1 to 10000"),
        (("-n",), 1, "-n requires a value"),
        (("--since",), 1, "--since requires a value"),
        (("--sinse", "1"), 2, "events has no flag --sinse"),
    ],
)
def test_bad_words_are_explained(ctl, words, status, text):
    """With the help of the command."""
    ran = ctl("events", *words)
    assert ran.status == status
    assert text in ran.text
    assert "events --since 10m" in ran.text


def test_what_the_master_refuses_is_said(ctl, master):
    """An unknown name is guessed; nonsense is answered with what is possible."""
    master.answers["GET", "/v1/journal?name=wbe&limit=50"] = Refusal(404, "BAD_NAME", "wbe")
    ran = ctl("events", "wbe")
    assert (ran.text, ran.err, ran.status) == ("No such process wbe\n", "did you mean web?\n", 1)
    master.answers["GET", "/v1/journal?since=x"] = Refusal(400, "BAD_ARGUMENTS", "cannot read since='x': expected 10m")
    ran = ctl("events", "--since", "x")
    assert (ran.text, ran.status) == ("ERROR: cannot read since='x': expected 10m\n", 2)
    master.answers["GET", "/v1/processes/wbe/runs"] = Refusal(404, "BAD_NAME", "no such process or group: wbe")
    ran = ctl("history", "wbe")
    assert (ran.text, ran.err, ran.status) == ("No such process wbe\n", "did you mean web?\n", 1)


def run(number, *, ending="exit status 3", start="restarted after exit status 3", stop="", seconds=0.7, began=NOW):
    ended = None if not ending else began + seconds
    return {
        "namespec": "web",
        "group": "web",
        "run": number,
        "pid": 100 + number,
        "seq": number * 10,
        "began": began,
        "start": start,
        "ended": ended,
        "end_seq": number * 10 + 5,
        "seconds": seconds if ending else None,
        "ending": ending,
        "stop": stop,
    }


def test_history_folds_runs_that_are_alike(ctl, master):
    """A crash-looper is one line with a count; who stopped it, and what runs now, have lines of their own."""
    who = "uid 0 (root, procmanctl stop web, pid 812)"
    runs = [
        run(1, start="boot"),
        *(run(number, seconds=0.5 + number / 10) for number in range(2, 6)),
        run(6, ending="terminated by SIGTERM", stop=who),
        run(7, start=who, ending="", began=time.time() - 14),
    ]
    master.answers["GET", "/v1/processes/web/runs"] = {"runs": runs}
    first, second, third, fourth = ctl("history", "web").text.splitlines()
    assert first.endswith("pid 101, ran 0.7 s, exit status 3, started by boot")
    assert "runs 2-5, at " in second
    assert second.endswith("4 times, ran 0.7 s to 1.0 s, exit status 3, restarted after exit status 3")
    assert f"terminated by SIGTERM (stopped by {who})" in third
    assert f"running for 14 s, started by {who}" in fourth
    assert json.loads(ctl("history", "web", "--json").out)["runs"] == runs


def test_history_of_a_process_that_never_ran(ctl, master):
    """It says so."""
    master.answers["GET", "/v1/processes/web/runs"] = {"runs": []}
    ran = ctl("history", "web")
    assert (ran.status, ran.text) == (
        0,
        "web: the journal has no run of it (it was not started, or that was long ago)\n",
    )
    assert ctl("history").status == 1
