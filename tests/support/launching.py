"""Starts programs for tests, without a master, and sees what they do."""

import gc
import os
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from procman.config.schema.programs import Program
from procman.runtime.launch import launch_spec
from procman.system.commands import CannotSpawn
from procman.system.reaper import decode
from procman.system.spawn import Child, spawn
from tests.support.programs import program


def launch(program: Program, **options: Any) -> Child:
    """Start one process of it; the options are those of `launch_spec`."""
    return spawn(launch_spec(program, **options))


@dataclass(frozen=True)
class Ended:
    """What is left of a child."""

    stdout: str
    stderr: str
    code: int
    signal: int | None


def python(code: str) -> str:
    """A command that runs that code."""
    return shlex.join([sys.executable, "-ISc", code])


def shell(code: str) -> str:
    """A command that has the shell run that code."""
    return shlex.join(["/bin/sh", "-c", code])


def everything(fd: int | None) -> str:
    """What can be read from a pipe to its end."""
    if fd is None:
        return ""
    os.set_blocking(fd, True)
    with os.fdopen(fd, "rb") as pipe:
        return pipe.read().decode()


def wait(child: Child) -> tuple[int, int | None]:
    """Reap it; its exit code and the signal that has ended it."""
    reaped = decode(*os.waitpid(child.pid, 0))
    child.reaped(reaped)
    return reaped.code, reaped.signal


def run(
    command: str,
    serverurl: str | None = None,
    *,
    said: bytes = b"",
    inherited: Mapping[bytes, bytes] | None = None,
    **options: Any,
) -> Ended:
    """Start it, write `said` to its stdin, and read its output until it ends."""
    child = launch(program(command=command, **options), serverurl=serverurl, inherited=inherited)
    assert child.stdin is not None
    os.write(child.stdin, said)
    os.close(child.stdin)
    return Ended(everything(child.stdout), everything(child.stderr), *wait(child))


def refusal(**options: Any) -> CannotSpawn:
    """Why it cannot be started; nothing is left open."""
    before = open_fds()
    with pytest.raises(CannotSpawn) as caught:
        launch(program(**options))
    assert open_fds() == before
    return caught.value


def open_fds() -> list[str]:
    """The descriptors of this process, without those that only wait for garbage collection."""
    gc.collect()
    return os.listdir("/proc/self/fd")


def script(path: Path, text: str, mode: int = 0o755) -> str:
    """Write an executable file; returns its path."""
    path.write_text(text)
    path.chmod(mode)
    return str(path)
