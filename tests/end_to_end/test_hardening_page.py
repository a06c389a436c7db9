"""The page on hardening: its program runs, its commands say what stands there, and nothing is left of it."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.master_process import ROOT, Master
from tests.support.mounting import may_mount

PAGE = (ROOT / "docs/how-to/harden-a-program.md").read_text()


@pytest.mark.root
@pytest.mark.skipif(not may_mount(), reason="this machine allows no mount namespaces")
@pytest.mark.skipif(shutil.which("nsenter") is None, reason="nsenter is not installed")
def test_the_commands_of_the_page_say_what_it_says(tmp_path):
    """Rated 0.0, shown by `status --long`, and closed from the inside even to root."""
    config = tmp_path / "procman.toml"
    text = re.search(r"```toml\n(.*?)```", PAGE, re.DOTALL)[1]
    # No port, and no Python that may be in a home directory here.
    text = re.sub(r'command = ".*"', 'command = "sleep 1000"', text)
    config.write_text(text + f'[procman]\nlogfile = "{tmp_path}/master.log"\npidfile = "{tmp_path}/master.pid"\n')
    block = re.search(r"```console\n(.*?)```", PAGE, re.DOTALL)[1]
    steps = re.findall(r"^# (.*)\n((?:[^#].*\n|\n)*)", block, re.MULTILINE)
    assert len(steps) == 4
    with Master(config) as master:
        env = {**master.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        master.expect("web entered RUNNING")
        for line, said in steps:
            done = subprocess.run(
                ["/bin/sh", "-c", line], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60, check=False
            )
            output = done.stdout + done.stderr
            assert all(part in output for part in said.strip("\n").split("\n")), output
    assert not Path("/etc/mark").exists()
