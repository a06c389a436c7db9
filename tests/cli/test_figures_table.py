"""The table of `status --long`: whole names, the width of the terminal, CPU in percent, and a pager for long tables."""

import json
from types import SimpleNamespace

import pexpect
import pytest

from procman.cli import figures_table as figures
from procman.cli.figures_table import HEAD, drawn, with_percent
from tests.support.fake_master import process

ROWS = [
    ["api:categorizer_0", "RUNNING", "4711", "12.5", "100.25s", "120 MiB", "3", "12", "40", "0", "0"],
    ["web", "FATAL", "", "", "", "", "", "", "", "3", "2 KiB"],
]


def used(name, cpu, **changed):
    """A FiguresInfo."""
    info = {"namespec": name, "pid": 103, "processes": 1, "threads": 2, "rss": 3 << 20, "cpu": cpu, "fds": 4}
    return {**info, **changed}


@pytest.fixture
def watched(master, monkeypatch):
    """A second that takes no time, in which web uses half a second of CPU."""
    moments = iter([10.0, 11.0])
    # Of this module alone: other threads ask for the time, too.
    clock = SimpleNamespace(monotonic=lambda: next(moments), sleep=lambda _: None)
    monkeypatch.setattr(figures, "time", clock)
    seen = iter([[used("web", 7.0)], [used("web", 7.5)]])
    master.answers["GET", "/v1/figures"] = lambda _: {"figures": next(seen)}
    return master


def test_the_percent_of_a_second_stands_beside_the_sum(ctl, watched):
    """Off a terminal the table has all columns; a stopped process has no figures."""
    ran = ctl("status", "--long")
    assert ran.text == (
        "NAME  STATE    PID  CPU%    CPU    RSS  PROCESSES  THREADS  FDS  RESTARTS  LOST\n"
        "cron  STOPPED                                                           0     0\n"
        "web   RUNNING  103  50.0  7.50s  3 MiB          1        2    4         0     0\n"
    )
    assert ran.status == 3


def test_the_percent_is_in_the_json(ctl, watched):
    """The object also has the figures as the master sent them."""
    document = json.loads(ctl("status", "--long", "web", "--json").out)
    assert document["figures"] == [{**used("web", 7.5), "cpu_percent": 50.0}]


def test_what_does_not_run_is_not_watched(ctl, watched):
    """One request shows that, without waiting a second."""
    assert ctl("status", "--long", "cron").text.splitlines()[1].split() == ["cron", "STOPPED", "0", "0"]
    assert [path for _, path, _ in watched.requests].count("/v1/figures") == 1


def test_a_process_that_began_meanwhile_has_no_percent():
    """A replaced process has none either; a smaller sum counts as no CPU time."""
    assert with_percent(None, used("web", 1.0), 1.0)["cpu_percent"] is None
    assert with_percent(used("web", 9.0, pid=1), used("web", 1.0), 1.0)["cpu_percent"] is None
    assert with_percent(used("web", 9.0), used("web", 8.0), 1.0)["cpu_percent"] == 0
    assert with_percent(used("web", 1.0), used("web", 4.0), 2.0)["cpu_percent"] == 150.0


@pytest.mark.parametrize("width", range(28, 120))
def test_names_are_whole_at_any_width_and_no_line_is_wider(width):
    """The least important columns are left out in their order; NAME and STATE stay."""
    lines = drawn(ROWS, width)
    assert max(map(len, lines)) <= width
    assert [line.split()[:2] for line in lines] == [
        ["NAME", "STATE"],
        ["api:categorizer_0", "RUNNING"],
        ["web", "FATAL"],
    ]


def test_at_80_columns_the_figures_that_matter_are_there():
    """CPU in percent and in total, memory, restarts and lost bytes are shown."""
    assert drawn(ROWS, 80)[0].split() == ["NAME", "STATE", "PID", "CPU%", "CPU", "RSS", "RESTARTS", "LOST"]
    assert drawn(ROWS, 200)[0].split() == list(HEAD)
    assert drawn(ROWS, 20)[0].split() == ["NAME", "STATE"]


def test_columns_stay_in_line_behind_wide_letters():
    """A Chinese character fills two columns, a combining accent none."""
    rows = [[name, "RUNNING", *[""] * 9] for name in ("日本", "e\u0301cho", "plain")]
    assert [line.index("R") for line in drawn(rows)[1:]] == [5, 8, 7]


@pytest.fixture
def many(master):
    """More processes than a screen has lines, none of them running."""
    master.show(*(process(f"worker_{number}", "STOPPED") for number in range(300)))
    master.answers["GET", "/v1/figures"] = {"figures": []}
    return master


def finished(child):
    child.expect(pexpect.EOF)
    child.close()
    return child.before.replace("\r\n", "\n")


def test_more_processes_than_rows_are_for_a_pager(typed, many):
    """$PAGER is used, and the exit status is that of the command."""
    child = typed("status", "--long", LINES="50", PAGER="sed 's/^/paged: /'", NO_COLOR="1")
    lines = finished(child).splitlines()
    assert len(lines) == 301
    assert all(line.startswith("paged: ") for line in lines)
    assert child.exitstatus == 3


def test_what_fits_on_the_screen_needs_no_pager(typed, many):
    """Output to a pipe has no pager either."""
    child = typed("status", "--long", LINES="400", PAGER="sed 's/^/paged: /'")
    assert "paged" not in finished(child)


@pytest.mark.parametrize("pager", ["", "/nonexistent/pager", "'"])
def test_without_a_pager_the_table_is_printed(typed, many, pager):
    """A missing or broken pager does not matter."""
    child = typed("status", "--long", LINES="50", PAGER=pager, NO_COLOR="1")
    assert len(finished(child).splitlines()) == 301
    assert child.exitstatus == 3


def test_a_pager_may_be_left_before_the_end(typed, many):
    """Leaving it early is no error."""
    child = typed("status", "--long", LINES="50", PAGER="head -n 1", NO_COLOR="1")
    assert finished(child).split() == list(HEAD)
    assert child.exitstatus == 3


def test_a_terminal_that_cannot_scroll_has_no_pager(typed, many):
    """TERM is dumb inside an editor."""
    assert "paged" not in finished(typed("status", "--long", LINES="50", PAGER="sed 's/^/paged: /'", TERM="dumb"))


def test_a_name_cannot_act_on_the_terminal(typed, master):
    """Control characters in names are spelt out in this table too."""
    master.show(process("a\x1b[2Jb", "STOPPED"))
    master.answers["GET", "/v1/figures"] = {"figures": []}
    assert "a\\x1b[2Jb  \x1b[2mSTOPPED" in finished(typed("status", "--long"))
