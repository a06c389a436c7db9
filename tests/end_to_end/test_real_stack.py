"""PostgreSQL, Redis and nginx from Debian, a web app, a migration and a worker: the tutorial, as it is written."""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.free_ports import free_port
from tests.support.master_process import ROOT
from tests.support.pages import DOCS, run_by

pytestmark = pytest.mark.slow

TUTORIAL = ROOT / "docs/tutorials/web-app-database-worker.md"
# The packages, and a command of each.
NEEDED = {"postgresql": "initdb", "redis-server": "redis-server", "nginx-light": "nginx", "curl": "curl"}
PATIENCE = 120
# PostgreSQL refuses to be run by root.
AS_NOBODY = """
initdb() {
  chown -R nobody .
  setpriv --reuid=nobody --regid=nogroup --clear-groups env initdb "$@"
}
"""


@pytest.fixture
def stack(tmp_path_factory):
    """The files of the tutorial in a folder of its own, with ports that are free here."""
    # The programs take Debian's Python, which every user may run.
    path = ":".join(["/usr/local/bin:/usr/bin:/bin:/usr/sbin", *_server_programs(), os.path.dirname(sys.executable)])
    missing = [package for package, command in NEEDED.items() if shutil.which(command, path=path) is None]
    if missing:
        reason = f"{', '.join(missing)} of Debian is not installed"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    # A Unix socket has a short path, and the folders of pytest are closed to others.
    folder = Path(subprocess.check_output(["mktemp", "-d", "/tmp/procman-stack-XXXXXX"], text=True).strip())
    stack = Stack(folder, path)
    yield stack
    stack.close()


def _server_programs() -> list[str]:
    """Debian keeps the programs of the server out of the PATH."""
    return sorted(str(path) for path in Path("/usr/lib/postgresql").glob("*/bin"))


class Stack:
    """The tutorial in a folder."""

    def __init__(self, folder: Path, path: str) -> None:
        self.folder = folder
        self.env = {"PATH": path, "HOME": str(folder), "LANG": "C.UTF-8", "TMPDIR": str(folder)}
        self.ports = {"8000": str(free_port()), "8080": str(free_port())}
        text = re.sub("8000|8080", lambda port: self.ports[port[0]], TUTORIAL.read_text())
        self.blocks = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
        self.files = dict(re.findall(r"^`([\w.]+)`:\n```\w+\n(.*?)^```", text, re.MULTILINE | re.DOTALL))
        folder.chmod(0o755)

    def make(self) -> None:
        """The first block of the tutorial, and its files. Where the test is root, the programs are not."""
        self.run((AS_NOBODY if os.geteuid() == 0 else "") + self.blocks[0])
        if os.geteuid() == 0:
            user = r'\g<0>\nuser = "nobody"'
            self.files["procman.toml"] = re.sub(r"(?m)^\[program.*\]$", user, self.files["procman.toml"])
        for name, text in self.files.items():
            (self.folder / "shop" / name).write_text(text)

    def run(self, script: str) -> subprocess.CompletedProcess:
        """In the folder; what it prints is in the failure."""
        done = subprocess.run(
            ["bash", "-c", f"set -e\n{script}"],
            cwd=self.folder,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        log = self.folder / "shop/run/procman.log"
        assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}{log.read_text() if log.exists() else ''}"
        return done

    @property
    def log(self) -> str:
        """What the master has said."""
        return (self.folder / "shop/run/procman.log").read_text()

    def close(self) -> None:
        """Stop what a failed test has left."""
        for pid in _with_folder(self.folder):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        shutil.rmtree(self.folder, ignore_errors=True)


def _with_folder(folder: Path) -> list[int]:
    """The processes that work in the folder."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and Path(os.readlink(entry / "cwd")).is_relative_to(folder):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def test_the_packages_of_the_tutorial_are_those_of_ci():
    """What the first command installs is what is needed here, and what `.ci/run` installs."""
    ((command,),) = run_by("tests/end_to_end/test_real_stack.py", DOCS / "tutorials" / "web-app-database-worker.md")
    words = command.line.removeprefix("sudo apt-get install ").split()
    packages = [word for word in words if not word.startswith("-")]
    assert sorted(packages) == sorted(NEEDED)
    script = (ROOT / ".ci" / "run").read_text()
    assert all(f" {package}=" in script for package in packages)


def test_the_tutorial_works_as_it_is_written(stack):
    """All its commands in one shell: the boot in order, a killed database, a cascade, and the end."""
    stack.make()
    marks = "".join(f"echo '=== {number}'\n{block}" for number, block in enumerate(stack.blocks[1:]))
    said = stack.run(f"cd shop\n{marks}").stdout
    parts = re.split(r"^=== \d+\n", said, flags=re.MULTILINE)[1:]
    assert "good; 6 processes in 6 groups" in parts[0]
    # The order of a boot, by when each could be used.
    order = re.findall(r"spawned: '(\w+)'", stack.log)[:6]
    assert order.index("migrate") > order.index("db")
    assert order.index("web") > order.index("migrate") < order.index("worker")
    assert order[-1] == "nginx"
    assert re.search(r"^migrate +EXITED .*done in", parts[1], re.MULTILINE)
    # The worker has done the order, and the order has outlived the database.
    assert parts[2].split() == ["1", "1"]
    assert parts[4].split()[-1] == "1"
    killed = stack.log.index("exited: db (terminated by SIGKILL")
    back = stack.log[killed:]
    assert back.index("success: db entered RUNNING") < back.index("spawned: 'worker'")
    assert "spawned: 'migrate'" not in back[: back.index("stopped: db")]
    # The cascade: what needs the database stops before it.
    cascade = re.findall(r"stopped: (\w+)", back)
    first_stops = cascade[cascade.index("nginx") :]
    assert first_stops.index("nginx") < first_stops.index("web") < first_stops.index("db")
    # The end is the start in reverse.
    stops = re.findall(r"stopped: (\w+)", back)[-5:]
    assert stops.index("nginx") < stops.index("web") < stops.index("db")
    assert _with_folder(stack.folder) == []
