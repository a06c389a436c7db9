"""Streams on the console: whole lines, and what becomes of them when the reader is slow."""

import asyncio
import os

from hypothesis import given, settings
from hypothesis import strategies as st

from procman.logs.console import Console
from procman.logs.console_stream import ConsoleStream, Overflow
from tests.support.small_pipes import LIMIT, fill, read_all, read_until_ready, small_pipe

steps = st.lists(
    st.one_of(
        st.tuples(st.integers(0, 2), st.integers(0, 700), st.booleans()),  # a stream writes
        st.integers(1, 9000),  # the reader reads
    ),
    max_size=60,
)


@settings(deadline=None, max_examples=80)
@given(steps)
def test_two_programs_never_share_a_line(actions):
    """However the streams are written and read, every line is one program's, whole and in order."""
    reader, writer = small_pipe()
    console = Console(writer, limit=LIMIT)
    streams = [ConsoleStream(console, letter) for letter in "abc"]
    expected = [b""] * 3
    out = b""
    for action in actions:
        if isinstance(action, int):
            try:
                out += os.read(reader, action)
            except BlockingIOError:
                pass
        else:
            index, size, ends_line = action
            data = b"abc"[index : index + 1] * size + (b"\n" if ends_line else b"")
            streams[index].write(data)
            expected[index] += data
    for index, stream in enumerate(streams):
        stream.end()
        if expected[index] and not expected[index].endswith(b"\n"):
            expected[index] += b"\n"
    while not console.flush():
        out += read_all(reader)
    out += read_all(reader)
    console.close()
    os.close(reader)
    os.close(writer)
    lines = out.splitlines(keepends=True)
    assert all(len(set(line)) <= 2 for line in lines)
    for index in range(3):
        mine = b"".join(line for line in lines if line[:1] == b"abc"[index : index + 1])
        assert mine == b"".join(line for line in expected[index].splitlines(keepends=True) if line != b"\n")
    assert console.lost == 0


def test_dropped_lines_of_the_master_are_reported_once(pipe, said):
    """The master's log has a reserve; when it is used up, lines are lost, and their number is reported."""

    async def run():
        reader, writer = pipe
        console = Console(writer, asyncio.get_running_loop(), limit=LIMIT, reserve=1000)
        program = ConsoleStream(console, "web")
        log = ConsoleStream(console, "this log", overflow=Overflow.LOG, on_problem=said.append)
        fill(program)
        while log.lost == 0:
            assert log.write(b"x" * 99 + b"\n")
        log.write(b"one more\n")
        assert console._queued <= LIMIT + 1000 + 200
        assert console.lost == log.lost == 109
        assert said == []
        await read_until_ready(reader, program)
        console.close()

    asyncio.run(run())
    assert said == ["2 lines of this log were not written: nobody read the console"]


def test_a_dropping_stream_loses_what_does_not_fit(pipe, said):
    """log_overflow=drop: the program never waits, lost lines are counted, and no line is torn."""

    async def run():
        reader, writer = pipe
        console = Console(writer, asyncio.get_running_loop(), limit=LIMIT)
        stream = ConsoleStream(console, "web", overflow=Overflow.DROP, on_problem=said.append)
        lines = b"".join(b"%099d\n" % number for number in range(10))
        for _ in range(40):
            assert stream.write(lines)
        lost = stream.lost
        out = b""
        while not console.flush():
            out += read_all(reader)
        out += read_all(reader)
        assert len(out) + lost == 40 * len(lines)
        assert all(len(line) == 99 for line in out.splitlines())
        console.close()
        assert said == [f"{lost // 100} lines of web were not written: nobody read the console"]

    asyncio.run(run())


def test_a_slow_reader_is_reported_now_and_then(pipe, said, monkeypatch):
    """Dropped lines are reported at once the first time, then at intervals; the numbers add up."""
    monkeypatch.setattr("procman.logs.dropped_lines.REPORT_INTERVAL", 0.01)

    async def run():
        reader, writer = pipe
        loop = asyncio.get_running_loop()
        now = 100.0
        console = Console(writer, loop, limit=LIMIT, clock=lambda: now)
        told = loop.create_future()

        def say(text):
            said.append(text)
            if len(said) == 2:
                told.set_result(None)

        stream = ConsoleStream(console, "web", overflow=Overflow.DROP, on_problem=say)
        waiting = ConsoleStream(console, "other")
        lines = b"".join(b"%099d\n" % number for number in range(10))
        for spell in range(3):
            lost = stream.lost
            while stream.lost == lost:
                stream.write(lines)
            await read_until_ready(reader, waiting)
            assert len(said) == 1, spell
        now += 1
        # The time that had to pass has passed: of the second and the third spell it is told in one message.
        await told
        assert sum(int(text.split()[0]) for text in said) * 100 == stream.lost
        console.close()
        assert len(said) == 2

    asyncio.run(run())
