"""Reads what a configuration file, and those that it includes, say of their servers and of procmanctl.

The master's own readers know the line of each problem, but take 16 and 40 ms to import. Here nothing is complained of
but that a file cannot be read at all.
"""

from __future__ import annotations

import os
import re
import sys

from procman.config import discovery
from procman.config.ini_lines import CONTINUED, HEADER, HEADLESS, OPTION, classified

TYPE_CHECKING = False  # typing's own constant costs the import of typing: 3 ms
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    # The options of each section, by its name in INI: unix_http_server, unix_http_server:name.
    Sections = dict[str, dict[str, str]]

# The sections that matter here, without the names that follow a colon.
_WANTED = ("include", "inet_http_server", "procmanctl", "supervisorctl", "unix_http_server")


def read(path: str) -> Sections:
    """The sections that matter of a file and its includes; later files win, as for the master.

    A TOML file that names none of them is not parsed. Raises OSError, or ValueError for a file that cannot be read.
    """
    sections: Sections = {}
    if not discovery.is_procfile(path):  # a Procfile says nothing of servers
        _read(path, sections, {path})
    return sections


def check_toml(path: str) -> None:
    """Raise ValueError if a TOML file cannot be parsed; read it before."""
    with open(path, "rb") as file:
        _tables(file.read())


def _read(path: str, sections: Sections, seen: set[str]) -> None:
    here = os.path.dirname(path)
    expansions = {"here": here, **{f"ENV_{name}": value for name, value in os.environ.items()}}
    for name, options in (_read_toml if path.endswith(".toml") else _read_ini)(path).items():
        expanded = {option: _expand(value, expansions) for option, value in options.items()}
        sections.setdefault(name, {}).update(expanded)
    patterns = sections.pop("include", {}).get("files", "").split()
    if not patterns:
        return
    # Most files include none, and these must not be opened here: their disk may hang.
    from procman.client.included_files import contents_of  # noqa: PLC0415

    included = contents_of([os.path.join(here, pattern) for pattern in patterns], seen, _read)
    if included is None:
        sys.stderr.write(f"Warning: timed out reading the files included by {path}; ignoring them\n")
        return
    for name, options in included.items():
        sections.setdefault(name, {}).update(options)


def _read_ini(path: str) -> Sections:
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        text = file.read()
    lines: dict[str, dict[str, list[str]]] = {}
    section: dict[str, list[str]] = {}
    value: list[str] = []
    for _, kind, name, content, _ in classified(text.split("\n")):
        if kind == HEADLESS:
            raise ValueError("there is no section above its first line")
        if kind == HEADER:
            section = lines.setdefault(name, {})
        elif kind == OPTION:
            value = section[name] = [content]
        elif kind == CONTINUED:
            value.append(content)
    defaults = lines.pop("DEFAULT", {})
    return {
        name: {option: "\n".join(value).rstrip() for option, value in {**defaults, **options}.items()}
        for name, options in lines.items()
        if _is_wanted(name)
    }


def _read_toml(path: str) -> Sections:
    with open(path, "rb") as file:
        content = file.read()
    # Its parser takes 3 ms, and few files name a server. With a \, a name may be written in another way.
    if b"\\" not in content and not any(word.encode() in content for word in _WANTED):
        return {}
    sections: Sections = {}
    for name, value in _tables(content).items():
        if name == "include":
            sections[name] = {"files": " ".join(map(str, value))}
        elif _is_wanted(name) and isinstance(value, dict):
            sections[name] = {option: str(item) for option, item in value.items() if not isinstance(item, dict)}
            for part, options in value.items():
                if isinstance(options, dict):
                    sections[f"{name}:{part}"] = {option: str(item) for option, item in options.items()}
    return {name: options for name, options in sections.items() if options}


def _tables(content: bytes) -> dict[str, Any]:
    from tomli import loads  # noqa: PLC0415 - see above

    return loads(content.decode())


def _is_wanted(section: str) -> bool:
    return section.partition(":")[0] in _WANTED


def _expand(value: str, expansions: Mapping[str, str]) -> str:
    """Expand `%(here)s` and `%(ENV_X)s`; unknown names stay, because the master complains about them."""

    def known(match: re.Match[str]) -> str:
        return "%" if match[0] == "%%" else expansions.get(match[1], match[0])

    return re.sub(r"%%|%\((\w+)\)s", known, value) if "%" in value else value
