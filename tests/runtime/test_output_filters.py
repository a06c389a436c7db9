"""What is reported of the output of programs: events, messages, the protocol of listeners, debug texts."""

import pytest

from procman.logs.capture import BEGIN, END


def test_output_is_reported_if_events_are_enabled(run_outputs):
    """For each channel by its own option, with the pid of the process that wrote it."""

    async def steps(running):
        running.start(run_outputs.web(stdout_events_enabled=True), 11)
        running.start(run_outputs.web("other", stderr_events_enabled=True), 12)
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

    run_outputs(steps)


def test_a_captured_message_is_reported_and_not_logged(run_outputs):
    """On either channel; its pieces are reported too, if events are enabled."""

    async def steps(running):
        running.start(run_outputs.web(stdout_capture_maxbytes=100), 11)
        running.start(run_outputs.web("other", stderr_capture_maxbytes=100, stderr_events_enabled=True), 12)
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

    run_outputs(steps)


def test_an_unfinished_message_is_lost_and_counted(run_outputs):
    """It is not reported, and the bytes before it are in the log."""

    async def steps(running):
        running.start(run_outputs.web(stdout_capture_maxbytes=100), 11)
        running.write(11, b"last words" + BEGIN + b"secret")
        running.end("web", 11)
        # The end of the pipe is seen in a later turn of the loop; another program's bytes come after it.
        running.start(run_outputs.web("other", stdout_events_enabled=True), 12)
        running.write(12, b"x")
        await running.observer.wait_for("logged", "other", 12, "stdout", b"x")
        assert running.outputs.written.lost("web") == len(b"secret")
        assert running.log() == b"last words"
        assert len(running.observer.told) == 1

    run_outputs(steps)


def test_a_listeners_stdout_is_passed_on_unchanged(run_outputs):
    """Byte for byte; its log has it too, with colours stripped if configured; its stderr is an ordinary log."""

    async def steps(running):
        running.start(
            run_outputs.web(stdout_events_enabled=True, stdout_capture_maxbytes=9, stderr_events_enabled=True), 11
        )
        running.write(11, b"REA\x1b[1mDY\n" + BEGIN)
        running.write(11, b"oops", "stderr")
        running.end("web", 11)
        assert running.observer.told == [
            ("heard", "web", b"REA\x1b[1mDY\n" + BEGIN),
            ("logged", "web", 11, "stderr", b"oops"),
        ]
        assert running.log() == b"READY\n" + BEGIN

    run_outputs(steps, listeners={"web"}, strip_ansi=True)


def test_a_descendant_of_a_listener_does_not_speak_for_the_next_run(run_outputs):
    """What it writes is in the log, and not in the protocol."""

    async def steps(running):
        listener = run_outputs.web()
        running.start(listener, 11, "stdout")
        running.outputs.ended("web")
        running.start(listener, 12, "stdout")
        running.start(run_outputs.web("other", stdout_events_enabled=True), 13)
        running.write(11, b"RESULT 2\nOK")
        running.write(13, b"x")
        await running.observer.wait_for("logged", "other", 13, "stdout", b"x")
        running.write(12, b"READY\n")
        await running.observer.wait_for("heard", "web", b"READY\n")
        assert len(running.observer.told) == 2
        assert running.log() == b"RESULT 2\nOKREADY\n"

    run_outputs(steps, listeners={"web"})


def test_output_of_an_earlier_runs_descendants_has_its_pid(run_outputs):
    """The event says which run it was."""

    async def steps(running):
        web = run_outputs.web(stdout_events_enabled=True)
        running.start(web, 11)
        running.start(web, 12)
        running.write(11, b"late")
        await running.observer.wait_for("logged", "web", 11, "stdout", b"late")

    run_outputs(steps)


def test_events_and_capture_can_change_while_a_program_runs(run_outputs):
    """They begin, and end, with the next byte."""

    async def steps(running):
        web = run_outputs.web()
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

    run_outputs(steps)


def test_a_held_back_token_is_logged_when_capture_is_turned_off(run_outputs):
    """It is text from then on."""

    async def steps(running):
        web = run_outputs.web(stdout_capture_maxbytes=100)
        running.start(web, 11)
        running.write_and_read(11, b"a<!--XSUP")
        assert running.log() == b"a"
        running.change(web, stdout_capture_maxbytes=0)
        running.write_and_read(11, b"ERVISOR:BEGIN-->")
        assert running.log() == b"a" + BEGIN

    run_outputs(steps)


def test_a_message_survives_a_change_of_options(run_outputs):
    """A message keeps its beginning and its tokens when options or its size change."""

    async def steps(running):
        web = run_outputs.web(stdout_capture_maxbytes=3)
        running.start(web, 11)
        running.write_and_read(11, BEGIN + b"123")
        running.change(web, stdout_capture_maxbytes=100, stdout_events_enabled=True, startretries=9)
        running.write_and_read(11, b"456" + END)
        assert running.observer.told == [
            ("logged", "web", 11, "stdout", b"456"),
            ("captured", "web", 11, "stdout", b"123456"),
        ]

    run_outputs(steps)


def test_a_debug_log_has_what_programs_write(run_outputs):
    """In supervisord's words, each piece in one line: a program cannot write lines into the master's log."""

    async def steps(running):
        running.start(run_outputs.web(stdout_capture_maxbytes=100), 11)
        running.start(run_outputs.web("ear"), 12)
        running.write(11, "Malmö 100% \\n\n2026-11-23 09:00:00,000 CRIT\r\n".encode())
        running.write(11, b"\x88\n", "stderr")
        running.write(12, b"READY\n")
        running.end("web", 11)
        running.end("ear", 12)
        running.start(run_outputs.web(stdout_capture_maxbytes=100), 13)
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

    run_outputs(steps, listeners={"ear"}, loglevel="debug")


@pytest.mark.parametrize("loglevel", ["info", "warn"])
def test_a_log_above_debug_has_nothing_that_programs_write(run_outputs, loglevel):
    """From the level info on."""

    async def steps(running):
        running.start(run_outputs.web(stdout_capture_maxbytes=100, stderr_events_enabled=True), 11)
        running.start(run_outputs.web("ear"), 12)
        running.write(11, BEGIN + b"x" + END)
        running.write(11, b"y", "stderr")
        running.write(12, b"READY\n")
        running.end("web", 11)
        running.end("ear", 12)
        assert running.main() == []

    run_outputs(steps, listeners={"ear"}, loglevel=loglevel)
