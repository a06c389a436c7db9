"""The options of the master: `[supervisord]`, in TOML `[procman]`, with what the command line overrides."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from procman.config.formats.files import is_toml
from procman.config.formats.raw import RawSection
from procman.config.problems import Problem
from procman.config.resolve.option_reader import OptionReader
from procman.config.resolve.origins import COMMAND_LINE
from procman.config.runtime_dir import default_file
from procman.config.schema.groups import Group
from procman.config.schema.kinds.numbers import MIB
from procman.config.schema.master import Master
from procman.config.schema.notation import show_text
from procman.config.schema.options import MEMORY, Unfit, options_of

MASTER = options_of(Master)


def supervisord_section(reading: OptionReader, path: str) -> RawSection:
    """The section of the master; an empty one if the file has none, which is an error in INI."""
    section = reading.sections.sections.get("supervisord")
    if section is None:
        toml = is_toml(path)
        section = RawSection("supervisord", "procman" if toml else "supervisord", path, None, toml=toml)
        reading.sections.sections["supervisord"] = section
        if not is_toml(path):
            message = "the file has no [supervisord] section: add one, or include this file from one that has it"
            reading.add(Problem(path, None, None, None, message, slug="no-supervisord-section"))
    return section


def read_master(reading: OptionReader, section: RawSection, overrides: Mapping[str, str]) -> Master:
    """The master's options; its `[supervisord] environment` becomes usable in all sections read later."""
    names = reading.names(here=reading.here)
    values: dict[str, Any] = {}
    for name, known in MASTER.items():
        if known.inert:
            continue
        again = None
        if name == "environment":
            # Supervisor expands it twice, and knows the host's name only the second time.
            again = {"here": reading.here, "host_node_name": reading.machine.host_node_name, **reading.environment}
        values[name] = reading.option(section, name, known, names, again=again)
    if reading.raw(section, "childlogdir") is None:
        values["childlogdir"] = reading.machine.temporary_folder()
    _override(reading, values, overrides)
    if "nodaemon" in overrides:
        values["daemon"] = False
    for name in ("logfile", "pidfile", "record"):
        if values[name] is not None and not (name == "logfile" and values[name] == "syslog"):
            values[name] = reading.machine.normal(values[name])
    if values["metrics_file"] is not None:
        if not values["metrics_file"]:
            reading.complain(section, "metrics_file", "it is empty: name a file, or leave it out")
        values["metrics_file"] = reading.machine.normal(reading.machine.home(values["metrics_file"]))
    if values["reports_dir"] is not None:
        if not values["reports_dir"]:
            reading.complain(section, "reports_dir", "it is empty: name a directory, or leave it out")
        values["reports_dir"] = reading.machine.normal(reading.machine.home(values["reports_dir"]))
    if values["journal"] != MEMORY:
        values["journal"] = reading.machine.normal(values["journal"])
    reading.add_environment(values["environment"])
    return Master(**values)


def toml_defaults(reading: OptionReader, master: Master, overrides: Mapping[str, str], path: str) -> Master:
    """TOML's own defaults, which leave no file of the master in the directory that it was started in."""
    section = reading.sections.sections["supervisord"]

    def is_default(name: str) -> bool:
        return reading.raw(section, name) is None and name not in overrides

    if is_default("pidfile"):
        master = replace(master, pidfile=default_file(path, ".pid", master.uid))
    if is_default("logfile") and (master.daemon or master.silent):
        master = replace(master, logfile=default_file(path, ".log", master.uid))
        if is_default("logfile_maxbytes"):
            # That directory is often in memory.
            master = replace(master, logfile_maxbytes=MIB)
    elif is_default("logfile"):
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


def master_uid(reading: OptionReader, master: Master, overrides: Mapping[str, str]) -> int | None:
    """The number of the user that the master becomes."""
    if "user" in overrides:
        section = RawSection("supervisord", "", COMMAND_LINE, None)
        return reading.uid(section, master.user)
    return reading.uid(reading.sections.sections["supervisord"], master.user)


def check_exit_code_from(reading: OptionReader, master: Master, groups: tuple[Group, ...]) -> None:
    """Check that `exit_code_from` names a process."""
    wanted = master.exit_code_from
    known = ["none", "first_failure", *(program.namespec for group in groups for program in group.programs)]
    section = reading.sections.sections.get("supervisord")
    if wanted is None or wanted in known or section is None:
        return
    hint = reading.did_you_mean(wanted, lambda: known) or ": expected the name of a process, first_failure or none"
    message = f"there is no process {show_text(wanted)}{hint}"
    reading.complain(section, "exit_code_from", message, "unknown-program")
