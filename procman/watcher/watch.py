"""Watches files for the master: reads from stdin what to watch, and writes to stdout what has changed.

A job is a JSON object in a line, and replaces the one before; so is an answer:

    {"watches": [{"id": 7, "directory": "/srv", "watch": ["src/"], "ignore": [], "since": 1.5}], "never": []}
    {"watching": [7], "folders": 12}
    {"changed": 7, "first": "src/app.py", "files": [2774332], "count": 1, "time": 3.5}
    {"failed": 7, "words": "…"}

`since`: what has changed after that time is told, too. It ends when stdin does.

The library has a thread that gets the events of the kernel, and a loop here that asks it for them STEP apart. That loop
is why this is another process: the master sleeps meanwhile.
"""

import json
import os
import sys
import threading
import time
import zlib
from collections.abc import Generator, Iterable
from contextlib import closing, suppress
from typing import Any

from procman.system.watch_patterns import Watched
from procman.watcher.watched_tree import MOST_FOLDERS, TooMany, Tree

# Between two looks of the loop, in milliseconds: 5 times a second it wakes while nothing changes.
STEP = 200
# After that time, what could not be watched is tried again, in seconds.
AGAIN = 60.0
# So many files of a change are told apart, and so many letters of a name are told.
MOST_FILES = 100
MOST_LETTERS = 500
# So many events at once, and the kernel may have lost some: then everything is looked at.
MANY = 4000

# So many seconds, a PAUSE apart, the library may take to give back what it had watched.
GIVES_BACK = 10.0
PAUSE = 0.005

# From one look at all folders to the next, where one cannot be watched: so many times STEP at most.
MOST_MISSES = 50

Key = tuple[str, tuple[str, ...], tuple[str, ...], tuple[str, ...]]
NO_LIBRARY = "the library watchfiles is not installed: pip install 'procman[watch]'"


class Inbox:
    """The newest job."""

    def __init__(self) -> None:
        self.news = threading.Event()
        self._job: dict[str, Any] = {"watches": [], "never": []}
        threading.Thread(target=self._read, daemon=True).start()

    def take(self) -> dict[str, Any]:
        """The newest one."""
        self.news.clear()
        return self._job

    def _read(self) -> None:
        for line in sys.stdin:
            self._job = json.loads(line)
            self.news.set()
        os._exit(0)


class Watcher:
    """All that is watched."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        self._trees: dict[Key, Tree] = {}
        self._ids: dict[Key, int] = {}
        self._since: dict[Key, float] = {}  # of those that are new
        self._failed: dict[Key, str] = {}
        self._try_again = 0.0
        self._misses = 0  # so often in a row a folder was no more what it had been

    def take(self, job: dict[str, Any]) -> None:
        """Watch that from now on; what is watched already goes on."""
        never = tuple(job["never"])
        ids: dict[Key, int] = {}
        for one in job["watches"]:
            key = one["directory"], tuple(one["watch"]), tuple(one["ignore"]), never
            ids[key] = one["id"]
            if key not in self._trees:
                self._trees[key] = Tree(Watched(key[0], key[1], key[2], never))
                self._since[key] = one["since"]
        self._ids = ids
        self._trees = {key: tree for key, tree in self._trees.items() if key in ids}
        self._since = {key: since for key, since in self._since.items() if key in ids}
        self._failed = {}

    def run(self) -> None:
        """Watch until there is another job, or there are other folders; tells what has changed."""
        found = self._scan()
        folders = sorted(set().union(*(self._trees[key].folders for key in self._good())))
        if not folders:
            self._inbox.news.wait(AGAIN if self._failed else None)
            return
        # Each time it has waited in vain it says so, at first when the kernel has been told what to watch.
        changes = self._changes(folders)
        try:
            with closing(changes):
                is_first = True
                for paths in changes:
                    if is_first:
                        # What has changed before the kernel knew of it.
                        is_first = False
                        self._misses = 0
                        self._tell_all(found, self._scan())
                        _say({"watching": [self._ids[key] for key in self._good()], "folders": len(folders)})
                    if len(paths) >= MANY:
                        self._tell_all(self._scan())
                    elif paths:
                        self._look(paths)
                    if self._is_over():
                        return
        except (OSError, RuntimeError) as error:
            self._set_up_failed(error, found)

    def _good(self) -> list[Key]:
        return [key for key in self._trees if key not in self._failed]

    def _is_over(self) -> bool:
        if self._failed and time.monotonic() > self._try_again:
            self._failed = {}
            return True
        return self._inbox.news.is_set() or any(self._trees[key].needs_scan for key in self._good())

    def _changes(self, folders: list[str]) -> Generator[set[str], None, None]:
        import watchfiles  # noqa: PLC0415 - what is missing is an answer, too

        # What was watched before counts for the kernel's limit until the library's thread has closed it.
        deadline = time.monotonic() + GIVES_BACK
        while _still_watches() and time.monotonic() < deadline:
            time.sleep(PAUSE)
        for changes in watchfiles.watch(
            *folders,
            watch_filter=None,  # with one, a log that is written all the time would keep everything else waiting
            debounce=2 * STEP,
            step=STEP,
            rust_timeout=STEP,
            yield_on_timeout=True,
            stop_event=self._inbox.news,
            recursive=False,
            ignore_permission_denied=False,
            raise_interrupt=False,
            force_polling=False,
        ):
            yield {path for _, path in changes}

    def _scan(self) -> dict[Key, list[str]]:
        """Look at everything; returns what differs."""
        found = {}
        for key in self._good():
            tree = self._trees[key]
            try:
                changed = tree.scan()
            except TooMany:
                self._fail(key, f"it has more than {MOST_FOLDERS} folders: name those that are meant")
                continue
            if key in self._since:
                changed = tree.newer_than(self._since.pop(key))
            found[key] = changed
        return found

    def _look(self, paths: set[str]) -> None:
        trees = {key: self._trees[key] for key in self._good()}
        self._tell_all({key: tree.look(filter(tree.may_matter, paths)) for key, tree in trees.items()})

    def _tell_all(self, *found: dict[Key, list[str]]) -> None:
        for key in self._good():
            self._tell(key, dict.fromkeys(path for one in found for path in one.get(key, ())))

    def _tell(self, key: Key, paths: Iterable[str]) -> None:
        if names := list(paths):
            first = self._trees[key].watched.shown(names[0])
            _say(
                {
                    "changed": self._ids[key],
                    "first": first if len(first) <= MOST_LETTERS else f"…{first[-MOST_LETTERS:]}",
                    "files": [zlib.crc32(os.fsencode(path)) for path in names[:MOST_FILES]],
                    "count": len(names),
                    "time": time.time(),
                }
            )

    def _set_up_failed(self, error: Exception, found: dict[Key, list[str]]) -> None:
        if isinstance(error, FileNotFoundError | PermissionError):
            # A folder has gone, or is another one's, since it was looked at.
            self._tell_all(found)
            self._inbox.news.wait(min(self._misses, MOST_MISSES) * STEP / 1000)
            self._misses += 1
            return
        # The others may be watched without the largest.
        good = self._good()
        largest = max(good, key=lambda key: len(self._trees[key].folders))
        needed = len(set().union(*(self._trees[key].folders for key in good)))
        self._tell_all(found)
        self._fail(largest, _why(error, needed))

    def _fail(self, key: Key, words: str) -> None:
        self._failed[key] = words
        self._try_again = time.monotonic() + AGAIN
        _say({"failed": self._ids[key], "words": words})


def main() -> None:
    """Work until the end of stdin."""
    inbox = Inbox()
    inbox.news.wait()
    try:
        import watchfiles  # noqa: F401, PLC0415 - what is missing is an answer, too
    except ImportError:
        while True:
            for one in inbox.take()["watches"]:
                _say({"failed": one["id"], "words": NO_LIBRARY})
            inbox.news.wait()
    watcher = Watcher(inbox)
    watcher.take(inbox.take())
    while True:
        watcher.run()
        if inbox.news.is_set():
            watcher.take(inbox.take())


def _still_watches() -> bool:
    """Whether this process has descriptors of inotify open."""
    for name in os.listdir("/proc/self/fd"):
        with suppress(OSError):  # it has been closed since
            if os.readlink(f"/proc/self/fd/{name}") == "anon_inode:inotify":
                return True
    return False


def _why(error: Exception, needed: int) -> str:
    text = str(error)
    if "watch limit reached" in text:
        return (
            f"{needed} folders are to be watched, and the kernel allows no more to this user: raise the limit, by "
            f"sysctl fs.inotify.max_user_watches={max(2 * needed, 65536)}, or name fewer folders"
        )
    if "Too many open files" in text:
        return (
            "this user has too many watchers of files already: raise the limit, by "
            "sysctl fs.inotify.max_user_instances=1024"
        )
    return f"the files cannot be watched: {text[:MOST_LETTERS]}"


def _say(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()
