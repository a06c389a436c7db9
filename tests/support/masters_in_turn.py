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
        self.folder = folder
        self.file = folder / "list.conf"
        self.runtime_dir = Path(tempfile.mkdtemp(prefix="pm"))
        self.socket = self.runtime_dir / "s"
        self._masters: list[Master] = []
        self._head = (
            f"[unix_http_server]\nfile={self.socket}\n"
            f"[supervisord]\nlogfile={folder}/master.log\npidfile={folder}/master.pid\nchildlogdir={folder}\n"
            f"{master}\n"
        )
        self.write(programs)

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

    def write(self, programs: str) -> None:
        """The next configuration."""
        self.file.write_text(self._head + programs)

    def upgrade(self) -> None:
        """It goes on in another process image, with the same pid."""
        self.call("POST", "/v1/master/upgrade")
        self.master.expect("goes on with pid")

    def call(self, method: str, path: str, body: object = None) -> dict:
        """Ask the present one."""
        with contextlib.closing(Client(f"unix://{self.socket}")) as client:
            return client.call(method, path, body)

    def close(self) -> None:
        """End the last one, and what the others have left to it."""
        if self.master.process.poll() is None:
            self.master.signal(signal.SIGTERM)
        for master in self._masters:
            master.__exit__(None, None, None)
        shutil.rmtree(self.runtime_dir, ignore_errors=True)
