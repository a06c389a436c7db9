"""The master's own stdout, shared by many streams: whole lines, and no write that blocks."""

import asyncio
import fcntl
import os

import pytest

from procman.logs.console import Console, console_target
from procman.logs.console_stream import ConsoleStream
from tests.support.small_pipes import LIMIT, ROOM, fill, read_all, read_until_ready, small_pipe


@pytest.mark.parametrize(
    ("path", "fd"),
    [
        ("/dev/stdout", 1),
        ("/dev/stderr", 2),
        ("/dev/fd/1", 1),
        ("/proc/self/fd/2", 2),
        ("/dev//fd/../stdout", 1),
        ("/dev/fd/3", None),
        ("/dev/null", None),
        ("stdout", None),
    ],
)
def test_console_paths_are_recognised(path, fd):
    """The names that a container's configuration uses for the master's own output."""
    assert console_target(path) == fd


def test_an_unread_pipe_makes_only_programs_wait(pipe):
    """A stream waits at the limit; when the pipe is read again it is called back, and nothing is lost."""

    async def run():
        reader, writer = pipe
        console = Console(writer, asyncio.get_running_loop(), limit=LIMIT)
        first, second = ConsoleStream(console, "first"), ConsoleStream(console, "second")
        written = fill(first)
        assert console._queued >= LIMIT
        assert not second.ready
        out = await read_until_ready(reader, first, second)
        while not console.flush():
            out += read_all(reader)
        out += read_all(reader)
        console.close()
        assert len(out) == written
        assert console.lost == 0

    asyncio.run(run())


def test_waiting_streams_get_their_turn_in_order(pipe):
    """A flooding stream fills the console before the others are called back: they come first the next time."""

    async def run():
        reader, writer = pipe
        console = Console(writer, asyncio.get_running_loop(), limit=LIMIT)
        greedy = ConsoleStream(console, "greedy")
        fill(greedy)
        turns = []
        others = [ConsoleStream(console, name) for name in "ab"]
        done = asyncio.get_running_loop().create_future()

        def flood():
            turns.append("greedy")
            fill(greedy)
            greedy.on_ready(flood)

        def take(name, stream):
            turns.append(name)
            fill(stream)
            if name == "b":
                done.set_result(None)

        greedy.on_ready(flood)
        for name, stream in zip("ab", others, strict=True):
            stream.on_ready(lambda name=name, stream=stream: take(name, stream))
        asyncio.get_running_loop().add_reader(reader, os.read, reader, 65536)
        await done
        asyncio.get_running_loop().remove_reader(reader)
        console.close()
        assert turns[:3] == ["greedy", "a", "b"]

    asyncio.run(run())


def test_a_closed_reader_is_reported_once(clock, said):
    """EPIPE: no stream waits, all bytes are counted as lost, and writing is tried again once a second."""

    async def run():
        reader, writer = small_pipe()
        console = Console(writer, asyncio.get_running_loop(), limit=LIMIT, on_problem=said.append, clock=clock)
        stream = ConsoleStream(console, "web")
        written = fill(stream)
        called = asyncio.get_running_loop().create_future()
        stream.on_ready(lambda: called.set_result(None))
        held = written - console._queued
        os.close(reader)
        await called
        assert stream.ready
        assert stream.write(b"more\n")
        assert stream.lost == console.lost == written - held + 5
        clock.now += 1
        assert stream.write(b"again\n")
        console.close()
        os.close(writer)

    asyncio.run(run())
    assert len(said) == 1
    assert "Broken pipe; what goes there is counted as lost" in said[0]


def test_a_line_torn_by_a_failure_is_ended_by_a_newline(tmp_path, clock, said):
    """After half a line was written, the next line begins on a line of its own."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    writer = os.open(fifo, os.O_WRONLY)
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, ROOM)
    console = Console(writer, on_problem=said.append, clock=clock)
    one, two = ConsoleStream(console, "one"), ConsoleStream(console, "two")
    one.write(b"1" * (ROOM + 1000) + b"\n")
    assert os.read(reader, 100) == b"1" * 100
    os.close(reader)
    assert console.flush()
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    clock.now += 1
    two.write(b"2\n")
    left = read_all(reader)  # what the first reader had not read is still in the pipe
    assert console.flush()
    assert left + read_all(reader) == b"1" * (ROOM - 100) + b"\n2\n"
    one.write(b"1\n")
    assert said[1:] == [f"descriptor {writer} can be written again; 1001 bytes of it were lost"]
    console.close()
    os.close(reader)
    os.close(writer)


def test_a_closed_stdout_is_reported_and_raises_nothing(pipe, said):
    """A master started with >&- goes on; the descriptor is never tried again, since it may be reused."""
    _, writer = pipe
    os.close(writer)
    console = Console(writer, on_problem=said.append)
    stream = ConsoleStream(console, "web")
    assert stream.write(b"hello\n")
    assert stream.lost == 6
    assert console.flush()
    console.close()
    assert len(said) == 1
    assert "Bad file descriptor" in said[0]


def test_close_waits_no_longer_than_its_timeout(pipe):
    """What could not be written in that time is counted as lost."""
    _, writer = pipe
    console = Console(writer)
    stream = ConsoleStream(console, "web")
    stream.write(b"x" * 20000 + b"\n")
    assert not console.flush()
    console.close(timeout=0.01)
    assert stream.lost == 20001 - ROOM
    assert stream.write(b"late\n")
    assert stream.lost == 20001 - ROOM + 5


def test_without_a_loop_lines_are_written_at_once(pipe):
    """Lines come out before the loop runs; the loop writes later what did not fit."""
    reader, writer = pipe
    console = Console(writer, limit=LIMIT)
    stream = ConsoleStream(console, "web")
    stream.write(b"early\n")
    assert read_all(reader) == b"early\n"
    written = fill(stream)

    async def run():
        console.attach(asyncio.get_running_loop())
        out = await read_until_ready(reader, stream)
        while not console.flush():
            out += read_all(reader)
        assert len(out + read_all(reader)) == written
        console.close()

    asyncio.run(run())
