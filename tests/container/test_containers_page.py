"""docs/how-to/containers.md, word for word."""

import re
import shutil

import pytest
import yaml

from tests.support.containers import ROOT, output, podman
from tests.support.page_reader import Reader, pattern

pytestmark = pytest.mark.container

PAGE = (ROOT / "docs/how-to/containers.md").read_text()
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


@pytest.fixture
def reader(image):
    """A reader with the base image already built."""
    with Reader.of("my-app", "procman") as reader:
        yield reader


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


def test_the_page_does_word_for_word_what_it_shows(reader, page_files):
    """Build, run, logs, status, health, stop and exit status print the lines shown below the commands."""
    first, *_ = blocks("sh")
    reader.types(first.strip(), ROOT)
    asked = []
    for command, lines in shown():
        if " logs " in command:
            reader.wait_for(lines[-1][lines[-1].index("INFO") :], "my-app")
        printed = reader.types(command, page_files).splitlines()
        asked.append(command.split()[1])
        for line, said in zip(lines, printed if lines else (), strict=False):
            assert pattern(line).fullmatch(said), f"{command}\n{said!r} is not {line!r}"
        assert len(printed) >= len(lines), command
    assert asked == ["build", "run", "logs", "exec", "inspect", "stop", "inspect"]
    logs = reader.wait_for("stopped: my-app", "my-app")
    assert "my-app cleans up\n" in logs
    # As the user without rights that its Dockerfile asks for.
    (user,) = output("podman", "inspect", "--format", "{{.Config.User}}", f"{reader.own}-my-app").split()
    assert user == "procman"


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
    reader.wait_for("success: my-app entered RUNNING", "my-app")
    reader.run(podman("exec", f"{reader.own}-my-app", *command), page_files)


def test_nothing_else_in_it_takes_a_shell():
    """The tests above run every block of commands of the page."""
    assert (len(blocks("sh")), len(blocks("console")), len(blocks("yaml"))) == (2, 1, 1)
    assert shutil.which("podman")
