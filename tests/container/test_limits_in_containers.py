"""Limits in a container: what /proc says of each, and of memory where its cgroup is ours, and where it is not."""

import os
import re
from pathlib import Path

import pytest

from tests.support.containers import RUNNING, Container
from tests.support.log_lines import line_with

pytestmark = pytest.mark.container

# Of cgroup v2: those that a container here can have.
CONTROLLERS = Path("/sys/fs/cgroup/cgroup.subtree_control")
HAS_MEMORY = os.access(CONTROLLERS, os.W_OK) and "memory" in CONTROLLERS.read_text().split()
# As podman's manual has it; without it /sys/fs/cgroup is read-only in the container.
WRITABLE = ("--security-opt=unmask=/sys/fs/cgroup", "--cgroupns=private")
HUNGRY = '["python3", "-c", "x = bytearray(1_000_000_000)"]'
MEMORY = f"""
[program.strict]
command = {HUNGRY}
memory_max = "64MB"
autorestart = false
startsecs = 0
startretries = 0
[program.lax]
command = "sleep 1000"
memory_max = "?64MB"
"""


@pytest.fixture
def run(image, tmp_path):
    """Starts a container with these programs: `run(programs, *options)`."""

    def start(programs, *options):
        (tmp_path / "procman.toml").write_text(
            f'[procman]\nlogfile = "/dev/stdout"\npidfile = "/tmp/procman.pid"\n{programs}'
        )
        return Container(image, *options, "-v", f"{tmp_path}/procman.toml:/etc/procman/procman.toml:ro")

    return start


def of(container, name, *words):
    """A file of /proc about a program."""
    pid = container.run("procmanctl", "pid", name).strip()
    return container.run("cat", *(f"/proc/{pid}/{word}" for word in words))


def test_each_limit_is_what_proc_says(run):
    """Those of each process need no cgroup, and no more rights than a container has."""
    programs = """
[program.limited]
command = "sleep 1000"
user = "procman"
rlimit_nofile = "300:400"
rlimit_core = 0
rlimit_fsize = "16MB"
rlimit_stack = "4MB:8MB"
nice = 5
oom_score_adj = 500
cpu_affinity = "?0"
no_new_privs = true
capabilities = ["net_bind_service"]
"""
    with run(programs) as container:
        container.expect(RUNNING.format("limited"))
        limits = of(container, "limited", "limits")
        for name, soft, hard in (
            ("Max open files", 300, 400),
            ("Max core file size", 0, 0),
            ("Max file size", 16 << 20, 16 << 20),
            ("Max stack size", 4 << 20, 8 << 20),
        ):
            assert re.search(rf"^{name} +{soft} +{hard} ", limits, re.MULTILINE), limits
        assert of(container, "limited", "oom_score_adj").strip() == "500"
        assert of(container, "limited", "stat").rpartition(")")[2].split()[16] == "5"
        status = dict(line.split(":\t", 1) for line in of(container, "limited", "status").splitlines() if ":\t" in line)
        assert (status["NoNewPrivs"], status["Cpus_allowed_list"]) == ("1", "0")
        # CAP_NET_BIND_SERVICE is the tenth.
        assert [int(status[f"Cap{which}"], 16) for which in ("Prm", "Eff", "Bnd", "Amb")] == [1 << 10] * 4
        assert "rlimit_nofile=300:400" in container.run("procmanctl", "status", "--long")
        assert container.stop() == 0


def test_without_a_cgroup_of_ours_memory_cannot_be_limited(run):
    """It fails with the reason; with a question mark the program starts, and what was left out is shown."""
    with run(MEMORY) as container:
        container.expect_all(["strict is FATAL after 1 try: cannot set memory_max: ", RUNNING.format("lax")])
        reasons = ("no cgroup v2 is mounted", "is read-only", "does not have the controller memory")
        assert any(reason in container.text for reason in reasons), container.text
        long = container.run("procmanctl", "status", "--long", "lax")
        assert "lax: left out: " in long
        assert any(reason in long for reason in reasons)
        # What the start has said, `check` says beforehand.
        checked = container.run("procman", "check", "-c", "/etc/procman/procman.toml")
        assert "memory_max" in checked
        assert container.stop() == 0


@pytest.mark.skipif(
    not HAS_MEMORY, reason=f"{CONTROLLERS} of this machine does not have memory: see bench/limits_in_vm"
)
def test_with_a_cgroup_of_ours_memory_is_limited(run):
    """The kernel ends what takes too much, and the report is certain of it."""
    with run(MEMORY, *WRITABLE) as container:
        container.expect_all([RUNNING.format("lax"), "exited: strict"])
        line_with(container.lines, "exited: strict (terminated by SIGKILL; not expected)")
        assert '"certain"' in container.run("procmanctl", "--json", "crash", "strict")
        shown = container.run("procmanctl", "status", "--long", "lax")
        assert "memory_max=?64MB" in shown
        assert "left out" not in shown
        leaf = of(container, "lax", "cgroup").strip().rpartition("::")[2]
        assert container.run("cat", f"/sys/fs/cgroup{leaf}/memory.max").strip() == str(64 << 20)
        assert container.stop() == 0


@pytest.mark.skipif(HAS_MEMORY, reason="the machine has all that it takes")
def test_with_a_cgroup_of_ours_on_a_machine_that_cannot_limit_memory(run):
    """The log says what the machine lacks."""
    with run(MEMORY, *WRITABLE) as container:
        container.expect_all([RUNNING.format("lax"), "strict is FATAL"])
        said = [line for line in container.lines if "cannot set memory_max" in line]
        assert said
        why = "cgroup v2|read-only|does not have the controller memory"
        assert all(re.search(why, line) for line in said), said
        assert container.stop() == 0
