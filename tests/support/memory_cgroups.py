"""Small cgroups with a limit of memory, where this machine lets a test make one; otherwise the test is skipped."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from procman.system.memory_events import own_memory_events


@contextmanager
def memory_cgroup(name: str, limit: int) -> Generator[Path]:
    """A cgroup below our own that may use `limit` bytes; whatever is in it at the end goes back to ours."""
    ours = own_memory_events().folder
    if ours is None:
        pytest.skip("no cgroup counts memory here")
    folder = Path(ours) / name
    try:
        folder.mkdir()
    except OSError as error:
        pytest.skip(f"no cgroup can be made here: {error}")
    try:
        old = folder / "memory.limit_in_bytes"
        limited = old if old.exists() else folder / "memory.max"
        if not limited.exists():
            pytest.skip("the cgroups here do not have the memory controller")
        limited.write_text(str(limit))
        swap = folder / ("memory.memsw.limit_in_bytes" if limited == old else "memory.swap.max")
        if swap.exists():
            swap.write_text(str(limit) if limited == old else "0")
        yield folder
    finally:
        for pid in (folder / "cgroup.procs").read_text().split():
            (Path(ours) / "cgroup.procs").write_text(pid)
        folder.rmdir()
