"""Which rolling restarts go on, or have stopped half-way: a small file, for the next master if this one is killed."""

import json
import os
from collections.abc import Callable
from typing import Any, NamedTuple

from procman.core.actions import AnnounceRolling
from procman.core.rolling import Rollings
from procman.system.proc import boot_id


class Left(NamedTuple):
    """What a rolling restart had still to do."""

    names: tuple[str, ...]  # of processes, with those that were on their way
    batch: int


class RollingMark:
    """Subscribe `hear` to the bus."""

    hears = (AnnounceRolling,)

    def __init__(self, path: str, rollings: Rollings, complain: Callable[[str], None]) -> None:
        """`rollings` are those of the fleet at any time; `complain` gets a sentence about a disk."""
        self._path = path
        self._rollings = rollings
        self._complain = complain
        self._written: dict[str, Left] | None = None

    def hear(self, _: object) -> None:
        """One of them has gone on."""
        left = {
            program: Left((*rolling.under_way, *rolling.coming), rolling.batch)
            for program, rolling in self._rollings.by_program.items()
            if rolling.is_unfinished
        }
        if left == self._written:
            return
        self._written = left
        try:
            if not left:
                forget_left(self._path)
                return
            with open(f"{self._path}.new", "w", encoding="utf-8") as file:
                json.dump({"boot": boot_id(), "left": left}, file)
            os.replace(f"{self._path}.new", self._path)
        except OSError as error:
            self._complain(
                f"cannot write {self._path}: {error.strerror}; if procman is killed during this rolling restart, the "
                "next one may not go on with it"
            )


def rolling_path(ledger: str) -> str:
    """Where it lies, beside the file of the ledger."""
    return f"{ledger}.rolling"


def forget_left(path: str) -> None:
    """None goes on."""
    try:
        os.unlink(path)
    except OSError:
        pass


def read_left(path: str) -> dict[str, Left]:
    """What a master has left during this boot, by program; nothing where the file is missing or makes no sense."""
    try:
        with open(path, encoding="utf-8") as file:
            data: Any = json.load(file)
        if data["boot"] != boot_id():
            return {}
        return {
            str(program): Left(tuple(map(str, names)), max(1, int(batch)))
            for program, (names, batch) in data["left"].items()
        }
    except (OSError, ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        return {}
