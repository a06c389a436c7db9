"""For pytest: the fixtures `procman` and `procman_session`, which run the programs that integration tests need.

A project asks for it in its conftest.py: `pytest_plugins = ["procman.pytest_plugin"]`.
"""

import glob
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from procman.client.blocking_client import Client
from procman.errors import ProcmanError

_PAUSE = 0.02  # seconds between two looks whether the master listens
_LAST = 20  # lines of each log that a report has
# A test run that is killed cannot end its masters: `procman run` is told by the kernel, and does it.
_ENDS_WITH_PARENT = (sys.executable, "-m", "procman", "run", "--parent-signal", "TERM", "--")


class Runner:
    """Starts masters, and ends them with the test or the session. Call it with a configuration."""

    def __init__(self, folder: Path) -> None:
        """`folder` is for what the masters write."""
        self._folder = folder
        self._running: list[_Running] = []

    def __call__(self, file: str | os.PathLike[str], *, timeout: float = 60.0) -> Client:
        """Run the programs of a file, and wait until all are up, ready and healthy.

        Args:
            file: procman.toml, supervisord.conf or another one; relative to the current directory.
            timeout: seconds until all have to be ready.

        Returns:
            A client of the master, for the test.
        """
        path = Path(file).resolve()
        if not path.is_file():
            pytest.fail(f"procman: cannot run {path}: no such file", pytrace=False)
        running = _Running(path, self._folder / f"procman-{len(self._running)}.log")
        self._running.append(running)
        until = time.monotonic() + timeout
        client, trouble = running.connect(until), ""
        try:
            client.wait_until_ready(max(0.1, until - time.monotonic()))
        except ProcmanError as error:
            trouble = str(error)
        if trouble:
            pytest.fail(f"procman: {path}: {trouble}\n{running.told()}", pytrace=False)
        running.is_ready = True
        return client

    def told(self) -> str:
        """What there is to say when a test has failed: why what is down is down, and the last lines of all logs."""
        return "\n".join(running.told() for running in self._running if running.is_ready)

    def end(self) -> None:
        """Stop everything."""
        while self._running:
            self._running.pop().end()


class _Running:
    """One master."""

    def __init__(self, path: Path, log: Path) -> None:
        self._path = path
        self._log = log
        # A master that a developer runs from the same file is another one. The path of a socket has to be short.
        self._runtime_dir = tempfile.mkdtemp(prefix="procman-")
        self._client: Client | None = None
        self.is_ready = False
        with open(log, "wb") as stream:
            self._process = subprocess.Popen(
                [*_ENDS_WITH_PARENT, sys.executable, "-m", "procman", "-c", str(path), "-n"],
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                cwd=path.parent,
                env={**os.environ, "XDG_RUNTIME_DIR": self._runtime_dir},
            )

    def connect(self, until: float) -> Client:
        """Wait until it listens."""
        while True:
            for path in glob.glob(f"{self._runtime_dir}/procman/*.sock"):
                if _listens(path):
                    self._client = Client(f"unix://{path}")
                    return self._client
            if self._process.poll() is not None or time.monotonic() > until:
                pytest.fail(f"procman: {self._path} cannot be run:\n{self._log.read_text()}", pytrace=False)
            time.sleep(_PAUSE)

    def told(self) -> str:
        lines = []
        try:
            if self._client is not None:
                for one in self._client.why()["explanations"]:
                    lines += [one["sentence"], *(f"  {link['text']}" for link in one["because"])]
                with self._client.logs(lines=_LAST) as pieces:
                    for piece in pieces:
                        lines += [f"{piece['name']} | {line}" for line in piece["data"].splitlines()]
        except ProcmanError as error:
            lines.append(str(error))
        return "\n".join([*lines, f"all of it: {self._log}"])

    def end(self) -> None:
        if self._client is not None:
            self._client.close()
        self._process.terminate()
        self._process.wait()
        shutil.rmtree(self._runtime_dir, ignore_errors=True)


def _listens(path: str) -> bool:
    """Whether a unix socket takes connections. Its file is there before, between bind and listen."""
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(path) == 0


@pytest.fixture
def procman(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    """Run the programs of a configuration for one test, by calling it with the file."""
    yield from _runner(tmp_path_factory)


@pytest.fixture(scope="session")
def procman_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    """The same until the end of all tests: for a fixture of your own with scope="session"."""
    yield from _runner(tmp_path_factory)


def _runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    runner = Runner(tmp_path_factory.mktemp("procman"))
    try:
        yield runner
    finally:
        runner.end()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add to the report of a failed test what its programs have to say."""
    report = yield
    if report.when == "call" and report.failed:
        for value in getattr(item, "funcargs", {}).values():
            told = value.told() if isinstance(value, Runner) else ""
            if told:
                report.sections.append(("procman", told))
    return report
