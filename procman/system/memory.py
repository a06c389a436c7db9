"""Gives memory back: a master lives for months, and what one large answer took must not stay with it."""

from contextlib import suppress

from procman.system import libc

# malloc.h of glibc. Of musl, which gives large blocks back anyway, nothing is asked.
_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8
# Larger blocks are asked of the kernel one by one, and are gone once they are free. It is where glibc begins; but the
# first such block that is freed makes it 32 MiB of its own accord, and then freed ones leave holes between others.
LARGE = 128 * 1024


def give_back_large_blocks() -> None:
    """From now on return large blocks of memory to the kernel as soon as they are free; where that is known how.

    And have all threads take from one place: the interpreter's lock keeps them apart anyway, and a place for each would
    keep what one of them has freed from all others.
    """
    with suppress(OSError):
        libc.call("mallopt", _M_MMAP_THRESHOLD, LARGE)
        libc.call("mallopt", _M_ARENA_MAX, 1)


def give_back_what_is_free() -> None:
    """Return what is between the blocks that are used, too: some of what it took to read a configuration.

    After the start of a single program that is 70 KiB.
    """
    with suppress(OSError):
        libc.call("malloc_trim", 0)
