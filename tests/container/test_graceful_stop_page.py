"""docs/how-to/graceful-stop-in-docker.md, word for word."""

import re

import pytest

from tests.support.containers import IMAGE, ROOT
from tests.support.page_reader import Reader, pattern
from tests.support.pages import DOCS, files, run_by

pytestmark = pytest.mark.container

PAGE = DOCS / "how-to" / "graceful-stop-in-docker.md"
# In place of a program of the reader's own; what is shown of it on the page is what it says.
MY_APP = """\
#!/usr/bin/env python3
import signal, sys

assert sys.argv[1:] == ["--port", "8080"]
signal.signal(signal.SIGTERM, lambda *_: (print("my-app says goodbye", flush=True), sys.exit()))
print("my-app is up", flush=True)
signal.pause()
"""


def test_the_page_does_word_for_word_what_it_shows(image, tmp_path):
    """The images are built, the container ends gracefully with the log of the page, and with a budget it has a plan."""
    blocks = run_by("tests/container/test_graceful_stop_page.py", DOCS / "how-to" / "graceful-stop-in-docker.md")
    (base,), (with_budget,), session = blocks
    dockerfile = re.findall(r"^```dockerfile\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)[0]
    (tmp_path / "Dockerfile").write_text(dockerfile.replace("FROM procman", f"FROM {IMAGE}"))
    (tmp_path / "procman.toml").write_text(files(PAGE)["procman.toml"])
    (tmp_path / "my-app").write_text(MY_APP)
    (tmp_path / "my-app").chmod(0o755)
    with Reader.of("procman", "my-shop", "shop") as reader:
        reader.types(base.line, ROOT)
        for command in session:
            said = reader.types(command.line, tmp_path).splitlines()
            if command.line.startswith("docker run"):
                reader.wait_for("my-app is up", "shop")
                reader.wait_for("success: my-app entered RUNNING", "shop")
            for line in command.shown:
                assert any(pattern(line).fullmatch(one) for one in said), f"{line!r} is not in\n{said}"
        reader.types("docker rm shop", tmp_path)
        reader.types(with_budget.line, tmp_path)
        reader.wait_for("success: my-app entered RUNNING", "shop")
        plan = reader.types("docker exec shop procmanctl stop-plan", tmp_path)
        assert "a shutdown takes at most 9 s" in plan
        assert "fits" in plan
