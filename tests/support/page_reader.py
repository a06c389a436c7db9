"""A reader of the documents who types their commands for containers, with podman as docker."""

import os
import re
import shlex
import subprocess
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Self

from tests.support.containers import LIMITS, podman
from tests.support.log_lines import PATIENCE

# What this machine needs besides: no network to pull from, few capabilities.
BUILD = ("--isolation=chroot", "--network=host", "--layers", "--pull-never")


class Reader:
    """Types commands of docker and podman. Images, containers and volumes of these names get unique ones."""

    def __init__(self, names: Iterable[str]) -> None:
        self.own = f"page-{uuid.uuid4().hex[:8]}"
        self.names = frozenset(names)

    @classmethod
    @contextmanager
    def of(cls, *names: str) -> Iterator[Self]:
        """A reader; everything that it creates is removed."""
        reader = cls(names)
        try:
            yield reader
        finally:
            own = [reader.name(name) for name in names]
            for what in (["rm", "-f", "-t", "0"], ["rmi", "-f"], ["volume", "rm", "-f"]):
                subprocess.run(podman(*what, *own), capture_output=True, check=False)

    def name(self, word: str) -> str:
        """The unique name, also of a volume that is mounted somewhere."""
        name, colon, rest = word.partition(":")
        return f"{self.own}-{name}{colon}{rest}" if name in self.names else word

    def types(self, command: str, folder: os.PathLike[str]) -> str:
        """Run one line, which has to succeed; return both outputs."""
        program, verb, *words = shlex.split(command)
        assert program in ("docker", "podman")
        # A command of procman's in the container keeps its name.
        of_runtime = len(words) if verb != "exec" else 1
        words = [*map(self.name, words[:of_runtime]), *words[of_runtime:]]
        if verb == "build":
            form = [] if program == "podman" else ["--format=docker"]
            return self.run(["buildah", "bud", *BUILD, *form, *words], folder)
        if verb == "run":
            # Without a network, there are no ports to publish.
            text = re.sub(r"-p \d+:\d+ ", "", shlex.join(words))
            words = [*LIMITS, *shlex.split(text)]
        if "Health" in command:
            # Docker asks every 30 seconds; podman leaves that to timers of systemd.
            self.run(podman("healthcheck", "run", words[-1]), folder)
        # `status` says with 3 that something does not run, a one-shot that is done for example.
        return self.run(podman(verb, *words), folder, ends=(0, 3) if words[-1] == "status" else (0,))

    @staticmethod
    def run(command: list[str], folder: os.PathLike[str], ends: tuple[int, ...] = (0,)) -> str:
        """Run any command, which has to end with one of these statuses; return both outputs."""
        done = subprocess.run(
            command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=900, check=False
        )
        assert done.returncode in ends, f"{command}\n{done.stdout}"
        return done.stdout

    def wait_for(self, text: str, container: str) -> str:
        """The output of `docker logs` as soon as it contains the text."""
        logs = subprocess.Popen(
            podman("logs", "-f", self.name(container)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert logs.stdout is not None
        said = ""
        for line in logs.stdout:
            said += line
            if text in line:
                break
        logs.kill()
        logs.wait(PATIENCE)
        logs.stdout.close()
        return said


def pattern(line: str) -> re.Pattern[str]:
    """A pattern for a line that a page shows, with any times and pids."""
    text = re.escape(line)
    text = re.sub(r"\d{4}\\-\d\d\\-\d\d\\ [\d:,]+", r"[-0-9]+ [0-9:,]+", text)
    text = re.sub(r"pid\\ \d+", r"pid\\ \\d+", text)
    return re.compile(re.sub(r"uptime\\ [\d:]+", r"uptime\\ [\\d:]+", text))
