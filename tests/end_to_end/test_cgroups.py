"""With cgroups, no descendant of a program escapes, not even one with an empty environment."""

import subprocess
from pathlib import Path

import pytest

from tests.support.namespaces import in_mount_namespace
from tests.support.running_master import RunningMaster, python

# Without parents, group, session and environment of those it comes from, there is only the cgroup to know it by.
HIDDEN = "import os, time; print(chr(104) + str(os.getpid())); time.sleep(1000)"
HIDES = python(
    "import os, sys\n"
    "sys.stdin.readline()\n"
    "if os.fork() == 0:\n"
    "    os.setsid()\n"
    "    if os.fork(): os._exit(0)\n"
    "    os.setsid()\n"
    f"    os.execve(sys.executable, [sys.executable, '-u', '-c', {HIDDEN!r}], dict())\n"
    "sys.stdin.readline()\n"
)


@pytest.fixture
def cgroups(tmp_path):
    """A writable cgroup v2 hierarchy, mounted for this test if the machine has none."""
    in_mount_namespace()  # who may not make one may not mount, either
    where = tmp_path / "cgroup"
    where.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "cgroup2", "none", str(where)], capture_output=True, text=True, check=False
    )
    assert mounted.returncode == 0, mounted.stderr
    yield where
    subprocess.run(["umount", str(where)], check=True)


@pytest.mark.root
def test_what_hides_from_tags_is_stopped_by_its_cgroup(cgroups, tmp_path):
    """leftovers=stop reaches a descendant without a tag by its cgroup, which is removed at the end."""
    lines = ["leftovers=stop", "autorestart=false", "startsecs=0", "stdout_logfile=/dev/stdout"]
    master = RunningMaster(tmp_path, "\n".join([f"[program:hides]\ncommand={HIDES}", *lines, ""]))
    try:
        master.wait_for("hides entered RUNNING")
        # Not before it is in its cgroup: what a program forks in its first milliseconds has only its tag.
        master.say("hides", "fork\n")
        hidden = master.expect(r"^h(\d+)$")[1]
        made = [path for path in cgroups.rglob(f"procman-{master.pid}*") if path.is_dir()]
        assert made, "no cgroup was made"
        master.say("hides", "go\n")
        master.wait_for(f"waiting for pid {hidden} to end, too")
        master.wait_for("exited: hides (exit status 0; expected)")
        assert not Path(f"/proc/{hidden}").exists()
        assert master.stop() == 0
        assert not any(path.exists() for path in made)
    finally:
        master.close()
