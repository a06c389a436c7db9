"""What is on the disk of the files that are watched: which folders have to be looked after, and how the files are now.

Only the state counts, and never what an event says: a file that is written, renamed into place or linked anew differs
afterwards, and one that came and went, or got another mode, does not.
"""

import os
import stat
from collections.abc import Iterable

from procman.system.watch_patterns import Pattern, Watched

# Of a file: when it was last changed, how large it is, and which one it is.
Sign = tuple[int, int, int]
# More folders than that are a mistake, such as a pattern that begins at /.
MOST_FOLDERS = 200_000


class TooMany(Exception):
    """There are more folders than can be watched."""


class Tree:
    """The files of one `Watched`."""

    def __init__(self, watched: Watched) -> None:
        self.watched = watched
        self.folders: set[str] = set()  # to be watched
        self.files: dict[str, Sign] = {}
        self.needs_scan = False  # there are other folders now
        self._targets: dict[str, str] = {}  # files elsewhere that are meant by links, with the links

    def scan(self) -> list[str]:
        """Look at everything; returns the files that differ from before. Raises TooMany."""
        before = self.files
        self.folders, self.files, self._targets, self.needs_scan = set(), {}, {}, False
        for pattern in self.watched.patterns:
            self._scan(pattern)
        return sorted(path for path in before.keys() | self.files.keys() if before.get(path) != self.files.get(path))

    def newer_than(self, since: float) -> list[str]:
        """The files that have changed, or come to their place, after that time."""
        found = []
        for path in self.files:
            try:
                status = os.stat(path)
            except OSError:
                continue
            if max(status.st_mtime, status.st_ctime) > since:
                found.append(path)
        return sorted(found)

    def look(self, paths: Iterable[str]) -> list[str]:
        """Something has happened there; returns the files that differ."""
        changed: dict[str, None] = {}
        for path in paths:
            changed.update(dict.fromkeys(self._look(path)))
        return list(changed)

    def may_matter(self, path: str) -> bool:
        """Quickly: can what has happened there have to do with a file that is watched?"""
        if path in self.files or path in self.folders or path in self._targets:
            return True
        if self.watched.is_ignored(path):
            return False
        if self.watched.matches(path):
            return True
        try:
            kind = os.lstat(path).st_mode
        except OSError:
            return False
        return stat.S_ISDIR(kind) or stat.S_ISLNK(kind)

    def _look(self, path: str) -> list[str]:
        path = self._targets.get(path, path)
        if path in self.folders:
            self.needs_scan = not os.path.isdir(path) or self.needs_scan
            return []
        try:
            kind = os.lstat(path).st_mode
        except OSError:
            return self._compare(path)
        if stat.S_ISDIR(kind):
            # A new one; whether it has to do with a pattern is seen by the scan.
            self.needs_scan = self.needs_scan or self._is_entered(path)
            return []
        changed = self._compare(path)
        if stat.S_ISLNK(kind):
            # Files beside it may be links through this one, as in the volumes of Kubernetes.
            folder = os.path.dirname(path)
            for name in _names(folder):
                changed += self._compare(os.path.join(folder, name))
        return changed

    def _compare(self, path: str) -> list[str]:
        if path not in self.files and not self.watched.matches(path):
            return []
        before, now = self.files.pop(path, None), _sign(path)
        if now is not None:
            self.files[path] = now
        return [path] if before != now else []

    def _is_entered(self, folder: str) -> bool:
        """Is it on the way to files that are watched, or may it have some?"""
        if self.watched.is_ignored(folder):
            return False
        for pattern in self.watched.patterns:
            root = pattern.root
            if folder == root or root.startswith(folder + "/"):
                return True
            if folder.startswith(root.rstrip("/") + "/"):
                behind = folder[len(root.rstrip("/")) + 1 :].split("/")
                if (pattern.levels is None or len(behind) <= pattern.levels) and not any(map(pattern.ignores, behind)):
                    return True
        return False

    # ---- all of it

    def _scan(self, pattern: Pattern) -> None:
        if not os.path.isdir(pattern.root):
            self._scan_file(pattern)
            return
        todo = [(pattern.root, 0)]
        while todo:
            folder, depth = todo.pop()
            try:
                entries = list(os.scandir(folder))
            except OSError:
                continue  # it may not be read, and so not be watched
            self._add(folder)
            for entry in entries:
                if pattern.ignores(entry.name):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    is_deeper = pattern.levels is None or depth < pattern.levels
                    if is_deeper and not self.watched.is_ignored(entry.path):
                        todo.append((entry.path, depth + 1))
                elif self.watched.matches(entry.path) and (sign := _sign(entry.path)) is not None:
                    self.files[entry.path] = sign

    def _scan_file(self, pattern: Pattern) -> None:
        """It is a file, or there is no such folder yet: then what is on the way to it is watched."""
        if (
            pattern.rest is None
            and (sign := _sign(pattern.root)) is not None
            and not self.watched.is_ignored(pattern.root)
        ):
            self.files[pattern.root] = sign
            target = os.path.realpath(pattern.root)
            if target != pattern.root:
                self._targets[target] = pattern.root
                self._add(os.path.dirname(target))
        folder = os.path.dirname(pattern.root)
        while folder != "/" and not (os.path.isdir(folder) and os.access(folder, os.R_OK)):
            folder = os.path.dirname(folder)
        self._add(folder)

    def _add(self, folder: str) -> None:
        self.folders.add(folder)
        if len(self.folders) > MOST_FOLDERS:
            raise TooMany


def _sign(path: str) -> Sign | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return (status.st_mtime_ns, status.st_size, status.st_ino) if stat.S_ISREG(status.st_mode) else None


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []
