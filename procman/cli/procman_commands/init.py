"""`procman init`: writes a first procman.toml by what is in the current directory. It overwrites nothing.

On a terminal it asks which file to take, and whether to write the result.
"""

import os
import sys
from collections.abc import Mapping
from typing import NamedTuple

from procman.cli.procman_commands import imports
from procman.cli.terminal_text import safe
from procman.config.discovery import SEARCH
from procman.convert.first_file import first_file
from procman.convert.imports.draft import Draft
from procman.errors import ProcmanError

WRITTEN = 0
NOT_WANTED = 1
FILE = "procman.toml"
# What another engine reads, and which import is for it; the best first.
ENGINES: Mapping[str, str] = {
    "Procfile": "procfile",
    "process-compose.yaml": "process-compose",
    "process-compose.yml": "process-compose",
    "compose.yaml": "compose",
    "compose.yml": "compose",
    "docker-compose.yaml": "compose",
    "docker-compose.yml": "compose",
    "ecosystem.config.js": "pm2",
    "ecosystem.config.cjs": "pm2",
    "ecosystem.config.json": "pm2",
    "circus.ini": "circus",
}
SOURCES = ("manage.py", "package.json")


class Found(NamedTuple):
    """A file, or several, that say what to run."""

    name: str
    about: str
    text: str
    draft: Draft | None = None


def init(given: dict[str, str]) -> int:
    """Write procman.toml; the exit status is that of an import, if it is one."""
    for path in (path for path in SEARCH if path.startswith("./")):
        if os.path.lexists(path):
            raise ProcmanError(
                f"cannot begin: {path} is here, and procman reads it as it is: procman check, then procman"
            )
    asks = "yes" not in given and sys.stdin.isatty() and sys.stdout.isatty()
    found = _found()
    try:
        chosen = _chosen(found) if asks else found[0]
        if asks:
            print(f"\n{chosen.text}")
            if input(f"Write {FILE}? [Y/n] ").strip().lower() not in ("", "y", "yes"):
                return _nothing()
    except (EOFError, KeyboardInterrupt):
        print()
        return _nothing()
    if not asks:
        print(f"found {chosen.about}{''.join(f'; not used: {one.name}' for one in found[1:])}")
    imports.write(FILE, chosen.text, force=False)
    status = WRITTEN if chosen.draft is None else imports.report(chosen.draft, verbose=False)
    print("next: procman check; procman; and in another terminal procmanctl status")
    return status


def _found() -> list[Found]:
    """What can be written, the best first; why something here is not among it is said."""
    found: list[Found] = []
    unreadable: list[ProcmanError] = []
    for name, engine in ENGINES.items():
        if not os.path.isfile(name):
            continue
        try:
            draft = imports.draft_of(engine, [name])
        except ProcmanError as error:
            unreadable.append(error)
            continue
        if draft.programs:
            found.append(Found(name, f"{name} ({', '.join(map(safe, draft.programs))})", draft.text(), draft))
        else:
            why = f"nothing in {name} runs here: there is no program, or an image has it"
            print(f"procman init: {why}", file=sys.stderr)
    sources = [name for name in SOURCES if os.path.isfile(name)]
    if sources:
        try:
            text = first_file({name: imports.text_of(name) for name in sources})
            found.append(Found(" and ".join(sources), " and ".join(sources), text))
        except ProcmanError as error:
            unreadable.append(error)
    if unreadable and not found:
        raise unreadable[0]
    # Another file says what to run. And YAML needs a library that not everybody has.
    for trouble in unreadable:
        print(f"procman init: {trouble}", file=sys.stderr)
    return found or [Found("a sample", "nothing that procman knows, so this is a sample to edit", first_file({}))]


def _chosen(found: list[Found]) -> Found:
    """Which of them the user wants."""
    print("Here is:")
    for number, one in enumerate(found, 1):
        print(f"  {number}  {one.about}")
    while len(found) > 1:
        answer = input(f"From which one? [1-{len(found)}, Enter for 1] ").strip() or "1"
        if answer in map(str, range(1, len(found) + 1)):
            return found[int(answer) - 1]
        print(f"a number from 1 to {len(found)}, please")
    return found[0]


def _nothing() -> int:
    print("nothing was written")
    return NOT_WANTED
