"""A file as the console, on a disk that does not answer."""

import asyncio
import os
import threading

import pytest

from procman.logs import console as console_module
from procman.logs.console_stream import ConsoleStream
from procman.logs.consoles import Consoles
from procman.logs.disk_call import DiskTimeout
from tests.support.silent_disk import hurried, patient_disks
from tests.support.small_pipes import fill


def test_a_console_file_on_a_silent_disk_is_not_waited_for(tmp_path, clock):
    """Lines wait, up to the limit, and are written in order when the disk answers."""
    path = tmp_path / "out"
    answers = threading.Event()

    async def steps():
        loop = asyncio.get_running_loop()
        disks = patient_disks(loop, clock=clock)
        flushed = asyncio.Event()
        with path.open("wb") as out:
            consoles = Consoles(disks=disks, on_flushed=flushed.set)
            consoles.attach(loop)
            stream = ConsoleStream(consoles.get(out.fileno()), "web")
            assert stream.write(b"before\n")
            await disks.flush()
            assert path.read_bytes() == b"before\n"
            with hurried(disks), pytest.raises(DiskTimeout):
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


def test_bytes_for_a_silent_disk_are_reported_lost_at_the_end(tmp_path, said):
    """The report says how many were not written."""
    answers = threading.Event()

    async def steps():
        disks = patient_disks(asyncio.get_running_loop())
        with (tmp_path / "out").open("wb") as out:
            consoles = Consoles(disks=disks)
            stream = ConsoleStream(consoles.get(out.fileno()), "web", on_problem=said.append)
            with hurried(disks), pytest.raises(DiskTimeout):
                disks.for_device(out.name, os.fstat(out.fileno()).st_dev).call(lambda: answers.wait(30))
            stream.write(b"late\n")
            disks.finish(0)
            consoles.finish(0)
            consoles.close()
        assert said == ["5 bytes of web were not written: its disk does not answer"]
        answers.set()

    asyncio.run(steps())
