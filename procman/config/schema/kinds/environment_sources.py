"""Where a program gets variables and secrets from besides `environment`: files, and what it inherits.

The values are texts, as a file has them and as others show them; the functions at the end give what a text means.
"""

import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

from procman.config.schema.kinds.lists import STRING_LIST, accept_list, parse_strings
from procman.config.schema.kinds.text import accept_text
from procman.config.schema.options import Kind, Schema, Unfit
from procman.config.spelling import did_you_mean

ALL, NONE = "all", "none"

# What env(1), a shell and most programs can name.
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_PATTERN = re.compile(r"[A-Za-z0-9_*?\[\]!^.-]+", re.ASCII)
_FILE_NAME = re.compile(r"[A-Za-z0-9_.@%+-]+", re.ASCII)
_TABLE: Schema = {
    "type": ["array", "object", "string"],
    "items": {"type": "string"},
    "additionalProperties": {"type": "string"},
}


class EnvFile(NamedTuple):
    """A file of variables."""

    path: str
    optional: bool  # it may be missing
    raw: bool  # all behind the = is the value


class NamedFile(NamedTuple):
    """A file whose content is a variable, or a credential."""

    name: str
    path: str  # "": credentials of that name are looked for
    optional: bool


def env_file_of(text: str) -> EnvFile:
    """What an item of env_file means; raises Unfit."""
    rest, optional = _without_mark(text)
    raw = rest.startswith("raw:")
    path = rest.removeprefix("raw:")
    if path.startswith("?"):
        raise Unfit(f"write the ? first: ?raw:{path[1:]}")
    return EnvFile(_path(path, "name a file, such as app.env"), optional, raw)


def env_from_of(text: str) -> NamedFile:
    """What an item of env_from means; raises Unfit. Nothing behind the = is repeated, as it may be a value."""
    rest, optional = _without_mark(text)
    name, equals, path = rest.partition("=")
    if not _VARIABLE.fullmatch(name.strip()):
        raise Unfit("expected NAME=/PATH of a file that has the value, such as DB_PASSWORD=/run/secrets/db")
    if not equals or "/" not in path:
        raise Unfit(
            f"{name.strip()}: expected the path of a file that has the value, with a / in it, such as "
            f"{name.strip()}=/run/secrets/db or {name.strip()}=./db; a value itself belongs into environment"
        )
    return NamedFile(name.strip(), _path(path.strip(), f"{name.strip()}: name a file"), optional)


def credential_of(text: str) -> NamedFile:
    """What an item of credentials means; raises Unfit."""
    rest, optional = _without_mark(text)
    name, colon, path = rest.partition(":")
    if "/" in name:
        ending = name.rpartition("/")[2] or "db"
        raise Unfit(f"expected a name before the path, which the program finds it by: {ending}:{rest}")
    if not _FILE_NAME.fullmatch(name) or name in (".", ".."):
        raise Unfit("expected NAME or NAME:/PATH, where NAME is that of a file: letters, digits, _ . - @ % +")
    if colon:
        path = _path(path, f"{name}: name a file behind the colon, or take the colon out")
    return NamedFile(name, path, optional)


def _without_mark(text: str) -> tuple[str, bool]:
    return text.removeprefix("?").strip(), text.startswith("?")


def _path(text: str, otherwise: str) -> str:
    if not text or text.endswith("/") or "\0" in text:
        raise Unfit(otherwise)
    return text


def _each(texts: Iterable[str], check: Callable[[str], object]) -> tuple[str, ...]:
    found = tuple(text.strip() for text in texts)
    for text in found:
        check(text)
    return found


def _named(texts: Iterable[str], read: Callable[[str], NamedFile]) -> tuple[str, ...]:
    found = _each(texts, read)
    seen: set[str] = set()
    for text in found:
        name = read(text).name
        if name in seen:
            raise Unfit(f"{name} is listed twice: take one of them out")
        seen.add(name)
    return found


def _items(value: object, between: str) -> tuple[str, ...]:
    """A text, an array, or a table of names and paths."""
    if isinstance(value, str):
        return parse_strings(value)
    if isinstance(value, dict):
        items = [(name, accept_text(path)) for name, path in value.items()]
        return tuple(
            f"?{name[1:]}{between}{path}" if name[:1] == "?" else f"{name}{between}{path}" for name, path in items
        )
    return tuple(accept_text(item) for item in accept_list(value))


def _patterns(texts: Iterable[str]) -> tuple[str, ...]:
    found = tuple(text.strip() for text in texts)
    for text in found:
        if not _PATTERN.fullmatch(text):
            raise Unfit("expected names of variables separated by commas, with * and ? for any letters: PATH, LC_*")
    return found


def _inherited(texts: Iterable[str]) -> tuple[str, ...]:
    found = _patterns(texts)
    lowered = [text.lower() for text in found]
    if lowered in ([ALL], [NONE]):
        return (lowered[0],)
    for word in (ALL, NONE):
        if word in lowered:
            raise Unfit(f"{word} stands alone: take it out, or the names")
    if len(found) == 1 and found[0] == found[0].lower() and (hint := did_you_mean(found[0], [ALL, NONE])):
        raise Unfit(f"expected all, none or names of variables{hint}")
    if not found:
        raise Unfit("expected all, none or names of variables: PATH, LANG, LC_*")
    return found


def _strings(value: object) -> tuple[str, ...]:
    return parse_strings(value) if isinstance(value, str) else tuple(accept_text(item) for item in accept_list(value))


ENV_FILES: Kind[tuple[str, ...]] = Kind(
    name="files of variables",
    expected="files separated by commas, such as app.env, ?local.env, raw:plain.env",
    slug="bad-env-file",
    parse=lambda text: _each(parse_strings(text), env_file_of),
    accept=lambda value: _each(_strings(value), env_file_of),
    schema=STRING_LIST,
    show=", ".join,
    harmless=True,
)
ENV_FROM: Kind[tuple[str, ...]] = Kind(
    name="variables and their files",
    expected="NAME=/PATH separated by commas",
    slug="bad-env-from",
    parse=lambda text: _named(parse_strings(text), env_from_of),
    accept=lambda value: _named(_items(value, "="), env_from_of),
    schema=_TABLE,
    show=", ".join,
    private=True,
    harmless=True,
)
CREDENTIALS: Kind[tuple[str, ...]] = Kind(
    name="credentials and their files",
    expected="NAME or NAME:/PATH separated by commas",
    slug="bad-credential",
    parse=lambda text: _named(parse_strings(text), credential_of),
    accept=lambda value: _named(_items(value, ":"), credential_of),
    schema=_TABLE,
    show=", ".join,
    harmless=True,
)
INHERITED: Kind[tuple[str, ...]] = Kind(
    name="all, none, or names of variables",
    expected="all, none, or names such as PATH, LANG, LC_*",
    slug="bad-variable-names",
    parse=lambda text: _inherited(parse_strings(text)),
    accept=lambda value: _inherited(_strings(value)),
    schema=STRING_LIST,
    show=", ".join,
)
VARIABLE_NAMES: Kind[tuple[str, ...]] = Kind(
    name="names of variables",
    expected="names such as SSH_*, LS_COLORS",
    slug="bad-variable-names",
    parse=lambda text: _patterns(parse_strings(text)),
    accept=lambda value: _patterns(_strings(value)),
    schema=STRING_LIST,
    show=", ".join,
)
