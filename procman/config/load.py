"""Loads a configuration file with its includes: one `Config`, or everything that is wrong with the file.

It reads in supervisor's order, so that the first complaint is the one that supervisor would have made; but it goes on
with the option's default, to find the other mistakes too. Loading changes nothing and imports no plug-in.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from procman.config.assumptions import Assumptions
from procman.config.checks.permissions import refuse_privileged_hooks, warn_of_writable_files
from procman.config.checks.shell_syntax import warn_of_shell_syntax
from procman.config.checks.unknown_options import Ignored, find_ignored, unknown_in_toml, warn_of_ignored
from procman.config.checks.unseen_output import warn_of_unseen_output
from procman.config.formats.files import Gathered, gather
from procman.config.host import Machine
from procman.config.problems import ConfigError, Problem
from procman.config.resolve.access import read_access
from procman.config.resolve.client_settings import read_ctl
from procman.config.resolve.dependencies import resolve_dependencies
from procman.config.resolve.groups import read_groups
from procman.config.resolve.master import (
    check_exit_code_from,
    master_uid,
    read_master,
    supervisord_section,
    toml_defaults,
)
from procman.config.resolve.notify import read_notify
from procman.config.resolve.option_reader import OptionReader
from procman.config.resolve.origins import borrowed, origins_of
from procman.config.resolve.servers import read_rpcinterfaces, read_servers, serverurl
from procman.config.resolve.sockets import resolve_sockets
from procman.config.resolve.unique_names import unique
from procman.config.resolve.watch import require_library
from procman.config.schema.configuration import Config
from procman.config.schema.groups import Group


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """The result for a good or a bad file. `config` is None if one of the problems is an error.

    `groups` are all groups of the file, including those that `config` leaves out because their name is taken.
    `notes` and `remarks` are supervisor's warnings and infos.
    """

    config: Config | None
    groups: tuple[Group, ...]
    problems: tuple[Problem, ...]  # in the order in which they were found
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
    scales: Mapping[str, Sequence[int]] | None = None,
) -> Config:
    """Return the configuration of a file; raises ConfigError with every problem.

    `overrides` are [supervisord] options from the command line, as typed. `refuse_writable`: a file that other users
    may write is an error. `scales` are numbers of processes that programs were scaled to, by section: each with the
    numprocs that the file had then, and which it must still have.
    """
    loaded = read(
        path, environ=environ, assume=assume, overrides=overrides, refuse_writable=refuse_writable, scales=scales
    )
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
    scales: Mapping[str, Sequence[int]] | None = None,
) -> Loaded:
    """Read a file as `load` does, but return its problems instead of raising them.

    `places`: also check whether the files, sockets and commands that it names can be used.
    """
    machine = Machine(environ, assume)
    gathered = gather(path, machine)
    return judge(
        path, gathered, machine, overrides or {}, places=places, refuse_writable=refuse_writable, scales=scales or {}
    )


def judge(
    path: str,
    gathered: Gathered,
    machine: Machine,
    overrides: Mapping[str, str],
    *,
    places: bool = False,
    refuse_writable: bool = False,
    scales: Mapping[str, Sequence[int]] = {},
) -> Loaded:
    """Make a configuration of the sections of all files."""
    here = os.path.dirname(os.path.abspath(path))
    reading = OptionReader(gathered.sections, machine, here, gathered.problems, gathered.notes, scales=scales)
    config: Config | None = None
    groups: tuple[Group, ...] = ()
    # If nothing of the file could be read, there is nothing more to complain about.
    if gathered.sections.sections or not _has_error(reading.problems):
        unknown_in_toml(reading)
        config, groups = _resolve(reading, gathered, path, overrides)
        warn_of_shell_syntax(reading)
        if places or machine.is_pid_1:
            warn_of_unseen_output(reading, config)
        if places:
            # Only `procman check` makes these; their modules, and shutil, would cost each master 0.6 MiB.
            from procman.config.checks.on_request import check_on_request  # noqa: PLC0415
            from procman.config.dependency_notes import note_dependencies  # noqa: PLC0415

            check_on_request(reading, config, path)
            note_dependencies(reading, config)
    if not machine.is_assumed:
        warn_of_writable_files(reading, gathered.files, refuse=refuse_writable)
        if config is not None:
            refuse_privileged_hooks(reading, config)
    ignored = find_ignored(gathered.sections)
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


def _resolve(
    reading: OptionReader, gathered: Gathered, path: str, overrides: Mapping[str, str]
) -> tuple[Config, tuple[Group, ...]]:
    """The configuration, with a default for each option that cannot be read; and all groups of the file."""
    section = supervisord_section(reading, path)
    master = read_master(reading, section, overrides)
    rpcinterfaces = read_rpcinterfaces(reading)
    groups = resolve_sockets(reading, read_groups(reading, master))
    require_library(reading, master, groups)
    servers = read_servers(reading)
    check_exit_code_from(reading, master, groups)
    master = replace(master, uid=master_uid(reading, master, overrides))
    if section.toml:
        master = toml_defaults(reading, master, overrides, path)
    config = Config(
        file=os.path.abspath(path),
        here=reading.here,
        files=tuple(dict.fromkeys(gathered.files)),
        master=master,
        servers=servers,
        rpcinterfaces=rpcinterfaces,
        templates=tuple(reading.templates),
        groups=resolve_dependencies(reading, unique(reading, groups)),
        ctl=read_ctl(reading),
        notify=read_notify(reading, groups),
        access=read_access(reading, servers, groups),
        serverurl=serverurl(servers),
        remarks=tuple(gathered.remarks),
        wants_background=reading.raw(section, "nodaemon") is not None and not master.nodaemon,
        origins=origins_of(gathered.sections, overrides),
        borrowed=borrowed(gathered.sections, master),
    )
    return config, groups


def _has_error(problems: Iterable[Problem]) -> bool:
    return any(problem.severity == "error" for problem in problems)


def _by_place(path: str, problems: tuple[Problem, ...]) -> tuple[Problem, ...]:
    """Sort by file and line, the main file first."""
    files = dict.fromkeys([path, *(problem.file for problem in problems)])
    order = {file: number for number, file in enumerate(files)}
    return tuple(sorted(problems, key=lambda problem: (order[problem.file], problem.line or 0)))
