"""Generates the reference page (Markdown) and the JSON schema of the TOML form from the option table."""

import json
from textwrap import wrap
from typing import Any

from procman.config.schema.groups import LISTENER_PRIORITY
from procman.config.schema.options import Effect, Option, Schema
from procman.config.schema.programs import DEFAULT_PRIORITY
from procman.config.schema.sections import SECTIONS, SectionType

EFFECTS = {Effect.NONE: "in place", Effect.REOPEN: "logs re-opened", Effect.RESTART: "restart"}

# Defaults that differ in TOML from supervisord's.
IN_TOML = {
    ("supervisord", "logfile"): "the console; of a daemon, a file in the run-time directory",
    ("supervisord", "pidfile"): "in the run-time directory",
}

# The most common options come first, after the required ones.
FIRST = (
    "logfile",
    "pidfile",
    "daemon",
    "directory",
    "user",
    "environment",
    "autostart",
    "autorestart",
    "stdout_logfile",
    "stderr_logfile",
    "redirect_stderr",
    "stopsignal",
    "stopwaitsecs",
    "numprocs",
    "process_name",
    "shutdown_timeout",
)

EACH = " \\*"  # marks options that are read for each process

# Only these sections take part in an update; the others are read at a start and at a reload.
UPDATED = ("program", "group", "eventlistener", "fcgi-program", "socket", "notify", "access")
SERVERS = ("unix_http_server", "inet_http_server")

INTRODUCTION = """\
# Options

procman reads supervisord's INI form and its own TOML form. A file whose name ends in `.toml` is TOML, every other
is INI. Both have the same sections and options; if a section has another name in TOML, both names are given.

**In INI** a value is the text after `=` or `:`. Sizes are bytes, or have `KB`, `MB` or `GB`; times are whole
seconds; modes are octal digits. `;` and `#` begin a comment at the start of a line or after a blank. A deeper
indented line continues the value above. Repeated sections are merged, and of a repeated option the last one
counts.

**In TOML** numbers, `true`, lists and tables may be used where they fit: `command` may be a list of words,
`environment` is a table, `exitcodes` and `events` are lists. Times may be fractions or texts such as `"500ms"`,
`"10s"`, `"2m"`, `"1h"`. Modes are texts, `"0700"`. An unknown key is an error.

**In both** a text may hold `%(here)s` (the directory of the file), `%(ENV_NAME)s` (a variable of the environment) and,
in the sections of programs, `%(program_name)s`, `%(group_name)s`, `%(host_node_name)s`; options marked * are read
for each process and may also hold `%(process_num)d` and `%(numprocs)d`, and the variables of the program's own
`environment`. `%%` is a percent sign. `include` patterns may hold `%(here)s`, `%(host_node_name)s` and
`%(ENV_NAME)s`.

*On update* is what `procmanctl update` does to a running process if the option was changed.
"""


def reference() -> str:
    """The reference page."""
    parts = [INTRODUCTION]
    parts += [_section(known) for known in SECTIONS.values()]
    return "\n".join(parts)


def schema() -> Schema:
    """The JSON schema of a TOML file, in the form that the schema store takes: draft 07, which editors of TOML know."""
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": "https://json.schemastore.org/procman.json",
        "title": "procman",
        "description": "The programs procman keeps running.",
        "type": "object",
        "additionalProperties": False,
        "properties": {known.toml: _section_schema(known) for known in SECTIONS.values()},
    }


def schema_text() -> str:
    """The schema as the file holds it."""
    return json.dumps(schema(), indent=2) + "\n"


def sections_in_order() -> list[tuple[str, str, list[tuple[str, str, str]]]]:
    """Heading and text of each section, and of its options the name, what there is to note, and the text."""
    found = []
    for known in SECTIONS.values():
        options = []
        for name, option in _in_order(known):
            default = _default(known, name, option).replace("`", "")
            default = default and (default if option.required else f"default {default}")
            update = f"on update: {EFFECTS[option.effect]}" if known.ini in UPDATED else ""
            notes = ", ".join(part for part in (option.kind.name, default, update) if part)
            options.append((f"{name}{'*' if option.per_process else ''}", notes, option.about))
        found.append((_heading(known), known.about, options))
    return found


def section_names() -> list[str]:
    """The names of sections in INI, with those of TOML that differ."""
    return list(dict.fromkeys(name for known in SECTIONS.values() for name in (known.ini, known.toml)))


def known_names() -> list[str]:
    """All that `explained` knows without a section in front."""
    return list(dict.fromkeys([*section_names(), *(name for known in SECTIONS.values() for name in known.options)]))


def explained(word: str) -> list[str]:
    """What there is to know about an option (`stopsignal`, `program.stopsignal`) or a section, as plain text."""
    path = word.strip("[]").removesuffix(":x").replace(":", ".")
    if path in section_names():
        return [_section_text(known) for known in SECTIONS.values() if path in (known.ini, known.toml)]
    # `program.web.stopsignal`, as in a file, and `program.stopsignal` are the same.
    found = [
        (known, name, option)
        for known in SECTIONS.values()
        for name, option in known.options.items()
        if path == name or (path.endswith(f".{name}") and path.split(".")[0] in (known.ini, known.toml))
    ]
    texts: dict[tuple[str, str], list[str]] = {}
    for known, name, option in found:
        texts.setdefault((name, _option_text(known, name, option)), []).append(_heading(known))
    return [f"{name}  in {', '.join(headings)}\n{text}" for (name, text), headings in texts.items()]


def _heading(known: SectionType) -> str:
    name = ":x" if known.named else ""
    toml = (
        "" if known.ini == known.toml and not known.named else f" ([{known.toml}{'.x' if known.named else ''}] in TOML)"
    )
    return f"[{known.ini}{name}]{toml}"


def _option_text(known: SectionType, name: str, option: Option) -> str:
    default = _default(known, name, option).replace("`", "") or "none"
    lines = [*wrap(option.about, 96), f"kind: {option.kind.name}", f"default: {default}"]
    if known.ini in UPDATED:
        lines.append(f"on update: {EFFECTS[option.effect]}")
    if option.per_process:
        lines.append("read for each process: it may hold %(process_num)d")
    return "\n".join(f"    {line}" for line in lines)


def _section_text(known: SectionType) -> str:
    about = " ".join(known.about.split())
    names = ", ".join(name for name, _ in _in_order(known)) or "those of the plug-in"
    return "\n".join(
        [
            _heading(known),
            *(f"    {line}" for line in wrap(about, 96)),
            *wrap(f"Options: {names}", 96, initial_indent="    ", subsequent_indent="    "),
        ]
    )


# ------------------------------------------------------------------------------------------------ the page


def _section(known: SectionType) -> str:
    name = ":x" if known.named else ""
    heading = f"## `[{known.ini}{name}]`"
    if known.ini != known.toml:
        heading += f", in TOML `[{known.toml}]`"
    lines = [heading, "", known.about, ""]
    if known.ini == "include":
        lines += ['In TOML it is a key at the top of the file: `include = ["conf.d/*.toml"]`.', ""]
    if known.ini in SERVERS:
        lines += [f"There may be several: `[{known.ini}:NAME]`, in TOML `[{known.toml}.NAME]`.", ""]
    updated = known.ini in UPDATED
    lines += [f"| option | kind | default |{' on update |' if updated else ''} |"]
    lines += ["|---|---|---|" + ("---|" if updated else "") + "---|"]
    for option, about in _in_order(known):
        columns = [f"`{option}`{EACH if about.per_process else ''}", about.kind.name, _default(known, option, about)]
        if updated:
            columns.append(EFFECTS[about.effect])
        lines.append("| " + " | ".join([*columns, about.about.replace("|", "\\|")]) + " |")
    if known.open:
        lines += ["", "Further options are handed to the plug-in."]
    return "\n".join([*lines, ""])


def _in_order(known: SectionType) -> list[tuple[str, Option]]:
    """The options in the order of their importance; the table has the order in which supervisor reads them."""

    def place(item: tuple[str, Option]) -> int:
        name, option = item
        return -1 if option.required else FIRST.index(name) if name in FIRST else len(FIRST)

    return sorted(known.options.items(), key=place)


def _default(known: SectionType, name: str, option: Option) -> str:
    if option.required:
        return "required"
    if known.ini == "eventlistener" and name == "priority":
        return f"`{DEFAULT_PRIORITY}`, its group `{LISTENER_PRIORITY}`"
    if option.default in (None, (), {}):
        return ""
    in_toml = IN_TOML.get((known.ini, name))
    return f"`{option.kind.show(option.default)}`" + (f"; in TOML {in_toml}" if in_toml else "")


# ------------------------------------------------------------------------------------------------ the schema


def _section_schema(known: SectionType) -> Schema:
    if known.ini == "include":
        return {"description": known.about, **known.options["files"].kind.schema}
    properties = {name: _option_schema(option, IN_TOML.get((known.ini, name))) for name, option in _in_order(known)}
    one: Schema = {
        "description": known.about,
        "type": "object",
        "properties": properties,
        "additionalProperties": known.open,
    }
    if known.named:
        return {"type": "object", "additionalProperties": one}
    if known.ini in SERVERS:
        # Further servers have names.
        named = {"type": "object", "properties": properties, "additionalProperties": False}
        return one | {"additionalProperties": named}
    return one


def _option_schema(option: Option, in_toml: str | None) -> Schema:
    about: dict[str, Any] = {"description": option.about, **option.kind.schema}
    if in_toml:
        about["description"] += f" When it is not given: {in_toml}."
    elif not option.required and option.default is not None:
        about["default"] = _as_toml(option)
    return about


def _as_toml(option: Option) -> Any:
    """The default as a TOML file has it."""
    match option.default:
        case bool() | str() | dict():
            return option.default
        case int() | float() if option.kind.schema["type"] != "string" and option.kind.name != "signal":
            return option.default
        case tuple():
            return list(option.default)
    return option.kind.show(option.default)
