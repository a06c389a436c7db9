"""Gives memory back: a master lives for months, and what one large answer took must not stay with it."""

# malloc.h of glibc. Of musl, which gives large blocks back anyway, nothing is asked.
_M_MMAP_THRESHOLD = -3
# Larger blocks are asked of the kernel one by one, and are gone once they are free. It is where glibc begins; but the
# first such block that is freed makes it 32 MiB of its own accord, and then freed ones leave holes between others.
LARGE = 128 * 1024


def give_back_large_blocks() -> None:
    """From now on return large blocks of memory to the kernel as soon as they are free; where that is known how."""
    try:
        import ctypes  # noqa: PLC0415 - an interpreter may be without libffi

        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, LARGE)
    except (ImportError, OSError, AttributeError):
        pass
