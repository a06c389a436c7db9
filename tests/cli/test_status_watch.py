"""status --watch on a terminal: the table stays in place, whatever happens to the terminal or to the master."""

import json
import os
import signal
import threading

import pexpect
import pytest

from procman.cli.procmanctl_commands.status import table_lines
from procman.cli.procmanctl_commands.status_watch import _Table
from tests.support.fake_master import Refusal, Stream, process

ENTER = "\x1b[?1049h"
LEAVE = "\x1b[?25h\x1b[?1049l"
HOME = "\x1b[H"


def message(kind, **content):
    return f"event: {kind}\ndata: {json.dumps(content)}\n\n".encode()


WHOLE = message("snapshot", processes=[process("web"), process("cron", "STOPPED")])
CHANGE = message("change", processes=[process("web", "EXITED")], gone=[])


@pytest.fixture
def news(master):
    """Set it, and the next event comes; then the stream stays open until it is set again."""
    more = threading.Semaphore(0)
    master.answers["GET", "/v1/events"] = Stream(WHOLE, CHANGE, CHANGE, between=lambda: more.acquire(timeout=30))
    yield more
    more.release(100)


def test_a_change_is_drawn_over_what_was_there(typed, master, news):
    """The screen is given back at the end, and the last table remains."""
    child = typed("status", "--watch")
    child.expect_exact(ENTER)
    child.expect_exact(f"{HOME}cron")
    child.expect_exact("(Ctrl-C to exit)")
    master.show(process("web", "FATAL"))
    news.release()
    child.expect(r"\x1b\[Hweb +\x1b\[1;31mFATAL")
    child.sendintr()
    child.expect_exact(LEAVE)
    child.expect(r"web +\S*FATAL .*\r\n\r\n")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0


def test_no_color_is_heeded(typed, news):
    """The only escape sequences are those that move."""
    child = typed("status", "--watch", NO_COLOR="1")
    child.expect(r"\x1b\[Hcron                             STOPPED   Not started +\r\nweb [^\x1b]*\(Ctrl-C to exit\)")


def test_a_new_size_is_drawn_at_once(typed, news):
    """What does not fit is cut, and nothing wraps."""
    child = typed("status", "--watch", NO_COLOR="1")
    child.expect_exact("(Ctrl-C to exit)")
    child.setwinsize(2, 20)
    child.expect_exact(f"{HOME}web                …\r\nnot shown: 1 STOPPE…")


def test_the_terminal_is_given_back_while_it_is_stopped(typed, news):
    """The shell's prompt comes on the usual screen. Here is no shell, so the kernel lets it go on at once."""
    child = typed("status", "--watch")
    child.expect_exact("(Ctrl-C to exit)")
    os.kill(child.pid, signal.SIGTSTP)
    child.expect_exact(LEAVE)
    child.expect_exact(ENTER)
    child.expect_exact(f"{HOME}cron")


def test_it_is_given_back_before_a_signal_ends_it(typed, news):
    """The exit status is what a shell makes of the signal."""
    child = typed("status", "--watch")
    child.expect_exact("(Ctrl-C to exit)")
    os.kill(child.pid, signal.SIGTERM)
    child.expect_exact(LEAVE)
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 128 + signal.SIGTERM


def test_it_waits_for_the_next_master(typed, master, news):
    """A master that shuts down, or is not there, may have a successor; meanwhile the last table stays."""
    child = typed("status", "--watch")
    child.expect_exact("(Ctrl-C to exit)")
    stream = master.answers["GET", "/v1/events"]
    master.answers["GET", "/v1/events"] = Refusal(503, "SHUTDOWN_STATE", "it shuts down")
    news.release(2)
    child.expect(r"\x1b\[Hcron .*\r\nweb .*\r\nas of [0-9:]+: the master has ended; trying again \(Ctrl-C to exit\)")
    child.expect(r"\r\nas of [0-9:]+: it shuts down; trying again")
    master.show(process("new"))
    master.answers["GET", "/v1/events"] = stream
    child.expect_exact(f"{HOME}new")


def test_without_a_master_no_screen_is_taken(typed, master):
    """The error is that of any status."""
    master.answers["GET", "/v1/processes"] = Refusal(500, "FAILED", "cannot do that")
    child = typed("status", "--watch")
    child.expect(pexpect.EOF)
    assert child.before == "ERROR: cannot do that\r\n"


def test_a_dumb_terminal_gets_lines(typed, master, news):
    """It has no other screen."""
    child = typed("status", "--watch", "web", TERM="dumb")
    child.expect(r"^web +RUNNING .*\r\n")
    news.release()
    child.expect(r"^web +RUNNING .*\r\n")


class Asked:
    """An invocation on a terminal without colours."""

    terminal, colour = True, False

    def __init__(self, *infos):
        self.infos = [*infos]
        self.client = self

    def call(self, *_):
        return {"processes": self.infos}


def test_what_is_wrong_has_room_first():
    """Then what is up; the last line counts the rest."""
    infos = [process(f"idle{number}", "STOPPED") for number in range(5)]
    infos += [process("web"), process("db", "FATAL"), {**process("slow", "STARTING"), "wanted": True}]
    table = _Table(Asked(*infos), [], table_lines, whole=False)
    table.ask()
    *lines, last = table.fitting(5)
    assert [line.split()[0] for line in lines] == ["db", "slow", "web", "idle0"]
    assert last.startswith("not shown: 4 STOPPED; ")
    assert [line.split()[0] for line in table.fitting(9)[:3]] == ["idle0", "idle1", "idle2"]


def test_unknown_names_stand_below_the_table():
    """They may come to be, so the others are watched meanwhile."""
    table = _Table(Asked(process("web")), ["web", "nope", "site:*"], table_lines, whole=False)
    table.ask()
    assert table.fitting(24)[1:3] == ["nope: ERROR (no such process)", "site: ERROR (no such group)"]
