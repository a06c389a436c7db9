"""A line on the terminal tells how far a long operation is; elsewhere a line comes now and then."""

import re
import socket
import threading
from dataclasses import dataclass, field

import pexpect
import pytest

from procman.cli import progress
from procman.cli.progress import Line
from procman.cli.progress_text import processes_line, rolling_line, update_line
from procman.cli.text_width import cut, width_of
from tests.support.fake_master import process, result

ERASE = "\r\x1b[K"


def operation(kind, *results, pending=(), targets=("all",)):
    return {
        "id": 7,
        "kind": kind,
        "targets": list(targets),
        "state": "running",
        "results": list(results),
        "pending": list(pending),
    }


def rolling(program, *ready, under_way, total=4, **more):
    return {
        "program": program,
        "state": "going",
        "aborting": False,
        "operation": 7,
        "total": total,
        "ready": list(ready),
        "under_way": list(under_way),
        **more,
    }


def test_a_start_tells_how_many_are_up_and_what_each_of_the_next_waits_for():
    """Names with the same reason share it; three are named."""
    results = [result("a"), result("b", "ALREADY_STARTED"), result("c", "SPAWN_ERROR"), result("nope", "BAD_NAME")]
    infos = {
        "db": {**process("db", "STARTING"), "phase": "unready"},
        "web": {**process("web", "STARTING"), "phase": "unready"},
        "api": {**process("api", "STOPPED"), "phase": "waiting", "waits_for": ["web@ready"]},
    }
    pending = ["db", "web", "api", "x", "y"]
    assert processes_line(operation("start", *results, pending=pending), infos) == (
        "starting: 2 of 8 up, 1 failed; waiting for db, web (not ready yet), api (waits for web@ready) and 2 more"
    )


@pytest.mark.parametrize(
    ("info", "words"),
    [
        (process("web", "BACKOFF"), " (is tried again)"),
        ({**process("web"), "statename": "STOPPING", "phase": "post_stop"}, " (post_stop runs)"),
        (process("web", "STARTING"), ""),
    ],
)
def test_what_a_process_is_at_stands_behind_its_name(info, words):
    """Where its state says it all, nothing does."""
    line = processes_line(operation("stop", result("db", "NOT_RUNNING"), pending=["web"]), {"web": info})
    assert line == f"stopping: 1 of 2 stopped; waiting for web{words}"


def test_a_rolling_restart_tells_of_each_program_that_goes_on():
    """Those that have stopped, or are done, are not told of."""
    going = rolling("web", "web:1", "web:2", under_way=["web:3"])
    back = rolling("api", under_way=["api:1", "api:2"], aborting=True)
    done = rolling("db", "db", under_way=[], state="done")
    assert rolling_line([going, done, back]) == (
        "web: 2 of 4 restarted, web:3 on its way; api: 0 of 4 put back, api:1, api:2 on their way"
    )
    assert rolling_line([done]) == ""


def test_an_update_tells_what_has_to_stop():
    """It waits for nothing else, but for rolling restarts."""
    assert update_line([process("web", "RUNNING")]) == "updating"
    stopping = [{**process(name), "statename": "STOPPING"} for name in "abcd"]
    assert update_line(stopping) == "updating; waiting for a, b, c and 1 more to stop"


def test_a_text_is_cut_to_the_columns_of_the_terminal():
    """A Chinese character fills two of them."""
    assert cut("starting", 8) == "starting"
    assert cut("starting", 7) == "starti…"
    assert cut("数据库", 5) == "数据…"
    assert width_of(cut("数据库", 4)) <= 4


def test_off_a_terminal_a_line_comes_now_and_then(capsys):
    """Nothing comes for 15 s; then what is new every 10 s, and what is not once a minute. No escape sequence."""
    seconds = 0.0
    line = Line(moves=False, clock=lambda: seconds)
    for done in range(1200):
        seconds = done / 10
        line.show("" if seconds < 20 else f"{min(done // 100, 4)} of 4")
    line.erase()
    assert capsys.readouterr().err == (
        "after 25 s: 2 of 4\nafter 35 s: 3 of 4\nafter 45 s: 4 of 4\nafter 105 s: 4 of 4\n"
    )


@dataclass
class Held:
    """Holds an answer back until it is released."""

    answer: object
    released: threading.Event = field(default_factory=threading.Event)
    threads: list[str] = field(default_factory=list)  # that there were meanwhile

    def __call__(self, _):
        self.threads = [thread.name for thread in threading.enumerate()]
        assert self.released.wait(30)
        return self.answer


@pytest.fixture
def starting(master):
    """A start of two that goes on until it is released."""
    for thread in threading.enumerate():
        if thread.name == "progress":  # of the test before, which is about to end
            thread.join(30)
    held = Held({"results": [result("db"), result("web")]})
    one = operation("start", result("db"), pending=["web"], targets=["db", "web"])
    master.answers["POST", "/v1/processes/start"] = held
    master.answers["GET", "/v1/operations"] = {"operations": [{**one, "id": 8, "targets": ["x"]}, one]}
    master.answers["GET", "/v1/operations/7"] = one
    master.show({**process("web", "STARTING"), "phase": "unready"})
    yield held
    held.released.set()


def test_the_line_is_gone_before_the_results_are_printed(typed, starting):
    """The operation is the one on these processes."""
    child = typed("start", "db", "web")
    child.expect_exact("\rstarting: 1 of 2 up; waiting for web (not ready yet)\x1b[K")
    starting.released.set()
    child.expect(pexpect.EOF)
    assert child.before == f"{ERASE}db: started\r\nweb: started\r\n"


def test_ctrl_c_leaves_a_clean_line(typed, starting):
    """The exit status is that of an interrupted command."""
    child = typed("start", "db", "web")
    child.expect_exact("\rstarting: 1 of 2 up")
    child.sendintr()
    child.expect(pexpect.EOF)
    child.close()
    assert child.before.endswith(ERASE)
    assert child.exitstatus == 130


def test_a_rolling_restart_moves_its_line(typed, master):
    """Only that of this operation is told of."""
    held = Held({"operation": 7, "results": [result("web:1")]})
    master.answers["POST", "/v1/rolling/restart"] = held
    master.answers["GET", "/v1/operations"] = {"operations": [operation("rolling-restart", targets=["web"])]}
    other = rolling("api", under_way=["api:1"], operation=3)
    master.answers["GET", "/v1/rolling"] = {"rolling": [other, rolling("web", "web:1", under_way=["web:2"])]}
    child = typed("restart", "web", "--rolling")
    child.expect_exact("\rweb: 1 of 4 restarted, web:2 on its way\x1b[K")
    held.released.set()
    child.expect(pexpect.EOF)
    assert child.before == f"{ERASE}web:1: restarted\r\n"


@pytest.fixture
def soon(monkeypatch):
    """Lines come as soon as there is something to tell."""
    monkeypatch.setattr(progress, "_PLAIN_FIRST", 0.0)
    monkeypatch.setattr(progress, "_PLAIN", 0.0)


def released_by_questions(master, held, path):
    """Release the answer once it was asked twice how far it is; what was told the first time is on stderr then."""
    answer, asked = master.answers["GET", path], []

    def look(_):
        asked.append(path)
        if len(asked) > 1:
            held.released.set()
        return answer

    master.answers["GET", path] = look


def told(error):
    """The first line, without the time that it has taken."""
    found = re.fullmatch(r"after \d+ s: (.*)", error.splitlines()[0])
    assert found, error
    return found[1]


def test_off_a_terminal_what_takes_long_is_told_on_stderr(ctl, master, starting, soon):
    """What is on stdout is supervisorctl's."""
    released_by_questions(master, starting, "/v1/operations/7")
    ran = ctl("start", "db", "web")
    assert told(ran.err) == "starting: 1 of 2 up; waiting for web (not ready yet)"
    assert ran.text == "db: started\nweb: started\n"


@pytest.mark.parametrize(("line", "tells"), [("start db web", True), ("--json start db web", False)])
def test_off_a_terminal_what_does_not_take_long_is_not_told(ctl, master, starting, line, tells):
    """A cron job that restarts something must not begin to send mail; for --json nothing even looks."""
    starting.released.set()
    assert ctl(*line.split()).err == ""
    assert ("progress" in starting.threads) == tells
    assert not any(path.startswith("/v1/operations") for _, path, _ in master.requests)


def test_an_update_that_takes_long_is_told_too(ctl, master, soon):
    """It waits for what has to stop."""
    held = Held({"steps": [{"action": "stopped", "group": "web"}]})
    master.answers["POST", "/v1/config/update"] = held
    master.answers["GET", "/v1/operations"] = {"operations": [operation("update")]}
    master.answers["GET", "/v1/rolling"] = {"rolling": []}
    master.show({**process("web"), "statename": "STOPPING"})
    released_by_questions(master, held, "/v1/processes")
    ran = ctl("update")
    assert told(ran.err) == "updating; waiting for web to stop"
    assert ran.text.startswith("web: stopped\n")


def test_a_rolling_restart_that_a_new_master_goes_on_with_moves_its_line(typed, master):
    """The connection is lost while the master is upgraded."""
    going = threading.Event()
    rolled = [rolling("web", "web:1", under_way=["web:2"])]

    def answer(_):
        going.wait(30)
        return {"rolling": rolled}

    def lose(_):
        for connection in master.connections:
            connection.shutdown(socket.SHUT_RDWR)
        return {}

    master.answers["POST", "/v1/rolling/restart"] = lose
    master.answers["GET", "/v1/rolling?name=web"] = answer
    child = typed("restart", "web", "--rolling")
    child.expect_exact("the connection was lost; asking the next master\r\n")
    going.set()
    child.expect_exact("\rweb: 1 of 4 restarted, web:2 on its way\x1b[K")
    rolled[0] = rolling("web", "web:1", "web:2", under_way=[], state="done")
    child.expect(pexpect.EOF)
    assert child.before == f"{ERASE}web: the rolling restart is over\r\n"


@pytest.mark.parametrize("command", ["start", "stop", "restart", "status"])
def test_the_flag_all_means_the_name_all(ctl, master, command):
    """Others spell it so; behind -- it is a name."""
    for operated in ("start", "stop"):
        master.results(operated, result("web"), names="all")
    by_name = ctl(command, "all")
    asked = list(master.requests)
    master.requests.clear()
    by_flag = ctl(command, "--all")
    assert (by_flag, master.requests) == (by_name, asked)
    assert ctl(command, "--", "--all").text != by_name.text
