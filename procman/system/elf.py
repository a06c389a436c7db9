"""What the header of a binary says of the machine and the loader that it needs; see elf(5) and <elf.h>."""

import os
import struct
from dataclasses import dataclass
from typing import NamedTuple

# The headers of a program are among its first bytes, and the path of its loader follows them.
_BEGINNING = 64 * 1024
_MAGIC = b"\x7fELF"
_PT_INTERP = 3
_MOST_HEADERS = 256


class _Layout(NamedTuple):
    """Where the fields are, by the number of bits: of the file's header, and of each program header."""

    bits: int
    word: str  # an offset or a size, for `struct`
    table: int
    table_entry: int  # its size; the count follows
    offset: int
    size: int


# By EI_CLASS.
_LAYOUTS = {1: _Layout(32, "I", 28, 42, 4, 16), 2: _Layout(64, "Q", 32, 54, 8, 32)}
_ORDERS = {1: "<", 2: ">"}  # by EI_DATA
_MACHINE = 18

# e_machine, in the words of `uname -m`.
_MACHINES = {
    2: "sparc",
    3: "i386",
    8: "mips",
    20: "ppc",
    21: "ppc64",
    22: "s390x",
    40: "arm",
    43: "sparc64",
    62: "x86_64",
    183: "aarch64",
    243: "riscv",
    258: "loongarch",
}


@dataclass(frozen=True, slots=True)
class Elf:
    """One binary."""

    machine: str  # as of `uname -m`, or "machine 42"
    bits: int  # 32 or 64
    little_endian: bool
    loader: str  # the path of the dynamic loader; "": it needs none

    @property
    def built_for(self) -> str:
        """Its machine, with what tells it from relatives of the same name."""
        ends = {"riscv": f"riscv{self.bits}", "loongarch": f"loongarch{self.bits}"}
        order = "" if self.little_endian or self.machine in ("s390x", "sparc", "sparc64") else " (big-endian)"
        if self.machine in ("ppc64", "mips"):
            return f"{self.machine}{'le' if self.little_endian else ''}"
        return f"{ends.get(self.machine, self.machine)}{order}"


def read_elf(path: str) -> Elf | None:
    """None where it is no binary, is cut off, or may not be read."""
    return parse_elf(beginning_of(path, _BEGINNING))


def parse_elf(data: bytes) -> Elf | None:
    """The same from the first bytes of a file."""
    if data[:4] != _MAGIC or len(data) <= _MACHINE + 1:
        return None
    layout, order = _LAYOUTS.get(data[4]), _ORDERS.get(data[5])
    if layout is None or order is None:
        return None
    machine = struct.unpack_from(f"{order}H", data, _MACHINE)[0]
    name = _MACHINES.get(machine, f"machine {machine}")
    return Elf(name, layout.bits, order == "<", _loader(data, order, layout))


def beginning_of(path: str, size: int) -> bytes:
    """Its first bytes, `size` at most; empty where it may not be read. Never waits for a pipe."""
    try:
        # Its owner may have put a pipe there meanwhile, at which an open waits.
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return os.read(fd, size)
    except OSError:
        return b""
    finally:
        os.close(fd)


def _loader(data: bytes, order: str, layout: _Layout) -> str:
    word = f"{order}{layout.word}"
    try:
        (table,) = struct.unpack_from(word, data, layout.table)
        size, count = struct.unpack_from(f"{order}HH", data, layout.table_entry)
        for number in range(min(count, _MOST_HEADERS)):
            at = table + number * size
            if struct.unpack_from(f"{order}I", data, at)[0] == _PT_INTERP:
                (begin,) = struct.unpack_from(word, data, at + layout.offset)
                (length,) = struct.unpack_from(word, data, at + layout.size)
                return os.fsdecode(data[begin : begin + length].split(b"\0")[0])
    except struct.error:
        pass
    return ""
