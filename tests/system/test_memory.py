"""What was freed is given back. In a process apart: it cannot be undone."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from procman.system.memory import give_back_large_blocks, give_back_what_is_free
from tests.support.forked import in_fork

MIB = 1024 * 1024


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def kept(*, give_back: bool) -> int:
    """Bytes that stay when all of many large blocks but the last one have been freed."""
    if give_back:
        give_back_large_blocks()
    bytearray(b"x" * (16 * MIB))  # when this is freed, glibc takes it for a usual size
    before = resident()
    blocks = [bytearray(b"x" * MIB) for _ in range(200)]
    del blocks[:-1]
    return resident() - before


on_glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries do so by themselves")


@on_glibc
def test_large_blocks_that_are_free_are_given_back():
    """Also where a block behind them is still in use, for which the heap could not be made shorter.

    What stays all the same is pages of the interpreter that are touched for the first time meanwhile.
    """
    assert in_fork(lambda: kept(give_back=True)) < in_fork(lambda: kept(give_back=False)) / 4


def between(*, give_back: bool) -> int:
    """Bytes that stay when all of many blocks of a usual size but the last one have been freed."""
    before = resident()
    blocks = [bytearray(b"x" * (MIB // 16)) for _ in range(1600)]
    del blocks[:-1]
    if give_back:
        give_back_what_is_free()
    return resident() - before


@on_glibc
def test_what_is_free_between_others_is_given_back():
    """Smaller blocks stay in the heap, below the last that is in use, until somebody asks for this."""
    assert in_fork(lambda: between(give_back=True)) < in_fork(lambda: between(give_back=False)) / 4


# How many places a thread and its process take memory from, besides the first: glibc reserves 64 MiB for each.
PLACES = """
import threading
from procman.system.memory import give_back_large_blocks
{first}
thread = threading.Thread(target=lambda: bytearray(1000))
thread.start()
thread.join()
reserved = 0
for line in open("/proc/self/maps"):
    addresses, access = line.split()[:2]
    first, last = (int(address, 16) for address in addresses.split("-"))
    reserved += access == "---p" and 2**25 < last - first <= 2**26
print(reserved)
"""


@on_glibc
@pytest.mark.parametrize(("first", "others"), [("", 1), ("give_back_large_blocks()", 0)])
def test_threads_take_from_one_place(first, others):
    """What one of them has freed another one can have."""
    ran = subprocess.run([sys.executable, "-c", PLACES.format(first=first)], capture_output=True, check=True, text=True)
    assert int(ran.stdout) == others
