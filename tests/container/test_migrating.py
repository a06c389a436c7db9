"""docs/migrating-from-supervisord.md in a container that has supervisord: "In one minute", word for word."""

import subprocess

import pytest

from tests.support.containers import BASE, IMAGE, LIMITS, ROOT, build, output, podman
from tests.support.log_lines import PATIENCE
from tests.support.pages import DOCS, run_by

pytestmark = pytest.mark.container

# As Debian's package has it.
SUPERVISORD_CONF = """\
[unix_http_server]
file=/var/run/supervisor.sock
[supervisord]
logfile=/var/log/supervisor/supervisord.log
pidfile=/var/run/supervisord.pid
childlogdir=/var/log/supervisor
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix:///var/run/supervisor.sock
[program:web]
command=sleep 1000
startsecs=0
"""


@pytest.fixture
def host(image, tmp_path):
    """A container that runs supervisord in the background, and in which procman was installed as the page says."""
    install, *_ = run_by("tests/container/test_migrating.py", DOCS / "migrating-from-supervisord.md")
    steps = "".join(f"RUN {command.line}\n" for command in install)
    folders = "".join(f"COPY {name} /src/{name}\n" for name in ("procman", "docs", "conf"))
    dockerfile = tmp_path / "Dockerfile"
    dockerfile.write_text(
        f"FROM {BASE}\nRUN pip install -q supervisor==4.3.0 && mkdir /var/log/supervisor\n"
        f"COPY pyproject.toml README.md LICENSE procman_isolated.py /src/\n{folders}WORKDIR /src\n{steps}"
    )
    tag = build(f"{IMAGE}-migrating", ROOT, "-f", str(dockerfile))
    config = tmp_path / "supervisord.conf"
    config.write_text(SUPERVISORD_CONF)
    mount = f"--volume={config}:/etc/supervisor/supervisord.conf:ro"
    container = output(*podman("run", "-d", *LIMITS, mount, tag, "sleep", "1000")).strip()
    output(*podman("exec", container, "supervisord", "-c", "/etc/supervisor/supervisord.conf"))
    yield container
    subprocess.run(podman("rm", "-f", "-t", "0", container), capture_output=True, check=False)


def test_procman_takes_the_place_of_supervisord_in_one_minute(host):
    """The old one ends, procman takes its file, and both clients show the same."""
    _, (stop, start), clients = run_by("tests/container/test_migrating.py", DOCS / "migrating-from-supervisord.md")

    def types(line: str) -> list[str]:
        return podman("exec", host, "sh", "-c", line)

    assert output(*types(clients[0].line)).split()[:2] == ["web", "RUNNING"]
    assert output(*types(stop.line)) == "Shut down\n"
    # supervisord answers before it ends, and then removes its socket.
    output(*types("while test -e /var/run/supervisord.pid; do :; done"))
    with subprocess.Popen(types(start.line), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as procman:
        try:
            output(*types("until supervisorctl status | grep -q RUNNING; do sleep 0.1; done"))
            theirs, ours = (output(*types(command.line)).split() for command in clients)
            assert theirs[:4] == ours[:4]
            assert ours[:3] == ["web", "RUNNING", "pid"]
            output(*types("procmanctl -c /etc/supervisor/supervisord.conf shutdown"))
            procman.communicate(timeout=PATIENCE)
        finally:
            procman.kill()
