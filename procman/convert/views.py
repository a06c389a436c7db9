"""What a program sees of the file system, in other engines, and notes on what these have not."""

from collections.abc import Sequence

from procman.config.schema.kinds.limits import UNLIMITED, covered_of
from procman.config.schema.programs import Program
from procman.convert.portability import Carried
from procman.convert.yaml import Comment, Flow, Yaml

Mapped = dict[str | Comment, Yaml]
_TMP = (("tmp", "/tmp"), ("var-tmp", "/var/tmp"))  # noqa: S108 - names of what is mounted in a container


def is_read_only(program: Program) -> bool:
    """Whether its whole file system is."""
    return any(covered_of(text)[0] == "/" for text in program.read_only_paths)


# ---- systemd


def view_in_systemd(program: Program) -> list[str]:
    """The lines of a [Service]; see systemd.exec(5)."""
    lines = []
    if program.private_tmp is not None:
        if program.private_tmp[0] != UNLIMITED:
            lines.append("# its size: systemd limits none of the directories of PrivateTmp=")
        lines.append("PrivateTmp=yes")
    if is_read_only(program):
        lines.append("ProtectSystem=strict")
    others = [text for text in program.read_only_paths if covered_of(text)[0] != "/"]
    for key, texts in (
        ("ReadOnlyPaths", others),
        ("ReadWritePaths", program.read_write_paths),
        ("InaccessiblePaths", program.inaccessible_paths),
    ):
        if texts:
            lines.append(f"{key}={' '.join(map(_systemds, texts))}")
    return lines


def _systemds(text: str) -> str:
    path, optional = covered_of(text)
    # Quoted where it has blanks; % begins a specifier.
    whole = ("-" if optional else "") + path.replace("%", "%%")
    return f'"{whole}"' if " " in whole else whole


# ---- compose


def view_in_compose(program: Program) -> Mapped:
    """The keys of a service."""
    found: Mapped = {}
    if is_read_only(program):
        found["read_only"] = True
    if program.private_tmp is not None:
        most = program.private_tmp[0]
        options = "" if most == UNLIMITED else f":size={most},mode=1777"
        found["tmpfs"] = Flow(tuple(f"{path}{options}" for _, path in _TMP))
    return found


# ---- Kubernetes


def tmp_volumes(process: Carried) -> list[Yaml | Comment]:
    """The volumes of a pod for its private_tmp."""
    program = process.program
    if program.private_tmp is None:
        return []
    most = program.private_tmp[0]
    how: Mapped = {"medium": "Memory"}
    if most != UNLIMITED:
        how["sizeLimit"] = str(most)
    return [{"name": _volume(process, name), "emptyDir": dict(how)} for name, _ in _TMP]


def tmp_mounts(process: Carried) -> Mapped:
    """Where a container has them."""
    if process.program.private_tmp is None:
        return {}
    return {"volumeMounts": [{"name": _volume(process, name), "mountPath": path} for name, path in _TMP]}


def _volume(process: Carried, name: str) -> str:
    return f"{process.name[:50]}-{name}"


# ---- what is lost


def lost_of_views(processes: Sequence[Carried], engine: str) -> list[str]:
    """One note for each section."""
    notes: dict[str, None] = {}
    for process in processes:
        program = process.program
        names = []
        if any(covered_of(text)[0] != "/" for text in program.read_only_paths):
            names.append("read_only_paths")
        if program.inaccessible_paths:
            names.append("inaccessible_paths")
        if names:
            notes[
                f"[{program.section}]: {', '.join(names)}, which {engine} has not: leave these files out of the image, "
                "or mount them read-only"
            ] = None
        if program.read_write_paths:
            notes[f"[{program.section}]: read_write_paths: mount a volume at {', '.join(program.read_write_paths)}"] = (
                None
            )
    return list(notes)
