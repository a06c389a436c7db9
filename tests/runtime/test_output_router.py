"""Between the engine and the logs: pipes, last words, and logs of processes that have not run yet."""

import asyncio
import os
import threading

import pytest

from procman.errors import NoLog
from procman.logs.capture import BEGIN, END
from procman.logs.disk_workers import DiskWorkers
from tests.support.programs import program

pytestmark = pytest.mark.usefixtures("patient_disks")


def test_the_last_words_are_those_of_one_run(run_outputs):
    """On stderr, or else on stdout; not what an earlier run wrote to the same file."""

    async def steps(running):
        program = run_outputs.web()
        running.start(program, 11)
        running.write(11, b"ready\n")
        running.write(11, b"Traceback:\n\x1b[31mno\tdatabase\x1b[0m\r\n\n", "stderr")
        running.end("web", 11)
        assert running.outputs.written.last_words("web", 11) == ("no database", "stderr")
        running.start(program, 12)
        assert running.outputs.written.last_words("web", 12) == ("", "")
        running.write(12, b"no end of line")
        running.end("web", 12)
        assert running.outputs.written.last_words("web", 12) == ("no end of line", "stdout")
        assert running.outputs.written.last_words("web", 11) == ("", "")
        assert running.outputs.written.last_words("nobody", 11) == ("", "")

    run_outputs(steps)


@pytest.mark.parametrize("logfile", [None, "/dev/stdout", "AUTO"])
def test_the_last_words_are_known_wherever_the_output_goes(run_outputs, logfile):
    """Even if the output is dropped; and an unfinished line counts."""

    async def steps(running):
        running.start(program("web", stdout_logfile=logfile, stderr_logfile=logfile), 11)
        running.write(11, b"x" * 5000, "stderr")
        running.end("web", 11)
        assert running.outputs.written.last_words("web", 11) == ("x" * 300 + "…", "stderr")

    run_outputs(steps)


def test_a_listener_has_its_last_words_on_stderr(run_outputs):
    """What it writes to stdout is the protocol."""

    async def steps(running):
        running.start(run_outputs.web(), 11)
        running.write(11, b"READY\n")
        running.end("web", 11)
        assert running.outputs.written.last_words("web", 11) == ("", "")

    run_outputs(steps, listeners=["web"])


def test_an_earlier_masters_log_can_be_read_before_the_first_run(run_outputs):
    """It is read, cleared and followed into the first run; no file is created for that."""

    async def steps(running):
        web = run_outputs.web()
        running.definitions["web"] = web
        outputs = running.outputs
        assert outputs.log_paths("web") == (web.stdout_logfile, web.stderr_logfile)
        assert outputs.log_paths("other") == ("", "")
        with pytest.raises(NoLog, match=r"web\.stdout"):
            await outputs.reader.read("web", "stdout", 0, 0)
        with pytest.raises(NoLog, match="web has written nothing to stdout yet"):
            await outputs.reader.follow("web", "stdout", 10)
        assert sorted(os.listdir(running.folder)) == ["master.log"]
        (running.folder / "web.stdout").write_bytes(b"before\n")
        assert await outputs.reader.read("web", "stdout", 0, 0) == b"before\n"
        assert await outputs.reader.tail("web", "stdout", 0, 4) == (b"ore\n", 7, True)
        await outputs.reader.clear("web")
        assert await outputs.reader.read("web", "stdout", 0, 0) == b""
        (running.folder / "web.stdout").write_bytes(b"before\n")
        follower = await outputs.reader.follow("web", "stdout", 4)
        assert await anext(follower) == b"ore\n"
        running.start(web, 11)
        running.write_and_read(11, b"after\n")
        assert await anext(follower) == b"after\n"
        await follower.aclose()
        assert running.log() == b"before\nafter\n"

    run_outputs(steps)


def test_an_auto_log_exists_before_its_process_has_run(run_outputs):
    """From the first question for it on; the process writes to the same one, and joined channels have one."""

    async def steps(running):
        web = program("web", redirect_stderr=True)
        running.definitions["web"] = web
        stdout, stderr = running.outputs.log_paths("web")
        assert stderr == ""
        assert await running.outputs.reader.read("web", "stdout", 0, 0) == b""
        running.start(web, 11, "stdout")
        running.write_and_read(11, b"hello\n")
        assert running.outputs.log_paths("web") == (stdout, "")
        assert await running.outputs.reader.read("web", "stdout", 0, 0) == b"hello\n"
        assert sorted(os.listdir(running.folder)) == ["master.log", os.path.basename(stdout)]

    run_outputs(steps)


def test_the_path_of_an_auto_log_stays_though_it_cannot_be_created(run_outputs, tmp_path):
    """A client that was told the path finds the log there once its folder exists."""

    async def steps(running):
        web = program("web")
        running.definitions["web"] = web
        stdout, stderr = running.outputs.log_paths("web")
        assert running.outputs.log_paths("web") == (stdout, stderr)
        later.mkdir()
        running.start(web, 11)
        running.write_and_read(11, b"hello\n")
        assert running.outputs.log_paths("web") == (stdout, stderr)
        assert await running.outputs.reader.read("web", "stdout", 0, 0) == b"hello\n"
        assert {str(path) for path in later.iterdir()} == {stdout, stderr}

    later = tmp_path / "later"
    run_outputs(steps, childlogdir=str(later))


BUSY = "web is in the middle of a message"


@pytest.mark.parametrize(
    ("begun", "rest"),
    [
        (BEGIN + b"half", b" and half" + END),
        (b"text " + BEGIN[:5], BEGIN[5:] + END),
        (b"text " + BEGIN[:5], b"no message\n"),
        (b"red \x1b[3", b"1m"),
        (b"red \x1b[3", b"1mtext\n"),
    ],
)
def test_a_message_in_progress_is_an_obstacle_until_it_ends(run_outputs, begun, rest):
    """An unfinished message, token or colour is in the way of an upgrade until it ends."""

    async def steps(running):
        running.start(run_outputs.web(stdout_capture_maxbytes=100), 11)
        running.write(11, begun)
        await running.obstacle_is(BUSY)
        running.write(11, rest)
        await running.obstacle_is(None)

    run_outputs(steps, strip_ansi=True)


def test_an_unfinished_message_is_no_obstacle_once_its_pipe_is_closed(run_outputs):
    """Nothing more can come."""

    async def steps(running):
        running.start(run_outputs.web(stdout_capture_maxbytes=100), 11)
        running.write(11, BEGIN + b"half")
        await running.obstacle_is(BUSY)
        os.close(running.writers.pop((11, "stdout")))
        await running.obstacle_is(None)

    run_outputs(steps)


def test_a_listeners_half_colour_is_an_obstacle_until_it_ends(run_outputs):
    """The listener's log strips colours."""

    async def steps(running):
        running.start(run_outputs.web(), 11)
        running.write(11, b"\x1b[3")
        await running.obstacle_is(BUSY)
        running.write(11, b"1mREADY\n")
        await running.obstacle_is(None)

    run_outputs(steps, listeners={"web"}, strip_ansi=True)


def test_a_silent_disk_is_an_obstacle_to_an_upgrade(run_outputs, monkeypatch):
    """Until what was for it is written."""
    gate, utime = threading.Event(), os.utime
    asked = []

    def held(fd):
        asked.append(fd)
        assert len(asked) == 1 or gate.wait(30)
        utime(fd)

    async def steps(running):
        running.start(run_outputs.web(), 11)
        running.write_and_read(11, b"early\n")
        assert running.outputs.obstacle() is None
        assert running.log() == b"early\n"  # and the thread has nothing more to do with it
        await asyncio.sleep(0)  # the next turn of the loop may wait again
        running.write_and_read(11, b"late\n")
        await running.obstacle_is(f"the disk of {running.folder} does not answer")
        gate.set()
        await running.obstacle_is(None)
        assert running.log() == b"early\nlate\n"

    # Long enough for a disk that answers, of a machine that is busy.
    for limit in ("turn_limit", "call_limit"):
        monkeypatch.setitem(DiskWorkers.__init__.__kwdefaults__, limit, 1.0)
    # No answer counts for long.
    monkeypatch.setattr("procman.logs.disk_health.ANSWER_HOLDS", 0)
    monkeypatch.setattr("procman.logs.rotating_file.os.utime", held)

    run_outputs(steps)


def test_the_last_lines_of_a_run_are_given_for_each_channel(run_outputs):
    """Blank ones are left out, long ones cut, and what an earlier run wrote is not among them."""

    async def steps(running):
        program = run_outputs.web()
        running.start(program, 11)
        running.write(11, b"of an earlier run\n")
        running.end("web", 11)
        running.start(program, 12)
        running.write(12, b"one\n\ntwo\nthree\n")
        running.write(12, b"y" * 2000, "stderr")
        running.end("web", 12)
        assert running.outputs.written.last_lines("web", 12, 2) == {
            "stdout": ["two", "three"],
            "stderr": ["y" * 1000 + "…"],
        }
        assert running.outputs.written.last_lines("web", 12, 50)["stdout"] == ["one", "two", "three"]
        assert (
            running.outputs.written.last_lines("web", 11, 2)
            == running.outputs.written.last_lines("nobody", 12, 2)
            == {}
        )

    run_outputs(steps)
