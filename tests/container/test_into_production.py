"""The last step of docs/tutorials/into-production.md: the shop in a container, with podman as docker."""

import json
import subprocess
import uuid

import pytest

from tests.support.containers import IMAGE, LIMITS, build, output, podman
from tests.support.pages import DOCS, files

pytestmark = pytest.mark.container

PAGE = DOCS / "tutorials" / "into-production.md"


@pytest.fixture
def shop(image, tmp_path):
    """A container of the image that the page has built; both are removed."""
    name = f"localhost/shop-{uuid.uuid4().hex[:8]}"
    for file, text in files(PAGE).items():
        (tmp_path / file).write_text(text.replace("FROM procman", f"FROM {IMAGE}"))
    build(name, tmp_path)
    container = output(*podman("run", "-d", *LIMITS, name)).strip()
    yield container
    subprocess.run(podman("rm", "-f", "-v", "-t", "0", container), capture_output=True, check=False)
    subprocess.run(podman("rmi", "-f", name), capture_output=True, check=False)


def test_the_shop_runs_in_a_container_and_ends_well(shop):
    """All programs come up, the nightly job runs by hand, and `docker stop` leaves exit status 0."""
    ctl = podman("exec", shop, "procmanctl", "-c", "procman.toml")
    while subprocess.run([*ctl, "health"], capture_output=True, check=False).returncode:
        assert json.loads(output(*podman("inspect", shop)))[0]["State"]["Running"], output(*podman("logs", shop))
    assert output(*ctl, "run", "backup") == "backed up\n"
    output(*podman("stop", shop))
    assert output(*podman("inspect", "--format", "{{.State.ExitCode}}", shop)) == "0\n"
