"""A Procfile as TOML: the programs that `procman -f` runs, written out."""

from collections.abc import Mapping, Sequence

from procman.config.formats import procfile as reader
from procman.convert.imports.draft import Draft, Section
from procman.convert.imports.source import Node, Ready, Source, Unreadable
from procman.errors import BadRequest


def read(sources: Sequence[Source], *, formation: str = "", first_port: int = reader.FIRST_PORT) -> Draft:
    """One Procfile; raises Unreadable, or BadRequest for a formation that does not fit."""
    if len(sources) != 1:
        raise BadRequest("expected one Procfile; with several, import each into a file of its own and include them")
    (source,) = sources
    draft = Draft("procfile", (source.path,))
    found, problems = reader.entries(source.text, source.path)
    for problem in problems:
        if problem.severity == "error":
            # Where it is about the whole file, the first line that is none is the place to look at.
            raise Unreadable(source.path, problem.line or problems[0].line or 1, problem.message)
        draft.report.lost(Node(None, source.path, problem.line or 1), "line", problem.message)
    numbers = reader.formation_of(formation)
    reader.check_formation(numbers, found)
    draft.master().set("log_format", "prefix")
    running = reader.processes(found, numbers, first_port)
    places = {entry.name: Node(entry.command, source.path, entry.line) for entry in found}
    for process in running:
        _add(draft, process, places[process.entry.name])
    for name, members in reader.groups_of(running).items():
        group = Section("group", name, places[name], name)
        group.set("programs", [member.name for member in members])
        draft.sections.append(group)
    idle = [entry for entry in found if all(process.entry is not entry for process in running)]
    for entry in idle:
        draft.report.lost(places[entry.name], entry.name, "the formation has none of it")
    draft.remarks.append(
        "foreman stops everything when one process ends; here it is started again. [procman] shutdown_when = "
        '"any_exit" together with autorestart = false does the same as foreman.'
    )
    draft.remarks.append("directory = %(here)s is the folder of this file: keep it beside the Procfile.")
    return draft


def _add(draft: Draft, process: reader.Process, place: Node) -> None:
    section = draft.section(process.name, place, process.entry.name)
    draft.report.kept(place, process.entry.name)
    if process.entry.name == reader.RELEASE:
        draft.report.approximated(place, process.entry.name, "it is a one-shot, and the others wait until it is done")
    for option, value in process.options.items():
        section.set(option, _ready(value), place if option == "command" else None)


def _ready(value: reader.Setting) -> reader.Setting:
    match value:
        case str():
            return Ready(value)
        case list():
            return [Ready(item) for item in value]
        case Mapping():
            return {name: Ready(item) for name, item in value.items()}
        case _:
            return value
