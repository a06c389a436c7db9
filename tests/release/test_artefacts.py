"""What `nox -s packages` builds is the same each time, and can be installed and used in every way that is offered."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from procman import __version__

ROOT = Path(__file__).parents[2]
HERE = Path(sys.executable).parent
TOOLS = ("build", "hatchling", "twine", "shiv", "cyclonedx_py", "uv", "pipx")
PYTHONS = [f"python3.{minor}" for minor in (11, 12, 13, 14)]
CONFIG = """\
[program.web]
command = "sleep 1000"
startsecs = 0
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        "CI" not in os.environ and not all(map(find_spec, TOOLS)), reason="it takes: pip install -e '.[release]'"
    ),
]


def there(python):
    """Whether this Python is installed: a shim of pyenv is a command, and may have no Python behind it."""
    found = shutil.which(python)
    return found and subprocess.run([found, "--version"], capture_output=True, check=False).returncode == 0


EACH_PYTHON = pytest.mark.parametrize(
    "python", [pytest.param(name, marks=[] if there(name) else pytest.mark.skip(f"no {name}")) for name in PYTHONS]
)


def output(*command, **environment):
    """What a command prints; it has to succeed. Tools of these tests' environment come first."""
    path = f"{HERE}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [str(word) for word in command],
        env={**os.environ, "PATH": path, **{name: str(value) for name, value in environment.items()}},
        cwd="/",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """Two directories with the same release, built side by side in different circumstances."""
    folder = tmp_path_factory.mktemp("release")
    builds = []
    for name, umask, zone in (("one", 0o22, "UTC"), ("two", 0o77, "Asia/Tokyo")):
        environment = {**os.environ, "PATH": f"{HERE}{os.pathsep}{os.environ['PATH']}", "TZ": zone}
        command = [sys.executable, ROOT / "release" / "artefacts.py", folder / name]
        builds.append(
            subprocess.Popen(
                command, env=environment, umask=umask, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            )
        )
    said = [build.communicate()[0] for build in builds]
    assert [build.returncode for build in builds] == [0, 0], "\n".join(said)
    return folder / "one", folder / "two"


@pytest.fixture
def dist(both):
    return both[0]


def only(folder, pattern):
    (found,) = folder.glob(pattern)
    return found


def try_it(procman, procmanctl, folder, **environment):
    """Run a master with a program in the background, ask it, and end it."""
    config = folder / "procman.toml"
    config.write_text(CONFIG)
    environment["XDG_RUNTIME_DIR"] = folder
    assert output(procman, "--version", **environment) == f"{__version__}\n"
    output(procman, "--daemon", "-c", config, **environment)
    try:
        assert re.search(r"^web +RUNNING ", output(procmanctl, "-c", config, "status", **environment), re.MULTILINE)
        assert re.search(
            r"^web +RUNNING ", output(procmanctl, "-c", config, "status", "--long", **environment), re.MULTILINE
        )
    finally:
        output(procmanctl, "-c", config, "shutdown", **environment)


def test_the_same_commit_gives_the_same_bytes(both):
    """Neither the umask nor the time zone nor the time of the build is in any of the files."""
    one, two = ({file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in each.iterdir()} for each in both)
    assert one == two
    output("sh", "-c", f"cd {both[1]} && sha256sum -c SHA256SUMS")
    assert set((both[0] / "SHA256SUMS").read_text().split()[1::2]) == one.keys() - {"SHA256SUMS"}


@EACH_PYTHON
@pytest.mark.parametrize("what", ["*.whl", "procman-*.tar.gz"])
def test_the_wheel_and_the_sdist_work_in_a_new_environment(dist, tmp_path, python, what):
    """In an environment with nothing else, both install with their dependencies, and run a master."""
    output("uv", "venv", "-q", "-p", shutil.which(python), tmp_path / "venv")
    output("uv", "pip", "install", "-q", "-p", tmp_path / "venv", only(dist, what))
    try_it(tmp_path / "venv" / "bin" / "procman", tmp_path / "venv" / "bin" / "procmanctl", tmp_path)
    for name in ("procman/procman.service", "man/man1/procman.1", "man/man5/procman.toml.5"):
        assert (tmp_path / "venv" / "share" / name).is_file()


def test_uv_tool_installs_both_commands(dist, tmp_path):
    """After `uv tool install`, procman and procmanctl are there."""
    where = {"UV_TOOL_DIR": tmp_path / "tools", "UV_TOOL_BIN_DIR": tmp_path / "bin"}
    output("uv", "tool", "install", "-q", only(dist, "*.whl"), **where)
    try_it(tmp_path / "bin" / "procman", tmp_path / "bin" / "procmanctl", tmp_path)


def test_pipx_installs_both_commands(dist, tmp_path):
    """After `pipx install`, procman and procmanctl are there."""
    where = {"PIPX_HOME": tmp_path / "tools", "PIPX_BIN_DIR": tmp_path / "bin", "PIPX_MAN_DIR": tmp_path / "man"}
    output("pipx", "install", only(dist, "*.whl"), **where)
    assert (tmp_path / "man" / "man1" / "procmanctl.1").exists()
    try_it(tmp_path / "bin" / "procman", tmp_path / "bin" / "procmanctl", tmp_path)


@EACH_PYTHON
def test_the_zipapp_works_alone(dist, tmp_path, python):
    """One file of at most 2 MiB runs a master, on every Python; a link to it is procmanctl."""
    zipapp = dist / "procman.pyz"
    assert zipapp.stat().st_size <= 2 * 1024 * 1024
    for name, target in (("python3", shutil.which(python)), ("procmanctl", zipapp)):
        (tmp_path / name).symlink_to(target)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    try_it(zipapp, tmp_path / "procmanctl", tmp_path, SHIV_ROOT=tmp_path / "unpacked", PATH=path)


def test_what_is_left_out_of_the_zipapp_is_not_missed(dist, tmp_path):
    """All modules of procman can be imported, and rich draws a table on a terminal."""
    code = (
        "import importlib, pkgutil, procman, urllib3, psutil\n"
        "for found in pkgutil.walk_packages(procman.__path__, 'procman.'):\n"
        "    if not found.name.startswith(('procman.__main__', 'procman.tui')): importlib.import_module(found.name)\n"
        "from rich.console import Console; from rich.table import Table; from rich.text import Text\n"
        "table = Table('a'); table.add_row(Text('b')); Console(force_terminal=True).print(table, [1])\n"
    )
    environment = {"SHIV_ROOT": tmp_path, "SHIV_INTERPRETER": 1}
    assert "│ b │" in output(sys.executable, dist / "procman.pyz", "-c", code, **environment)


@pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="no dpkg-deb")
def test_the_debian_package_needs_only_what_debian_has(dist, tmp_path):
    """The package works with the system's Python and psutil, and has the unit, the sample and the licence."""
    package = only(dist, "*.deb")
    assert output("dpkg-deb", "--field", package, "Depends").strip() == "python3 (>= 3.11), python3-psutil"
    output("dpkg-deb", "--extract", package, tmp_path)
    for name in (
        "lib/systemd/system/procman.service",
        "share/bash-completion/completions/procmanctl",
        "share/doc/procman/copyright",
        "share/man/man1/procmanctl.1.gz",
        "share/man/man5/procman.toml.5.gz",
    ):
        assert (tmp_path / "usr" / name).is_file()
    assert "ExecStart=/usr/bin/procman " in (tmp_path / "usr/lib/systemd/system/procman.service").read_text()
    output(sys.executable, "-m", "procman", "check", "-c", tmp_path / "etc" / "procman" / "procman.toml")
    script = tmp_path / "usr" / "bin" / "procman"
    lines = script.read_text().replace("/usr/lib/procman", f"{tmp_path}/usr/lib/procman").splitlines()
    assert lines[0] == "#!/usr/bin/python3 -I"
    script.write_text("\n".join([f"#!{sys.executable} -I", *lines[1:], ""]))
    assert output(script, "--version") == f"{__version__}\n"
    assert output(script, "run", "--", "echo", "hello") == "hello\n"


def test_the_bill_of_materials_has_every_dependency(dist):
    """The CycloneDX document is about this version, and has each package with its version and license."""
    document = json.loads(only(dist, "*.cdx.json").read_text())
    assert document["bomFormat"] == "CycloneDX"
    about = document["metadata"]["component"]
    assert (about["name"], about["version"]) == ("procman", __version__)
    parts = {part["name"].lower(): part for part in document["components"]}
    assert {"tomli", "psutil", "rich", "h11", "urllib3", "cronsim", "python-dotenv"} <= parts.keys()
    assert all(part["version"] and part["licenses"] for part in parts.values())


def test_the_schema_has_the_form_of_the_schema_store(dist):
    """The schema is valid draft 07, and has the address that the store gives it."""
    import jsonschema  # half a second

    schema = json.loads((dist / "procman.schema.json").read_text())
    jsonschema.Draft7Validator.check_schema(schema)
    assert schema["$schema"] == "http://json-schema.org/draft-07/schema#"
    assert schema["$id"] == "https://json.schemastore.org/procman.json"
