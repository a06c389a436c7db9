"""The last step of docs/tutorials/into-production.md: the shop in a container, with podman as docker."""

import shlex
import sys

import pytest

from tests.support.containers import IMAGE
from tests.support.page_reader import Reader
from tests.support.pages import DOCS, files, run_by

pytestmark = pytest.mark.container

PAGE = DOCS / "tutorials" / "into-production.md"


def test_the_shop_runs_in_a_container_and_ends_well(image, tmp_path):
    """All programs come up, the nightly job runs by hand, and `docker stop` leaves exit status 0."""
    for file, text in files(PAGE).items():
        (tmp_path / file).write_text(text.replace("FROM procman", f"FROM {IMAGE}"))
    (commands,) = run_by("tests/container/test_into_production.py", DOCS / "tutorials" / "into-production.md")
    with Reader.of("shop") as reader:
        for command in commands:
            if command.line.startswith("procman check"):
                reader.run([sys.executable, "-m", *shlex.split(command.line)], tmp_path)
                continue
            said = reader.types(command.line, tmp_path)
            if " run " in command.line.partition("shop")[0]:
                reader.wait_for("success: worker entered RUNNING", "shop")
            assert said.splitlines()[: len(command.shown)] == list(command.shown)
