"""Builds what a release consists of, from this checkout: `python release/artefacts.py dist`.

The same commit and the same versions of the dependencies give the same bytes: all times in the archives are that of the
commit. `nox -s packages` runs this with the tools that it needs.
"""

import gzip
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from email.parser import BytesParser
from pathlib import Path

ROOT = Path(__file__).parents[1]
# The commands of packages are not for a path of ours. rich imports the others only to show source code and Markdown.
UNUSED = ("bin", "share", "pygments", "markdown_it", "mdurl")
# What the packages import on other systems, or for what procman does not do.
UNUSED_MODULES = (
    "psutil/_ps{aix,bsd,osx,sunos,windows}.py",
    "rich/{_win32_console,_windows,_windows_renderer,_spinners,spinner,status,progress,progress_bar,prompt}.py",
    "rich/{diagnose,json,layout,logging,markdown,syntax,traceback,tree}.py",
    "rich/{__main__,_inspect,_timer,bar,columns,filesize,panel,rule,scope}.py",
    "dotenv/{__main__,cli,ipython}.py",
    "urllib3/contrib/*.py",
    "urllib3/contrib/emscripten/*",
    "urllib3/http2/connection.py",
)
# What draws by Textual, which the zipapp does not have (`top` says so), what tests by pytest, what writes docs/.
NOT_IN_ZIPAPP = (
    *("procman/tui", "procman/pytest_plugin.py"),
    *("procman/cli/reference_docs.py", "procman/cli/reference_page.py", "procman/cli/man_pages.py"),
    *("procman/api/reference_pages.py", "procman/api/metrics/reference_page.py", "procman/client/reference_page.py"),
)
COMPILED = "psutil"
LIMIT = 2 * 1024 * 1024  # bytes of the zipapp
COMMAND = """\
#!/usr/bin/python3 -I
import sys
sys.path.insert(0, "/usr/lib/procman")
from procman_isolated import {0}
sys.exit({0}())
"""


def main(target: Path) -> None:
    """Write all files into the directory, which is emptied before."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    os.environ["SOURCE_DATE_EPOCH"] = run("git", "log", "-1", "--format=%ct").strip()
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", str(target))
    (wheel,) = target.glob("*.whl")
    version = wheel.name.split("-")[1]
    run(sys.executable, "-m", "twine", "check", "--strict", *map(str, target.iterdir()))
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        site = work / "site"
        install(site, wheel)
        packages(target, work, version)
        zipapp(target / "procman.pyz", site)
        parts_list(target / f"procman-{version}.cdx.json", work, wheel)
    shutil.copy(ROOT / "docs" / "procman.schema.json", target)
    checksums(target)


def install(site: Path, wheel: Path) -> None:
    """Install the wheel and its dependencies in a directory, as pure Python: the same files for every Python."""
    needed = [line for line in dependencies(wheel) if not line.startswith(COMPILED)]
    pure = ("--only-binary=:all:", "--implementation", "py", "--abi", "none", "--platform", "any")
    words = ("-q", "--disable-pip-version-check", "--no-compile", *pure)
    run(sys.executable, "-m", "pip", "install", *words, "--target", str(site), *needed)
    uv("--target", str(site), "--no-deps", str(wheel))
    for unused in UNUSED:
        shutil.rmtree(site / unused, ignore_errors=True)
    for name in ("pygments", "markdown_it_py", "mdurl"):
        for folder in site.glob(f"{name}-*.dist-info"):
            shutil.rmtree(folder)
    tidy(site)


def tidy(site: Path) -> None:
    """Remove what is not used, and what differs: the installer's notes, and modes by the umask."""
    for pattern in UNUSED_MODULES:
        before, brace, rest = pattern.partition("{")
        names, _, after = rest.partition("}")
        for name in names.split(",") if brace else [""]:
            for file in site.glob(f"{before}{name}{after}"):
                file.unlink()
    only_newest_widths(site / "rich" / "_unicode_data")
    (site / "rich" / "_emoji_codes.py").write_text("EMOJI: dict[str, str] = {}\n")  # procman writes none by their names
    for file in site.glob("*.dist-info/*"):
        if file.name in {"RECORD", "direct_url.json", "INSTALLER", "REQUESTED", "uv_cache.json"}:
            file.unlink()
        elif file.name == "METADATA":  # without the description, which is the README
            file.write_text(file.read_text().partition("\n\n")[0] + "\n")
    for path in (site, *site.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)


def only_newest_widths(folder: Path) -> None:
    """Of rich's tables of how wide characters are, keep that of the newest Unicode, which it takes by default."""
    versions: dict[str, tuple[str, ...]] = {}
    exec((folder / "_versions.py").read_text(), versions)  # noqa: S102 - a table of an installed package
    newest = versions["VERSIONS"][-1]
    for file in folder.glob("unicode*.py"):
        if file.stem != f"unicode{newest.replace('.', '-')}":
            file.unlink()
    (folder / "_versions.py").write_text(f"VERSIONS = ({newest!r},)\n")


def dependencies(wheel: Path) -> list[str]:
    """The requirements of the wheel, without those of its extras."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        about = BytesParser().parsebytes(archive.read(name))
    return [line for line in about.get_all("Requires-Dist", []) if "extra ==" not in line]


def packages(target: Path, work: Path, version: str) -> None:
    """Write the packages for Debian and for rpm: the system's Python runs what is in /usr/lib/procman."""
    stage = work / "stage"
    shutil.copytree(work / "site", stage / "site")
    for name in ("procman", "procmanctl"):
        script = stage / name
        script.write_text(COMMAND.format(name))
        script.chmod(0o755)
    unit = (ROOT / "conf" / "procman.service").read_text().replace("/usr/local/bin/", "/usr/bin/")
    (stage / "procman.service").write_text(unit)
    for shell in ("bash", "zsh", "fish"):
        words = (
            "-c",
            f"import sys; sys.path[:0] = [{str(work / 'site')!r}]; from procman.cli.procman import main; main()",
        )
        (stage / shell).write_text(run(sys.executable, *words, "completion", shell))
    for page in sorted((ROOT / "docs" / "man").iterdir()):
        compressed = stage / f"man{page.suffix[1:]}" / f"{page.name}.gz"
        compressed.parent.mkdir(exist_ok=True)
        compressed.write_bytes(gzip.compress(page.read_bytes(), mtime=0))
    # Modes and times do not depend on the umask and the clock of this machine.
    epoch = int(os.environ["SOURCE_DATE_EPOCH"])
    for path in (stage, *stage.rglob("*")):
        path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        os.utime(path, (epoch, epoch))
    environment = {**os.environ, "STAGE": str(stage), "VERSION": version}
    for packager in ("deb", "rpm"):
        words = ("nfpm", "package", "--config", str(ROOT / "release" / "nfpm.yaml"), "--packager", packager)
        run(*words, "--target", str(target), environment=environment)


def zipapp(path: Path, site: Path) -> None:
    """Write one file that needs only a Python.

    Its psutil is compiled for this kind of machine; on others, `status --long` wants one that is installed.
    """
    if shutil.which("strip") is None:
        raise SystemExit("strip is needed, which takes debug symbols out of psutil: apt-get install binutils")
    uv("--target", str(site), "--no-deps", COMPILED)
    for library in (site / COMPILED).glob("*.so"):
        run("strip", "--strip-unneeded", str(library))
    tidy(site)
    for name in NOT_IN_ZIPAPP:
        unused = site / name
        if unused.is_dir():
            shutil.rmtree(unused)
        else:
            unused.unlink()
    words = ("--reproducible", "--compressed", "--site-packages", str(site), "-p", "/usr/bin/env python3")
    run("shiv", *words, "-e", "procman_isolated:zipapp", "-o", str(path))
    if path.stat().st_size > LIMIT:
        raise SystemExit(f"{path} has {path.stat().st_size} bytes, more than {LIMIT}")


def parts_list(path: Path, work: Path, wheel: Path) -> None:
    """Write the software bill of materials: procman and its dependencies, as CycloneDX."""
    python = work / "venv" / "bin" / "python"
    run("uv", "venv", "-q", "-p", sys.executable, str(work / "venv"))
    uv("-p", str(python), str(wheel))
    words = ("--pyproject", str(ROOT / "pyproject.toml"), "--mc-type", "application", "--output-reproducible")
    run("cyclonedx-py", "environment", *words, "--output-file", str(path), str(python))
    document = json.loads(path.read_text())
    # It is the component that the document is about, and not one of its own parts.
    document["metadata"]["component"]["version"] = wheel.name.split("-")[1]
    path.write_text(json.dumps(document, indent=2) + "\n")


def checksums(target: Path) -> None:
    """Write SHA256SUMS, for `sha256sum -c`."""
    files = sorted(file for file in target.iterdir() if file.is_file())
    lines = [f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in files]
    (target / "SHA256SUMS").write_text("".join(lines))
    print("".join(lines), end="")


def uv(*words: str) -> None:
    """Install packages."""
    run("uv", "pip", "install", "-q", "--link-mode", "copy", *words)


def run(*command: str, environment: dict[str, str] | None = None) -> str:
    """Run a command that has to succeed; return its output."""
    try:
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise SystemExit(f"{command[0]} is needed, and not in PATH: see CONTRIBUTING.md") from None
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} has failed:\n{done.stdout}{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute())
