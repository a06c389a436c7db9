"""`procman` without a command: runs the master, or continues it after an upgrade."""

import os

from procman.cli.procman_commands.config_file import config_file
from procman.config.discovery import is_procfile
from procman.daemon.bootstrap import restore, run
from procman.errors import BadRequest


def start(given: dict[str, str]) -> int:
    """Run the master in this process; the exit status."""
    path = _procfile(given) or config_file(given.pop("configuration", None))
    allow_writable = given.pop("allow_writable_config", "") == "true"
    return run(path, given, allow_writable=allow_writable)


def resume(handed: str) -> int:
    """Continue a master that has executed this program, or check for it whether that would succeed."""
    return restore(handed)


def _procfile(given: dict[str, str]) -> str | None:
    """The Procfile of -f; its formation goes into the environment, where later readings of the file find it."""
    path = given.pop("procfile", None)
    formation = given.pop("formation", None)
    if path is None:
        if formation is not None:
            raise BadRequest("--formation needs -f: it is about a Procfile; numprocs says it in other files")
        return None
    # Most masters have none.
    from procman.config.formats.procfile import FORMATION, formation_of  # noqa: PLC0415

    if "configuration" in given:
        raise BadRequest("-f and -c each name a file: leave one out")
    if not os.path.exists(path):
        raise BadRequest(f"-f takes a Procfile, and there is no file {path}")
    if not is_procfile(path):
        raise BadRequest(f"-f takes a file that is called Procfile, or Procfile.NAME, and not {path}: rename it")
    if "=" in given.get("umask", ""):
        # foreman's -m; a umask has no =.
        formation = given.pop("umask")
    if formation is not None:
        formation_of(formation)
        os.environ[FORMATION] = formation
    return path
