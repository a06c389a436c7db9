"""`procman export`: reads a configuration, has it written for another engine, and puts the texts where they belong."""

import os
import shutil
import sys
from collections.abc import Callable, Mapping

from procman.config.assumptions import Assumptions
from procman.config.load import load
from procman.config.schema.configuration import Config
from procman.convert import compose, kubernetes, systemd
from procman.convert.portability import label
from procman.convert.result import Exported, Target
from procman.errors import ProcmanError

_WRITERS: Mapping[str, Callable[[Config, Target], Exported]] = {
    "kubernetes": kubernetes.export,
    "compose": compose.export,
    "systemd": systemd.export,
}

# Files that are called so say nothing about what is in them.
_NAMELESS = ("procman", "supervisord", "supervisor")


def export(path: str, to: str, given: Mapping[str, str], assume: Assumptions | None) -> None:
    """Write the configuration at `path` for `to`; `given` are the flags: split, output, name, image.

    What cannot be carried over is said on stderr. Raises ProcmanError.
    """
    config = load(path, assume=assume)
    stem = os.path.basename(config.file).partition(".")[0]
    name = given.get("name") or ("procman" if stem in _NAMELESS or not stem else stem)
    target = Target(
        name=name,
        # An image's name has no capitals and no blanks.
        image=given.get("image", label(name)),
        procman=_this_procman(),
        split="split" in given,
    )
    exported = _WRITERS[to](config, target)
    if given.get("output", "-") != "-":
        _write(exported.files, given["output"])
    else:
        _print(exported.files)
    sys.stdout.flush()
    for note in exported.notes:
        print(f"procman export: {note}", file=sys.stderr)


def _this_procman() -> str:
    """The one that was called, as a service has to call it: it may be in an environment that is not on the path."""
    called = sys.argv[0] if os.path.basename(sys.argv[0]) == "procman" else "procman"
    found = shutil.which(called)
    return "/usr/local/bin/procman" if found is None else os.path.abspath(found)


def _print(files: Mapping[str, str]) -> None:
    for number, (name, text) in enumerate(files.items()):
        if len(files) > 1:
            # Names are letters, digits, dots and dashes.
            print(f"{chr(10) if number else ''}# ==> {name} <==")
        print(text, end="")


def _write(files: Mapping[str, str], place: str) -> None:
    """Into that file; several, or where the place is a folder, under their own names."""
    folder = len(files) > 1 or place.endswith("/") or os.path.isdir(place)
    try:
        if folder:
            os.makedirs(place, exist_ok=True)
        for name, text in files.items():
            path = os.path.join(place, name) if folder else place
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            print(f"written: {path}")
    except OSError as error:
        raise ProcmanError(
            f"cannot write {error.filename or place}: {error.strerror}; name another place with -o"
        ) from None
