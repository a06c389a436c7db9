"""AUTO logs where they do harm: those that nobody sees, and those that fill the memory.

In a container people look at the console, and /tmp is often a tmpfs. Pure.
"""

from collections.abc import Iterator
from dataclasses import replace

from procman.config.problems import Problem
from procman.config.resolve.option_reader import OptionReader
from procman.config.schema.kinds.paths import is_console
from procman.config.schema.model import AUTO, MIB, Config, Group, Program
from procman.config.schema.notation import assignment

# What all AUTO logs together take of a memory-backed folder at most, in bytes.
MOST_IN_MEMORY = 16 * MIB
# With none a full log would begin anew, and the last lines before a crash could be gone.
_BACKUPS = 1


def warn_of_unseen(reading: OptionReader, config: Config) -> None:
    """A warning for each program that writes to an AUTO log without having asked for it, while the console is read."""
    own_log = is_console(config.master.logfile) or reading.machine.is_pid_1
    for group in config.groups:
        for program in group.programs:
            unsaid = _unsaid(reading, group, program)
            if unsaid and (own_log or _on_console(program)):
                section = reading.sections.sections[program.section]
                stream = unsaid[0]
                console = "-" if section.toml else f"/dev/{stream}"
                outputs, files = ("output", "files") if len(unsaid) > 1 else (stream, "a file")
                way_out = assignment(f"{stream}_logfile", console, toml=section.toml)
                to_stay = assignment(f"{stream}_logfile", AUTO, toml=section.toml)
                if len(unsaid) > 1:
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


def _unsaid(reading: OptionReader, group: Group, program: Program) -> list[str]:
    """The streams that go to an AUTO log because nothing is said of them. A listener's stdout is no log."""
    section = reading.sections.sections[program.section]
    places = {"stderr": program.stderr_logfile}
    if group.listener is None:
        places = {"stdout": program.stdout_logfile, **places}
    return [
        stream
        for stream, place in places.items()
        if place == AUTO and reading.raw(section, f"{stream}_logfile") is None
    ]


def _on_console(program: Program) -> bool:
    return any(is_console(place) for stream in _places(program) for place in stream)


def _places(program: Program) -> tuple[tuple[str | None, ...], tuple[str | None, ...]]:
    """All that stdout goes to, and all that stderr goes to."""
    return (program.stdout_logfile, *program.stdout_also), (program.stderr_logfile, *program.stderr_also)


def within_memory(config: Config, most: int = MOST_IN_MEMORY) -> Config:
    """The same with AUTO logs that take no more than `most` bytes together, and a warning where that changes one."""
    logs = [bounds for group in config.groups for program in group.programs for bounds in _auto_bounds(program)]
    if all(maxbytes for maxbytes, _ in logs) and sum(size * (backups + 1) for size, backups in logs) <= most:
        return config
    # Shares of a power of two, so that few programs that come or go change what all others have.
    share = most // (1 << (len(logs) - 1).bit_length()) // (_BACKUPS + 1)
    groups = tuple(
        replace(group, programs=tuple(_bounded(program, share) for program in group.programs))
        for group in config.groups
    )
    message = (
        f"{config.master.childlogdir} is in memory, so all AUTO logs in it ({len(logs)}) are kept within "
        f"{most // MIB} MiB together: each is rotated at {max(share // 1024, 1)} KiB, with {_BACKUPS} backup; "
        "name a file on a disk, or the console, in stdout_logfile and stderr_logfile"
    )
    warning = Problem(config.file, None, "supervisord", "childlogdir", message, "warning", "in-memory")
    return replace(config, groups=groups, warnings=(*config.warnings, warning))


def _auto_bounds(program: Program) -> Iterator[tuple[int, int]]:
    stdout, stderr = _places(program)
    if AUTO in stdout:
        yield program.stdout_logfile_maxbytes, program.stdout_logfile_backups
    if AUTO in stderr:
        yield program.stderr_logfile_maxbytes, program.stderr_logfile_backups


def _bounded(program: Program, share: int) -> Program:
    stdout, stderr = _places(program)
    if AUTO in stdout:
        program = replace(
            program,
            stdout_logfile_maxbytes=min(program.stdout_logfile_maxbytes or share, share),
            stdout_logfile_backups=min(program.stdout_logfile_backups, _BACKUPS),
        )
    if AUTO in stderr:
        program = replace(
            program,
            stderr_logfile_maxbytes=min(program.stderr_logfile_maxbytes or share, share),
            stderr_logfile_backups=min(program.stderr_logfile_backups, _BACKUPS),
        )
    return program
