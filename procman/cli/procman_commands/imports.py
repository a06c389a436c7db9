"""`procman import`: reads the files of another engine, and writes TOML and a report of what is not the same."""

import os
import re
import stat
import sys
from codecs import BOM_UTF8
from collections.abc import Callable, Sequence
from importlib import import_module

from procman.cli.flags import read_behind
from procman.cli.procman_commands.table import COMMANDS
from procman.cli.terminal_text import safe
from procman.config.formats.files import LARGEST_FILE
from procman.config.formats.procfile import ENV_FILE, FIRST_PORT
from procman.convert.imports.draft import Draft
from procman.convert.imports.report import Fate
from procman.convert.imports.source import Source, Unreadable, place_in
from procman.errors import BadRequest, ProcmanError
from procman.system.env_file import BadEnvFile, read_env_file

ALL_KEPT = 0
SOMETHING_LOST = 1
_LONG_NUMBER = re.compile(r"[0-9][0-9_]{300,}")

Reader = Callable[..., Draft]


def no_engine(_: dict[str, str]) -> int:
    """`procman import` without an engine."""
    names = [name.partition(" ")[2] for name in COMMANDS if name.startswith("import ")]
    raise BadRequest(f"cannot import without a format: {', '.join(names)}")


def supervisord(given: dict[str, str]) -> int:
    """A supervisord.conf."""
    return _import("supervisord", given)


def procfile(given: dict[str, str]) -> int:
    """A Procfile, with the first port of the .env beside it."""
    return _import("procfile", given, "formation", port_of=_first_port)


def compose(given: dict[str, str]) -> int:
    """Compose files."""
    return _import("compose", given)


def systemd(given: dict[str, str]) -> int:
    """Units."""
    return _import("systemd", given)


def process_compose(given: dict[str, str]) -> int:
    """A process-compose.yaml."""
    return _import("process-compose", given)


def pm2(given: dict[str, str]) -> int:
    """An ecosystem file."""
    return _import("pm2", given, "env")


def circus(given: dict[str, str]) -> int:
    """A circus.ini."""
    return _import("circus", given)


def _first_port(path: str) -> int:
    try:
        with open(os.path.join(os.path.dirname(path), ENV_FILE), "rb") as file:
            port = read_env_file(file.read(LARGEST_FILE), raw=False).values.get("PORT", "")
    except (OSError, BadEnvFile):
        return FIRST_PORT
    return int(port) if port.isdecimal() else FIRST_PORT


def _import(engine: str, given: dict[str, str], *further: str, port_of: Callable[[str], int] | None = None) -> int:
    """Write the TOML to stdout or to `-o`, and the report to stderr."""
    given, paths = read_behind(COMMANDS[f"import {engine}"].flags, given)
    if not paths:
        raise BadRequest(f"cannot import without a file: name one, as in procman import {engine} FILE")
    options: dict[str, str | int] = {name: given[name] for name in further if name in given}
    if port_of is not None:
        options["first_port"] = port_of(paths[0])
    draft = draft_of(engine, paths, **options)
    text = draft.text()
    if given.get("output", "-") == "-":
        print(text, end="")
        sys.stdout.flush()
    else:
        write(given["output"], text, force="force" in given)
    return report(draft, verbose="verbose" in given)


def draft_of(engine: str, paths: Sequence[str], **options: str | int) -> Draft:
    """What the files of an engine say here; raises ProcmanError, with line and column where one cannot be read."""
    sources = [Source(path, text_of(path)) for path in paths]
    read_sources: Reader = import_module(f"procman.convert.imports.{engine.replace('-', '_')}").read
    try:
        return read_sources(sources, **options)
    except RecursionError:
        raise ProcmanError(f"cannot read {safe(paths[0])}: it is nested too deeply; no such file needs that") from None
    except (ValueError, OverflowError):
        # Python reads no number of more than 4300 digits.
        for source in sources:
            if (found := _LONG_NUMBER.search(source.text)) is not None:
                line, column = place_in(source.text, found.start())
                raise Unreadable(safe(source.path), line, "this number is too long: shorten it", column) from None
        raise ProcmanError(f"cannot read {safe(paths[0])}: a number in it is too long: shorten it") from None


def text_of(path: str) -> str:
    """The text of a file of at most 8 MiB."""
    try:
        with open(path, "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise ProcmanError(f"cannot read {safe(path)}: it is not a file; name one")
            content = file.read(LARGEST_FILE + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ProcmanError(f"cannot read {safe(path)}: {reason}; name another file") from None
    if len(content) > LARGEST_FILE:
        raise ProcmanError(f"cannot read {safe(path)}: it is larger than 8 MiB; import a part of it")
    if b"\0" in content:
        place = _place_in(content, content.index(b"\0"))
        raise ProcmanError(f"{safe(path)}:{place}: there is a NUL byte: this is no text; name another file")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # A byte order mark is not counted.
        start = error.start + (len(BOM_UTF8) if content.startswith(BOM_UTF8) else 0)
        place = _place_in(content, start)
        raise ProcmanError(f"{safe(path)}:{place}: this is not UTF-8 text; save it as UTF-8") from None


def _place_in(content: bytes, offset: int) -> str:
    """The line and the column, in characters, of a byte."""
    before = content[:offset].decode("utf-8-sig", "replace")
    line, column = place_in(before, len(before))
    return f"{line}:{column}"


def write(path: str, text: str, *, force: bool) -> None:
    """Write a new file and say so; raises ProcmanError if it exists, unless with `force`."""
    try:
        with open(path, "w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise ProcmanError(f"cannot write {safe(path)}: it exists; name another with -o, or add --force") from None
    except OSError as error:
        raise ProcmanError(f"cannot write {safe(path)}: {error.strerror}; name another place with -o") from None
    print(f"written: {path}")


def report(draft: Draft, *, verbose: bool) -> int:
    """Say on stderr what became of the source; the exit status of an import."""
    programs = len(draft.programs)
    remarks = {fate: draft.report.of(fate) for fate in Fate}
    for fate in Fate if verbose else (Fate.APPROXIMATED, Fate.LOST):
        for remark in remarks[fate]:
            print(remark, file=sys.stderr)
    counts = ", ".join(f"{fate.name.lower()} {len(remarks[fate])}" for fate in Fate)
    print(f"procman import: {programs} {'program' if programs == 1 else 'programs'}; {counts}", file=sys.stderr)
    return SOMETHING_LOST if remarks[Fate.LOST] else ALL_KEPT
