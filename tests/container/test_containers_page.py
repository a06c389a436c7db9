"""docs/how-to/containers.md, word for word."""

import os
import re
import shlex
import shutil
import subprocess
import uuid

import pytest
import yaml

from tests.support.containers import LIMITS, ROOT, output, podman
from tests.support.log_lines import PATIENCE

pytestmark = pytest.mark.container

PAGE = (ROOT / "docs/how-to/containers.md").read_text()
# What this machine needs besides: no network to pull from, few capabilities.
BUILD = ("--isolation=chroot", "--network=host", "--layers")
# In place of a program of the reader's own; what is shown of it on the page is what it says.
MY_APP = """\
#!/usr/bin/env python3
import signal, sys

assert sys.argv[1:] == ["--port", "8080"]
signal.signal(signal.SIGTERM, lambda *_: sys.exit(f"my-app cleans up"))
print("my-app listens on port 8080", flush=True)
signal.pause()
"""
FAILS = """\
#!/bin/sh
echo "FATAL: cannot reach database" >&2
exit 3
"""


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def shown() -> list[tuple[str, list[str]]]:
    """The commands of the console block, each with the lines shown below it."""
    (console,) = blocks("console")
    found: list[tuple[str, list[str]]] = []
    for line in console.splitlines():
        if line.startswith("$ "):
            found.append((line.removeprefix("$ "), []))
        else:
            found[-1][1].append(line)
    return found


class Reader:
    """Types the page's commands, with podman as docker and unique names of images and containers."""

    def __init__(self, own: str) -> None:
        self.own = own

    def name(self, word: str) -> str:
        return f"{self.own}-{word}" if word in ("procman", "my-app") else word

    def types(self, command: str, folder: os.PathLike[str]) -> str:
        """Run one line, which has to succeed; return both outputs."""
        program, verb, *words = shlex.split(command)
        assert program in ("docker", "podman")
        # A command of procman's in the container keeps its name.
        of_runtime = len(words) if verb != "exec" else 1
        words = [*map(self.name, words[:of_runtime]), *words[of_runtime:]]
        if verb == "build":
            form = [] if program == "podman" else ["--format=docker"]
            return self.run(["buildah", "bud", *BUILD, "--pull-never", *form, *words], folder)
        if verb == "run":
            words = [*LIMITS, *words]
        if "Health" in command:
            # Docker asks every 30 seconds; podman leaves that to timers of systemd.
            self.run(podman("healthcheck", "run", words[-1]), folder)
        return self.run(podman(verb, *words), folder)

    @staticmethod
    def run(command: list[str], folder: os.PathLike[str]) -> str:
        done = subprocess.run(
            command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=900, check=False
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}"
        return done.stdout


@pytest.fixture
def reader(image):
    """A reader with the base image already built; everything that it creates is removed."""
    own = f"page-{uuid.uuid4().hex[:8]}"
    yield Reader(own)
    subprocess.run(podman("rm", "-f", "-t", "0", f"{own}-my-app"), capture_output=True, check=False)
    for name in ("my-app", "procman"):
        subprocess.run(podman("rmi", "-f", f"{own}-{name}"), capture_output=True, check=False)


@pytest.fixture
def page_files(reader, tmp_path):
    """The directory with the page's three files."""
    (dockerfile,), (config,) = blocks("dockerfile"), blocks("toml")
    assert dockerfile.startswith("FROM procman\n")
    (tmp_path / "Dockerfile").write_text(dockerfile.replace("FROM procman", f"FROM {reader.own}-procman"))
    (tmp_path / "procman.toml").write_text(config)
    (tmp_path / "my-app").write_text(MY_APP)
    (tmp_path / "my-app").chmod(0o755)
    return tmp_path


def wait_for(reader: Reader, text: str) -> str:
    """The output of `docker logs` as soon as it contains the text."""
    logs = subprocess.Popen(
        podman("logs", "-f", f"{reader.own}-my-app"), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
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


def test_the_page_does_word_for_word_what_it_shows(reader, page_files):
    """Build, run, logs, status, health, stop and exit status print the lines shown below the commands."""
    first, *_ = blocks("sh")
    reader.types(first.strip(), ROOT)
    asked = []
    for command, lines in shown():
        if " logs " in command:
            wait_for(reader, lines[-1][lines[-1].index("INFO") :])
        printed = reader.types(command, page_files).splitlines()
        asked.append(command.split()[1])
        for line, said in zip(lines, printed if lines else (), strict=False):
            assert pattern(line).fullmatch(said), f"{command}\n{said!r} is not {line!r}"
        assert len(printed) >= len(lines), command
    assert asked == ["build", "run", "logs", "exec", "inspect", "stop", "inspect"]
    logs = wait_for(reader, "stopped: my-app")
    assert "my-app cleans up\n" in logs
    # As the user without rights that its Dockerfile asks for.
    (user,) = output("podman", "inspect", "--format", "{{.Config.User}}", f"{reader.own}-my-app").split()
    assert user == "procman"


def pattern(line: str) -> re.Pattern[str]:
    """A pattern for a shown line, with any times and pids."""
    text = re.escape(line)
    text = re.sub(r"\d{4}\\-\d\d\\-\d\d\\ [\d:,]+", r"[-0-9]+ [0-9:,]+", text)
    text = re.sub(r"pid\\ \d+", r"pid\\ \\d+", text)
    return re.compile(re.sub(r"uptime\\ [\d:]+", r"uptime\\ [\\d:]+", text))


def test_what_a_program_says_before_it_fails_is_in_the_logs(reader, page_files):
    """A failing program's stderr is in the logs, and the container ends with its exit status."""
    (page_files / "my-app").write_text(FAILS)
    reader.types(blocks("sh")[0].strip(), ROOT)
    for command, _ in shown()[:2]:
        reader.types(command, page_files)
    output(*podman("wait", f"{reader.own}-my-app"))
    assert reader.types("docker logs my-app", page_files).count("FATAL: cannot reach database\n") >= 1
    assert reader.types(shown()[-1][0], page_files) == "3\n"


def test_the_health_check_is_in_podmans_image_where_the_flag_is_given(reader, page_files):
    """Podman keeps the health check only with --format docker; the probe works without it."""
    plain, with_flag = (block.strip() for block in blocks("sh"))
    for command, kept in ((plain.replace("docker", "podman"), False), (with_flag, True)):
        reader.types(command, ROOT)
        healthcheck = output("podman", "image", "inspect", "--format", "{{.HealthCheck}}", f"{reader.own}-procman")
        assert (healthcheck.strip() != "<nil>") is kept, f"{command}\n{healthcheck}"
    (probe,) = blocks("yaml")
    command = yaml.safe_load(probe)["livenessProbe"]["exec"]["command"]
    for line, _ in shown()[:2]:
        reader.types(line, page_files)
    wait_for(reader, "success: my-app entered RUNNING")
    reader.run(podman("exec", f"{reader.own}-my-app", *command), page_files)


def test_nothing_else_in_it_takes_a_shell():
    """The tests above run every block of commands of the page."""
    assert (len(blocks("sh")), len(blocks("console")), len(blocks("yaml"))) == (2, 1, 1)
    assert shutil.which("podman")
