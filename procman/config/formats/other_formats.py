"""Recognises a file that is neither INI nor TOML by how it begins, or by its name.

This is called for text without any header that procman knows.
"""

import os
import re

_UNIT = re.compile(r"^\[(?:Unit|Service|Install)\][ \t]*$", re.MULTILINE)
_YAML = re.compile(r"""---\s*$|-\s+\S|["']?[\w./ -]+["']?:(?:\s|$)""")
# What `procman import` has for them.
_IMPORTS = {
    "a unit of systemd": "systemd",
    "YAML": "compose (or process-compose, or pm2)",
    "JavaScript": "pm2",
    "JSON": "pm2",
}
_SCRIPTS = (".js", ".cjs", ".mjs", ".ts")


def strange_form(path: str, text: str, *, included: bool) -> tuple[int, str] | None:
    """The line that shows it, and the complaint; None if the file may be what its name says."""
    lines = text.removeprefix("\ufeff").split("\n")
    first = next((n for n, line in enumerate(lines) if line.strip() and not line.lstrip().startswith("#")), None)
    if lines[0].startswith("#!") and "procman" not in lines[0]:
        return 1, f"this is a program, not a configuration: procman run -- {path} runs it"
    if first is None:
        return None
    # In an included file supervisor ignores unknown sections.
    unit = not included and _UNIT.search(text) is not None
    form = "a unit of systemd" if unit else _form(path, text, lines[first].strip())
    if form is None:
        return None
    name = f"{os.path.splitext(os.path.basename(path))[0] or 'procman'}.toml"
    way_out = f'write [program.NAME] and command = "…" for each program into {name}'
    engines = _IMPORTS.get(form)
    if engines is not None and not included:
        way_out = f"procman import {engines} {path} makes TOML of it, or {way_out}"
    return first + 1, f"this is {form}, but procman reads TOML and INI: {way_out}"


def _form(path: str, text: str, line: str) -> str | None:
    suffix = os.path.splitext(path)[1]
    if suffix in _SCRIPTS or line.startswith(("module.exports", "export default")):
        return "JavaScript"
    if re.match(r"\{|\[\s*(?:\{|$)", line):
        return "JSON"
    if line.startswith("<"):
        return "XML"
    # INI and TOML have headers.
    if re.search(r"^[ \t]*\[[^\]\n]+\][ \t]*(?:#.*)?$", text, re.MULTILINE):
        return None
    return "YAML" if _YAML.match(line) else None
