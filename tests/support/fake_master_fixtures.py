"""Fixtures that run commands in this process against a fake master. A conftest imports those that its tests use."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.fake_master import FakeMaster


@pytest.fixture(autouse=True)
def nothing_of_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hides configurations, sockets and variables of this machine from the tests."""
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
