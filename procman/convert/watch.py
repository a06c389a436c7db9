"""Watched files for other engines: compose has such a thing (develop.watch), the others have none."""

import os
from collections.abc import Callable, Iterable, Sequence

from procman.config.schema.kinds.watch import OF_CONFIG, OF_ENVIRONMENT
from procman.config.schema.programs import Program
from procman.convert.portability import Carried, sections
from procman.convert.yaml import Comment, Flow, Yaml
from procman.system.watch_patterns import pattern_of

_SPECIAL = (OF_CONFIG, OF_ENVIRONMENT)
_WILD = frozenset("*?[")


def develop(program: Program, directory: str | None, escape: Callable[[str], str]) -> dict[str | Comment, Yaml]:
    """What a service of compose watches: files beside the compose file, which are copied into the container."""
    if not program.watch or program.watch_action.what != "restart":
        return {}
    rules: list[Yaml | Comment] = []
    for item in program.watch:
        if item in _SPECIAL:
            continue
        root, include = _split(item)
        rule: dict[str | Comment, Yaml] = {"action": "restart", "path": escape(root)}
        if directory is not None and not os.path.isabs(root):
            rule |= {"action": "sync+restart", "target": escape(os.path.normpath(os.path.join(directory, root)))}
        if include:
            rule["include"] = Flow((escape(include),))
        if program.watch_ignore:
            rule["ignore"] = Flow(escape(pattern) for pattern in program.watch_ignore)
        rules.append(rule)
    if not rules:
        return {}
    return {
        Comment("watched by `docker compose up --watch`, on the machine that it runs on"): None,
        "develop": {"watch": rules},
    }


def lost_in_compose_watch(processes: Sequence[Carried]) -> list[str]:
    """Notes on what compose does otherwise, or not at all."""
    notes = []
    if other := sections(processes, lambda p: bool(p.watch) and p.watch_action.what != "restart"):
        notes.append(f"{other}: watch_action: compose only restarts and copies, so nothing is watched there")
    if special := sections(processes, lambda p: any(item in _SPECIAL for item in p.watch)):
        notes.append(f"{special}: @config and @env: `docker compose up` restarts what they change")
    if slow := sections(processes, lambda p: p.watch_cascade):
        notes.append(f"{slow}: watch_cascade, which compose has not")
    return notes


def lost_watch(processes: Iterable[Carried], engine: str) -> list[str]:
    """A note that the engine has no such thing."""
    watching = sections(processes, lambda p: bool(p.watch))
    return [f"{watching}: watch: {engine} does not restart what has other files"] if watching else []


def _split(item: str) -> tuple[str, str]:
    """The path that is watched, relative where the item is, and the pattern of the files in it."""
    if not _WILD.intersection(item):
        return _relative(item), ""
    if "/" not in item:
        return ".", f"**/{item}"
    root = pattern_of(item, "/").root if os.path.isabs(item) else pattern_of(item, "/.").root.removeprefix("/")
    inside = item.removeprefix("./")
    return _relative(root or "."), inside.removeprefix(root).lstrip("/") if root else inside


def _relative(path: str) -> str:
    plain = os.path.normpath(path)
    return plain if os.path.isabs(plain) or plain.startswith(".") else f"./{plain}"
