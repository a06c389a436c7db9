"""docs/how-to/ansible.md as a play, against a real master; it takes `pip install ansible`, which has the module."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.support.master_process import Master
from tests.support.pages import DOCS

PLAYBOOK = shutil.which("ansible-playbook")
PATIENCE = 280  # Ansible starts a Python for each task
PAGE = (DOCS / "how-to" / "ansible.md").read_text()
BEFORE = """\
[program.worker]
command = "sleep 1000"
numprocs = 2
process_name = "worker_%(process_num)d"
startsecs = 0
"""
ADDED = BEFORE + '[program.{{ name }}]\ncommand = "sleep 1000"\nstartsecs = 0\n'
WRONG = BEFORE + "autorestrat = true\n"

pytestmark = [pytest.mark.slow, pytest.mark.skipif(PLAYBOOK is None, reason="no Ansible: pip install ansible")]


class Play:
    """The page's tasks in a folder, in place of /etc/procman."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "procman.toml"
        self.config.write_text(BEFORE)
        commands = Path(sys.executable).parent
        text = PAGE.replace("/etc/procman/", f"{folder}/").replace("/usr/local/bin/", f"{commands}/")
        restart, change, keep, _ = map(
            yaml.safe_load, re.findall(r"^```yaml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
        )
        play = {"hosts": "localhost", "connection": "local", "gather_facts": False, "vars": {"name": "added"}}
        play |= {"tasks": [*change["tasks"], *keep, *restart], "handlers": change["handlers"]}
        (folder / "play.yaml").write_text(yaml.safe_dump([play]))
        self.path = f"{commands}{os.pathsep}{os.environ['PATH']}"

    def runs(self, template: str, master: Master) -> subprocess.CompletedProcess[str]:
        """With this as procman.toml.j2."""
        (self.folder / "procman.toml.j2").write_text(template)
        interpreter = ("-e", f"ansible_python_interpreter={sys.executable}")
        return subprocess.run(
            [str(PLAYBOOK), "-i", "localhost,", *interpreter, "play.yaml"],
            cwd=self.folder,
            env={
                **master.environ,
                "PATH": self.path,
                "ANSIBLE_HOME": str(self.folder / "ansible"),
                "LC_ALL": "C.UTF-8",
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )


def pid_of(master: Master, name: str) -> str:
    return master.ctl("pid", name).stdout


def test_the_tasks_of_the_page_change_and_restart_what_they_say(tmp_path):
    """A wrong file is refused with its line; a good one is applied and kept, and the workers are restarted."""
    play = Play(tmp_path)
    with Master(play.config) as master:
        master.expect("success: worker_1 entered RUNNING")
        before = pid_of(master, "worker:worker_0")
        refused = play.runs(WRONG, master)
        assert refused.returncode != 0
        assert "autorestrat: there is no such option; did you mean autorestart?" in refused.stdout
        assert play.config.read_text() == BEFORE
        assert pid_of(master, "worker:worker_0") == before
        done = play.runs(ADDED, master)
        assert done.returncode == 0, done.stdout + done.stderr
        assert master.ctl("status", "added").stdout.split()[:2] == ["added", "RUNNING"]
        assert pid_of(master, "worker:worker_0") != before
        # It was confirmed, so there is nothing left to confirm.
        assert master.ctl("confirm").returncode != 0
        assert master.stop() == 0
