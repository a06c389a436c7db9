"""Containers as an orchestrator sees them: health, clients, and how they end."""

import json
import subprocess

import pytest
import yaml

from procman.config.load import load
from procman.convert import kubernetes
from procman.convert.result import Target
from tests.support.containers import RUNNING, Container, output, podman

pytestmark = pytest.mark.container

HEAD = '[procman]\nlogfile = "/dev/stdout"\npidfile = "/tmp/procman.pid"\n'


@pytest.fixture
def with_config(tmp_path):
    """The options that mount a directory with this configuration."""

    def mount(text: str) -> tuple[str, ...]:
        folder = tmp_path / "procman"
        folder.mkdir()
        (folder / "procman.toml").write_text(HEAD + text)
        return ("-v", f"{folder}:/etc/procman")

    return mount


@pytest.mark.parametrize(("code", "how"), [(0, "has ended"), (3, "has ended unexpectedly")])
def test_the_end_of_a_critical_program_ends_the_container(image, with_config, code, how):
    """A critical program ends the container with its exit code, whatever that is, and nothing is left running."""
    job = f"[program.job]\ncommand = \"sh -c 'exit {code}'\"\nstartsecs = 0\nautorestart = false\ncritical = true\n"
    web = '[program.web]\ncommand = "sleep 1000"\nstartsecs = 0\npriority = 1\n'
    with Container(image, *with_config(web + job)) as container:
        assert container.to_the_end() == code
    assert f"job is critical and {how}: shutting down" in container.text
    assert "stopped: web (terminated by SIGTERM)" in container.text


def test_an_operators_stop_of_a_critical_program_leaves_the_container(image, with_config):
    """After a manual stop of a critical program, the container runs on and can start it again."""
    job = '[program.job]\ncommand = "sleep 1000"\nautorestart = false\nstartsecs = 0\ncritical = true\n'
    with Container(image, *with_config(job)) as container:
        container.expect(RUNNING.format("job"))
        container.run("procmanctl", "stop", "job")
        container.run("procmanctl", "start", "job")
        container.expect(RUNNING.format("job"))
        assert container.stop() == 0


WEB = '[program.web]\ncommand = "sleep 1000"\nstartsecs = 0\n'
SERVERS = {
    "no server": "",
    "a socket with a password": '[unix_http_server]\nfile = "/tmp/s"\nusername = "me"\npassword = "word"\n',
}


@pytest.mark.parametrize("server", SERVERS.values(), ids=list(SERVERS))
@pytest.mark.parametrize("options", [(), ("--user", "12345", "--read-only")], ids=["root", "a user"])
def test_a_typo_in_the_mounted_file_leaves_the_container_healthy(image, with_config, tmp_path, options, server):
    """With a typo in the mounted file, HEALTHCHECK and the exported livenessProbe pass, and `health` warns."""
    mounted = with_config(WEB + server)
    file = tmp_path / "procman" / "procman.toml"
    exported = kubernetes.export(load(str(file)), Target(name="web", image="web", procman="procman"))
    (exported_container,) = yaml.safe_load(exported.files["web.yaml"])["spec"]["template"]["spec"]["containers"]
    probe = exported_container["livenessProbe"]["exec"]["command"]
    elsewhere = tmp_path / "app"
    elsewhere.mkdir()
    (elsewhere / "supervisord.conf").write_text("[unix_http_server]\nfile=/tmp/other.sock\n")
    with Container(image, *mounted, *options, "-v", f"{elsewhere}:/app", "--workdir", "/app") as container:
        container.expect(RUNNING.format("web"))
        file.write_text(file.read_text() + "bad = [")
        assert output(*podman("healthcheck", "run", container.name)).strip() == ""
        assert container.run(*probe) == "ok\n"
        found = json.loads(container.run("procmanctl", "-c", "/etc/procman/procman.toml", "health", "--json"))
        assert found["ready"]
        assert "/etc/procman/procman.toml" in found["warnings"][0]
        file.unlink()
        assert output(*podman("healthcheck", "run", container.name)).strip() == ""
        assert container.run(*probe) == "ok\n"
        assert container.stop() == 0


def test_a_container_whose_master_does_not_answer_is_unhealthy(image, with_config):
    """A container whose master is stopped accepts connections, does not answer, and is unhealthy."""
    with Container(image, *with_config(WEB)) as container:
        container.expect(RUNNING.format("web"))
        (master,) = output(*podman("inspect", "--format", "{{.State.Pid}}", container.name)).split()
        output("kill", "-STOP", master)
        try:
            checked = subprocess.run(
                podman("exec", container.name, "procmanctl", "health", "--live"),
                capture_output=True,
                text=True,
                check=False,
            )
        finally:
            output("kill", "-CONT", master)
        assert checked.returncode == 1
        assert "it does not answer" in checked.stdout
        assert container.stop() == 0


@pytest.mark.parametrize("file", [(), ("-c", "/etc/procman/procman.toml")], ids=["found", "-c"])
def test_root_finds_the_master_of_a_container_of_another_user(image, with_config, file):
    """`podman exec --user 0` finds the master of uid 12345, and ignores sockets of a third user."""
    with Container(image, *with_config(WEB), "--user", "12345") as container:
        container.expect(RUNNING.format("web"))
        ask = ("exec", "--user", "0", container.name, "procmanctl", *file)
        assert output(*podman(*ask, "status")).split()[:2] == ["web", "RUNNING"]
        output(*podman(*ask, "restart", "web"))
        assert output(*podman(*ask, "health", "--live")) == "ok\n"
        assert container.stop() == 0
