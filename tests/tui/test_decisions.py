"""What the screen decides without a terminal: order, filter, columns, line breaks, and what the master is asked."""

import os
from pathlib import Path

import pytest

from procman.tui import bars
from procman.tui.arrangement import ORDERS, Arrangement, matches
from procman.tui.changes import CHANGES, answer_text, body, question
from procman.tui.colours import DARK, colours_of
from procman.tui.columns import detail_of, fitted, planned
from procman.tui.fleet import Fleet, Standing, age_of, natural
from procman.tui.keys import KEYS, sheet
from procman.tui.look import ASCII, UNICODE, look_of
from procman.tui.process_table import ProcessTable
from procman.tui.remembered import Remembered, place, read, write
from procman.tui.text_buffer import MOST_LINES, Line, TextBuffer
from procman.tui.views import MOST_NAMES, Asked, LogLines, stream_path, title
from tests.support.fake_master import process, result
from tests.support.master_process import ROOT

MASTER = {"statename": "RUNNING", "config_file": "/etc/app.toml", "identifier": "app", "may_control": True}


def fleet_of(*processes, **master):
    fleet = Fleet()
    names = [info["namespec"] for info in processes]
    fleet.begin({"master": {**MASTER, **master}, "names": names, "processes": list(processes)}, 0)
    return fleet


def figures(name, pid, cpu, rss=1024):
    return {"namespec": name, "pid": pid, "cpu": cpu, "rss": rss, "processes": 1, "threads": 1, "fds": 3}


FLEET = (
    process("web_10", group="web"),
    process("web_2", group="web"),
    process("db", "STARTING"),
    process("cron", "STOPPED"),
    process("mailer", "FATAL"),
)


def test_what_has_failed_comes_first_and_numbers_count():
    """The order is failed, changing, up, down; web_2 comes before web_10."""
    fleet = fleet_of(*FLEET)
    assert Arrangement().names(fleet, ()) == ["mailer", "db", "web:web_2", "web:web_10", "cron"]
    assert Arrangement("name").names(fleet, ())[-2:] == ["web:web_2", "web:web_10"]
    assert Arrangement("name", reverse=True).names(fleet, ())[0] == "web:web_10"
    assert fleet.counts() == dict.fromkeys((Standing.FAILED, Standing.MOVING, Standing.DOWN), 1) | {Standing.UP: 2}


def test_a_process_between_two_tries_does_not_jump():
    """One that tries again after a failure stays among the failed until it is up."""
    fleet = fleet_of(process("web", "BACKOFF"))
    fleet.change({"processes": [process("web", "STARTING")]}, 1)
    assert fleet.standings["web"] is Standing.FAILED
    fleet.change({"processes": [process("web")]}, 2)
    fleet.change({"processes": [process("web", "STARTING")]}, 3)
    assert fleet.standings["web"] is Standing.MOVING


def test_figures_order_by_what_is_used_now():
    """The share of a processor is that since the figures before, of the same process only."""
    fleet = fleet_of(*FLEET)
    fleet.measure([figures("web:web_2", 1, 1.0), figures("web:web_10", 2, 5.0)], 10)
    fleet.measure([figures("web:web_2", 1, 2.0, 4096), figures("web:web_10", 3, 5.5)], 12)
    assert fleet.usage["web:web_2"].cpu == 50
    assert fleet.usage["web:web_10"].cpu is None
    assert Arrangement("cpu").names(fleet, ())[0] == "web:web_2"
    assert Arrangement("memory").names(fleet, ())[:2] == ["web:web_2", "web:web_10"]


def test_a_snapshot_forgets_what_is_gone_and_a_change_too():
    """What a snapshot does not name, and what a change calls gone, is not shown any more."""
    fleet = fleet_of(process("web"), process("db"))
    fleet.begin({"master": MASTER, "names": ["web"], "processes": [process("web")]}, 1)
    assert set(fleet.processes) == {"web"}
    fleet.change({"processes": [], "gone": ["web"]}, 2)
    assert not fleet.processes
    assert not fleet.counts()


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", ["mailer", "db", "web:web_2", "web:web_10", "cron"]),
        ("web", ["web:web_2", "web:web_10"]),
        ("web*0 DB", ["db", "web:web_10"]),
        ("@failed", ["mailer"]),
        ("@up web_2", ["web:web_2"]),
        ("@stop", ["cron"]),
        ("@down", ["cron"]),
        ("@marked", ["db"]),
        ("@nothing", []),
    ],
)
def test_a_filter_is_names_patterns_and_kinds(text, names):
    """One of the names has to fit, and each @word."""
    assert Arrangement(filter=text).names(fleet_of(*FLEET), {"db"}) == names


def test_the_orders_go_round():
    """After the last one comes the first one."""
    arrangement = Arrangement()
    seen = []
    for _ in ORDERS:
        seen.append(arrangement.order)
        arrangement = Arrangement(arrangement.next_order())
    assert seen == list(ORDERS)
    assert arrangement.order == "state"


def test_who_may_only_read_changes_nothing():
    """A role below operate makes the screen, or a single process, read-only."""
    fleet = fleet_of(process("web") | {"role": "read"}, process("db") | {"role": "operate"})
    assert [fleet.may_change(name) for name in ("web", "db", "gone")] == [False, True, False]
    assert not fleet.read_only
    assert fleet_of(role="read").read_only
    fleet = fleet_of(process("web"), may_control=False)
    assert fleet.read_only
    assert not fleet.may_change("web")
    assert "Stop" not in bars.footer(read_only=True, width=200).plain
    assert "read-only" in bars.heading(fleet, Arrangement(), 0, UNICODE, "").plain


def test_columns_leave_one_after_the_other():
    """As it gets narrower, first the pid goes, then restarts, memory and CPU; the name and the state stay."""
    full = planned(100, 20, detail=True, restarts=True)
    assert [column.head for column in full.columns] == ["STATE", "FOR", "CPU%", "MEM", "RESTARTS", "PID"]
    assert full.detail >= 12
    assert [column.head for column in planned(40, 20, detail=False, restarts=True).columns] == ["STATE", "FOR"]
    assert "RESTARTS" not in [column.head for column in planned(100, 20, detail=True, restarts=False).columns]
    assert planned(40, 60, detail=True, restarts=False).name < 40
    assert fitted("a-very-long-name_17", 10, "~") == "a-very~_17"
    assert fitted("名前名前", 6, "~") == "名前 ~"
    assert fitted("web", 5, "~") == "web  "


def test_details_say_what_has_no_column():
    """Why it failed, or what the state does not say; the pid and the time have columns."""
    failed = process("web", "FATAL") | {
        "why": "FATAL: 4 failed starts",
        "last_words": "no database\x1b[2J",
        "last_words_on": "stderr",
    }
    assert detail_of(failed) == "4 failed starts"
    assert detail_of(failed, short=True) == r"no database\x1b[2J"
    blocked = process("api", "FATAL") | {"why": "FATAL (blocked): db is FATAL: exit status 3"}
    assert detail_of(blocked) == detail_of(blocked, short=True) == "blocked: db is FATAL: exit status 3"
    assert detail_of(process("web", description="pid 7, uptime 0:00:01, unhealthy: http 503")) == "unhealthy: http 503"
    assert detail_of(process("web")) == ""
    assert detail_of(process("web", "STOPPED")) == ""
    assert age_of(process("web") | {"uptime": 60}, 5, 7) == 62
    assert natural("web_10") > natural("web_9")


def test_lines_break_at_blanks_and_are_bounded():
    """Rows fit the width, a broken line is indented by its head, and the oldest lines go."""
    buffer = TextBuffer(width=20)
    buffer.extend([Line("one two three four five six", head="web | ")])
    assert buffer.rows == [(0, 0), (0, 14)]
    buffer.wrap = False
    buffer.lay_out()
    assert buffer.rows == [(0, 0)]
    buffer.extend(Line(str(number)) for number in range(MOST_LINES))
    assert len(buffer.lines) <= MOST_LINES
    assert buffer.lines[-1].text == str(MOST_LINES - 1)


def test_what_is_dropped_is_no_longer_found_or_shown():
    """When the oldest lines go, the rows and the number of matches are those of the lines that stay."""
    buffer = TextBuffer(width=20, query="7")
    for number in range(MOST_LINES + 1):
        dropped = buffer.extend([Line(f"line {number} of a text that is broken")])
        assert bool(dropped) is (number == MOST_LINES)
    rows, found = list(buffer.rows), buffer.found
    buffer.lay_out()
    assert (rows, found) == (buffer.rows, buffer.found)
    assert len(buffer.lines) < MOST_LINES


def test_search_goes_both_ways_and_ignores_colours():
    """Small and capital letters are alike, colours are no text, and only the lines that match may be shown."""
    buffer = TextBuffer(query="error")
    buffer.extend(map(Line, ["an \x1b[31mER\x1b[0mROR", "fine", "error"]))
    assert (buffer.next_match(-1, 1), buffer.next_match(0, 1), buffer.next_match(2, 1)) == (0, 2, None)
    assert buffer.next_match(2, -1) == 0
    assert (buffer.next_match(30, -1), buffer.next_match(30, 1)) == (2, None)
    buffer.only_matches = True
    buffer.lay_out()
    assert buffer.found == 2
    assert buffer.rows == [(0, 0), (2, 0)]


def test_log_lines_are_whole_and_harmless():
    """Pieces become lines; a line without an end is broken in the end, and what was left out is said."""
    piece = {"name": "web", "channel": "stdout", "time": 0.0, "missed": 0}
    lines = LogLines(Asked("log", ("web", "db"), 80, times=False))
    assert lines.take(piece | {"data": "be"}) == []
    assert lines.take(piece | {"data": "gun\x07\nnext"}) == [Line("begun\\x07", "web | ", source="web")]
    (long,) = lines.take(piece | {"data": "x" * 20000})
    assert long.text.endswith("[and 3620 bytes more]")
    (missed, _) = lines.take(piece | {"data": "\n", "missed": 7, "channel": "stderr"})
    assert missed.text == "[procman: 7 bytes were not read in time]"
    assert missed.stderr


def test_a_request_names_so_many_at_most():
    """The path of a request has an end; the title says how many are left out."""
    asked = Asked("log", tuple(f"p{number}" for number in range(300)), 80, times=False)
    path = stream_path(asked)
    assert path is not None
    assert path.count(",") == MOST_NAMES - 1
    assert "(of 300 only 100)" in title(asked)
    assert stream_path(Asked("why", ("web",), 80, times=False)) is None


def test_changes_are_asked_and_answered_in_words():
    """The question names who is meant, the request has what was typed, the answer is one line."""
    stop, signal, scale = CHANGES["stop"], CHANGES["signal"], CHANGES["scale"]
    assert question(stop, ["a", "b", "c", "d", "e", "f\x1b"]) == "Stop a, b, c, d and 2 more?"
    assert body(signal, ["web"], "HUP") == {"names": ["web"], "signal": "HUP"}
    assert body(scale, ["web"], "4") == {"scale": "web=4"}
    answer = {"results": [result("web"), result("db", "NOT_RUNNING", "NOT_RUNNING")], "needing": ["app"]}
    assert answer_text(stop, answer) == ("stopped web; db: not running; still up and depending on it: app", True)
    assert answer_text(stop, {"results": [result("web", "FAILED", "it does not end")]}) == (
        "web: it does not end",
        False,
    )
    answer = {"results": [result("off", "NOT_RUNNING", "off"), result("web:a", "NOT_RUNNING", "web:a")]}
    assert answer_text(stop, answer) == ("off: not running; web:a: not running", True)
    assert answer_text(stop, {"results": []}) == ("nothing was to be done", True)


def test_each_key_has_one_meaning_and_is_on_the_sheet():
    """No key does two things, and the sheet and the page have all of them."""
    keys = [name for key in KEYS for name in key.keys.split(",")]
    assert len(keys) == len(set(keys))
    assert sum(len(group) for _, group in sheet()) == len(KEYS)
    page = (ROOT / "docs/how-to/terminal-screen.md").read_text()
    rows = [f"| {shown} | {about} |" for _, group in sheet() for shown, about in group]
    assert "\n".join(rows) in page
    narrow = bars.footer(read_only=False, width=40).plain
    assert len(narrow) <= 40
    assert "? keys  q quit" in narrow


@pytest.mark.parametrize(
    ("term", "encoding", "look"),
    [
        ("xterm-256color", "UTF-8", UNICODE),
        ("linux", "utf8", ASCII),
        ("vt100", "UTF-8", ASCII),
        ("xterm", "ANSI_X3.4-1968", ASCII),
    ],
)
def test_a_plain_terminal_gets_ascii(term, encoding, look):
    """A console, a serial line, or a locale without UTF-8 gets signs of ASCII."""
    assert look_of({"TERM": term}, encoding) is look


def test_a_process_that_has_just_gone_is_an_empty_line():
    """The table may be drawn between the message that a process is gone and its own update."""
    fleet = fleet_of(process("web"))
    table = ProcessTable(UNICODE, fleet)
    table.names = ["web"]
    fleet.change({"processes": [], "gone": ["web"]}, 1)
    assert table.draw(0, 10).text == " " * 10


def test_a_filter_fits_the_name_within_a_group():
    """`web_*` finds web:web_00, too."""
    assert matches("web_*", process("web_00", group="site"), Standing.UP)


def contrast_on_white(style):
    """As WCAG 2 has it: 1 cannot be seen, 21 is black."""
    parts = [part / 255 for part in style.color.get_truecolor()]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 1.05 / (sum(share * part for share, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True)) + 0.05)


def test_colours_can_be_read_on_white():
    """Each colour for a light background has a contrast of 4:1 at least, and none is yellow or cyan with 16 colours."""
    light = colours_of(is_light=True, has_256=True)
    for style in (light.moving, light.up, light.done, *light.names):
        assert contrast_on_white(style) > 4
    few = colours_of(is_light=True, has_256=False)
    assert {style.color.name for style in (few.moving, few.up, few.done, *few.names)} == {"magenta", "green", "blue"}
    assert colours_of(is_light=False, has_256=True) is DARK


def test_choices_are_kept_for_the_next_time(tmp_path):
    """Theme and order are read again; what makes no sense is left out, and what cannot be written does not matter."""
    path = place({"HOME": str(tmp_path)})
    assert path == f"{tmp_path}/.local/state/procman/top.json"
    assert read(path) == Remembered()
    write(path, Remembered("light", "cpu", reverse=True))
    assert read(path) == Remembered("light", "cpu", reverse=True)
    assert os.listdir(os.path.dirname(path)) == ["top.json"]
    Path(path).write_text('{"theme": ["light"], "order": {}, "reverse": true, "more": 1}')
    assert read(path) == Remembered(reverse=True)
    for text in ("[1]", "{", "\0", "[" * 4000):
        Path(path).write_text(text)
        assert read(path) == Remembered()
    write(f"{path}/below", Remembered())
    assert place({"HOME": str(tmp_path), "XDG_STATE_HOME": "/state"}) == "/state/procman/top.json"
    assert place({"HOME": "/proc/self/nothing"}) is None
