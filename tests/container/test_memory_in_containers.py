"""A container without memory: the log says which program was killed for it."""

import pytest

from tests.support.containers import Container
from tests.support.log_lines import line_with

pytestmark = pytest.mark.container


def test_a_program_that_is_killed_for_want_of_memory_is_said_to_be(image, tmp_path):
    """Beside supervisord's line, which looks like `kill -9`, the log says that memory was short."""
    (tmp_path / "procman.toml").write_text(
        '[procman]\nlogfile = "/dev/stdout"\npidfile = "/tmp/procman.pid"\n[program.hungry]\n'
        'command = ["python3", "-c", "x = bytearray(1_000_000_000)"]\nautorestart = false\nstartretries = 0\n'
        '[program.killed]\ncommand = ["sh", "-c", "kill -9 $$"]\nautorestart = false\nstartretries = 0\n'
    )
    mount = f"{tmp_path}/procman.toml:/etc/procman/procman.toml:ro"
    with Container(image, "--memory=64m", "--memory-swap=64m", "-v", mount) as container:
        container.expect_all(["hungry is FATAL", "killed is FATAL"])
        assert container.stop() == 0
    line_with(container.lines, "exited: hungry (terminated by SIGKILL; not expected)")
    killed = "hungry: terminated by SIGKILL; not by procman; the container's memory limit was hit once (oom_kill); give"
    line_with(container.lines, killed)
    line_with(container.lines, "exited: killed (terminated by SIGKILL; not expected)")
    line_with(container.lines, "killed: terminated by SIGKILL; not by procman; memory was not short")
