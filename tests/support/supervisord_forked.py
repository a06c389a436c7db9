"""A Python command that is imported once and forked for each run, which is ten times cheaper than a start.

Each run has its own arguments and folder, and ends like an interpreter. The tests use this file as a module; as a
script it is the process that forks.
"""

import gc
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Self


class Forked:
    """`entry` is the function of the command, as "module:function"; `imports` is what each run would import."""

    def __init__(self, entry: str, *imports: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__, entry, *imports],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            process_group=0,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.communicate()

    def run(self, words: Sequence[str], folder: Path) -> tuple[str, int]:
        """Its stdout, stderr and exit status."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([*words, str(folder)]).encode() + b"\n")
        self._process.stdin.flush()
        assert select.select([self._process.stdout], [], [], 60)[0], f"{words} does not end"
        out, status = json.loads(self._process.stdout.readline())
        return out, status


def main() -> None:
    name, _, function = sys.argv[1].partition(":")
    module, *_ = [import_module(name) for name in (name, *sys.argv[2:])]
    gc.freeze()
    answers = os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    while asked := sys.stdin.readline():
        *words, folder = json.loads(asked)
        reader, writer = os.pipe()
        if not os.fork():
            for fd, place in ((nothing, 0), (writer, 1), (writer, 2)):
                os.dup2(fd, place)
            os.closerange(3, writer + 1)
            os.chdir(folder)
            sys.argv = [name, *words]
            sys.exit(getattr(module, function)())
        os.close(writer)
        with open(reader, encoding="utf-8") as pipe:
            out = pipe.read()
        status = os.waitstatus_to_exitcode(os.wait()[1])
        os.write(answers, json.dumps([out, status]).encode() + b"\n")


if __name__ == "__main__":
    main()
