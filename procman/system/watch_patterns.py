"""Which files a program watches, by its patterns. Nothing here looks at the disk.

- An item without * ? [ is a file, or a folder with all that is below it. `**` is any number of folders. A pattern
  without a / is that of a name in the directory of the program, and in all folders below.
- Ignored is by the path from the directory on, or by each name in it, where a pattern has no /. A folder that is
  ignored is so with all that is in it.
- What is usually made and not written is ignored, too, unless the item itself has that name in it.
"""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

# Folders that tools fill; and the swap and backup files of editors, and what they try out where they may write.
USUALLY_IGNORED = frozenset(
    {
        ".git",
        ".hg",
        ".svn",
        ".direnv",
        ".mypy_cache",
        ".pytest_cache",
        ".ruff_cache",
        ".venv",
        "venv",
        "__pycache__",
        "node_modules",
        "target",
        "dist",
        "build",
    }
)
_EDITORS = re.compile(
    r"4913|.*~|\.#.*|#.*#|.*\.sw[a-p]x?|\..*\.swpx?|\.goutputstream-.*|.*___jb_(?:tmp|old)___", re.DOTALL
)
_WILD = frozenset("*?[")


@dataclass(frozen=True, slots=True)
class Pattern:
    """One item of `watch`."""

    root: str  # the path up to the first wildcard; all of it, if there is none
    rest: re.Pattern[str] | None  # what is behind the root; None: there is no wildcard
    levels: int | None  # so many folders deep files may lie below the root; None: any number
    named: frozenset[str]  # of the names that are usually ignored, those that are in it

    def ignores(self, name: str) -> bool:
        """Is a file or folder of that name below the root usually ignored?"""
        if name in USUALLY_IGNORED:
            return name not in self.named
        return _EDITORS.fullmatch(name) is not None

    def matches(self, path: str) -> bool:
        """Is a file with that absolute path meant?"""
        if path == self.root:
            return self.rest is None
        root = self.root.rstrip("/") + "/"
        if not path.startswith(root):
            return False
        behind = path[len(root) :]
        return (self.rest is None or self.rest.fullmatch(behind) is not None) and not any(
            self.ignores(name) for name in behind.split("/")
        )


class Watched:
    """The files that one program watches."""

    def __init__(
        self, directory: str, watch: Iterable[str], ignore: Iterable[str] = (), never: Iterable[str] = ()
    ) -> None:
        """`directory` is absolute; `never` are files, and folders with all below, that do not count in any case.

        What such a file has been renamed to by a rotation does not either.
        """
        self.directory = directory.rstrip("/") or "/"
        self.patterns = tuple(dict.fromkeys(pattern_of(text, self.directory) for text in watch))
        texts = list(ignore)
        self._names = [_compiled(text.rstrip("/")) for text in texts if "/" not in text.rstrip("/")]
        self._paths = [_compiled(_from(text.rstrip("/"), self.directory)) for text in texts if "/" in text.rstrip("/")]
        self._never = frozenset(never)

    def matches(self, path: str) -> bool:
        """Does a change of the file with that absolute path count?"""
        return any(pattern.matches(path) for pattern in self.patterns) and not self.is_ignored(path)

    def is_ignored(self, path: str) -> bool:
        """Does watch_ignore have it, or a folder that it is in, or is it written by procman itself?"""
        if self._is_own(path):
            return True
        if not self._names and not self._paths:
            return False
        below = path[len(self.directory) :] if path.startswith(self.directory.rstrip("/") + "/") else path
        names = below.strip("/").split("/")
        if any(name.fullmatch(part) for name in self._names for part in names):
            return True
        if not self._paths:
            return False
        ends = [end for end, letter in enumerate(path) if letter == "/" and end] + [len(path)]
        return any(known.fullmatch(path[:end]) for known in self._paths for end in ends)

    def shown(self, path: str) -> str:
        """The path as a user knows it: from the directory on."""
        inside = self.directory.rstrip("/") + "/"
        return path.removeprefix(inside)

    def _is_own(self, path: str) -> bool:
        if path in self._never:
            return True
        folder, _, name = path.rpartition("/")
        dots = [at for at, letter in enumerate(name) if letter == "." and at]
        if any(f"{folder}/{name[:at]}" in self._never for at in dots):
            return True
        while folder:
            if folder in self._never:
                return True
            folder = folder.rpartition("/")[0]
        return False


def pattern_of(text: str, directory: str) -> Pattern:
    """What an item of `watch` means."""
    names = frozenset(text.split("/")) & USUALLY_IGNORED
    if not _WILD.intersection(text):
        return Pattern(_from(text, directory), None, None, names)
    if "/" not in text:
        return Pattern(directory, re.compile(rf"(?:.*/)?{_translated(text)}", re.DOTALL), None, names)
    parts = os.path.join(directory, text).split("/")
    first = next(at for at, part in enumerate(parts) if _WILD.intersection(part))
    root = os.path.normpath("/".join(parts[:first]) or "/")
    rest = parts[first:]
    levels = None if "**" in rest else len(rest) - 1
    return Pattern(root, _compiled("/".join(rest)), levels, names)


def _from(text: str, directory: str) -> str:
    return os.path.normpath(os.path.join(directory, text))


@lru_cache(maxsize=1000)
def _compiled(glob: str) -> re.Pattern[str]:
    return re.compile(_translated(glob), re.DOTALL)


def _translated(glob: str) -> str:
    """A regular expression: * and ? are no /, and ** is any number of folders."""
    parts = glob.split("/")
    found = []
    for number, part in enumerate(parts):
        is_last = number == len(parts) - 1
        if part == "**":
            found.append(".*" if is_last else "(?:[^/]+/)*")
        else:
            found.append(_name(part) + ("" if is_last else "/"))
    return "".join(found)


def _name(part: str) -> str:
    found, at = "", 0
    while at < len(part):
        letter = part[at]
        at += 1
        if letter == "*":
            found += "[^/]*"
        elif letter == "?":
            found += "[^/]"
        elif letter == "[" and (end := part.find("]", at + 1)) != -1:
            inside = part[at:end].replace("\\", "\\\\").replace("[", "\\[")
            found += f"(?!/)[{'^' + inside[1:] if inside[0] == '!' else inside}]"
            at = end + 1
        else:
            found += re.escape(letter)
    return found
