"""`procman replay`: the timeline of a recording, where it differs, and a message for each file that is none."""

import json
import time
from dataclasses import fields
from pathlib import Path

import pytest

from procman.cli.procman import main
from procman.cli.procman_commands.replay import _told
from procman.core.events import ExitStatus
from procman.core.recording import WORDS

RECORD = Path(__file__).parents[1] / "simulation" / "records" / "update-upgrade-shutdown.jsonl"


@pytest.fixture(autouse=True)
def in_utc(monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def run(capsys):
    """Runs the command; returns the exit status and what it printed."""

    def replay(*words):
        status = main(["replay", *map(str, words)])
        said = capsys.readouterr()
        return status, said.out, said.err

    return replay


def changed(folder, change):
    """The recording with its lines changed."""
    file = folder / "changed"
    file.write_text("".join(change(RECORD.read_text().splitlines(keepends=True))))
    return file


def test_each_event_stands_above_what_was_decided(run):
    """With the time of the clock on the wall."""
    status, out, err = run(RECORD)
    assert (status, err) == (0, "")
    assert "the master begins (6 processes, recorded by procman" in out
    assert "the boot is requested\n" in out
    assert (
        "14:51:23.339  stop daemon is requested\n"
        "                daemon EXITED -> STOPPING\n"
        "                signal daemon SIGTERM pid=0 scope=TREE\n"
        "14:51:23.348  the last descendant of daemon has ended\n"
        "                daemon STOPPING -> STOPPED\n"
    ) in out
    assert "the master goes on with the code of procman" in out
    assert out.endswith("--- 79 events; this procman decides as recorded\n")


def test_names_and_a_time_choose_what_is_shown(run):
    """All of it is replayed; flags may stand behind the file."""
    _, out, _ = run(RECORD, "web", "--until", "14:51:18")
    assert "spawn web #1" in out
    assert "crash" not in out
    assert "spawn web #2" not in out
    assert run(RECORD, "w*")[1].count("\n") == run(RECORD, "web")[1].count("\n") > 10


def test_a_name_that_is_not_there_is_answered_with_those_that_are(run):
    """As it may be mistyped."""
    status, _, err = run(RECORD, "wep")
    assert status == 2
    assert "no process is called wep; there are crash, daemon, flaps, missing, stubborn, web" in err


def test_a_time_before_the_first_event_is_said(run):
    """Then there is nothing to choose names from."""
    status, _, err = run(RECORD, "web", "--until", "23h")
    assert status == 2
    assert "nothing was recorded until then" in err


@pytest.mark.parametrize("kind", WORDS.values(), ids=WORDS)
def test_every_event_that_can_be_recorded_has_words(kind):
    """Also those that came after the first release of the form."""
    values = {"status": ExitStatus(0), "descendants": (), "replace": frozenset()}
    example = kind(*(values.get(field.name, 1) for field in fields(kind)))
    assert "web" in _told(example, "web") or not {"name", "process"} & {field.name for field in fields(kind)}


def test_json_has_one_object_for_each_event(run):
    """And one at the end."""
    status, out, _ = run("--json", RECORD)
    *events, end = [json.loads(line) for line in out.splitlines()]
    assert (status, end) == (0, {"events": 79, "same": True, "torn": False})
    assert events[0]["part"] == "boot"
    assert events[1]["event"] == "boot"
    assert events[1]["decided"] == events[1]["recorded"]
    assert all(event["same"] for event in events)


def test_a_decision_that_differs_is_shown_beside_the_recorded_one(run, tmp_path):
    """Exit status 1; what follows is replayed all the same."""
    file = changed(
        tmp_path, lambda lines: [line.replace("daemon EXITED -> STOPPING", "daemon is odd") for line in lines]
    )
    status, out, _ = run(file)
    assert status == 1
    assert (
        "*** differs from here on: the procman that recorded this has decided otherwise\n"
        "                here      daemon EXITED -> STOPPING\n"
        "                here      signal daemon SIGTERM pid=0 scope=TREE\n"
        "                recorded  daemon is odd\n"
        "                recorded  signal daemon SIGTERM pid=0 scope=TREE\n"
    ) in out
    assert out.count("***") == 1
    assert out.endswith("this procman decides otherwise\n")


def test_a_state_after_an_upgrade_that_differs_is_said(run, tmp_path):
    """The new code went on from what the old one handed over."""
    file = changed(
        tmp_path,
        lambda lines: [
            line.replace('"state":"RUNNING"', '"state":"STOPPED"', 1) if '"why":"upgrade"' in line else line
            for line in lines
        ],
    )
    assert "the recorded master went on from another state" in run(file)[1]


def test_a_torn_last_line_is_said_and_the_rest_replayed(run, tmp_path):
    """A master that is killed may leave one."""
    file = tmp_path / "torn"
    file.write_bytes(RECORD.read_bytes()[:-20])
    status, out, err = run(file)
    assert status == 0
    assert out.endswith("--- 78 events; this procman decides as recorded\n")
    assert err.startswith("procman: the last line is torn: ")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda _: [], "is empty: nothing was recorded yet"),
        (lambda _: ["[program:web]\n", "command=x\n"], "is no recording of procman"),
        (lambda _: ["\x00\x01"], "is no recording of procman"),
        (lambda _: ["[" * 100_000 + "\n"], "is no recording of procman"),
        (lambda lines: lines[1:], "line 1: it begins with an event"),
        (lambda lines: [*lines[:5], "{}\n", *lines[5:]], "line 6: makes no sense; the file was changed"),
        (lambda lines: [lines[0].replace('"recording":1', '"recording":2')], "it is of version 2, written by procman"),
        (lambda lines: [lines[0].replace('"version":1', '"version":9')], "newer than this procman"),
        (lambda lines: [lines[0], lines[1].replace('"boot"', '"teleport"')], "does not know the event teleport"),
        (lambda lines: [lines[0], lines[1].replace('"at"', '"when"')], "line 2: there is no 'at' in it"),
    ],
)
def test_a_file_that_cannot_be_replayed_is_said_why(run, tmp_path, change, says):
    """Exit status 2, and no traceback."""
    status, _, err = run(changed(tmp_path, change))
    assert status == 2
    assert says in err


def test_a_file_that_is_not_there(run, tmp_path):
    """The message names the option that makes one."""
    assert run(tmp_path / "none")[::2] == (
        2,
        f"procman: cannot read {tmp_path}/none: No such file or directory; name the file that record= names\n",
    )
    assert run(tmp_path)[0] == 2
    status, _, err = run()
    assert status == 2
    assert "procman replay FILE" in err


def test_a_time_that_is_none_is_answered_with_examples(run):
    """As everywhere."""
    status, _, err = run(RECORD, "--until", "noon")
    assert status == 2
    assert "cannot read the time 'noon': expected something like 14:02" in err


def test_control_characters_are_spelt_out(run, tmp_path):
    """A reason comes from the system, a name from the configuration."""
    file = changed(tmp_path, lambda lines: [line.replace("can't find", "\\u001b[31mcan't find") for line in lines])
    assert "\x1b" not in run(file)[1]
