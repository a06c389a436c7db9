"""A note on the disk that an update is under way: if the master is killed, the next one finds it and says so.

It is there only during an update with a plan or a confirmation. It has no definitions in it, so nothing secret.
"""

import json
import os
from collections.abc import Callable
from typing import Any, NamedTuple

VERSION = 1
# A larger file is not one of ours.
MOST_BYTES = 65536


class Unfinished(NamedTuple):
    """An update that a killed master has not brought to its end."""

    operation: int
    targets: tuple[str, ...]
    began: float  # in seconds since the epoch
    confirm: float | None  # how long it was to wait for its confirmation, in seconds; None: it was not to


class UpdateMark:
    """Of one master. Without a path, there is no next master that could read it."""

    def __init__(self, path: str | None, complain: Callable[[str], None] = lambda _: None) -> None:
        """`complain` gets a sentence about a disk."""
        self.path = path
        self.complain = complain

    def put(self, unfinished: Unfinished) -> None:
        """It is under way."""
        if self.path is None:
            return
        new = f"{self.path}.new"
        try:
            fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            with os.fdopen(fd, "w") as file:
                json.dump({"procman": VERSION, **unfinished._asdict()}, file)
            os.rename(new, self.path)
        except OSError as error:
            self.complain(
                f"cannot write {self.path}: {error.strerror}; if procman is killed during this update, the next one "
                "will not say so"
            )

    def clear(self) -> None:
        """It is over."""
        if self.path is not None:
            try:
                os.unlink(self.path)
            except FileNotFoundError:
                pass
            except OSError as error:
                self.complain(f"cannot remove {self.path}: {error.strerror}")

    def take(self) -> Unfinished | None:
        """What the master before has left, once; what makes no sense is nothing."""
        if self.path is None:
            return None
        try:
            fd = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            with os.fdopen(fd, "rb") as file:
                content = file.read(MOST_BYTES + 1)
            data: Any = json.loads(content) if len(content) <= MOST_BYTES else None
            if data["procman"] != VERSION:
                return None
            confirm = data["confirm"]
            targets = tuple(str(target) for target in data["targets"])
            return Unfinished(
                int(data["operation"]), targets, float(data["began"]), None if confirm is None else float(confirm)
            )
        except (OSError, ValueError, TypeError, KeyError, OverflowError, RecursionError):
            return None
        finally:
            self.clear()
