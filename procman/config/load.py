"""A configuration file, and what it includes, to one `Config`; or all that is wrong with it, at once.

It does what supervisor's reader does, in its order, so that the first complaint is the one supervisor would have made;
but it goes on after it with the option's default. Nothing is changed, made or imported by loading.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from procman.config.auto_logs import warn_of_unseen
from procman.config.checks.permissions import look_at_hands
from procman.config.checks.unknown_options import Ignored, find_ignored, unknown_in_toml, warn_of_ignored
from procman.config.discovery import default_file
from procman.config.formats.expansion import HOST, PREFIX, environment_names, names_in
from procman.config.formats.files import Gathered, gather, is_toml
from procman.config.formats.raw import RawSection, Sections
from procman.config.host import Assumptions, Machine
from procman.config.problems import ConfigError, Problem, Severity
from procman.config.resolve.groups import read_groups
from procman.config.resolve.option_reader import OptionReader
from procman.config.resolve.servers import read_servers, serverurl
from procman.config.schema.model import MIB, RPC_FACTORY, Config, Ctl, Group, Master, RpcInterface
from procman.config.schema.notation import show_text
from procman.config.schema.options import Unfit, options_of

__all__ = ["Assumptions", "ConfigError", "Loaded", "Problem", "judge", "load", "read"]

MASTER = options_of(Master)
COMMAND_LINE = "command line"
_WITH_PROGRAMS = ("program:", "fcgi-program:", "eventlistener:")
EVERYWHERE = "DEFAULT"  # configparser's own section, whose options are every section's


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What came of a file, good or bad. `config` is None where a problem is an error.

    `groups` are all that the file asks for, also those that `config` leaves out because their name is taken.
    `notes` and `remarks` are supervisor's warnings and infos.
    """

    config: Config | None
    groups: tuple[Group, ...]
    problems: tuple[Problem, ...]  # in the order they were found
    ignored: Ignored
    notes: tuple[str, ...]
    remarks: tuple[str, ...]


def load(
    path: str,
    *,
    environ: Mapping[str, str] | None = None,
    assume: Assumptions | None = None,
    overrides: Mapping[str, str] | None = None,
    refuse_writable: bool = False,
) -> Config:
    """The configuration of a file; raises ConfigError with every problem.

    `overrides` are [supervisord] options from the command line, as typed. `refuse_writable`: a file that others may
    write cannot be used.
    """
    loaded = read(path, environ=environ, assume=assume, overrides=overrides, refuse_writable=refuse_writable)
    if loaded.config is None:
        raise ConfigError(_by_place(path, loaded.problems))
    return loaded.config


def read(
    path: str,
    *,
    environ: Mapping[str, str] | None = None,
    assume: Assumptions | None = None,
    overrides: Mapping[str, str] | None = None,
    places: bool = False,
    refuse_writable: bool = False,
) -> Loaded:
    """The same without an exception, and with what a report needs beside.

    `places`: look also whether the files and sockets it names could be written.
    """
    machine = Machine(environ, assume)
    gathered = gather(path, machine)
    return judge(path, gathered, machine, overrides or {}, places=places, refuse_writable=refuse_writable)


def judge(
    path: str,
    gathered: Gathered,
    machine: Machine,
    overrides: Mapping[str, str],
    *,
    places: bool = False,
    refuse_writable: bool = False,
) -> Loaded:
    """What the sections of all files mean."""
    here = os.path.dirname(os.path.abspath(path))
    reading = OptionReader(gathered.sections, machine, here, gathered.problems, gathered.notes)
    sections = gathered.sections
    config: Config | None = None
    groups: tuple[Group, ...] = ()
    # A file of which nothing could be read needs no further complaints.
    if sections.sections or not _has_error(reading.problems):
        unknown_in_toml(reading)
        master = _read_master(reading, _supervisord(reading, path), overrides)
        rpcinterfaces = _read_rpcinterfaces(reading)
        groups = read_groups(reading, master)
        servers = read_servers(reading)
        _check_exit_code_from(reading, master, groups)
        master = replace(master, uid=_master_uid(reading, master, overrides))
        if sections.sections["supervisord"].toml:
            master = _by_default(reading, master, overrides, path)
        config = Config(
            file=os.path.abspath(path),
            here=here,
            files=tuple(dict.fromkeys(gathered.files)),
            master=master,
            servers=servers,
            rpcinterfaces=rpcinterfaces,
            groups=_unique(reading, groups),
            ctl=_read_ctl(reading),
            serverurl=serverurl(servers),
            remarks=tuple(gathered.remarks),
            wants_background=reading.raw(sections.sections["supervisord"], "nodaemon") is not None
            and not master.nodaemon,
            origins=_origins(sections, overrides),
            borrowed=_borrowed(sections, master),
        )
        if places or machine.is_pid_1:
            warn_of_unseen(reading, config)
        if places:
            _look_around(reading, config, path)
    if not machine.is_assumed:
        look_at_hands(reading, gathered.files, refuse=refuse_writable)
    ignored = find_ignored(sections)
    warn_of_ignored(reading, ignored)
    problems = tuple(dict.fromkeys(reading.problems))
    if _has_error(problems):
        config = None
    elif config is not None:
        config = replace(config, warnings=_by_place(path, problems))
    return Loaded(
        config=config,
        groups=groups,
        problems=problems,
        ignored=ignored,
        notes=tuple(gathered.notes[: reading.notes_before_error]),
        remarks=tuple(gathered.remarks),
    )


def _look_around(reading: OptionReader, config: Config, path: str) -> None:
    """What only `check` looks for: a start finds it out."""
    from procman.config.checks.background import warn_of_background  # noqa: PLC0415 - not for a master
    from procman.config.checks.doubtful_values import warn_of_doubts  # noqa: PLC0415 - not for a master
    from procman.config.checks.paths import warn_of_commands, warn_of_places  # noqa: PLC0415 - not for a master
    from procman.config.checks.ports import warn_of_ports  # noqa: PLC0415 - not for a master

    warn_of_commands(reading, config)
    warn_of_places(reading, config)
    warn_of_ports(reading, config)
    warn_of_background(reading, config)
    _warn_of_emptiness(reading, path)
    warn_of_doubts(reading, config)


def _borrowed(sections: Sections, master: Master) -> dict[str, tuple[str, ...]]:
    """What each section takes from the environment and the machine, but for the variables of [supervisord]."""
    own = environment_names(master.environment)
    borrowed = {}
    everything = {name: section.options for name, section in sections.sections.items()} | {
        EVERYWHERE: sections.defaults
    }
    for section, options in everything.items():
        taken = (name for raw in options.values() for text in _texts(raw.value) for name in names_in(text))
        names = dict.fromkeys(name for name in taken if name == HOST or (name.startswith(PREFIX) and name not in own))
        if names:
            borrowed[section] = tuple(names)
    return borrowed


def _texts(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case list():
            for item in value:
                yield from _texts(item)
        case dict():
            for item in value.values():
                yield from _texts(item)


def _origins(sections: Sections, overrides: Mapping[str, str]) -> dict[str, dict[str, tuple[str, int | None]]]:
    """Where each option stands, for those who ask what is in effect and why."""
    files: dict[str, str] = {}
    origins: dict[str, dict[str, tuple[str, int | None]]] = {}
    everything = {name: section.options for name, section in sections.sections.items()}
    if sections.defaults:
        everything[EVERYWHERE] = sections.defaults
    for name, options in everything.items():
        origins[name] = {
            option: (files.setdefault(raw.file, os.path.abspath(raw.file)), raw.line) for option, raw in options.items()
        }
    origins["supervisord"].update(dict.fromkeys(overrides, (COMMAND_LINE, None)))
    return origins


def _has_error(problems: Iterable[Problem]) -> bool:
    return any(problem.severity == "error" for problem in problems)


def _by_place(path: str, problems: tuple[Problem, ...]) -> tuple[Problem, ...]:
    """Sorted by file and line, the main file first."""
    files = dict.fromkeys([path, *(problem.file for problem in problems)])
    order = {file: number for number, file in enumerate(files)}
    return tuple(sorted(problems, key=lambda problem: (order[problem.file], problem.line or 0)))


# ------------------------------------------------------------------------------------------------ the master


def _supervisord(reading: OptionReader, path: str) -> RawSection:
    section = reading.sections.sections.get("supervisord")
    if section is None:
        toml = is_toml(path)
        section = RawSection("supervisord", "procman" if toml else "supervisord", path, None, toml=toml)
        reading.sections.sections["supervisord"] = section
        if not is_toml(path):
            message = "the file has no [supervisord] section: add one, or include this file from one that has it"
            reading.add(Problem(path, None, None, None, message, slug="no-supervisord-section"))
    return section


def _read_master(reading: OptionReader, section: RawSection, overrides: Mapping[str, str]) -> Master:
    names = reading.names(here=reading.here)
    values: dict[str, Any] = {}
    for name, known in MASTER.items():
        if known.inert:
            continue
        again = None
        if name == "environment":
            # Supervisor expands it twice, and offers the host's name the second time only.
            again = {"here": reading.here, "host_node_name": reading.machine.host_node_name, **reading.environment}
        values[name] = reading.option(section, name, known, names, again=again)
    if reading.raw(section, "childlogdir") is None:
        values["childlogdir"] = reading.machine.temporary_folder()
    _override(reading, values, overrides)
    if "nodaemon" in overrides:
        values["daemon"] = False
    for name in ("logfile", "pidfile"):
        if not (name == "logfile" and values[name] == "syslog"):
            values[name] = reading.machine.normal(values[name])
    reading.add_environment(values["environment"])
    return Master(**values)


def _by_default(reading: OptionReader, master: Master, overrides: Mapping[str, str], path: str) -> Master:
    """What a TOML file leaves unsaid: no file of the master is left in whatever folder it was started in."""
    section = reading.sections.sections["supervisord"]

    def unsaid(name: str) -> bool:
        return reading.raw(section, name) is None and name not in overrides

    if unsaid("pidfile"):
        master = replace(master, pidfile=default_file(path, ".pid", master.uid))
    if unsaid("logfile") and (master.daemon or master.silent):
        master = replace(master, logfile=default_file(path, ".log", master.uid))
        if unsaid("logfile_maxbytes"):
            # That folder is often in memory.
            master = replace(master, logfile_maxbytes=MIB)
    elif unsaid("logfile"):
        master = replace(master, logfile="/dev/stdout")
    return master


def _override(reading: OptionReader, values: dict[str, Any], overrides: Mapping[str, str]) -> None:
    for name, text in overrides.items():
        known = MASTER[name]
        try:
            values[name] = reading.fitting(known.kind, text, toml=False)
        except ValueError as error:
            why = str(error) if isinstance(error, Unfit) else f"expected {known.kind.expected}"
            message = f"cannot read {show_text(text)}: {why}"
            reading.add(Problem(COMMAND_LINE, None, None, name, message, slug=known.kind.slug))


def _master_uid(reading: OptionReader, master: Master, overrides: Mapping[str, str]) -> int | None:
    if "user" in overrides:
        section = RawSection("supervisord", "", COMMAND_LINE, None)
        return reading.uid(section, master.user)
    return reading.uid(reading.sections.sections["supervisord"], master.user)


# ------------------------------------------------------------------------------------------------ control


def _read_rpcinterfaces(reading: OptionReader) -> tuple[RpcInterface, ...]:
    found = []
    names = reading.names()
    for section in reading.sections.starting_with("rpcinterface:"):
        factory = reading.plugin(section, RPC_FACTORY, names)
        options = {
            name: reading.text(section, name, names) or ""
            for name in reading.sections.names(section.name)
            if name != RPC_FACTORY
        }
        name = section.name.partition(":")[2]
        found.append(RpcInterface(name=name, factory=factory, options=options))
    return tuple(found)


def _read_ctl(reading: OptionReader) -> Ctl:
    """The client's section. What is wrong in it does not keep a master from running, so in INI it is a warning."""
    section = reading.sections.sections.get("supervisorctl")
    if section is None:
        return Ctl()
    names = reading.names()
    values = {}
    for name, known in options_of(Ctl).items():
        offered = {**names, "here": reading.here} if name in ("serverurl", "history_file") else names
        severity: Severity = "error" if section.toml else "warning"
        values[name] = reading.option(section, name, known, offered, severity=severity)
    if (values["serverurl"] or "").startswith("unix://"):
        values["serverurl"] = "unix://" + reading.machine.normal(values["serverurl"].removeprefix("unix://"))
    values["history_file"] = reading.machine.normal(values["history_file"]) if values["history_file"] else None
    return Ctl(**values)


# ------------------------------------------------------------------------------------------------ names of processes


def _check_exit_code_from(reading: OptionReader, master: Master, groups: tuple[Group, ...]) -> None:
    wanted = master.exit_code_from
    known = ["none", "first_failure", *(program.namespec for group in groups for program in group.programs)]
    section = reading.sections.sections.get("supervisord")
    if wanted is None or wanted in known or section is None:
        return
    hint = reading.did_you_mean(wanted, lambda: known) or ": expected the name of a process, first_failure or none"
    message = f"there is no process {show_text(wanted)}{hint}"
    reading.complain(section, "exit_code_from", message, "unknown-program")


# ------------------------------------------------------------------------------------------------ something to run


def _warn_of_emptiness(reading: OptionReader, path: str) -> None:
    """`check` of TOML only: the programs of an INI file may come with its [include] later on."""
    sections = reading.sections.sections
    if is_toml(path) and not any(name.startswith(_WITH_PROGRAMS) for name in sections):
        message = 'the file has no program to run: add [program.NAME] with command = "…"'
        reading.add(Problem(path, None, None, None, message, "warning", "no-program"))


# ------------------------------------------------------------------------------------------------ one of each name


def _unique(reading: OptionReader, groups: tuple[Group, ...]) -> tuple[Group, ...]:
    """One group of each name and one process of each name in it: supervisor keeps the first group, the last process."""
    found: dict[str, Group] = {}
    for group in groups:
        if group.name in found:
            section = reading.sections.sections[_section_of(group)]
            message = f"ignored, because there is another group named {group.name}: give one of them another name"
            _clash(reading, section, message)
            continue
        programs = {program.name: program for program in group.programs}
        for program in group.programs:
            if programs[program.name] is not program:
                section = reading.sections.sections[program.section]
                message = (
                    f"two processes of group {group.name} are named {program.name}, and the last one is taken: give "
                    "one of them another process_name"
                )
                _clash(reading, section, message)
        found[group.name] = replace(group, programs=tuple(p for p in group.programs if programs[p.name] is p))
    return tuple(found.values())


def _section_of(group: Group) -> str:
    if group.kind == "group" or not group.programs:
        return f"{group.kind}:{group.name}"
    return group.programs[0].section


def _clash(reading: OptionReader, section: RawSection, message: str) -> None:
    reading.complain(section, None, message, severity="error" if section.toml else "warning")
