"""The master's own stdout: whole lines of everybody, and nobody waits who must not."""

import asyncio
import fcntl
import os
import select
import socket
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from procman.logs import console as console_module
from procman.logs.console import Console, console_target
from procman.logs.console_stream import ConsoleStream, Overflow
from procman.logs.consoles import Consoles
from procman.logs.disk_call import DiskTimeout
from procman.logs.disk_workers import DiskWorkers
from procman.logs.pipe_io import PIPE_SIZE

ROOM = 4096  # what the pipe holds
LIMIT = 10_000


@pytest.fixture
def pipe():
    """A small pipe, as the console; its read end does not block."""
    reader, writer = small_pipe()
    yield reader, writer
    for fd in (reader, writer):
        try:
            os.close(fd)
        except OSError:
            pass


def small_pipe():
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, ROOM)
    os.set_blocking(reader, False)
    return reader, writer


def read_all(fd):
    out = b""
    try:
        while data := os.read(fd, 65536):
            out += data
    except (BlockingIOError, OSError):
        pass
    return out


def fill(stream):
    """Write lines until the console has enough; return how many bytes."""
    written = 0
    line = b"x" * 99 + b"\n"
    while stream.write(line):
        written += len(line)
    return written + len(line)


async def read_until_ready(reader, *streams):
    """Read the console until each stream was called back; return what was read."""
    loop = asyncio.get_running_loop()
    out = []
    loop.add_reader(reader, lambda: out.append(os.read(reader, 65536)))
    for stream in streams:
        future = loop.create_future()
        stream.on_ready(lambda future=future: future.set_result(None))
        await future
    loop.remove_reader(reader)
    return b"".join(out)


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
    """The names a container's configuration uses for the master's own output."""
    assert console_target(path) == fd


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
    """Whatever is written in what pieces and however it is read, every line is one program's, whole and in order."""
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


def test_the_inherited_descriptor_stays_blocking(pipe):
    """O_NONBLOCK would be set for whoever shares the pipe."""
    reader, writer = pipe
    console = Console(writer)
    ConsoleStream(console, "a").write(b"hello\n")
    assert os.get_blocking(writer)
    assert read_all(reader) == b"hello\n"
    console.close()


def test_a_pipe_nobody_reads_makes_programs_wait_and_nobody_else(pipe):
    """A stream is told to wait at the limit; when it is read again it is called back, and nothing was lost."""

    async def run():
        reader, writer = pipe
        console = Console(writer, asyncio.get_running_loop(), limit=LIMIT)
        first, second = ConsoleStream(console, "first"), ConsoleStream(console, "second")
        written = fill(first)
        assert console.queued >= LIMIT
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
    """One that floods fills the console again before the others are asked: they come first the next time."""

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


def test_the_masters_lines_are_dropped_counted_and_said_once(pipe, said):
    """When nobody reads, the master's log has a reserve; then its lines are lost, and the sum is said afterwards."""

    async def run():
        reader, writer = pipe
        console = Console(writer, asyncio.get_running_loop(), limit=LIMIT, reserve=1000)
        program = ConsoleStream(console, "web")
        log = ConsoleStream(console, "this log", overflow=Overflow.LOG, on_problem=said.append)
        fill(program)
        while log.lost == 0:
            assert log.write(b"x" * 99 + b"\n")
        log.write(b"one more\n")
        assert console.queued <= LIMIT + 1000 + 200
        assert console.lost == log.lost == 109
        assert said == []
        await read_until_ready(reader, program)
        console.close()

    asyncio.run(run())
    assert said == ["2 lines of this log were not written: nobody read the console"]


def test_a_dropping_stream_loses_what_does_not_fit(pipe, said):
    """log_overflow=drop: the program never waits, what it loses is counted, and no line is torn."""

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


def test_a_slow_reader_costs_a_message_now_and_then(pipe, said, monkeypatch):
    """What is dropped again and again is told at once the first time, then with a distance; the sum is right."""
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


def test_a_reader_that_left_costs_one_message(clock, said):
    """EPIPE: nobody waits, everything is counted, it is said once, and tried again once a second."""

    async def run():
        reader, writer = small_pipe()
        console = Console(writer, asyncio.get_running_loop(), limit=LIMIT, on_problem=said.append, clock=clock)
        stream = ConsoleStream(console, "web")
        written = fill(stream)
        called = asyncio.get_running_loop().create_future()
        stream.on_ready(lambda: called.set_result(None))
        held = written - console.queued
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


def test_a_line_torn_by_trouble_is_not_gone_on_with_by_another(tmp_path, clock, said):
    """After half a line could be written, the next one begins on a line of its own."""
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


def test_a_closed_stdout_is_a_problem_not_an_exception(pipe, said):
    """A master started with >&- goes on; the descriptor is never tried again, it may be somebody else's."""
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


def test_close_does_not_wait_for_a_reader_that_is_not_there(pipe):
    """What could not be written in the time given is counted as lost."""
    _, writer = pipe
    console = Console(writer)
    stream = ConsoleStream(console, "web")
    stream.write(b"x" * 20000 + b"\n")
    assert not console.flush()
    console.close(timeout=0.01)
    assert stream.lost == 20001 - ROOM
    assert stream.write(b"late\n")
    assert stream.lost == 20001 - ROOM + 5


def test_what_nobody_has_read_in_the_end_is_said_of_each_stream(pipe):
    """To the byte: with what came through it is all that was written."""
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


def test_the_last_that_is_said_waits_for_a_reader_too(pipe):
    """What was dropped is told while the pipe is full of what was written just before."""
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


def test_without_a_loop_lines_are_written_at_once(pipe):
    """Before the loop runs, messages come out; what did not fit is written by the loop later."""
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


def test_a_file_keeps_its_shared_offset(tmp_path):
    """Others who write to the same redirected stdout are not overwritten."""
    fd = os.open(tmp_path / "out", os.O_WRONLY | os.O_CREAT)
    console = Console(fd)
    os.write(fd, b"shell\n")
    ConsoleStream(console, "web").write(b"web\n")
    os.write(fd, b"shell\n")
    console.close()
    os.close(fd)
    assert (tmp_path / "out").read_bytes() == b"shell\nweb\nshell\n"


def test_a_full_disk_behind_stdout_is_said_once(clock, said):
    """A redirected stdout on a full disk costs lines, a message, and nothing else."""
    fd = os.open("/dev/full", os.O_WRONLY)
    console = Console(fd, on_problem=said.append, clock=clock)
    stream = ConsoleStream(console, "web")
    for _ in range(3):
        assert stream.write(b"line\n")
        clock.now += 1
    assert stream.lost == 15
    assert len(said) == 1
    assert "No space left on device" in said[0]
    console.close()
    os.close(fd)


def test_a_socket_is_written_without_blocking():
    """Stdout may be a socket (systemd): it cannot be opened again, and its flag is not touched."""

    async def run():
        ours, theirs = socket.socketpair()
        with ours, theirs:
            theirs.setblocking(False)
            console = Console(ours.fileno(), asyncio.get_running_loop(), limit=LIMIT)
            stream = ConsoleStream(console, "web")
            written = fill(stream)
            out = await read_until_ready(theirs.fileno(), stream)
            while not console.flush():
                out += read_all(theirs.fileno())
            out += read_all(theirs.fileno())
            assert os.get_blocking(ours.fileno())
            assert len(out) == written
            console.close()

    asyncio.run(run())


def test_a_terminal_is_written():
    """On a terminal the lines come out too, and an unfinished one gets its newline at the end."""
    master, slave = os.openpty()
    console = Console(slave)
    stream = ConsoleStream(console, "web")
    stream.write(b"one\nprompt>")
    stream.close()
    shown = b""
    while len(shown) < len(b"one\r\nprompt>\r\n"):
        # The terminal hands on what it has by then, which may be a part.
        shown += os.read(master, 100)
    assert shown == b"one\r\nprompt>\r\n"
    console.close()
    os.close(slave)
    os.close(master)


def test_what_cannot_be_opened_again_is_written_only_when_polled_writable(pipe, monkeypatch):
    """Another user's pipe or terminal: no write that could block, and nothing lost."""
    real_open = os.open

    def refuse(path, *args, **kwargs):
        if str(path).startswith("/proc/self/fd/"):
            raise PermissionError(13, "Permission denied", path)
        return real_open(path, *args, **kwargs)

    monkeypatch.setattr(console_module.os, "open", refuse)

    async def run():
        reader, writer = pipe
        fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4 * select.PIPE_BUF)
        console = Console(writer, asyncio.get_running_loop(), limit=4 * LIMIT)
        stream = ConsoleStream(console, "web")
        written = fill(stream)
        out = await read_until_ready(reader, stream)
        while not console.flush():
            out += read_all(reader)
        out += read_all(reader)
        assert len(out) == written
        assert os.get_blocking(writer)
        console.close()

    asyncio.run(run())


def test_stdout_and_stderr_on_one_pipe_are_one_console(pipe):
    """With 2>&1 lines of both come whole, because one object writes them."""
    _, writer = pipe
    other = os.dup(writer)
    reader, elsewhere = os.pipe()
    consoles = Consoles()
    assert consoles.get(writer) is consoles.get(other)
    assert consoles.get(writer) is not consoles.get(elsewhere)
    consoles.close()
    for fd in (other, reader, elsewhere):
        os.close(fd)


@pytest.mark.parametrize("own", [ROOM, 1 << 20])
def test_a_pipe_of_the_usual_size_is_made_larger(own):
    """Its reader is woken less often then; one that somebody has given another size stays as it is."""
    usual, chosen = os.pipe(), os.pipe()
    fcntl.fcntl(chosen[1], fcntl.F_SETPIPE_SZ, own)
    consoles = Consoles()
    for _, writer in (usual, chosen):
        consoles.get(writer)
        assert os.get_blocking(writer)
    assert fcntl.fcntl(usual[0], fcntl.F_GETPIPE_SZ) == PIPE_SIZE
    assert fcntl.fcntl(chosen[0], fcntl.F_GETPIPE_SZ) == own
    consoles.close()
    for fd in (*usual, *chosen):
        os.close(fd)


def test_that_nothing_waits_any_more_is_told(pipe):
    """Once somebody has read enough, or nobody ever will."""
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


def test_a_file_is_not_waited_for_while_its_disk_is_silent(tmp_path, clock):
    """What is for it waits, up to the limit, and is written in its order when the disk answers."""
    path = tmp_path / "out"
    answers = threading.Event()

    async def steps():
        loop = asyncio.get_running_loop()
        disks = DiskWorkers(loop, clock=clock)
        flushed = asyncio.Event()
        with path.open("wb") as out:
            consoles = Consoles(disks=disks, on_flushed=flushed.set)
            consoles.attach(loop)
            stream = ConsoleStream(consoles.get(out.fileno()), "web")
            assert stream.write(b"before\n")
            await disks.flush()
            assert path.read_bytes() == b"before\n"
            with pytest.raises(DiskTimeout):
                disks.for_device(str(path), os.stat(path).st_dev).call(lambda: answers.wait(30))
            written = fill(stream)
            assert written >= console_module.LIMIT
            assert path.read_bytes() == b"before\n"
            assert not consoles.flush()
            answers.set()
            await asyncio.wait_for(flushed.wait(), 60)
            assert stream.ready
            await disks.flush()
            assert path.stat().st_size == len(b"before\n") + written
            consoles.close()
        disks.close()

    asyncio.run(steps())


def test_a_file_whose_disk_stays_silent_is_given_up(tmp_path, said):
    """At the end it is said how much was not written."""
    answers = threading.Event()

    async def steps():
        disks = DiskWorkers(asyncio.get_running_loop())
        with (tmp_path / "out").open("wb") as out:
            consoles = Consoles(disks=disks)
            stream = ConsoleStream(consoles.get(out.fileno()), "web", on_problem=said.append)
            with pytest.raises(DiskTimeout):
                disks.for_device(out.name, os.fstat(out.fileno()).st_dev).call(lambda: answers.wait(30))
            stream.write(b"late\n")
            disks.finish(0)
            consoles.finish(0)
            consoles.close()
        assert said == ["5 bytes of web were not written: its disk does not answer"]
        answers.set()

    asyncio.run(steps())
