"""A fake master, and procmanctl running against it in this process."""

import sys
from collections.abc import Callable
from dataclasses import dataclass

import pexpect
import pytest

from tests.support.ctl_environment import ENVIRON
from tests.support.fake_master import FakeMaster
from tests.support.fake_master_fixtures import master, nothing_of_this_machine

__all__ = ["ctl", "master", "nothing_of_this_machine"]

from procman.cli.procmanctl import main


@dataclass
class Ran:
    status: int
    out: bytes
    err: str

    @property
    def text(self) -> str:
        return self.out.decode()


@pytest.fixture
def ctl(master: FakeMaster, capfdbinary: pytest.CaptureFixture[bytes]) -> Callable[..., Ran]:
    """Run `procmanctl -s URL WORDS...`; `bare=True` omits -s."""

    def run(*words: str, bare: bool = False) -> Ran:
        status = main(list(words) if bare else ["-s", master.url, *words])
        sys.stdout.flush()
        captured = capfdbinary.readouterr()
        return Ran(status, captured.out, captured.err.decode())

    return run


@pytest.fixture
def typed(master):
    """Start the command on a terminal of its own; it is ended after the test."""
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
