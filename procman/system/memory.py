"""Returns memory to the kernel: a master lives for months, and must not keep what one large answer needed."""

from contextlib import suppress

from procman.system import libc

# malloc.h of glibc. musl returns large blocks anyway.
_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8
# Larger blocks are mapped one by one, and unmapped when they are freed. This is the default of glibc; but the first
# freed block raises it to as much as 32 MiB, and from then on freed blocks leave holes between others.
LARGE = 128 * 1024


def give_back_large_blocks() -> None:
    """From now on return large blocks to the kernel as soon as they are freed, with glibc.

    All threads use one arena: the interpreter's lock serialises them anyway, and memory that one thread has freed
    in an arena of its own is of no use to the others.
    """
    with suppress(OSError):
        libc.call("mallopt", _M_MMAP_THRESHOLD, LARGE)
        libc.call("mallopt", _M_ARENA_MAX, 1)


def give_back_what_is_free() -> None:
    """Return the free memory between used blocks, too, such as that of reading a configuration: about 70 KiB."""
    with suppress(OSError):
        libc.call("malloc_trim", 0)
