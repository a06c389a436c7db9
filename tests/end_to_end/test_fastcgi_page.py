"""docs/how-to/fastcgi.md with the real nginx: its application, its two files, and what it shows."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.support.browser import free_port
from tests.support.log_lines import PATIENCE
from tests.support.master_process import Master
from tests.support.pages import DOCS, run_by
from tests.support.tree_fixtures import has_ended

PAGE = DOCS / "how-to" / "fastcgi.md"
PARAMETERS = Path("/etc/nginx/fastcgi_params")
NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.root,
    pytest.mark.skipif(NGINX is None or not PARAMETERS.exists(), reason="there is no nginx, or not as Debian has it"),
    pytest.mark.skipif(find_spec("flup") is None, reason="flup is not installed: pip install flup"),
    pytest.mark.skipif(os.geteuid() != 0, reason="the socket is given to the user of nginx"),
]


def block(language: str) -> str:
    """The first block of this language."""
    found = re.search(rf"^```{language}\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert found
    return found[1]


@pytest.fixture
def folder():
    """A folder with a short path, which nginx's workers may enter."""
    folder = Path(tempfile.mkdtemp(prefix="fcgi-page-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def server(folder):
    """The port of a nginx that has the page's `server`."""
    port = str(free_port())
    own = block("nginx").replace("listen 80;", f"listen 127.0.0.1:{port};").replace("/run/", f"{folder}/")
    shutil.copy(PARAMETERS, folder)
    temporary = "".join(f"{kind}_temp_path {kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    config = folder / "nginx.conf"
    config.write_text(f"user www-data; pid nginx.pid; events {{}} http {{ access_log off; {temporary}\n{own}}}\n")
    words = [NGINX, "-p", folder, "-c", config, "-e", "errors"]
    subprocess.run(words, check=True, capture_output=True)  # it listens when it has gone to the background
    yield port
    deadline = time.monotonic() + PATIENCE
    pidfile = folder / "nginx.pid"  # which is written after that, and removed at the end
    while not (pidfile.exists() and pidfile.read_text().strip()):
        assert time.monotonic() < deadline
    nginx = int(pidfile.read_text())
    subprocess.run([*words, "-s", "stop"], check=True, capture_output=True)
    while not has_ended(nginx):
        assert time.monotonic() < deadline


def test_nginx_reaches_the_application_of_the_page(folder, server):
    """Both processes run, and curl prints what the page shows."""
    (folder / "app.py").write_text(block("python"))
    text = block("toml").replace("/srv/app/venv/bin/python", sys.executable)
    for place in ("/srv/app/", "/run/", "/var/log/"):
        text = text.replace(place, f"{folder}/")
    config = folder / "procman.toml"
    config.write_text(f'[procman]\nlogfile = "{folder}/log"\npidfile = "{folder}/pid"\n{text}')
    ((status, curl),) = run_by("tests/end_to_end/test_fastcgi_page.py", DOCS / "how-to" / "fastcgi.md")
    with Master(config) as master:
        master.expect_all([f"success: app_{number} entered RUNNING" for number in range(2)])
        shown = master.ctl(*status.line.split()[1:]).stdout
        assert [line.split()[:2] for line in shown.splitlines()] == [line.split()[:2] for line in status.shown]
        line = curl.line.replace("http://localhost/", f"http://127.0.0.1:{server}/")
        done = subprocess.run(line.split(), capture_output=True, text=True, timeout=PATIENCE, check=False)
        assert done.stdout.splitlines() == list(curl.shown), done
