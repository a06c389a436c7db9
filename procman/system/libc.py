"""Functions of the C library that Python lacks, or that hold up all threads there.

The first call imports ctypes: 2 ms and 340 KiB. (`_ctypes` alone would take 0.6 ms and 200 KiB, but it is private to
Python, and hides errno.)
"""

import os
from collections.abc import Callable

_GROUPS = 32  # of a user, for which the first call has room


_CAPABILITY_VERSION = 0x20080522


def call(name: str, *arguments: int) -> int:
    """Call a function with these longs; raises OSError if it returns -1 or cannot be called."""
    return function(name)(*arguments)


def function(name: str) -> Callable[..., int]:
    """A function of longs, which raises OSError if it returns -1; raises OSError if it cannot be called.

    A child may call it between fork and exec: everything is loaded now.
    """
    try:
        import ctypes  # noqa: PLC0415 - see above

        found = getattr(ctypes.CDLL(None, use_errno=True), name)
    except (ImportError, OSError, AttributeError) as error:
        # An interpreter without libffi, or another C library.
        raise OSError(str(error)) from None

    def called(*arguments: int) -> int:
        answer: int = found(*map(ctypes.c_long, arguments))
        if answer == -1:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        return answer

    return called


def capability_setter(bits: int) -> Callable[[], int]:
    """Sets all three sets of capabilities of the calling thread to these; to be called in a child, see capset(2)."""
    import ctypes  # noqa: PLC0415 - see above

    set_them = function("capset")
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    low, high = bits & 0xFFFFFFFF, bits >> 32
    data = (ctypes.c_uint32 * 6)(low, low, low, high, high, high)
    at = ctypes.addressof(header), ctypes.addressof(data)

    def put() -> int:
        assert header, data  # they live as long as this function
        return set_them(*at)

    return put


def groups_of(name: bytes, gid: int) -> list[int]:
    """The groups of a user whose first one is `gid`: os.getgrouplist, but only the calling thread waits for it."""
    try:
        import ctypes  # noqa: PLC0415 - see above

        function = ctypes.CDLL(None).getgrouplist
    except (ImportError, OSError, AttributeError):
        return os.getgrouplist(os.fsdecode(name), gid)
    room = _GROUPS
    while True:
        number = ctypes.c_int(room)
        groups = (ctypes.c_uint * room)()
        if function(name, ctypes.c_uint(gid), groups, ctypes.byref(number)) >= 0:
            return groups[: number.value]
        # It reports how many there are. (Another C library might not.)
        room = max(number.value, 2 * room)
