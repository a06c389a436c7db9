"""What programs say of themselves, and how much of it is listened to."""

import asyncio
import re
import socket

from procman.core.spec import Condition, ReadyKind
from procman.runtime.ready_channels import MOST_IN_A_SECOND, ReadyChannels
from tests.support.programs import program

SENT = 10_000


def test_ten_thousand_messages_are_read_and_most_are_dropped(tmp_path, monkeypatch):
    """So a sender never waits, the loop has its turns in between, and a message of another program comes at once."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))

    async def steps():
        heard, said = [], []
        channels = ReadyChannels(heard.append, said.append)
        spec = program("loud", ready=(Condition(ReadyKind.NOTIFY, "notify"),))
        loud, other = (channels.open(name, spec, 1, None) for name in ("loud", "other"))
        for one in (loud, other):
            channels.spawned(one)
        loop = asyncio.get_running_loop()
        began = int(loop.time())
        with _connected(loud.path) as sender, _connected(other.path) as quiet:
            for number in range(SENT):
                await loop.sock_sendall(sender, b"STATUS=%d" % number)
                if number == SENT // 2:
                    await loop.sock_sendall(quiet, b"READY=1")
                    await asyncio.sleep(0)
                    await asyncio.sleep(0)
                    assert [news.name for news in heard if news.name == "other"] == ["other"]
        for _ in range(SENT):
            if _all_read(loud):
                break
            await asyncio.sleep(0)
        # Each second that has begun has its own count; the next message tells how many were dropped.
        taken = len(heard) - 1
        seconds = int(loop.time()) - began + 1
        assert 0 < taken <= MOST_IN_A_SECOND * seconds
        told = sum(int(re.match(r"\d+", line)[0]) for line in said)
        assert taken + told + loud.dropped == SENT
        channels.close()

    asyncio.run(steps())


def _connected(path: str) -> socket.socket:
    sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sender.connect(path)
    sender.setblocking(False)
    return sender


def _all_read(channels) -> bool:
    try:
        return not channels.sock.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return True
