"""`procman init`: writes a first procman.toml by what is in the current directory. It overwrites nothing."""

import os

from procman.cli.procman_commands import imports
from procman.config.discovery import SEARCH
from procman.convert.first_file import first_file
from procman.errors import ProcmanError

WRITTEN = 0
FILE = "procman.toml"
# What another engine reads, and the import of it; the first that is here.
ENGINES = {
    "Procfile": imports.procfile,
    "process-compose.yaml": imports.process_compose,
    "process-compose.yml": imports.process_compose,
    "compose.yaml": imports.compose,
    "compose.yml": imports.compose,
    "docker-compose.yaml": imports.compose,
    "docker-compose.yml": imports.compose,
    "ecosystem.config.js": imports.pm2,
    "ecosystem.config.json": imports.pm2,
    "circus.ini": imports.circus,
}
SOURCES = ("manage.py", "package.json")


def init(_: dict[str, str]) -> int:
    """Write procman.toml; the exit status is that of an import, if it is one."""
    for path in (path for path in SEARCH if path.startswith("./")):
        if os.path.lexists(path):
            raise ProcmanError(
                f"cannot begin: {path} is here, and procman reads it as it is: procman check, then procman"
            )
    for name, engine in ENGINES.items():
        if os.path.isfile(name):
            print(f"found {name}")
            status = engine({"words": name, "output": FILE})
            _next()
            return status
    found = {name: imports.text_of(name) for name in SOURCES if os.path.isfile(name)}
    print(f"found {' and '.join(found)}" if found else "found nothing that procman knows, so this is a sample to edit")
    imports.write(FILE, first_file(found), force=False)
    _next()
    return WRITTEN


def _next() -> None:
    print("next: procman check; procman; and in another terminal procmanctl status")
