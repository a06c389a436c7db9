"""procmanctl crashes and crash: the table, the report, and what is said where there is none."""

import json

import pytest

from procman.cli import crash_text
from tests.support.crash_samples import crash_info, crash_report
from tests.support.fake_master import Refusal


def test_the_latest_report_comes_first(ctl, master):
    """A column is as wide as what is in it."""
    late = crash_info(900, "db", ended=2000.0, times=3, unreported=2, how="out of memory", kind="out-of-memory")
    master.answers["GET", "/v1/crashes?name=all"] = {"crashes": [late, crash_info()], "note": ""}
    head, first, second = ctl("crashes").text.splitlines()
    assert head.split() == ["SEQ", "WHEN", "NAME", "RUN", "AGE", "TIMES", "HOW"]
    assert (first.split()[0], first.split()[4:]) == ("900", ["db", "2", "4.2", "s", "5", "out", "of", "memory"])
    assert second.endswith("exit status 3")


def test_without_reports_it_says_so(ctl, master):
    """Instead of a table without rows."""
    master.answers["GET", "/v1/crashes?name=all"] = {"crashes": [], "note": ""}
    assert ctl("crashes").text == "no crash reports: nothing has ended unexpectedly\n"


def test_a_folder_that_cannot_be_read_is_mentioned(ctl, master):
    """What is in memory is shown all the same."""
    master.answers["GET", "/v1/crashes?name=all"] = {"crashes": [crash_info()], "note": "/r: Input/output error"}
    assert ctl("crashes").text.splitlines()[-1] == "some may be missing: /r: Input/output error"


def test_names_choose_reports(ctl, master):
    """A report that two names stand for is shown once; an unknown name is exit status 1, with a suggestion."""
    master.answers["GET", "/v1/crashes?name=web"] = {"crashes": [crash_info()], "note": ""}
    master.answers["GET", "/v1/crashes?name=w%2A"] = {"crashes": [crash_info()], "note": ""}
    master.answers["GET", "/v1/crashes?name=wbe"] = Refusal(404, "BAD_NAME")
    ran = ctl("crashes", "web", "w*", "wbe")
    assert (ran.status, ran.text.count("exit status 3")) == (1, 1)
    assert "wbe: ERROR (no such process)" in ran.text
    assert "did you mean web?" in ran.err


def test_a_report_ends_with_the_last_words(ctl, master):
    """Those of the stream for errors come last, and what is empty has no lines."""
    master.answers["GET", "/v1/crashes/812"] = crash_report(output={"stdout": {"bytes": 0, "lines": []}})
    assert ctl("crash", "812").text.splitlines()[-1] == "  stdout: nothing"
    master.answers["GET", "/v1/crashes/812"] = crash_report()
    lines = ctl("crash", "812").text.splitlines()
    assert lines[0] == "crash report 812: web, run 2"
    assert lines[-5:] == [
        "  stdout: 6 B, its last line:",
        "    hello",
        "  stderr: 2 KiB, its last 2 lines:",
        "    Traceback:",
        "    boom",
    ]


def test_a_report_says_who_where_and_how_much():
    """One line for each fact that there is."""
    text = "\n".join(
        crash_text.report(
            crash_report(
                kind="out-of-memory",
                sender={"kind": "others", "words": "not us", "why": None, "waited": None, "asked_by": ""},
                oom={
                    "verdict": "certain",
                    "whose": "program",
                    "before": {"oom_kill": 0, "oom": 0},
                    "after": {"oom_kill": 1, "oom": 2},
                    "limit": 48 << 20,
                },
                last_look={
                    "ago": 3.0,
                    "processes": 2,
                    "threads": 5,
                    "rss": 40 << 20,
                    "cpu": 1.0,
                    "fds": None,
                    "state": "sleeping",
                },
                left_behind=[{"pid": 7, "command": "sleep"}, {"pid": 8, "command": ""}],
                restarts={"exit": 3},
                core_file="/cores/core.1",
                file="/r/x.json",
                times=4,
                unreported=1,
            )
        )
    )
    for words in (
        "sender      not us",
        "it was killed because memory ran out (program, oom_kill 0 -> 1, oom 0 -> 2, limit 48 MiB)",
        "12 MiB at most, 0.03 s user, 0.01 s system, 2 major faults, 6 context switches",
        "3 s before the end: 40 MiB, ? descriptors, 2 processes, 5 threads; it was sleeping",
        "pid 7 (sleep), pid 8 (gone)",
        "3 (exit) within the hour before",
        "/cores/core.1",
        "/r/x.json",
        "4 equal ends",
        "1 more ends of it came too fast",
    ):
        assert words in text


def test_a_failed_start_has_no_pid_and_an_explanation():
    """It never ran."""
    text = "\n".join(
        crash_text.report(
            crash_report(kind="failed-start", pid=0, running=None, exit=None, usage=None, explanation="check the path")
        )
    )
    assert "why         check the path" in text
    assert "spawned" not in text
    assert "last look" not in text


def test_control_characters_do_not_reach_the_terminal(ctl, master):
    """The master escapes those of programs; the names of processes are the file's."""
    master.answers["GET", "/v1/crashes/812"] = crash_report(how="a\x1b[2Jb")
    assert "\x1b[2J" in ctl("crash", "812").text  # a pipe gets what there is
    assert json.loads(ctl("crash", "812", "--json").text)["how"] == "a\x1b[2Jb"


@pytest.mark.parametrize("words", [[], ["1", "2"]])
def test_crash_takes_one_number(ctl, master, words):
    """Anything else shows how it is called."""
    ran = ctl("crash", *words)
    assert ran.status == 1
    assert "crash <seq>" in ran.text


def test_an_unknown_number_says_what_is_there(ctl, master):
    """The words are the master's."""
    master.answers["GET", "/v1/crashes/9"] = Refusal(404, "BAD_NAME", "there is no crash report 9; there are 812 (web)")
    ran = ctl("crash", "9")
    assert (ran.status, ran.text) == (1, "ERROR: there is no crash report 9; there are 812 (web)\n")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "?"), (0.002, "0.002 s"), (4.2, "4.2 s"), (59.6, "60 s"), (300, "5 m"), (7200, "2 h"), (200_000, "2 d")],
)
def test_ages_are_short(seconds, text):
    assert crash_text.age(seconds) == text
