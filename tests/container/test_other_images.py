"""procman in images not based on its own: it needs nothing there, neither a Python nor a C library."""

import re

import pytest

from tests.support.containers import BASE, IMAGE, LIMITS, ROOT, RUNNING, Container, build, output, podman
from tests.support.pages import DOCS, run_by

pytestmark = pytest.mark.container

PAGE = (ROOT / "docs" / "how-to" / "into-another-image.md").read_text()
# What the image's own Node.js is on the page.
SERVER = """\
#!/bin/sh
trap 'echo node says goodbye; exit 0' TERM
echo "node runs $1"
while sleep 0.1; do :; done
"""


@pytest.fixture
def without_python(image, tmp_path):
    """An image of Debian without Python; its tag."""
    (tmp_path / "Dockerfile").write_text(
        f"FROM {BASE}\nRUN rm -rf /usr/bin/python3* /usr/lib/python3* /usr/local/bin/*\n"
    )
    return build(f"{IMAGE}-no-python", tmp_path)


def put_into(base: str, folder, tag: str) -> str:
    """The image of the how-to, based on another one."""
    (dockerfile,) = re.findall(r"^```dockerfile\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    (config,) = re.findall(r"^```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    context = folder / "context"
    context.mkdir()
    text = re.sub(r"^FROM .*", f"FROM {base}\nCOPY node /usr/local/bin/", dockerfile)
    (context / "Dockerfile").write_text(text.replace("--from=procman", f"--from={IMAGE}"))
    (context / "procman.toml").write_text(config)
    (context / "server.js").write_text("")
    (context / "node").write_text(SERVER)
    (context / "node").chmod(0o755)
    return build(tag, context)


@pytest.mark.parametrize("options", [(), ("--user", "12345", "--read-only")], ids=" ".join)
def test_an_image_without_a_python_runs_procman(without_python, tmp_path, options):
    """Without Python, procman works as PID 1, with client, `status --long`, an upgrade and a graceful stop."""
    tag = put_into(without_python, tmp_path, f"{IMAGE}-into-another")
    with Container(tag, *options) as container:
        container.expect_all([RUNNING.format("web"), "^node runs /srv/server.js$"])
        assert container.run("sh", "-c", "command -v python3") == "/opt/procman/bin/python3\n"
        # Its libraries are its own alone: what it runs gets no variable that would have them loaded.
        # The processes of `podman exec` itself come and go while it reads.
        assert "LD_" not in container.run("sh", "-c", "cat /proc/1/environ && cat /proc/*/environ 2>/dev/null || true")
        assert container.run("procmanctl", "status").split()[:2] == ["web", "RUNNING"]
        table = output(*podman("exec", "-t", container.name, "procmanctl", "status", "--long"))
        assert "web" in table
        assert "RUNNING" in table
        assert container.run("procmanctl", "upgrade").startswith("Upgraded: procman")
        assert container.stop() == 0
    assert "node says goodbye" in container.lines
    assert "Traceback" not in container.text


def test_an_empty_image_is_enough(image, tmp_path):
    """An image without C library, shell and users is enough; the test's program is procman's own Python."""
    (tmp_path / "Dockerfile").write_text(
        f"FROM scratch\nCOPY --from={IMAGE} /opt/procman /opt/procman\nCOPY procman.toml /etc/procman/procman.toml\n"
        'CMD ["/opt/procman/bin/procman", "-c", "/etc/procman/procman.toml"]\n'
    )
    (tmp_path / "procman.toml").write_text(
        '[program.web]\nstdout_logfile = "-"\n'
        'command = ["/opt/procman/bin/python3", "-u", "-c", "import time; print(\'hello\'); time.sleep(1000)"]\n'
    )
    with Container(build(f"{IMAGE}-scratch", tmp_path)) as container:
        container.expect_all([RUNNING.format("web"), "^hello$"])
        assert container.run("/opt/procman/bin/procmanctl", "status").split()[:2] == ["web", "RUNNING"]
        assert container.stop() == 0
    assert "Traceback" not in container.text


def test_the_image_can_be_made_on_a_smaller_one(without_python):
    """The image can be built on a smaller base, as in the how-to; its default program needs no Python."""
    ((command,),) = run_by("tests/container/test_other_images.py", DOCS / "how-to" / "into-another-image.md")
    found = re.fullmatch(r"docker build (--build-arg) (ON=)\S+ -t procman \.", command.line)
    assert found
    with Container(build(f"{IMAGE}-smaller", ROOT, found[1], f"{found[2]}{without_python}")) as container:
        container.expect_all([RUNNING.format("hello"), "^tick 1$"])
        assert container.stop() == 0
    assert "ticker says goodbye" in container.lines


def test_the_demo_of_the_readme_runs_in_the_image(image, tmp_path):
    """All four programs of the demo run in the image with the samples mounted."""
    with Container(image, "-v", f"{ROOT}/conf:/conf:ro", "--tmpfs=/conf/run",
                   command=("procman", "-c", "/conf/procman.toml")) as container:  # fmt: skip
        container.expect_all([RUNNING.format(name) for name in ("ticker", "web", "worker_00", "worker_01")])
        assert container.stop() == 0
    assert "Traceback" not in container.text


def test_nothing_is_left_of_the_building(image):
    """The image has no caches of pip or apt, and no sources."""
    listing = "ls -d /src /root/.cache /var/cache/apt/archives/*.deb 2>/dev/null; :"
    assert output(*podman("run", "--rm", *LIMITS, image, "sh", "-c", listing)) == ""
