"""What an orchestrator sees of a container: whether it is alive, whom it can ask, and when it ends."""

import pytest
from containers import RUNNING, Container

pytestmark = pytest.mark.container

HEAD = '[procman]\nlogfile = "/dev/stdout"\npidfile = "/tmp/procman.pid"\n'


@pytest.fixture
def with_config(tmp_path):
    """The options that mount a folder with this configuration."""

    def mount(text: str) -> tuple[str, ...]:
        folder = tmp_path / "procman"
        folder.mkdir()
        (folder / "procman.toml").write_text(HEAD + text)
        return ("-v", f"{folder}:/etc/procman")

    return mount


@pytest.mark.parametrize(("code", "how"), [(0, "has ended"), (3, "has ended unexpectedly")])
def test_the_end_of_a_critical_program_ends_the_container(image, with_config, code, how):
    """Whatever its exit code, which is the container's; nothing is left running in there."""
    job = f"[program.job]\ncommand = \"sh -c 'exit {code}'\"\nstartsecs = 0\nautorestart = false\ncritical = true\n"
    web = '[program.web]\ncommand = "sleep 1000"\nstartsecs = 0\npriority = 1\n'
    with Container(image, *with_config(web + job)) as container:
        assert container.to_the_end() == code
    assert f"job is critical and {how}: shutting down" in container.text
    assert "stopped: web (terminated by SIGTERM)" in container.text


def test_an_operators_stop_of_a_critical_program_leaves_the_container(image, with_config):
    """Until it has ended by itself."""
    job = '[program.job]\ncommand = "sleep 1000"\nautorestart = false\nstartsecs = 0\ncritical = true\n'
    with Container(image, *with_config(job)) as container:
        container.expect(RUNNING.format("job"))
        container.run("procmanctl", "stop", "job")
        container.run("procmanctl", "start", "job")
        container.run("procmanctl", "signal", "TERM", "job")
        assert container.to_the_end() == 128 + 15
