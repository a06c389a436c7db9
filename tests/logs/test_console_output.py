"""An inherited stdout of any kind: written without blocking, and unchanged for the processes that share it."""

import asyncio
import fcntl
import os
import select
import socket

import pytest

from procman.logs import console as console_module
from procman.logs.console import Console
from procman.logs.console_stream import ConsoleStream
from procman.logs.consoles import Consoles
from procman.logs.pipe_io import PIPE_SIZE
from tests.support.small_pipes import LIMIT, ROOM, fill, read_all, read_until_ready


def test_the_inherited_descriptor_stays_blocking(pipe):
    """O_NONBLOCK would be set for every process that shares the pipe."""
    reader, writer = pipe
    console = Console(writer)
    ConsoleStream(console, "a").write(b"hello\n")
    assert os.get_blocking(writer)
    assert read_all(reader) == b"hello\n"
    console.close()


def test_a_redirected_stdout_keeps_its_shared_offset(tmp_path):
    """Other writers of the same file are not overwritten."""
    fd = os.open(tmp_path / "out", os.O_WRONLY | os.O_CREAT)
    console = Console(fd)
    os.write(fd, b"shell\n")
    ConsoleStream(console, "web").write(b"web\n")
    os.write(fd, b"shell\n")
    console.close()
    os.close(fd)
    assert (tmp_path / "out").read_bytes() == b"shell\nweb\nshell\n"


def test_a_full_disk_behind_stdout_is_reported_once(clock, said):
    """A redirected stdout on a full disk costs lines, one message, and nothing else."""
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
    """Stdout may be a socket (systemd): it cannot be opened again, and its flag is not changed."""

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
    """Lines appear on a terminal, and an unfinished one gets its newline at the end."""
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


def test_a_pipe_of_another_user_is_written_only_when_polled_writable(pipe, monkeypatch):
    """A pipe or terminal that cannot be opened again gets no write that could block, and nothing is lost."""
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


@pytest.mark.parametrize("own", [ROOM, 1 << 20])
def test_a_pipe_of_the_default_size_is_enlarged(own):
    """Its reader is woken less often then; a pipe that was resized on purpose stays as it is."""
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
