"""The real master as a process: started, read line by line, stopped by its pid."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support import namespaces
from tests.support.log_lines import PATIENCE, LogLines

ROOT = Path(__file__).parents[2]
PROGRAMS = ROOT / "tests" / "end_to_end" / "programs"


def environment(runtime_dir: Path, **more: str) -> dict[str, str]:
    """The environment of the master and its client: this source tree, and a private folder for the control socket."""
    return {**os.environ, "PYTHONPATH": str(ROOT), "XDG_RUNTIME_DIR": str(runtime_dir), **more}


def others_reach_the_source() -> bool:
    """Whether another user can import procman from here, as not from a folder in /root."""
    return all(os.stat(folder).st_mode & 0o005 == 0o005 for folder in (ROOT, *ROOT.parents))


class Master(LogLines):
    """`procman -c CONFIG` until the end of the `with` block."""

    def __init__(
        self,
        config: Path,
        *arguments: str,
        cwd: Path | None = None,
        as_pid_1: bool = False,
        wrapper: tuple[str, ...] = (),
        **environ: str,
    ) -> None:
        """`wrapper` precedes the command, and executes it in its own place."""
        first = namespaces.as_pid_1() if as_pid_1 else ()
        # Not under tmp_path: the path of a socket has to be short.
        self.runtime_dir = Path(tempfile.mkdtemp(prefix="procman-test-"))
        self.config = config
        self.as_pid_1 = as_pid_1
        self.environ = environment(self.runtime_dir, **environ)
        self.cwd = cwd or config.parent
        super().__init__(
            subprocess.Popen(
                [
                    *first,
                    *wrapper,
                    sys.executable,
                    "-m",
                    "procman",
                    "-c",
                    str(config),
                    *arguments,
                ],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd=self.cwd,
                env=self.environ,
            )
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            # Asked twice it kills its programs, so that a failed test leaves none of them behind. Two of one signal may
            # become one.
            self.signal(signal.SIGTERM)
            self.signal(signal.SIGINT)
            with contextlib.suppress(AssertionError, subprocess.TimeoutExpired):
                self.to_the_end()
            self.process.kill()
            self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()
        shutil.rmtree(self.runtime_dir, ignore_errors=True)

    @property
    def pid(self) -> int:
        """The master's pid in the namespace of the tests."""
        if not self.as_pid_1:
            return self.process.pid
        (child,) = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return int(child)

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def stop(self) -> int:
        """Send SIGTERM, read the remaining output, return the exit status."""
        self.signal(signal.SIGTERM)
        return self.to_the_end()

    def ctl(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run `procmanctl` against this master."""
        return subprocess.run(
            [sys.executable, "-m", "procman.cli.procmanctl", "-c", str(self.config), *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="surrogateescape",
            cwd=self.cwd,
            # Faults of the master do not apply to the client.
            env={name: value for name, value in self.environ.items() if name != "LD_PRELOAD"},
            timeout=PATIENCE,
            check=False,
        )
