"""The screen of `procmanctl top` on a real master: each view, each change, and what is asked before it."""

import hashlib
import signal

import pytest
from textual.widgets import OptionList

from procman.tui import heading
from procman.tui.remembered import Remembered
from tests.support.free_ports import free_port
from tests.support.running_master import SLEEPER, RunningMaster, python
from tests.support.top_screen import TopScreen, on_screen

TALKER = python(
    "import sys, time\nprint('\\x1b[32mhello\\x1b[0m [bold]from web\\x1b[2J', flush=True)\n"
    "print('oops', file=sys.stderr, flush=True)\ntime.sleep(1000)"
)
PROGRAMS = f"""
[program:web]
command={TALKER}
startsecs=0
depends_on=db@running
[program:db]
command={SLEEPER}
startsecs=0
[program:broken]
command={python("print('cannot find the database'); raise SystemExit(3)")}
startretries=0
[program:queue]
command={SLEEPER}
startsecs=0
numprocs=2
numprocs_max=3
process_name=%(program_name)s_%(process_num)02d
"""


@pytest.fixture(scope="module")
def master(tmp_path_factory):
    with RunningMaster(tmp_path_factory.mktemp("top"), PROGRAMS) as running:
        for text in ("gave up: broken", "success: web", "success: queue_01"):
            running.wait_for(text)
        yield running


@pytest.fixture
def url(master):
    return f"unix://{master.socket}"


def test_the_table_has_what_failed_on_top_and_the_pane_its_log(url):
    """What has failed comes first, with its last words; the pane has its log, and the line below the reason."""

    async def act(screen: TopScreen) -> None:
        assert screen.table.names == ["broken", "db", "queue:queue_00", "queue:queue_01", "web"]
        assert "FATAL" in screen.rows[0]
        assert "cannot find" in screen.rows[0]
        await screen.shows("cannot find the database")
        await screen.until(lambda: screen.line("heading").split()[1:4] == ["✗", "1", "failed"])
        await screen.until(lambda: "exit status 3" in screen.line("about"))

    on_screen(url, act)


def test_the_log_follows_the_cursor_and_is_harmless(url):
    """Colours of a program stay, other escapes are spelt out, brackets are text, and stderr has a sign."""

    async def act(screen: TopScreen) -> None:
        await screen.press("end")
        # The two are read from two pipes, in any order.
        shown = ["! oops", "hello [bold]from web\\x1b[2J"]
        await screen.until(lambda: sorted(screen.pane.text().splitlines()) == shown)

    on_screen(url, act)


def test_logs_of_marked_processes_are_merged_and_searched(url):
    """The logs of all that are marked stand together with their names, and / in the pane finds text in them."""

    async def act(screen: TopScreen) -> None:
        await screen.press("space", "end", "space")
        await screen.shows("web    | oops")
        await screen.shows("broken | cannot find the database")
        assert screen.pane.title == "log of 2: broken, web"
        await screen.press("tab", "slash", *"OOPS", "enter", "ampersand")
        assert screen.pane.text() == "web    | oops"
        await screen.press("ampersand", "n", "n")
        await screen.says("nothing more is found")
        await screen.press("slash", *"nowhere", "enter")
        assert "nowhere: 0" in screen.pane.render_line(0).text
        await screen.press("tab", "u")
        await screen.until(lambda: screen.pane.title == "log: web")

    on_screen(url, act)


@pytest.mark.slow
def test_each_view_is_of_the_process_under_the_cursor(url):
    """why, graph, crashes and events show what procmanctl prints of it."""

    async def act(screen: TopScreen) -> None:
        await screen.press("w")
        await screen.shows("because  1 failed start")
        await screen.press("c")
        await screen.shows("crash report")
        await screen.press("e")
        await screen.shows("BACKOFF -> FATAL")
        await screen.press("end", "g")
        await screen.shows("└─ db@ready")
        await screen.press("home", "down")
        await screen.shows("what depends on it:")
        await screen.press("l", "t")
        await screen.until(lambda: screen.pane.title == "log: db")

    on_screen(url, act)


@pytest.mark.slow
def test_a_change_asks_first_and_shows_the_answer(url, master):
    """Stop does nothing until Enter; then the master's answer is shown, with what still depends on it."""

    async def act(screen: TopScreen) -> None:
        await screen.press("down", "S", "escape")
        await screen.says("nothing was changed")
        assert master.info("db")["statename"] == "RUNNING"
        await screen.press("S", "enter")
        await screen.says("stopped db; still up and depending on it: web")
        await screen.until(lambda: "STOPPED" in "".join(row for row in screen.rows if " db " in row))
        # The cursor has gone with it.
        assert screen.table.cursor == "db"
        await screen.press("s", "enter")
        await screen.says("started db")
        await screen.press("r", "enter")
        await screen.says("restarted db")

    on_screen(url, act)


@pytest.mark.slow
def test_signals_scales_and_rolling_restarts_are_typed(url, master):
    """A signal and a number are asked for; what is neither is refused before anything is sent."""

    async def act(screen: TopScreen) -> None:
        await screen.press("down", "down", "k", *"HUPP", "enter")
        await screen.says("HUPP is not a signal; did you mean HUP?")
        await screen.press("k", *"cont", "enter")
        await screen.says("signalled queue:queue_00")
        await screen.press("p")
        await screen.until(lambda: len(screen.app.screen_stack) == 2)
        await screen.press("3", "enter")
        await screen.says("queue: from 2 to 3 (the file says 2)")
        await screen.until(lambda: "queue:queue_02" in screen.table.names)
        await screen.press("B", "enter")
        await screen.says("restarted queue:queue_00")
        await screen.press("home", "T", "enter")
        await screen.says("broken")
        await screen.press("R", "enter")
        await screen.says("broken: ")

    on_screen(url, act)


def test_what_is_typed_fast_goes_into_the_field_that_it_opens(url):
    """No key is lost, or taken for another command, that comes before the field is there."""

    async def act(screen: TopScreen) -> None:
        await screen.press_at_once("slash", *"web", "enter")
        await screen.until(lambda: screen.table.arrangement.filter == "web")
        await screen.until(lambda: screen.table.names == ["web"])
        await screen.press_at_once("k", *"wix", "enter")
        await screen.says("wix is not a signal")
        await screen.press_at_once("colon", *"queue_01")
        await screen.until(lambda: screen.app.screen.query_one(OptionList).option_count == 1)

    on_screen(url, act)


@pytest.mark.slow
def test_filters_orders_and_the_palette(url):
    """/ filters while it is typed, o and O order, and the palette goes to a process by its name."""

    async def act(screen: TopScreen) -> None:
        await screen.press("slash", *"@failed")
        assert screen.table.names == ["broken"]
        await screen.press("escape")
        assert len(screen.table.names) >= 5
        await screen.press("slash", *"queue*", "enter")
        assert screen.table.names[0] == "queue:queue_00"
        await screen.pilot.click("#table", offset=(5, 2))
        assert screen.table.cursor == "queue:queue_01"
        await screen.press("escape", "o", "O")
        assert screen.table.names[0] == "web"
        await screen.press("colon", *"queue_01")
        await screen.until(lambda: screen.app.screen.query_one(OptionList).option_count == 1)
        await screen.press("enter")
        await screen.until(lambda: screen.table.cursor == "queue:queue_01")

    on_screen(url, act, size=(80, 24))


def test_colours_and_order_are_chosen_and_remembered(url):
    """L takes the colours for the other background at once; these and the order are there the next time."""
    kept = []

    async def act(screen: TopScreen) -> None:
        assert screen.app.theme == "ansi-dark"
        await screen.press("L", "o", "O")
        assert screen.app.theme == "ansi-light"
        await screen.says("sorted by name, turned round")

    on_screen(url, act, remember=kept.append)
    assert kept[-1] == Remembered("light", "name", reverse=True)

    async def later(screen: TopScreen) -> None:
        assert (screen.table.arrangement.order, screen.table.arrangement.reverse) == ("name", True)

    on_screen(url, later, remembered=kept[-1])


@pytest.mark.slow
def test_the_sheet_of_keys_says_what_one_may_do(url):
    """? shows all keys, and the role."""

    async def act(screen: TopScreen) -> None:
        await screen.press("question_mark")
        await screen.until(lambda: len(screen.app.screen_stack) == 2 and screen.app.screen.query("Static"))
        text = str(screen.app.screen.query_one("Static").render())
        assert "admin" in text
        assert "rolling restart" in text
        await screen.press("escape", "z", "y", "z")
        await screen.says("sent to the clipboard")

    on_screen(url, act)


@pytest.mark.slow
def test_a_master_that_comes_back_is_connected_again(tmp_path, monkeypatch):
    """When the master has gone, the screen says so, keeps what it knew, and goes on when the master is there again.

    One that is there and does not answer is said to be so.
    """
    monkeypatch.setattr(heading, "PATIENCE", 0.5)
    with RunningMaster(tmp_path, PROGRAMS) as first:
        url = f"unix://{first.socket}"
        first.wait_for("gave up: broken")

        async def act(screen: TopScreen) -> None:
            first.call("POST", "/v1/master/reload")
            await screen.until(lambda: "NO CONNECTION" in screen.line("heading"))
            assert "web" in screen.table.names
            await screen.says("connected again, after")
            await screen.until(lambda: screen.table.names[:1] == ["broken"])
            await screen.shows("cannot find the database")
            first.signal(signal.SIGSTOP)
            await screen.until(lambda: "NO ANSWER" in screen.line("heading"))
            first.signal(signal.SIGCONT)
            await screen.until(lambda: "NO ANSWER" not in screen.line("heading"))

        on_screen(url, act)


@pytest.mark.slow
def test_a_client_that_may_only_read_changes_nothing(tmp_path):
    """With the role read the screen says so, offers no changes, and refuses their keys."""
    port = free_port()
    server = f"[inet_http_server]\nport=127.0.0.1:{port}\naccess=roles\n"
    tokens = tmp_path / "tokens"
    tokens.write_text(hashlib.sha256(b"secret-of-the-reader").hexdigest() + "\n")
    server += f"[access:reader]\ntoken_file={tokens}\nallow=read\n"
    with RunningMaster(tmp_path, PROGRAMS + server) as master:
        master.wait_for("gave up: broken")

        async def act(screen: TopScreen) -> None:
            await screen.until(lambda: "read-only" in screen.line("heading"))
            assert "Stop" not in screen.line("footer")
            await screen.press("end", "S")
            await screen.says("you may not change web")
            # Logs take a right of their own.
            await screen.shows("[")
            await screen.press("w")
            await screen.shows("its process (pid")
            await screen.press("question_mark")
            await screen.until(lambda: len(screen.app.screen_stack) == 2 and screen.app.screen.query("Static"))
            assert "read" in str(screen.app.screen.query_one("Static").render())

        on_screen(f"http://127.0.0.1:{port}", act, token="secret-of-the-reader")
