"""A running process whose binary or library is not the file any more that it was started from."""

import os
import shutil
import subprocess
import sys

import pytest

from procman.system.binary_drift import Binary, look_at_binary


@pytest.fixture
def runs(request):
    """Starts a copy of sleep: `runs(folder)` is its file and its pid."""

    def start(folder):
        binary = folder / "sleep"
        shutil.copy(shutil.which("sleep"), binary)
        process = subprocess.Popen([binary, "1000"])
        request.addfinalizer(process.wait)
        request.addfinalizer(process.kill)
        return binary, process.pid

    return start


def test_nothing_has_changed(runs, tmp_path):
    """Another time or mode of the file is no other file."""
    binary, pid = runs(tmp_path)
    os.utime(binary, (1, 1))
    binary.chmod(0o700)
    assert look_at_binary(pid) == Binary()


def test_a_file_that_was_replaced_or_deleted_is_named(runs, tmp_path):
    """As a package manager does it, by renaming; and one that was moved away, with another in its place."""
    binary, pid = runs(tmp_path)
    binary.unlink()
    assert look_at_binary(pid).sentence == f"its binary {binary} was deleted"
    binary.write_text("another")
    assert look_at_binary(pid).sentence == f"its binary {binary} was replaced"
    (tmp_path / "other").mkdir()
    binary, pid = runs(tmp_path / "other")
    binary.rename(tmp_path / "away")
    assert look_at_binary(pid) == Binary()  # it is its file, wherever that is
    (tmp_path / "away").unlink()
    assert look_at_binary(pid).sentence == f"its binary {tmp_path}/away was deleted"


def test_a_library_that_was_replaced_is_named(monkeypatch, tmp_path):
    """What is mapped and executable, of a file that is gone; of /tmp, where compilers write, none counts."""
    monkeypatch.setattr("procman.system.binary_drift._NO_FILES", ("/memfd:", "/dev/"))
    library = tmp_path / "library.so"
    library.write_bytes(b"x" * 8192)
    program = (
        "import mmap, sys; f = open(sys.argv[1], 'rb');"
        "m = mmap.mmap(f.fileno(), 4096, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_EXEC);"
        "print('ready', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, library], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout.readline() == b"ready\n"
        assert look_at_binary(process.pid).libraries == ()
        library.unlink()
        assert look_at_binary(process.pid).libraries == (str(library),)
        process.stdin.close()


def test_what_cannot_be_seen_counts_as_unchanged():
    """There is no such process."""
    assert look_at_binary(2**22 + 1) == Binary()
