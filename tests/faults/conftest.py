"""What the faults share: masters that end with their test, and what it takes to bring a fault about."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

# The real master and how it is run.
from tests.support.faulty_master import FaultyMaster


def not_here(reason: str) -> None:
    """Skip; but where everything has to be tested this is a failure."""
    (pytest.fail if os.environ.get("CI") and os.geteuid() == 0 else pytest.skip)(reason)


@pytest.fixture
def run(tmp_path):
    """Starts masters, and ends what a failed test has left of them."""
    masters = []

    def start(programs="", folder=tmp_path, **options):
        masters.append(FaultyMaster(folder, programs, **options))
        return masters[-1]

    yield start
    for master in masters:
        master.close()


@pytest.fixture
def as_root():
    """For what only root can bring about."""
    if os.geteuid() != 0:
        pytest.skip("only root can bring this about")


def _can(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.fixture
def own_mounts(as_root):
    """There can be a file system that is mounted for one master alone."""
    if not _can("unshare", "--mount", "mount", "-t", "tmpfs", "none", tempfile.gettempdir()):
        not_here("nothing can be mounted in a namespace of its own here")


@pytest.fixture
def own_pids(as_root):
    """Its own numbers for processes, of which it says itself which comes next."""
    if not _can("unshare", "--pid", "--fork", "--mount-proc", "true"):
        not_here("there can be no pid namespace here")
    if not os.path.exists("/proc/sys/kernel/ns_last_pid"):
        not_here("this kernel cannot be told which pid comes next (CONFIG_CHECKPOINT_RESTORE)")


@pytest.fixture
def anybodys():
    """A folder in which everybody may make files; pytest's own are closed to others."""
    with tempfile.TemporaryDirectory(prefix="pm") as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def compiled(tmp_path_factory):
    """Makes of a file of C what can be run or loaded."""
    if shutil.which("gcc") is None:
        not_here("some faults take a compiler: apt-get install gcc libc6-dev")

    def make(name, *options):
        out = tmp_path_factory.mktemp("compiled") / name.removesuffix(".c")
        source = Path(__file__).with_name(name)
        subprocess.run(["gcc", "-O1", "-Wall", "-Werror", *options, "-o", out, source], check=True)
        return out

    return make


@pytest.fixture(scope="session")
def library(compiled):
    """`inject.c`, to be preloaded."""
    return compiled("inject.c", "-shared", "-fPIC")


class Injection:
    """Files that say what is to go wrong in a master; see inject.c."""

    def __init__(self, folder: Path, library: Path) -> None:
        self.folder = folder
        self.environ = {"FAULTS": str(folder), "LD_PRELOAD": str(library)}

    def say(self, what: str, text: object) -> None:
        """From now on; in one step, so that nobody reads half of it."""
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
