"""Small pipes in place of the console, and their readers and writers."""

import asyncio
import fcntl
import os

ROOM = 4096  # what the pipe holds
LIMIT = 10_000


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
