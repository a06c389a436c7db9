"""`procman export`: converts a configuration for another engine, and writes the files."""

import os
import shutil
import sys
from collections.abc import Callable, Mapping

from procman.cli.procman_commands.config_file import assumptions, config_file
from procman.config.load import load
from procman.config.schema.configuration import Config
from procman.convert import compose as compose_writer
from procman.convert import kubernetes as kubernetes_writer
from procman.convert import systemd as systemd_writer
from procman.convert.portability import label
from procman.convert.result import Exported, Target
from procman.errors import BadRequest, ProcmanError

# Files with these names say nothing about what they contain.
_NAMELESS = ("procman", "supervisord", "supervisor")


def no_engine(_: dict[str, str]) -> int:
    """`procman export` without an engine."""
    raise BadRequest("cannot export without a target: kubernetes, compose or systemd")


def kubernetes(given: dict[str, str]) -> int:
    """Write a Kubernetes Deployment."""
    return _export(kubernetes_writer.export, given)


def compose(given: dict[str, str]) -> int:
    """Write a compose file."""
    return _export(compose_writer.export, given)


def systemd(given: dict[str, str]) -> int:
    """Write systemd units."""
    return _export(systemd_writer.export, given)


def _export(write: Callable[[Config, Target], Exported], given: Mapping[str, str]) -> int:
    """Write the files to stdout or to `--output`, and to stderr what could not be carried over."""
    config = load(config_file(given.get("configuration")), assume=assumptions(given.get("assume")))
    stem = os.path.basename(config.file).partition(".")[0]
    name = given.get("name") or ("procman" if stem in _NAMELESS or not stem else stem)
    target = Target(
        name=name,
        # The name of an image has neither capitals nor blanks.
        image=given.get("image", label(name)),
        procman=_this_procman(),
        split="split" in given,
    )
    exported = write(config, target)
    if given.get("output", "-") != "-":
        _write(exported.files, given["output"])
    else:
        _print(exported.files)
    sys.stdout.flush()
    for note in exported.notes:
        print(f"procman export: {note}", file=sys.stderr)
    return 0


def _this_procman() -> str:
    """The path of the procman that was called, which may be in an environment that is not on a service's path."""
    called = sys.argv[0] if os.path.basename(sys.argv[0]) == "procman" else "procman"
    found = shutil.which(called)
    return "/usr/local/bin/procman" if found is None else os.path.abspath(found)


def _print(files: Mapping[str, str]) -> None:
    for number, (name, text) in enumerate(files.items()):
        if len(files) > 1:
            print(f"{chr(10) if number else ''}# ==> {name} <==")
        print(text, end="")


def _write(files: Mapping[str, str], place: str) -> None:
    """Write one file to that path; several files, or into a directory, under their own names."""
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
