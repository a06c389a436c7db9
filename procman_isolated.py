"""Where pip's `procman` and `procmanctl` begin. What PYTHONPATH and its like say is for the programs, not for procman.

With an application's folder in PYTHONPATH, a `tomli.py` or a `procman/` in it would be imported instead of the real
one. So Python is executed again, told to ignore such variables; the pid and the environment stay. It is no module of
the package, because the application's `procman/` may be in the way, and it imports only what Python itself has imported
by now.
"""

import os
import sys

# Set in many images, and harmless: they are not worth a second start of Python.
_HARMLESS = {"PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE", "PYTHONHASHSEED", "PYTHONUTF8", "PYTHONIOENCODING"}


def procman() -> int:
    """The command `procman`; returns the exit status."""
    _isolate()
    from procman.cli.start_procman import main  # noqa: PLC0415 - not before it is sure which one is found

    return main()


def procmanctl() -> int:
    """The command `procmanctl`; returns the exit status."""
    _isolate()
    from procman.cli.start_procmanctl import main  # noqa: PLC0415 - not before it is sure which one is found

    return main()


def zipapp() -> int:
    """The command `procman.pyz`; under a name such as `procmanctl`, for example by a link, it is that command."""
    return procmanctl() if os.path.basename(sys.argv[0]).startswith("procmanctl") else procman()


def _isolate() -> None:
    # PYTHON_VERSION and the like are not Python's own.
    if not sys.flags.ignore_environment and any(
        name.startswith("PYTHON") and name[6:7] != "_" and name not in _HARMLESS for name in os.environ
    ):
        # Not -I, which leaves out what is installed for one user: that may be procman itself.
        os.execv(sys.executable, [sys.executable, "-EP", *sys.orig_argv[1:]])  # noqa: S606 - what runs here
    # The folder of the script is not for imports: others' commands are in it. (A zipapp is one with what is in it.)
    if not sys.flags.safe_path and sys.path[0] != os.path.dirname(__file__):
        del sys.path[0]
