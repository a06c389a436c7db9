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
        container.expect_all(["hungry entered FATAL", "killed entered FATAL", "hungry was killed for want of memory"])
        assert container.stop() == 0
    line_with(container.lines, "exited: hungry (terminated by SIGKILL; not expected)")
    line_with(container.lines, "the kernel has ended a process of this container or unit (oom_kill); raise its")
    line_with(container.lines, "exited: killed (terminated by SIGKILL; not expected)")
    assert "killed was killed" not in container.text
