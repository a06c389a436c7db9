"""Watched files that a change of would not be seen, or would be seen for ever. Only `procman check` looks for these."""

import os

from procman.config.resolve.hooks import once
from procman.config.resolve.option_reader import OptionReader
from procman.config.schema.configuration import Config
from procman.config.schema.kinds.watch import OF_CONFIG, OF_ENVIRONMENT
from procman.config.schema.options import AUTO
from procman.config.schema.programs import Program
from procman.system.mounts import Mount, mounts
from procman.system.watch_patterns import pattern_of

# What others change there, the kernel of this machine does not hear of.
_REMOTE = ("nfs", "nfs4", "cifs", "smb3", "9p", "ceph", "glusterfs", "virtiofs", "vboxsf", "prl_fs", "afs")


def warn_of_watch(reading: OptionReader, config: Config) -> None:
    """Warn of places where changes are not seen, of what is not there, and of what procman writes itself."""
    if reading.machine.is_assumed:
        return
    known = mounts()
    for group in config.groups:
        for program in group.programs:
            if not program.watch:
                continue
            section = reading.sections.sections[program.section]
            for message, slug in _doubts(program, config, known):
                once(reading, section, "watch", (message, slug, "warning"))


def _doubts(program: Program, config: Config, known: list[Mount]) -> list[tuple[str, str]]:
    """Each with its slug."""
    directory = os.path.abspath(os.path.join(config.master.directory or "", program.directory or ""))
    items = [item for item in program.watch if item not in (OF_CONFIG, OF_ENVIRONMENT)]
    found = []
    for item in items:
        root = pattern_of(item, directory).root
        kind = _kind_of(root, known)
        if not os.path.exists(root):
            found.append((f"{item}: there is no {root} yet; it is watched as soon as it is there", "no-such-file"))
        elif kind.startswith("fuse") or kind in _REMOTE:
            where = f"{item}: {root} is on a file system of type {kind}"
            found.append((f"{where}, where changes made elsewhere are not seen", "not-watchable"))
        elif kind == "overlay" and os.path.realpath(root) == "/":
            found.append((f"{item}: changes in the lower layers of an overlay are not seen", "not-watchable"))
    own = (config.master.logfile, config.master.pidfile, program.stdout_logfile, program.stderr_logfile)
    literal = {pattern_of(item, directory).root for item in items if not set("*?[") & set(item)}
    base = config.master.directory or ""
    named = [path for path in own if path and path != AUTO and os.path.abspath(os.path.join(base, path)) in literal]
    written = "is written by procman itself, so its changes do not count: take it out"
    return [*found, *((f"{path} {written}", "other") for path in dict.fromkeys(named))]


def _kind_of(path: str, known: list[Mount]) -> str:
    """The type of the file system that it is on."""
    real = os.path.realpath(path)
    around = [mount for mount in known if (real + "/").startswith(mount.where.rstrip("/") + "/")]
    # max() takes the first of several, and the last one is on top.
    return max(reversed(around), key=lambda mount: len(mount.where)).kind if around else ""
