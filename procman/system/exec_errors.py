"""Finds in the first bytes of a file why the kernel does not execute it."""

import os

from procman.system.elf import beginning_of

# As much as the kernel reads, and so the longest #! line.
_BEGINNING = 256


def why_not_found(file: str) -> str:
    """For an existing file that exec cannot find: the kernel means its interpreter or its loader."""
    first = beginning_of(file, _BEGINNING).partition(b"\n")[0]
    # Split as the kernel does: a carriage return is part of the name.
    interpreter = first[2:].replace(b"\t", b" ").strip(b" ").partition(b" ")[0]
    if first.startswith(b"#!") and interpreter.strip():
        windows = "; its lines end as on Windows: save it with \\n" if first.endswith(b"\r") else ""
        return f"bad interpreter {os.fsdecode(interpreter)!r} in its first line{windows}"
    return "it was built for another C library, whose loader is not here"


def is_text(file: str) -> bool:
    """Whether it can be a script; like bash, this looks for a NUL in the first line."""
    return b"\0" not in beginning_of(file, _BEGINNING).partition(b"\n")[0]
