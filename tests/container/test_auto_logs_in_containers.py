"""Containers that keep their AUTO logs in one volume, as replicas of an image do."""

import pytest

from tests.support.containers import RUNNING, Container

pytestmark = pytest.mark.container

CONFIG = """\
[procman]
logfile = "/dev/stdout"
pidfile = "/tmp/procman.pid"
childlogdir = "/logs"
[program.web]
command = "sh -c 'echo hello; exec sleep 1000'"
stdout_logfile = "AUTO"
stderr_logfile = "NONE"
"""


def test_a_second_container_leaves_the_logs_of_the_first_alone(image, tmp_path):
    """A container keeps AUTO logs of running containers of the same configuration, and removes those of ended ones."""
    logs = tmp_path / "logs"
    logs.mkdir()
    (tmp_path / "procman.toml").write_text(CONFIG)
    options = ("-v", f"{logs}:/logs", "-v", f"{tmp_path}/procman.toml:/etc/procman/procman.toml:ro")
    with Container(image, *options) as first:
        first.expect(RUNNING.format("web"))
        (log,) = logs.iterdir()
        with Container(image, *options) as second:
            second.expect(RUNNING.format("web"))
            assert len(list(logs.iterdir())) == 2
            assert first.run("procmanctl", "tail", "web").strip() == "hello"
            assert log.read_text() == "hello\n"
            assert second.stop() == 0
        assert first.stop() == 0
    assert "was removed" not in first.text
    with Container(image, *options) as third:
        third.expect(RUNNING.format("web"))
        assert len(list(logs.iterdir())) == 1
        assert not log.exists()
        assert third.stop() == 0
