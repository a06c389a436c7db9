"""Finds in the first bytes of a file why the kernel does not execute it."""

import os

# As much as the kernel reads, and so the longest #! line.
_BEGINNING = 256


def why_not_found(file: str) -> str:
    """For an existing file that exec cannot find: the kernel means its interpreter or its loader."""
    first = _beginning(file).partition(b"\n")[0]
    # Split as the kernel does: a carriage return is part of the name.
    interpreter = first[2:].replace(b"\t", b" ").strip(b" ").partition(b" ")[0]
    if first.startswith(b"#!") and interpreter.strip():
        windows = "; its lines end as on Windows: save it with \\n" if first.endswith(b"\r") else ""
        return f"bad interpreter {os.fsdecode(interpreter)!r} in its first line{windows}"
    return "it was built for another C library, whose loader is not here"


def is_text(file: str) -> bool:
    """Whether it can be a script; like bash, this looks for a NUL in the first line."""
    return b"\0" not in _beginning(file).partition(b"\n")[0]


def _beginning(file: str) -> bytes:
    try:
        # Opening must not block if the owner has replaced the file by a pipe.
        fd = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return os.read(fd, _BEGINNING)
    except OSError:
        return b""
    finally:
        os.close(fd)
