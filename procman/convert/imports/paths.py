"""Paths in procman's notation."""

import os

from procman.convert.imports.draft import escaped
from procman.convert.imports.source import Ready

_WHOLE = ("/", "%(here)s", "%(ENV_")


def beside(base: str, path: str) -> Ready:
    """The path, which begins at `base`, itself in procman's notation, unless it is a whole one."""
    text = escaped(path)
    return Ready(os.path.normpath(text if text.startswith(_WHOLE) else f"{base}/{text}"))


def each_its_own(path: str) -> Ready:
    """The path of a log with the number of the process in it: /var/log/web-1.log."""
    stem, suffix = os.path.splitext(escaped(path))
    return Ready(f"{stem}-%(process_num)d{suffix}")


def is_of_windows(path: str) -> bool:
    """Whether it begins with a drive."""
    return path[1:3] in (":\\", ":/") and path[0].isalpha()
