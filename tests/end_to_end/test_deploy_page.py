"""The how-to on deployments: its file and its commands do what the page says."""

import os
import re
import shlex
import sys

import pytest

from tests.support.master_process import PROGRAMS, ROOT, Master

PAGE = (ROOT / "docs/how-to/deploy-without-downtime.md").read_text()
ADDRESS = "127.3." + ".".join(map(str, os.getpid().to_bytes(3, "big")[1:])) + ":8080"


@pytest.fixture
def folder(tmp_path):
    """The release of the page, and its file with a socket and logs of its own."""
    for version in ("old", "new", "bad"):
        release = tmp_path / version
        release.mkdir()
        (release / "serve").write_text(f"#!/bin/sh\nexec {sys.executable} -S {PROGRAMS}/versioned.py {version}\n")
        (release / "serve").chmod(0o755)
    (tmp_path / "current").symlink_to("old")
    [config] = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    config = config.replace("/srv/web", str(tmp_path)).replace("127.0.0.1:8080", ADDRESS)
    (tmp_path / "procman.toml").write_text(config)
    return tmp_path


def said(title: str) -> list[tuple[str, str]]:
    """The commands of a part of the page, each with what it prints."""
    part = PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    [block] = re.findall(r"```console\n(.*?)```", part, re.DOTALL)
    commands = [entry.partition("\n") for entry in block.split("$ ")[1:]]
    return [(command, printed) for command, _, printed in commands]


@pytest.mark.slow
def test_the_commands_of_the_page_do_what_it_says(folder):
    """A release at the same place, one in the file, a bad one, and other numbers of processes."""
    file = folder / "procman.toml"
    text = file.read_text()
    with Master(file) as master:
        for _ in range(4):
            master.expect("entered RUNNING state")
        (folder / "current").unlink()
        (folder / "current").symlink_to("new")
        assert outcomes(master, "A new release at the same place") == [0]
        file.write_text(text.replace("current/serve", "new/serve"))
        assert outcomes(master, "A new release in the configuration") == [0]
        file.write_text(text.replace("current/serve", "bad/serve"))
        assert outcomes(master, "When the new version is bad") == [7, 0]
        file.write_text(text.replace("current/serve", "new/serve"))
        assert outcomes(master, "More processes, fewer processes") == [0, 0]


def outcomes(master: Master, title: str) -> list[int]:
    """Run the commands of a part of the page, and compare what they print; returns their exit statuses."""
    statuses = []
    for command, printed in said(title):
        program, *words = shlex.split(command)
        assert program == "procmanctl"
        ran = master.ctl(*words)
        assert ran.stdout == printed
        statuses.append(ran.returncode)
    return statuses
