"""procmanctl why: a sentence and labelled lines for each process, and the exit status."""

import json

from procman.cli import why_text
from tests.support.fake_master import Refusal, process

FATAL = {
    "name": "db",
    "statename": "FATAL",
    "phase": "",
    "wanted": True,
    "as_wanted": False,
    "sentence": "db has been FATAL for 4 m, and should be up (wanted by boot)",
    "short": "FATAL: 4 failed starts in 9 s; exit status 1",
    "age": 240.0,
    "entered": 1.0,
    "wanted_by": "boot",
    "wanted_since": None,
    "because": [
        {"kind": "end", "text": "4 failed starts in 9 s; exit status 1, last words: \x1b[2J"},
        {"kind": "trouble", "text": "port 80 is held by pid 3"},
    ],
    "end": "exit status 1",
    "last_words": "\x1b[2J",
    "last_words_on": "stderr",
    "since": "14:02:20, after its process had ended by itself",
    "next": "nothing by itself",
    "next_in": None,
    "options": [
        {"option": "startretries", "shown": "3", "source": "file", "file": "/p.toml", "line": 6, "place": "p.toml:6"},
        {"option": "startsecs", "shown": "1", "source": "", "file": None, "line": None, "place": ""},
    ],
    "defined": "p.toml:5",
    "changed": ["command"],
    "commands": ["procmanctl tail db stderr", "procmanctl start db"],
}
TEXT = """\
db has been FATAL for 4 m, and should be up (wanted by boot)
  because  4 failed starts in 9 s; exit status 1, last words: \x1b[2J
           port 80 is held by pid 3
  since    14:02:20, after its process had ended by itself
  next     nothing by itself. Try: procmanctl tail db stderr; procmanctl start db
  options  startretries = 3 (p.toml:6), startsecs = 1
  defined  p.toml:5 (changed since this start: command)
"""
FINE = FATAL | {
    "name": "web",
    "as_wanted": True,
    "sentence": "web has been RUNNING for 4 m, as it should be",
    "because": [{"kind": "policy", "text": "it is up"}],
    "since": "",
    "options": [],
    "commands": [],
    "changed": [],
}


def answer(*infos, processes=1):
    return {"as_wanted": all(info["as_wanted"] for info in infos), "processes": processes, "explanations": list(infos)}


def test_a_value_of_several_lines_stays_on_its_line():
    """Such as the commands of a hook."""
    option = {"option": "pre_start", "shown": "echo one\nsh -c 'exit 3'", "place": "p.toml:6"}
    shown = why_text.lines(FINE | {"options": [option]})
    assert "  options  pre_start = echo one\\nsh -c 'exit 3' (p.toml:6)" in shown


def test_all_that_is_wrong_is_explained(ctl, master):
    """Without a name; the exit status is 1, and each explanation is a paragraph of its own."""
    master.answers["GET", "/v1/why"] = answer(FATAL, FATAL | {"name": "db2"}, processes=9)
    ran = ctl("why")
    assert (ran.status, ran.text) == (1, f"{TEXT}\n{TEXT}")


def test_all_is_well(ctl, master):
    """One line, and exit status 0."""
    for number, text in (
        (9, "all 9 processes are as they should be\n"),
        (1, "the one process is as it should be\n"),
        (0, "there are no processes\n"),
    ):
        master.answers["GET", "/v1/why"] = answer(processes=number)
        ran = ctl("why")
        assert (ran.status, ran.text) == (0, text)


def test_named_processes_are_explained_though_they_are_well(ctl, master):
    """One that is named twice is explained once; lines without anything to say are left out."""
    master.answers["GET", "/v1/why?name=web"] = answer(FINE)
    master.answers["GET", "/v1/why?name=all"] = answer(FINE, FATAL, processes=2)
    ran = ctl("why", "web", "web")
    assert ran.status == 0
    assert ran.text == (
        "web has been RUNNING for 4 m, as it should be\n"
        "  because  it is up\n"
        "  next     nothing by itself\n"
        "  defined  p.toml:5\n"
    )
    assert ctl("why", "web", "all").text.count("web has been RUNNING") == 1
    assert ctl("why", "all").status == 1


def test_an_unknown_name_has_a_suggestion(ctl, master):
    """The others are explained; the exit status is 2."""
    master.show(process("db"), process("web"))
    master.answers["GET", "/v1/why?name=wbe"] = Refusal(404, "BAD_NAME", "no such process or group: wbe")
    master.answers["GET", "/v1/why?name=web"] = answer(FINE)
    ran = ctl("why", "wbe", "web")
    assert ran.status == 2
    assert ran.text.startswith("web has been RUNNING")
    assert ran.text.endswith("wbe: ERROR (no such process or group)\n")
    assert ran.err == "did you mean web?\n"


def test_json_has_the_same_as_fields(ctl, master):
    """With the errors of unknown names."""
    master.answers["GET", "/v1/why?name=db"] = answer(FATAL)
    master.answers["GET", "/v1/why?name=nope"] = Refusal(404, "BAD_NAME", "no such process or group: nope")
    found = json.loads(ctl("--json", "why", "db", "nope").text)
    assert (found["as_wanted"], found["explanations"]) == (False, [FATAL])
    assert found["errors"][0]["name"] == "nope"


def test_another_error_is_reported(ctl, master):
    """Such as of an older master, which has no such endpoint."""
    master.answers["GET", "/v1/why"] = Refusal(404, "UNKNOWN_METHOD", "there is no /v1/why")
    ran = ctl("why")
    assert ran.status == 1
    assert "there is no /v1/why" in ran.text


def test_lines_are_broken_for_a_terminal():
    """Between words, but not within a command; what follows stands below the text, and a long word stands alone."""
    info = FATAL | {
        "because": [{"kind": "end", "text": "4 failed starts in 9 s; exit status 1"}],
        "since": "/a/very/long/path/that/does/not/fit/into/a/line",
        "next": "nothing by itself",
        "commands": ["procmanctl retry db", "procmanctl tail db"],
        "options": [],
        "defined": "",
        "changed": [],
    }
    assert why_text.lines(info, 40) == [
        "db has been FATAL for 4 m, and should be",
        "           up (wanted by boot)",
        "  because  4 failed starts in 9 s; exit",
        "           status 1",
        "  since    /a/very/long/path/that/does/not/fit/into/a/line",
        "  next     nothing by itself. Try:",
        "           procmanctl retry db;",
        "           procmanctl tail db",
    ]
    assert why_text.lines(info, 10) == why_text.lines(info)
