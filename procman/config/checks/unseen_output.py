"""Warns of output that goes to an AUTO log while people look at the console, as they do in a container."""

import os

from procman.config.resolve.auto_log_bounds import destinations
from procman.config.resolve.option_reader import OptionReader
from procman.config.schema.configuration import Config
from procman.config.schema.groups import Group
from procman.config.schema.kinds.paths import is_console
from procman.config.schema.notation import assignment
from procman.config.schema.options import AUTO
from procman.config.schema.programs import Program


def warn_of_unseen_output(reading: OptionReader, config: Config) -> None:
    """Warn of each program whose output goes to an AUTO log by default, if the console is in use."""
    own_log = is_console(config.master.logfile) and _console_is_meant(reading, config)
    own_log = own_log or reading.machine.is_pid_1
    for group in config.groups:
        for program in group.programs:
            streams = _auto_by_default(reading, group, program)
            if streams and (own_log or _on_console(program)):
                _warn(reading, config, program, streams)


def _console_is_meant(reading: OptionReader, config: Config) -> bool:
    """Does anything say that people look at the console? In TOML the master logs there by default, on a host too."""
    if reading.raw(reading.sections.sections["supervisord"], "logfile") is not None:
        return True
    if any(_on_console(program) for group in config.groups for program in group.programs):
        return True
    folder = os.path.dirname(os.path.abspath(config.file))
    return any(os.path.exists(os.path.join(folder, name)) for name in ("Dockerfile", "Containerfile"))


def _warn(reading: OptionReader, config: Config, program: Program, streams: list[str]) -> None:
    section = reading.sections.sections[program.section]
    stream = streams[0]
    console = "-" if section.toml else f"/dev/{stream}"
    outputs, files = ("output", "files") if len(streams) > 1 else (stream, "a file")
    way_out = assignment(f"{stream}_logfile", console, toml=section.toml)
    to_stay = assignment(f"{stream}_logfile", AUTO, toml=section.toml)
    if len(streams) > 1:
        way_out += "" if section.toml else " and redirect_stderr = true"
        to_stay = f"{to_stay} and {assignment('stderr_logfile', AUTO, toml=section.toml)}"
    reading.complain(
        section,
        f"{stream}_logfile",
        f"in a container nobody sees its {outputs}, which goes to {files} in {config.master.childlogdir}: "
        f"write {way_out} for the console, or {to_stay} to leave it there",
        "unseen",
        "warning",
    )


def _auto_by_default(reading: OptionReader, group: Group, program: Program) -> list[str]:
    """The streams that go to an AUTO log because the file does not mention them. A listener's stdout is no log."""
    section = reading.sections.sections[program.section]
    logs = {"stderr": program.stderr_logfile}
    if group.listener is None:
        logs = {"stdout": program.stdout_logfile, **logs}
    return [stream for stream, log in logs.items() if log == AUTO and reading.raw(section, f"{stream}_logfile") is None]


def _on_console(program: Program) -> bool:
    return any(is_console(log) for stream in destinations(program) for log in stream)
