"""Fixtures of the fault tests: masters that end with their test, and the means to cause faults."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

# The real master and how it is run.
from tests.support import namespaces
from tests.support.faulty_master import FaultyMaster


def skip_or_fail(reason: str) -> None:
    """Skip the test; in CI, where everything has to be tested, fail it."""
    (pytest.fail if os.environ.get("CI") and os.geteuid() == 0 else pytest.skip)(reason)


@pytest.fixture
def start_master(tmp_path):
    """Starts masters, and stops those that a failed test has left running."""
    masters = []

    def start(programs="", folder=tmp_path, **options):
        masters.append(FaultyMaster(folder, programs, **options))
        return masters[-1]

    yield start
    for master in masters:
        master.close()


@pytest.fixture
def needs_root():
    """Skips a test that only root can run."""
    if os.geteuid() != 0:
        pytest.skip("only root can bring this about")


def _can(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.fixture
def mount_namespace(needs_root):
    """Skips the test where a file system cannot be mounted for one master alone."""
    if not _can("unshare", "--mount", "mount", "-t", "tmpfs", "none", tempfile.gettempdir()):
        skip_or_fail("nothing can be mounted in a namespace of its own here")


@pytest.fixture
def pid_namespace(needs_root):
    """Skips the test where the next pid of a pid namespace cannot be chosen."""
    namespaces.as_pid_1()
    if not os.path.exists("/proc/sys/kernel/ns_last_pid"):
        skip_or_fail("this kernel cannot be told which pid comes next (CONFIG_CHECKPOINT_RESTORE)")


@pytest.fixture
def open_folder():
    """A folder in which every user may create files; pytest's own folders are closed to other users."""
    with tempfile.TemporaryDirectory(prefix="pm") as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def compile_c(tmp_path_factory):
    """Compiles a C file to a program or a library."""
    if shutil.which("gcc") is None:
        skip_or_fail("some faults take a compiler: apt-get install gcc libc6-dev")

    def make(name, *options):
        out = tmp_path_factory.mktemp("compiled") / name.removesuffix(".c")
        source = Path(__file__).with_name(name)
        subprocess.run(["gcc", "-O1", "-Wall", "-Werror", *options, "-o", out, source], check=True)
        return out

    return make


@pytest.fixture(scope="session")
def library(compile_c):
    """`inject.c` as a library to preload."""
    return compile_c("inject.c", "-shared", "-fPIC")


class Injection:
    """Files that tell `inject.c` which faults a master is to see."""

    def __init__(self, folder: Path, library: Path) -> None:
        self.folder = folder
        self.environ = {"FAULTS": str(folder), "LD_PRELOAD": str(library)}

    def say(self, what: str, text: object) -> None:
        """Cause a fault from now on. The file changes in one step, so no reader sees half of it."""
        new = self.folder / "new"
        new.write_text(str(text))
        new.rename(self.folder / what)

    def end(self, what: str) -> None:
        (self.folder / what).unlink()


@pytest.fixture
def injection(tmp_path, library):
    folder = tmp_path / "injection"
    folder.mkdir()
    return Injection(folder, library)
