"""PID 1 in an image whose PYTHONPATH and PYTHONHOME are for its own Python programs."""

import pytest

from tests.support.containers import RUNNING, Container

pytestmark = pytest.mark.container

CONFIG = """\
[procman]
logfile = "/dev/stdout"
pidfile = "/tmp/procman.pid"
[program.web]
command = "sh -c 'env | grep PYTHONPATH; env | grep PYTHONHOME; exec sleep 1000'"
stdout_logfile = "-"
stderr_logfile = "-"
"""
# As pip installs it, without the -I that the Dockerfile adds.
PIPS = "#!/opt/procman/bin/python3\nimport sys\nfrom procman_isolated import procman\nsys.exit(procman())\n"


@pytest.fixture
def with_app(tmp_path):
    """The options that mount the configuration and an application whose modules have names of procman's."""
    app = tmp_path / "app"
    for name in ("procman/__init__.py", "tomli.py", "h11.py", "json/__init__.py", "bin/procman"):
        (app / name).parent.mkdir(parents=True, exist_ok=True)
        (app / name).write_text("raise RuntimeError('this is the file of the application')\n")
    (app / "bin" / "procman").write_text(PIPS)
    (app / "bin" / "procman").chmod(0o755)
    (tmp_path / "procman.toml").write_text(CONFIG)
    return ("-v", f"{app}:/app:ro", "-v", f"{tmp_path}/procman.toml:/etc/procman/procman.toml:ro")


@pytest.mark.parametrize("home", ["/usr/local", "/nonexistent"])
def test_the_variables_of_the_application_are_for_its_programs(image, with_app, home):
    """Master, client and HEALTHCHECK ignore the variables; the program gets them unchanged."""
    options = (*with_app, "-e", "PYTHONPATH=/app", "-e", f"PYTHONHOME={home}")
    with Container(image, *options) as container:
        container.expect("procman started with pid 1$")
        container.expect_all([RUNNING.format("web"), "^PYTHONPATH=/app$", f"^PYTHONHOME={home}$"])
        assert container.run("procmanctl", "status").split()[:2] == ["web", "RUNNING"]
        assert container.run("procmanctl", "pid").strip() == "1"
        assert container.stop() == 0
    assert "Traceback" not in container.text


def test_what_pip_installs_is_isolated_too(image, with_app):
    """Procman installed by pip ignores the variables too, as PID 1."""
    command = ("/app/bin/procman", "-c", "/etc/procman/procman.toml")
    with Container(image, *with_app, "-e", "PYTHONPATH=/app", command=command) as container:
        container.expect("procman started with pid 1$")
        container.expect_all([RUNNING.format("web"), "^PYTHONPATH=/app$"])
        assert "-EP" in container.run("cat", "/proc/1/cmdline").split("\0")
        assert container.stop() == 0
    assert "Traceback" not in container.text
