"""What a binary's header says: of real binaries, and of headers made by hand."""

import os
import struct
import sys

import pytest

from procman.system.elf import Elf, parse_elf, read_elf
from tests.support.elf_files import elf64


def test_the_interpreter_itself_is_read():
    """Its machine is that of this system, and its loader exists if it has one."""
    elf = read_elf(os.path.realpath(sys.executable))
    assert elf is not None
    assert elf.machine in (os.uname().machine, "i386")
    assert not elf.loader or os.path.exists(elf.loader)


def test_machine_and_loader_are_read():
    """Of 64 bits, in both orders of bytes."""
    assert parse_elf(elf64(183, "/lib/ld-linux-aarch64.so.1")) == Elf("aarch64", 64, True, "/lib/ld-linux-aarch64.so.1")
    assert parse_elf(elf64(22, "/lib/ld64.so.1", order=">")) == Elf("s390x", 64, False, "/lib/ld64.so.1")


def test_a_static_binary_has_no_loader():
    """No header names one."""
    assert parse_elf(elf64(62, None)) == Elf("x86_64", 64, True, "")


def test_32_bits_have_another_layout():
    """The table of headers stands elsewhere."""
    head = b"\x7fELF\x01\x01\x01" + bytes(9) + struct.pack("<HHIIIIIHHHHHH", 2, 40, 1, 0, 52, 0, 0, 52, 32, 1, 0, 0, 0)
    data = head + struct.pack("<IIIIIIII", 3, 84, 0, 0, 5, 5, 4, 1) + b"/ld1\0"
    assert parse_elf(data) == Elf("arm", 32, True, "/ld1")


@pytest.mark.parametrize(
    ("machine", "order", "words"),
    [(21, "<", "ppc64le"), (21, ">", "ppc64"), (243, "<", "riscv64"), (62, "<", "x86_64"), (999, "<", "machine 999")],
)
def test_a_machine_has_the_name_that_uname_gives_it(machine, order, words):
    """One that is not known has its number."""
    elf = parse_elf(elf64(machine, None, order=order))
    assert elf is not None
    assert elf.built_for == words


@pytest.mark.parametrize("size", [0, 3, 4, 5, 17, 19])
def test_what_is_no_binary_or_cut_off_is_none(size):
    """Nothing is read beyond the end."""
    assert parse_elf(elf64(62, "/lib/ld.so")[:size]) is None
    assert parse_elf(b"#!/bin/sh\n" * 9) is None
    assert parse_elf(b"\x7fELF\x07\x01" + bytes(60)) is None


@pytest.mark.parametrize("size", range(20, 140, 7))
def test_a_binary_that_is_cut_off_later_has_its_machine(size):
    """Whatever is missing behind it."""
    elf = parse_elf(elf64(62, "/lib/ld.so")[:size])
    assert elf is not None
    assert elf.machine == "x86_64"


def test_a_file_that_may_not_be_read_is_none(tmp_path):
    """Nor does a pipe without a writer hold it up."""
    os.mkfifo(tmp_path / "pipe")
    assert read_elf(str(tmp_path / "pipe")) is None
    assert read_elf(str(tmp_path)) is None
    assert read_elf(str(tmp_path / "none")) is None
