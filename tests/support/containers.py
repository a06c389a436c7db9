"""Builds images and runs containers with podman and buildah.

It needs root, podman and the base image, which `.ci/run` provides; see `image` in conftest.py.
"""

import os
import re
import shutil
import subprocess
import tempfile
import uuid
from pathlib import Path
from typing import Self

from tests.support.log_lines import PATIENCE, LogLines

ROOT = Path(__file__).parents[2]
PROGRAMS = ROOT / "tests" / "end_to_end" / "programs"
EXAMPLES = ROOT / "conf" / "examples"
(BASE,) = re.findall(r"^ARG BASE=(\S+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
IMAGE = "localhost/procman-test"
BUILD_TIMEOUT = 900.0
# These limits are also what works where the tests themselves run in a container without CAP_SYS_RESOURCE.
LIMITS = ("--network=none", "--ulimit=nofile=1024:1024", "--ulimit=nproc=4096:4096")

RUNNING = "success: {} entered RUNNING"


def podman(*words: str) -> list[str]:
    """A podman command; it uses runc if installed, because crun needs more of the machine.

    Its own log, which shares the stderr of the container, has only what ends it: where no systemd runs, it complains
    about the timers of health checks.
    """
    return ["podman", "--log-level=fatal", *(["--runtime", "runc"] if shutil.which("runc") else []), *words]


def output(*command: str, timeout: float = PATIENCE) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def build(tag: str, context: Path, *options: str) -> str:
    options = ("--format=docker", "--layers", "--isolation=chroot", "--network=host", "--pull-never", *options)
    output("buildah", "bud", *options, "-t", tag, str(context), timeout=BUILD_TIMEOUT)
    return tag


def why_not() -> str | None:
    """What container tests lack on this machine, or None."""
    if os.geteuid() != 0:
        return "building and running an image here takes root"
    for command in ("podman", "buildah"):
        if shutil.which(command) is None:
            return f"{command} is not installed"
    if subprocess.run(["podman", "image", "exists", BASE], check=False).returncode != 0:
        return f"the base image {BASE} is not here: podman pull it first"
    return None


class Container(LogLines):
    """A container in the foreground until the end of the `with` block; `lines` is its console output."""

    def __init__(self, image: str, *options: str, command: tuple[str, ...] = ()) -> None:
        self.name = f"procman-test-{uuid.uuid4().hex[:12]}"
        # conmon leaves a file "oom" where it stands if a container runs out of memory.
        self._folder = tempfile.TemporaryDirectory(prefix="procman-test-")
        super().__init__(
            subprocess.Popen(
                podman("run", "--rm", "--name", self.name, *LIMITS, *options, image, *command),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd=self._folder.name,
            )
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            subprocess.run(podman("rm", "-f", "-t", "0", self.name), capture_output=True, check=False)
            self.process.wait(PATIENCE)
        assert self.process.stdout is not None
        self.process.stdout.close()
        self._folder.cleanup()

    def run(self, *command: str) -> str:
        """The output of a command in the container, which has to succeed."""
        return output(*podman("exec", self.name, *command))

    def stop(self, seconds: int = 10) -> int:
        """Run `podman stop -t SECONDS`, read the remaining output, return the exit status."""
        output(*podman("stop", "-t", str(seconds), self.name))
        return self.to_the_end()

    def processes(self) -> list[int]:
        """The pids, in the host's namespace, of all its processes."""
        return [int(pid) for pid in output(*podman("top", self.name, "hpid")).split()[1:]]
