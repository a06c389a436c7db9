"""Makes ELF files of any machine, with any loader: as much of them as the kernel looks at."""

import struct


def elf64(machine: int, loader: str | None, order: str = "<") -> bytes:
    """`machine` is its e_machine, `order` that of bytes as for `struct`; without a loader it is a static one."""
    interp = b"" if loader is None else loader.encode() + b"\0"
    count = 0 if loader is None else 1
    head = b"\x7fELF\x02" + (b"\x01" if order == "<" else b"\x02") + b"\x01" + bytes(9)
    fields = struct.pack(f"{order}HHIQQQIHHHHHH", 2, machine, 1, 0, 64, 0, 0, 64, 56, count, 0, 0, 0)
    header = struct.pack(f"{order}IIQQQQQQ", 3, 4, 64 + 56, 0, 0, len(interp), len(interp), 1) if count else b""
    return head + fields + header + interp
