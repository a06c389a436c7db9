"""What a program sees of the file system, as units and compose files say it."""

import re

from procman.convert.imports.draft import Section, ready
from procman.convert.imports.report import Fate
from procman.convert.imports.source import Keys, Ready
from procman.convert.imports.unit_reader import UnitReader
from procman.convert.imports.values import bytes_of, size

_TMP = ("/tmp", "/var/tmp")  # noqa: S108 - names of what a program has for itself
# systemd.exec(5)
_PROTECT_SYSTEM = {
    "yes": ("/usr", "?/boot", "?/efi"),
    "true": ("/usr", "?/boot", "?/efi"),
    "full": ("/usr", "?/boot", "?/efi", "/etc"),
    "strict": ("/",),
}
_HOMES = ("?/home", "?/root", "?/run/user")
_MADE = ("RuntimeDirectory", "StateDirectory", "CacheDirectory", "LogsDirectory")
_BASES = ("/run", "/var/lib", "/var/cache", "/var/log")
_OFF = ("no", "false", "off", "0")


def view_of_unit(section: Section, reader: UnitReader) -> None:
    """PrivateTmp, ProtectSystem, ProtectHome and the lists of paths."""
    private = reader.text("Service", "PrivateTmp")
    if private is not None and private.lower() not in _OFF:
        section.set("private_tmp", value=True, place=reader.place("Service", "PrivateTmp"))
    word = reader.text("Service", "ProtectSystem")
    if word is not None and word.lower() not in _OFF:
        paths = _PROTECT_SYSTEM.get(word.lower())
        if paths is None:
            reader.mark("Service", "ProtectSystem", Fate.LOST, f"there is no {word}")
        else:
            section.add("read_only_paths", *paths, place=reader.place("Service", "ProtectSystem"))
    home = reader.text("Service", "ProtectHome")
    if home is not None and home.lower() not in _OFF:
        option = "read_only_paths" if home == "read-only" else "inaccessible_paths"
        section.add(option, *_HOMES, place=reader.place("Service", "ProtectHome"))
    for key, option in (
        ("ReadOnlyPaths", "read_only_paths"),
        ("ReadWritePaths", "read_write_paths"),
        ("InaccessiblePaths", "inaccessible_paths"),
    ):
        found = [_path(word) for word in reader.words("Service", key)]
        if found:
            section.add(option, *found, place=reader.place("Service", key))
    made = [
        f"{base}/{name.partition(':')[0]}"
        for key, base in zip(_MADE, _BASES, strict=True)
        for name in reader.words("Service", key)
    ]
    if section.get("read_only_paths") is not None and made:
        section.add("read_write_paths", *map(Ready, made))


def _path(word: str) -> Ready:
    """-/opt as ?/opt; a + is about the root of a unit, which is that of the machine here."""
    path = word.lstrip("-+")
    return ready(Ready("?" if "-" in word[: len(word) - len(path)] else ""), Ready(path))


def view_of_service(section: Section, keys: Keys) -> None:
    """The keys read_only and tmpfs of a compose service."""
    if keys.text("read_only") == "true":
        section.set("read_only_paths", ["/"], keys.at("read_only"))
        keys.approximated("read_only", "what it writes to has to be in read_write_paths")
    node = keys.take("tmpfs")
    if node is None:
        return
    found = {item.text.partition(":")[0]: item.text.partition(":")[2] for item in node.items}
    private = [path for path in found if path in _TMP]
    for path in found:
        if path not in _TMP:
            keys.lost("tmpfs", f"{path}: procman has only /tmp and /var/tmp in memory (private_tmp)")
    if private:
        limit = re.search(r"size=([0-9]+[kmgKMG]?)", found[private[0]])
        count = bytes_of(limit[1]) if limit is not None else None
        section.set("private_tmp", size(count) if count else True, node)
        if len(private) < len(_TMP):
            keys.approximated("tmpfs", "it has the other of the two (tmp, var/tmp) in memory, too")
