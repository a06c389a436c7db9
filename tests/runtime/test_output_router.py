"""Who is told of what programs write, and what the master's log says of it."""

import asyncio
import os
import threading
from dataclasses import replace

import pytest

from procman.config.schema.configuration import Config
from procman.config.schema.master import Master
from procman.core.actions import AnnounceInPlace
from procman.errors import NoLog
from procman.logs.capture import BEGIN, END
from procman.runtime.output_router import OutputRouter
from procman.system.spawn import Child
from tests.support.notifications import notify
from tests.support.programs import program


class Recorder:
    """An observer that keeps what it is told, and can wait for it."""

    def __init__(self, listeners=()):
        self.listeners = listeners
        self.told = []
        self._more = asyncio.Event()

    def listens(self, program):
        return program.name in self.listeners

    def heard(self, name, data):
        self._tell("heard", name, data)

    def logged(self, program, pid, channel, data):
        self._tell("logged", program.name, pid, channel, data)

    def captured(self, program, pid, channel, data):
        self._tell("captured", program.name, pid, channel, data)

    def _tell(self, *what):
        self.told.append(what)
        self._more.set()

    async def wait_for(self, *what):
        while what not in self.told:
            self._more.clear()
            await asyncio.wait_for(self._more.wait(), 60)


class Running:
    """OutputRouter of a master, and programs that are pipes the test writes to."""

    def __init__(self, folder, *, listeners=(), **master):
        self.folder = folder
        self.main_log = folder / "master.log"
        options = {"logfile": str(self.main_log), "silent": True, "childlogdir": str(folder), "nocleanup": True}
        self.progress = asyncio.Event()
        config = Config(file="x", here="/", master=Master(**options | master))
        self.definitions = {}
        self.outputs = OutputRouter(config, "0123abcd", on_progress=self.progress.set, definition=self.definitions.get)
        self.observer = Recorder(listeners)
        self.outputs.filters.observer = self.observer
        self.writers = {}

    def start(self, program, pid, *channels):
        """Its pipes: both, or those that are named."""
        readers = {}
        for channel in channels or ("stdout", "stderr"):
            readers[channel], self.writers[pid, channel] = os.pipe()
        self.outputs.attach(
            program.namespec,
            program,
            Child(pid, None, readers.get("stdout"), readers.get("stderr"), popen=None),
        )

    def write(self, pid, data, channel="stdout"):
        os.write(self.writers[pid, channel], data)

    def write_and_read(self, pid, data):
        """What the loop would read a moment later is read at once."""
        self.write(pid, data)
        self.outputs.ended("web")

    def end(self, name, pid):
        """The process has ended, and nobody else has its pipes."""
        for key in [key for key in self.writers if key[0] == pid]:
            os.close(self.writers.pop(key))
        self.outputs.ended(name)

    def change(self, program, **options):
        changed = replace(program, **options)
        self.outputs.hear(notify(AnnounceInPlace(program.namespec, program, changed)))
        return changed

    def log(self, name="web", channel="stdout"):
        assert self.outputs.pause() is None  # all is written that has come
        self.outputs.resume()
        return (self.folder / f"{name}.{channel}").read_bytes()

    def main(self):
        """The texts in the master's log, without their times."""
        assert self.outputs.pause() is None  # all is written that has come
        self.outputs.resume()
        return [line[24:] for line in self.main_log.read_text().splitlines()]

    async def obstacle_is(self, reason):
        """To an upgrade; looked at when it is said that there may be none any more."""
        while self.outputs.obstacle() != reason:
            self.progress.clear()
            await asyncio.wait_for(self.progress.wait(), 60)

    def close(self):
        for writer in self.writers.values():
            os.close(writer)
        self.outputs.close(1)


@pytest.fixture
def run(tmp_path):
    """Run a test's steps with outputs in this folder."""

    def run(steps, **options):
        async def whole():
            running = Running(tmp_path, **options)
            try:
                await steps(running)
            finally:
                running.close()

        asyncio.run(whole())

    run.web = lambda name="web", **options: program(
        name, stdout_logfile=f"{tmp_path}/{name}.stdout", stderr_logfile=f"{tmp_path}/{name}.stderr", **options
    )
    return run


def test_what_a_program_writes_is_told_where_its_options_say_so(run):
    """Each channel by its own option, with the pid of the process that wrote it."""

    async def steps(running):
        running.start(run.web(stdout_events_enabled=True), 11)
        running.start(run.web("other", stderr_events_enabled=True), 12)
        running.write(11, b"one\n")
        running.write(11, b"silent\n", "stderr")
        running.write(12, b"silent\n")
        running.write(12, b"two\n", "stderr")
        running.end("web", 11)
        running.end("other", 12)
        assert running.observer.told == [
            ("logged", "web", 11, "stdout", b"one\n"),
            ("logged", "other", 12, "stderr", b"two\n"),
        ]
        assert (running.log(), running.log(channel="stderr")) == (b"one\n", b"silent\n")

    run(steps)


def test_the_last_words_are_those_of_one_run(run):
    """On stderr, or else on stdout; what an earlier run has written to the same file is no news."""

    async def steps(running):
        program = run.web()
        running.start(program, 11)
        running.write(11, b"ready\n")
        running.write(11, b"Traceback:\n\x1b[31mno\tdatabase\x1b[0m\r\n\n", "stderr")
        running.end("web", 11)
        assert running.outputs.last_words("web", 11) == ("no database", "stderr")
        running.start(program, 12)
        assert running.outputs.last_words("web", 12) == ("", "")
        running.write(12, b"no end of line")
        running.end("web", 12)
        assert running.outputs.last_words("web", 12) == ("no end of line", "stdout")
        assert running.outputs.last_words("web", 11) == ("", "")
        assert running.outputs.last_words("nobody", 11) == ("", "")

    run(steps)


@pytest.mark.parametrize("logfile", [None, "/dev/stdout", "AUTO"])
def test_the_last_words_are_known_wherever_the_output_goes(run, logfile):
    """Also where nobody keeps it; and the end of a long line is not waited for."""

    async def steps(running):
        running.start(program("web", stdout_logfile=logfile, stderr_logfile=logfile), 11)
        running.write(11, b"x" * 5000, "stderr")
        running.end("web", 11)
        assert running.outputs.last_words("web", 11) == ("x" * 300 + "…", "stderr")

    run(steps)


def test_a_listener_has_its_last_words_on_stderr(run):
    """What it writes to stdout is the protocol."""

    async def steps(running):
        running.start(run.web(), 11)
        running.write(11, b"READY\n")
        running.end("web", 11)
        assert running.outputs.last_words("web", 11) == ("", "")

    run(steps, listeners=["web"])


def test_a_message_is_told_and_not_logged(run):
    """What is between the tokens, on either channel; the pieces of it are told too, where the log is."""

    async def steps(running):
        running.start(run.web(stdout_capture_maxbytes=100), 11)
        running.start(run.web("other", stderr_capture_maxbytes=100, stderr_events_enabled=True), 12)
        for pid in (11, 12):
            running.write(pid, b"a" + BEGIN + b"out" + END + b"b")
            running.write(pid, BEGIN + b"err" + END, "stderr")
        running.end("web", 11)
        running.end("other", 12)
        assert running.observer.told == [
            ("captured", "web", 11, "stdout", b"out"),
            ("logged", "other", 12, "stderr", b"err"),
            ("captured", "other", 12, "stderr", b"err"),
        ]
        assert (running.log(), running.log(channel="stderr")) == (b"ab", BEGIN + b"err" + END)
        assert (running.log("other"), running.log("other", "stderr")) == (b"a" + BEGIN + b"out" + END + b"b", b"")

    run(steps)


def test_a_message_without_end_is_lost_and_counted(run):
    """Nobody is told of it, and the last bytes before it are in the log."""

    async def steps(running):
        running.start(run.web(stdout_capture_maxbytes=100), 11)
        running.write(11, b"last words" + BEGIN + b"secret")
        running.end("web", 11)
        # The end of the pipe is seen in a later turn of the loop; another program's bytes come after it.
        running.start(run.web("other", stdout_events_enabled=True), 12)
        running.write(12, b"x")
        await running.observer.wait_for("logged", "other", 12, "stdout", b"x")
        assert running.outputs.lost("web") == len(b"secret")
        assert running.log() == b"last words"
        assert len(running.observer.told) == 1

    run(steps)


def test_a_listener_is_heard_as_it_speaks(run):
    """Byte for byte, and its log has it too, without colours if they are not wanted; its stderr is a log like any."""

    async def steps(running):
        running.start(run.web(stdout_events_enabled=True, stdout_capture_maxbytes=9, stderr_events_enabled=True), 11)
        running.write(11, b"REA\x1b[1mDY\n" + BEGIN)
        running.write(11, b"oops", "stderr")
        running.end("web", 11)
        assert running.observer.told == [
            ("heard", "web", b"REA\x1b[1mDY\n" + BEGIN),
            ("logged", "web", 11, "stderr", b"oops"),
        ]
        assert running.log() == b"READY\n" + BEGIN

    run(steps, listeners={"web"}, strip_ansi=True)


def test_what_is_left_of_a_listener_does_not_speak_for_the_next(run):
    """A descendant that holds the pipe is in the log, and not in the protocol."""

    async def steps(running):
        listener = run.web()
        running.start(listener, 11, "stdout")
        running.outputs.ended("web")
        running.start(listener, 12, "stdout")
        running.start(run.web("other", stdout_events_enabled=True), 13)
        running.write(11, b"RESULT 2\nOK")
        running.write(13, b"x")
        await running.observer.wait_for("logged", "other", 13, "stdout", b"x")
        running.write(12, b"READY\n")
        await running.observer.wait_for("heard", "web", b"READY\n")
        assert len(running.observer.told) == 2
        assert running.log() == b"RESULT 2\nOKREADY\n"

    run(steps, listeners={"web"})


def test_descendants_of_an_earlier_run_are_told_with_its_pid(run):
    """The event says which run it was."""

    async def steps(running):
        web = run.web(stdout_events_enabled=True)
        running.start(web, 11)
        running.start(web, 12)
        running.write(11, b"late")
        await running.observer.wait_for("logged", "web", 11, "stdout", b"late")

    run(steps)


def test_options_change_while_the_program_runs(run):
    """Events and messages begin, and end, with the next byte."""

    async def steps(running):
        web = run.web()
        running.start(web, 11)

        running.write_and_read(11, b"1" + BEGIN + b"2" + END)
        assert running.observer.told == []
        web = running.change(web, stdout_events_enabled=True, stdout_capture_maxbytes=3)
        running.write_and_read(11, b"3" + BEGIN + b"4" + END)
        assert running.observer.told == [
            ("logged", "web", 11, "stdout", b"3"),
            ("logged", "web", 11, "stdout", b"4"),
            ("captured", "web", 11, "stdout", b"4"),
        ]
        running.observer.told.clear()
        running.change(web, stdout_events_enabled=False, stdout_capture_maxbytes=0)
        running.write_and_read(11, b"5" + BEGIN + b"6" + END)
        assert running.observer.told == []
        assert running.log() == b"1" + BEGIN + b"2" + END + b"3" + b"5" + BEGIN + b"6" + END

    run(steps)


def test_what_was_held_back_is_logged_when_messages_end(run):
    """It looked like the beginning of a token, which is text from now on."""

    async def steps(running):
        web = run.web(stdout_capture_maxbytes=100)
        running.start(web, 11)
        running.write_and_read(11, b"a<!--XSUP")
        assert running.log() == b"a"
        running.change(web, stdout_capture_maxbytes=0)
        running.write_and_read(11, b"ERVISOR:BEGIN-->")
        assert running.log() == b"a" + BEGIN

    run(steps)


def test_a_message_survives_a_change_of_the_options(run):
    """Neither its beginning nor its tokens are lost when something else is updated, or the room for it."""

    async def steps(running):
        web = run.web(stdout_capture_maxbytes=3)
        running.start(web, 11)
        running.write_and_read(11, BEGIN + b"123")
        running.change(web, stdout_capture_maxbytes=100, stdout_events_enabled=True, startretries=9)
        running.write_and_read(11, b"456" + END)
        assert running.observer.told == [
            ("logged", "web", 11, "stdout", b"456"),
            ("captured", "web", 11, "stdout", b"123456"),
        ]

    run(steps)


def test_what_programs_write_is_in_a_debug_log(run):
    """In supervisord's words, each piece in one line: a program cannot write lines into the master's log."""

    async def steps(running):
        running.start(run.web(stdout_capture_maxbytes=100), 11)
        running.start(run.web("ear"), 12)
        running.write(11, "Malmö 100% \\n\n2026-11-23 09:00:00,000 CRIT\r\n".encode())
        running.write(11, b"\x88\n", "stderr")
        running.write(12, b"READY\n")
        running.end("web", 11)
        running.end("ear", 12)
        running.start(run.web(stdout_capture_maxbytes=100), 13)
        running.write(13, BEGIN + b"x" + END)
        running.end("web", 13)
        lines = running.main()
        assert [line for line in lines if "put:" in line or "comm" in line] == [
            r"DEBG 'web' stdout output:\nMalmö 100% \n\n2026-11-23 09:00:00,000 CRIT\r\n",
            r"DEBG 'web' stderr output:\nUndecodable: b'\x88\n'",
            r"DEBG 'ear' stdout output:\nb'READY\n'",
            r"DEBG 'web' stdout output:\nx",
            "DEBG 'web' stdout emitted a comm event",
        ]

    run(steps, listeners={"ear"}, loglevel="debug")


@pytest.mark.parametrize("loglevel", ["info", "warn"])
def test_what_programs_write_is_in_no_other_log(run, loglevel):
    """Not from info on."""

    async def steps(running):
        running.start(run.web(stdout_capture_maxbytes=100, stderr_events_enabled=True), 11)
        running.start(run.web("ear"), 12)
        running.write(11, BEGIN + b"x" + END)
        running.write(11, b"y", "stderr")
        running.write(12, b"READY\n")
        running.end("web", 11)
        running.end("ear", 12)
        assert running.main() == []

    run(steps, listeners={"ear"}, loglevel=loglevel)


def test_the_log_of_a_process_that_has_not_run_yet_is_there(run):
    """One that an earlier master has left is read, emptied and followed into the first run; no file is made for it."""

    async def steps(running):
        web = run.web()
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

    run(steps)


def test_an_auto_log_is_there_before_its_process_has_run(run):
    """From when somebody asks; it is the one that the process writes to, and of what is joined there is one only."""

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

    run(steps)


def test_the_path_of_an_auto_log_stays_though_the_file_cannot_be_made(run, tmp_path):
    """Who was told it looks there, and it is there when its folder is."""

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
    run(steps, childlogdir=str(later))


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
def test_that_a_message_is_whole_is_told_to_who_waits_for_it(run, begun, rest):
    """Or that what looked like the beginning of one, or of a colour, was none."""

    async def steps(running):
        running.start(run.web(stdout_capture_maxbytes=100), 11)
        running.write(11, begun)
        await running.obstacle_is(BUSY)
        running.write(11, rest)
        await running.obstacle_is(None)

    run(steps, strip_ansi=True)


def test_that_a_message_will_have_no_end_is_told_to_who_waits_for_it(run):
    """Its writer has gone, and nothing more can come."""

    async def steps(running):
        running.start(run.web(stdout_capture_maxbytes=100), 11)
        running.write(11, BEGIN + b"half")
        await running.obstacle_is(BUSY)
        os.close(running.writers.pop((11, "stdout")))
        await running.obstacle_is(None)

    run(steps)


def test_that_a_listener_has_said_all_of_it_is_told_to_who_waits_for_it(run):
    async def steps(running):
        running.start(run.web(), 11)
        running.write(11, b"\x1b[3")
        await running.obstacle_is(BUSY)
        running.write(11, b"1mREADY\n")
        await running.obstacle_is(None)

    run(steps, listeners={"web"}, strip_ansi=True)


def test_a_disk_that_does_not_answer_is_in_the_way_of_an_upgrade(run, monkeypatch):
    """Until what was for it is written."""
    gate, utime = threading.Event(), os.utime
    asked = []

    def held(fd):
        asked.append(fd)
        assert len(asked) == 1 or gate.wait(30)
        utime(fd)

    async def steps(running):
        running.start(run.web(), 11)
        running.write_and_read(11, b"early\n")
        assert running.outputs.obstacle() is None
        assert running.log() == b"early\n"  # and the thread has nothing more to do with it
        await asyncio.sleep(0)  # the next turn of the loop may wait again
        running.write_and_read(11, b"late\n")
        assert running.outputs.obstacle() == f"the disk of {running.folder} does not answer"
        gate.set()
        await running.obstacle_is(None)
        assert running.log() == b"early\nlate\n"

    # No answer counts for long.
    monkeypatch.setattr("procman.logs.disk_health.ANSWER_HOLDS", 0)
    monkeypatch.setattr("procman.logs.rotating_file.os.utime", held)

    run(steps)
