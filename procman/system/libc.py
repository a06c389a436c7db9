"""Functions of the C library that Python offers nowhere.

ctypes is imported by the first call: 2 ms and 340 KiB, once. (`_ctypes` alone would take 0.6 ms and 200 KiB, but it is
Python's private affair, and it hides errno.)
"""

import os


def call(name: str, *arguments: int) -> int:
    """Call it with these longs, and return its answer; raises OSError where that is -1, or nobody could be asked."""
    try:
        import ctypes  # noqa: PLC0415 - see above

        function = getattr(ctypes.CDLL(None, use_errno=True), name)
    except (ImportError, OSError, AttributeError) as error:
        # An interpreter without libffi, or another C library.
        raise OSError(str(error)) from None
    answer: int = function(*map(ctypes.c_long, arguments))
    if answer == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return answer
