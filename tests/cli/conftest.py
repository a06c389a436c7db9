"""A fake master, and procmanctl run against it inside this process."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pexpect
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from environment import ENVIRON
from fake_master import FakeMaster

from procman.cli.procmanctl import main


@dataclass
class Ran:
    status: int
    out: bytes
    err: str

    @property
    def text(self) -> str:
        return self.out.decode()


@pytest.fixture(autouse=True)
def nothing_of_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No configuration, socket or variable of the machine must reach a test."""
    home = tmp_path / "cwd"
    home.mkdir()
    monkeypatch.chdir(home)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    for name in ("PROCMAN_SERVER_URL", "SUPERVISOR_SERVER_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def master(tmp_path: Path) -> Iterator[FakeMaster]:
    fake = FakeMaster(str(tmp_path / "master.sock"))
    yield fake
    fake.stop()


@pytest.fixture
def ctl(master: FakeMaster, capfdbinary: pytest.CaptureFixture[bytes]) -> Callable[..., Ran]:
    """Run `procmanctl -s URL WORDS...`; keyword `bare=True` leaves the -s out."""

    def run(*words: str, bare: bool = False) -> Ran:
        status = main(list(words) if bare else ["-s", master.url, *words])
        sys.stdout.flush()
        captured = capfdbinary.readouterr()
        return Ran(status, captured.out, captured.err.decode())

    return run


@pytest.fixture
def typed(master):
    """The command on a terminal of its own; ended, if it has not ended by itself."""
    started = []

    def start(*words: str, **environ: str) -> pexpect.spawn:
        command = ["-m", "procman.cli.procmanctl", "-s", master.url, *words]
        environ = {name: value for name, value in {**ENVIRON, **environ}.items() if value is not None}
        child = pexpect.spawn(sys.executable, command, env=environ, encoding="utf-8", timeout=30, dimensions=(40, 200))
        started.append(child)
        return child

    yield start
    for child in started:
        child.close(force=True)
