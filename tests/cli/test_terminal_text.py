"""Output of programs cannot act on the terminal that shows it."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from procman.cli.config_text import reread_lines
from procman.cli.status_text import status_table
from procman.cli.terminal_text import LogCleaner, safe

_ALLOWED = re.compile(r"\x1b\[[0-9;:]*m|[\t\n]|[^\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def clean(*pieces: bytes) -> str:
    cleaner = LogCleaner()
    return "".join([*(cleaner.feed(piece) for piece in pieces), cleaner.flush()])


def test_colours_stay_and_are_ended():
    """A coloured log does not colour the next line of the terminal."""
    assert clean(b"\x1b[1;31mred\n") == "\x1b[1;31mred\n\x1b[0m"


def test_other_controls_are_spelt_out():
    """Clearing the screen, window titles, bells, C1 controls and reversed text have no effect."""
    assert clean(b"\x1b[2J\x1b]0;x\x07\r\n") == "\\x1b[2J\\x1b]0;x\\x07\n"
    assert clean("a\x9bb\u202ec".encode()) == "a\\x9bb\\u202ec"
    assert clean(b"\xff\x9b\rx\x7f") == "\\xff\\x9b\\x0dx\\x7f"


def test_tabs_line_ends_and_letters_of_all_scripts_stay():
    """They are text."""
    assert clean("é\t日本\n".encode()) == "é\t日本\n"


@given(st.binary(), st.lists(st.integers(0, 60)))
def test_it_does_not_matter_how_a_log_is_cut_into_blocks(data, cuts):
    """A sequence that spans two blocks is treated as a whole."""
    places = sorted({min(cut, len(data)) for cut in cuts})
    pieces = [data[a:b] for a, b in zip([0, *places], [*places, len(data)], strict=True)]
    assert clean(*pieces) == clean(data)


@given(
    st.lists(st.sampled_from([b"\x1b", b"[", b"31", b";", b"m", b"J", b"\xc3", b"\xa9", b"\r", b"\n", b"\x9b", b"x"]))
)
def test_nothing_but_text_and_colours_ever_comes_out(words):
    """This holds for all bytes."""
    shown = clean(*words)
    assert _ALLOWED.sub("", shown) == ""
    assert shown == clean(b"".join(words))


def test_names_have_no_colours_either():
    """Names also stay on one line."""
    assert safe("a\x1b[31m\nb\t\ud800"[:-1]) == "a\\x1b[31m\\nb\\t"


def test_a_table_has_colours_only_on_a_terminal():
    """Colours do not count for the width."""
    row = {"group": "web", "name": "web", "statename": "RUNNING", "description": "\x1b[2J", "restarts": 0}
    assert status_table([row], terminal=True, colour=True) == [
        f"{'web':<33}\x1b[32mRUNNING   \x1b[0m\\x1b[2J",
    ]
    assert status_table([row], terminal=True, colour=False) == [f"{'web':<33}RUNNING   \\x1b[2J"]
    assert status_table([row], terminal=False, colour=False) == [f"{'web':<33}RUNNING   \x1b[2J"]


def test_a_group_in_two_lists_of_changes_is_what_the_later_says():
    """Supervisorctl's dictionary has the same effect."""
    assert reread_lines({"added": ["a"], "changed": [], "removed": ["a"]}) == ["a: disappeared"]


def info(state, description, **more):
    fields = {"ending": "", "last_words": "", "last_words_on": "", "spawnerr": "", "restarts": 0, "now": 100}
    return {"group": "web", "name": "web", "statename": state, "description": description, **fields, **more}


FAILED = {
    "ending": "exit status 1",
    "last_words": "no \x1b[2Jdatabase",
    "last_words_on": "stderr",
    "spawnerr": "Exited too quickly",
}
CRASH = r"exit status 1; stderr: no \x1b[2Jdatabase"


@pytest.mark.parametrize(
    ("process", "said"),
    [
        (info("FATAL", "Exited too quickly", **FAILED), CRASH),
        (info("BACKOFF", "Exited too quickly", **FAILED), CRASH),
        (info("FATAL", "no such file", spawnerr="no such file"), "no such file"),
        (info("EXITED", "Nov 29 10:39 AM", **FAILED), f"Nov 29 10:39 AM, {CRASH}"),
        (info("EXITED", "Nov 29 10:39 AM", ending="exit status 0"), "Nov 29 10:39 AM"),
        (info("RUNNING", "pid 4, uptime 0:00:09", ending="exit status 1"), "pid 4, uptime 0:00:09"),
        (info("RUNNING", "pid 4, uptime 0:00:09", restarts=1), "pid 4, uptime 0:00:09, 1 restart"),
        (info("STARTING", "", restarts=7), "7 restarts"),
        (info("STARTING", "", restarts=7, flapping_until=101, ending="exit status 1"), "7 restarts (exit status 1)"),
        (info("RUNNING", "pid 4, uptime 1:00:09", restarts=7, flapping_until=99), "pid 4, uptime 1:00:09, 7 restarts"),
    ],
)
def test_on_a_terminal_a_table_says_why_and_how_often(process, said):
    """Off a terminal each line is supervisorctl's."""
    [line] = status_table([process], terminal=True, colour=False)
    assert line[43:] == said
    [line] = status_table([process], terminal=False, colour=False)
    assert line[43:] == process["description"]


def test_an_older_master_says_less():
    """Missing fields of an older master are tolerated."""
    process = {"group": "a", "name": "a", "statename": "FATAL", "description": "Exited too quickly", "restarts": 0}
    [line] = status_table([process], terminal=True, colour=False)
    assert line[43:] == "Exited too quickly"
