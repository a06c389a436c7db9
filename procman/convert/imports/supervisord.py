"""A supervisord.conf as TOML: the same sections and options, with the types that they have there."""

import re
from collections.abc import Callable, Sequence
from typing import Any

from procman.config.formats import ini
from procman.config.formats.raw import RawOption, RawSection, Sections
from procman.config.schema.options import Kind
from procman.config.schema.sections import SECTIONS, SectionType
from procman.config.spelling import did_you_mean
from procman.convert.imports.draft import Draft, Section, Setting
from procman.convert.imports.source import Node, Ready, Source, Unreadable

# The defaults of INI that TOML does not have.
_DEFAULTS = {"logfile": "supervisord.log", "pidfile": "supervisord.pid"}
_NUMBER = re.compile(r"-?[0-9]{1,18}", re.ASCII)
# Of kinds whose text is a list, what separates its items.
_WORDS = {"file patterns": None, "list": ",", "list of exit codes": ",", "list of event types": ","}
_SERVERS = ("unix_http_server", "inet_http_server")


def read(sources: Sequence[Source]) -> Draft:
    """The files, of which later ones overlay earlier ones; raises Unreadable."""
    draft = Draft("supervisord", tuple(source.path for source in sources))
    sections = Sections()
    for source in sources:
        found, problems = ini.parse(source.text, source.path)
        for problem in problems:
            if problem.severity == "error":
                raise Unreadable(source.path, problem.line, problem.message)
            draft.report.approximated(
                Node(None, source.path, problem.line or 1), problem.option or "line", problem.message
            )
        sections.merge(found)
    if not sections.sections:
        raise Unreadable(sources[0].path, 1, "there is no section in it: expected [program:NAME], as supervisord has")
    for raw in sections.sections.values():
        _section(draft, raw, sections)
    if "supervisord" in sections.sections:
        for option, value in _DEFAULTS.items():
            if draft.master().get(option) is None:
                draft.master().set(option, value)
    draft.sections.sort(key=lambda section: section.kind != "include")
    return draft


def _section(draft: Draft, raw: RawSection, sections: Sections) -> None:
    kind, _, name = raw.name.partition(":")
    place = Node(None, raw.file, raw.line or 1)
    known = SECTIONS.get(raw.name if raw.name in SECTIONS else kind)
    if known is None or (known.named and not name):
        hint = did_you_mean(kind, SECTIONS)
        _all_lost(draft, raw, f"there is no such section{hint}")
        return
    if [str(option.value) for option in raw.options.values()] == ["supervisor.rpcinterface:make_main_rpcinterface"]:
        draft.report.kept(place, f"[{raw.name}]", "XML-RPC is always there")
        for factory in raw.options.values():
            draft.report.kept(Node(None, factory.file, factory.line or 1), f"[{raw.name}] factory")
        return
    if kind in ("rpcinterface", "ctlplugin"):
        _all_lost(draft, raw, "procman loads no plug-ins; XML-RPC is always there")
        return
    if known.toml == "include":
        _include(draft, raw)
        return
    if "command" in known.options and "command" not in sections.names(raw.name):
        _all_lost(draft, raw, "it has no command, so nothing is imported of it")
        return
    section = draft.master() if known.toml == "procman" else Section(known.toml, name, place, raw.name)
    if section not in draft.sections:
        draft.sections.append(section)
    for option in sections.names(raw.name):
        found = sections.get(raw.name, option)
        assert found is not None
        _option(draft, section, known, option, found)
    if known.tables and "stdout_logfile" in known.options and section.get("stderr_logfile") is None:
        # In TOML the default of one follows the other.
        stdout = str(section.get("stdout_logfile") or "")
        if (stdout == "-" or stdout.startswith("/dev/")) and section.get("redirect_stderr") is not True:
            section.set("stderr_logfile", "AUTO")


def _all_lost(draft: Draft, raw: RawSection, why: str) -> None:
    draft.report.lost(Node(None, raw.file, raw.line or 1), f"[{raw.name}]", why)
    for name, option in raw.options.items():
        draft.report.lost(Node(None, option.file, option.line or 1), f"[{raw.name}] {name}", "its section is lost")


def _include(draft: Draft, raw: RawSection) -> None:
    found = raw.options.get("files")
    if found is None:
        return
    place = Node(None, found.file, found.line or 1)
    section = Section("include", "", place)
    section.set("include", [Ready(word) for word in str(found.value).split()], place)
    draft.sections.insert(0, section)
    draft.report.kept(place, "[include] files", "procman reads these files as they are")
    if any(not re.search(r"[*?\[]", word) for word in str(found.value).split()):
        how = "in TOML, a file that is named in full has to exist"
        draft.report.approximated(place, "[include] files", how)
    draft.remarks.append("include is relative to this file: keep it in the folder of the supervisord.conf.")


def _option(draft: Draft, section: Section, known: SectionType, option: str, raw: RawOption) -> None:
    place = Node(None, raw.file, raw.line or 1)
    label = f"{section.kind}:{section.name}" if section.name else section.kind
    key = f"[{label}] {option}"
    declared = known.options.get(option)
    if declared is None:
        why = f"supervisord has no such option, and ignores it{did_you_mean(option, known.options)}"
        draft.report.lost(place, key, why)
        return
    if declared.inert:
        draft.report.kept(place, key, "it has no effect")
        return
    draft.report.kept(place, key)
    text = str(raw.value)
    if option.endswith("_logfile") or (section.kind == "procman" and option == "environment"):
        # In INI these are expanded twice, as in supervisord.
        text = text.replace("%%", "%")
    section.set(option, typed(declared.kind, text), place)


def typed(kind: Kind[Any], text: str) -> Setting:
    """The value of an INI option as TOML has it; a text in procman's notation if it holds names."""
    schema = kind.schema.get("type")
    types = [schema] if isinstance(schema, str) else list(schema or ())
    if kind.name == "environment":
        return _accepted(kind, text, lambda value: {name: Ready(item) for name, item in dict(value).items()})
    if "%" not in text:
        if "boolean" in types:
            word = text.strip().lower()
            if word in ("true", "yes", "on", "1"):
                return True
            if word in ("false", "no", "off", "0"):
                return False
        if {"integer", "number"} & set(types) and _NUMBER.fullmatch(text.strip()):
            return int(text)
    if kind.name in _WORDS:
        words = [word.strip() for word in text.split(_WORDS[kind.name]) if word.strip()]
        codes = kind.name == "list of exit codes"
        return [int(word) if codes and word.isdecimal() else Ready(word) for word in words]
    return Ready(text)


def _accepted(kind: Kind[Any], text: str, show: Callable[[Any], Setting]) -> Setting:
    try:
        return show(kind.parse(text))
    except (ValueError, TypeError):
        return Ready(text)
