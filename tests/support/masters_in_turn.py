"""One master after the other from one file and for one socket, so that each knows what the one before left."""

import contextlib
import shutil
import signal
import tempfile
from pathlib import Path

from procman.client.api_client import Client
from tests.support.log_lines import PATIENCE
from tests.support.master_process import Master


class MastersInTurn:
    """`start` begins the next one, `kill` ends it as the kernel does when memory is short."""

    def __init__(self, folder: Path, programs: str, *, master: str = "") -> None:
        self.file = folder / "list.conf"
        self.runtime_dir = Path(tempfile.mkdtemp(prefix="pm"))
        self.socket = self.runtime_dir / "s"
        self._masters: list[Master] = []
        self.file.write_text(
            f"[unix_http_server]\nfile={self.socket}\n"
            f"[supervisord]\nlogfile={folder}/master.log\npidfile={folder}/master.pid\nchildlogdir={folder}\n"
            f"{master}\n{programs}"
        )

    @property
    def master(self) -> Master:
        """The present one."""
        return self._masters[-1]

    def start(self) -> Master:
        """The next one; it has not begun to answer yet."""
        self._masters.append(Master(self.file, XDG_RUNTIME_DIR=str(self.runtime_dir)))
        return self.master

    def kill(self) -> None:
        """Its programs go on."""
        self.master.process.kill()
        self.master.process.wait(PATIENCE)

    def call(self, method: str, path: str) -> dict:
        """Ask the present one."""
        with contextlib.closing(Client(f"unix://{self.socket}")) as client:
            return client.call(method, path)

    def close(self) -> None:
        """End the last one, and what the others have left to it."""
        if self.master.process.poll() is None:
            self.master.signal(signal.SIGTERM)
        for master in self._masters:
            master.__exit__(None, None, None)
        shutil.rmtree(self.runtime_dir, ignore_errors=True)
