"""supervisord and procman, each in a folder of its own with the same file, for the same requests."""

import contextlib
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.support.ctl_script import write_config

BIN = Path(sys.executable).parent
SUPERVISORD = (str(BIN / "supervisord"), "-n")
SUPERVISORCTL = (str(BIN / "supervisorctl"),)
PROCMAN = (sys.executable, "-m", "procman")
PROCMANCTL = (sys.executable, "-m", "procman.cli.procmanctl")


@contextlib.contextmanager
def running(master: Sequence[str], write: Callable[[Path], Path] = write_config) -> Iterator[Path]:
    """Run a master and give its folder; `write` puts the configuration there and returns its path."""
    # A unix socket's path is short; pytest's folders are not.
    with tempfile.TemporaryDirectory(prefix="ctl") as name:
        folder = Path(name)
        process = subprocess.Popen(
            [*master, "-c", write(folder)],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert process.stdout is not None
        try:
            said = []
            for line in process.stdout:
                said.append(line)
                if "started with pid" in line:
                    break
            else:
                raise AssertionError(f"{master[0]} has not started:\n{''.join(said)}")
            with (folder / "out").open("w") as out, ThreadPoolExecutor(1) as reader:
                # supervisord hangs if its stdout is not read.
                reader.submit(out.writelines, process.stdout)
                try:
                    yield folder
                finally:
                    process.send_signal(signal.SIGTERM)
                    process.wait(60)
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
