"""Stdout and stderr: which consoles they are, and their last writes."""

import asyncio
import os
import threading

from procman.logs.console_stream import ConsoleStream, Overflow
from procman.logs.consoles import Consoles
from tests.support.small_pipes import ROOM, read_all


def test_unread_bytes_are_reported_for_each_stream_at_the_end(pipe):
    """What was read and what was lost add up to what was written."""
    reader, writer = pipe
    consoles, said = Consoles(), []
    console = consoles.get(writer)
    loud, quiet = (ConsoleStream(console, name, on_problem=said.append) for name in ("loud", "quiet"))
    loud.write(b"x" * 9999 + b"\n")
    quiet.write(b"quiet\n")
    consoles.finish(0.01)
    assert said == [
        f"{10000 - ROOM} bytes of loud were not written: nobody read the console",
        "6 bytes of quiet were not written: nobody read the console",
    ]
    assert len(read_all(reader)) + loud.lost == 10000
    consoles.close()


def test_the_last_reports_wait_for_a_reader_too(pipe):
    """Dropped lines are reported while the pipe is full of the lines before."""
    reader, writer = pipe
    consoles = Consoles()
    console = consoles.get(writer)
    log = ConsoleStream(console, "this log", overflow=Overflow.LOG)
    told = threading.Event()

    def say(text):
        log.write(text.encode() + b"\n")
        told.set()

    web = ConsoleStream(console, "web", overflow=Overflow.DROP, on_problem=say)
    while not web.lost:
        web.write(b"x" * 9999 + b"\n")
    while not console.flush():
        read_all(reader)
    read_all(reader)
    ConsoleStream(console, "full").write(b"x" * (ROOM - 1) + b"\n")
    seen = []

    def read_when_told():
        assert told.wait(60)
        os.set_blocking(reader, True)
        while data := os.read(reader, ROOM):
            seen.append(data)

    reads = threading.Thread(target=read_when_told)
    reads.start()
    consoles.finish(60)
    consoles.close()
    os.close(writer)
    reads.join(60)
    assert b"".join(seen).endswith(b"\n1 line of web was not written: nobody read the console\n")
    assert log.lost == 0


def test_stdout_and_stderr_on_one_pipe_are_one_console(pipe):
    """With 2>&1 lines of both come out whole, because one object writes them."""
    _, writer = pipe
    other = os.dup(writer)
    reader, elsewhere = os.pipe()
    consoles = Consoles()
    assert consoles.get(writer) is consoles.get(other)
    assert consoles.get(writer) is not consoles.get(elsewhere)
    consoles.close()
    for fd in (other, reader, elsewhere):
        os.close(fd)


def test_an_empty_queue_is_announced(pipe):
    """When the reader has read enough, or has closed the pipe."""
    reader, writer = pipe

    async def steps():
        flushed = asyncio.Event()
        consoles = Consoles(on_flushed=flushed.set)
        consoles.attach(asyncio.get_running_loop())
        stream = ConsoleStream(consoles.get(writer), "web")
        stream.write(b"x" * 3 * ROOM + b"\n")
        assert not consoles.flush()
        asyncio.get_running_loop().add_reader(reader, read_all, reader)
        await asyncio.wait_for(flushed.wait(), 60)
        assert consoles.flush()

        asyncio.get_running_loop().remove_reader(reader)
        stream.write(b"x" * 3 * ROOM + b"\n")
        assert not consoles.flush()
        flushed.clear()
        os.close(reader)
        await asyncio.wait_for(flushed.wait(), 60)
        assert consoles.flush()
        consoles.close()

    asyncio.run(steps())
