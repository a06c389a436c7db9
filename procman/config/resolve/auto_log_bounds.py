"""Bounds the size of AUTO logs in a directory that is in memory, as a container's /tmp often is."""

from collections.abc import Iterator
from dataclasses import replace

from procman.config.formats.files import is_toml
from procman.config.problems import Problem
from procman.config.schema.configuration import Config
from procman.config.schema.kinds.numbers import MIB
from procman.config.schema.options import AUTO
from procman.config.schema.programs import Program

# What all AUTO logs together may take of a directory in memory, in bytes.
MOST_IN_MEMORY = 16 * MIB
# Without a backup, the last lines before a crash could be lost when a log is rotated.
_BACKUPS = 1


def within_memory(config: Config, most: int = MOST_IN_MEMORY) -> Config:
    """Limit all AUTO logs to `most` bytes together, with a warning if that changes one."""
    logs = [bounds for group in config.groups for program in group.programs for bounds in _auto_bounds(program)]
    if all(maxbytes for maxbytes, _ in logs) and sum(size * (backups + 1) for size, backups in logs) <= most:
        return config
    # The share is of the next power of two, so that a new program rarely changes the bounds of the others.
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
    section = "procman" if is_toml(config.file) else "supervisord"
    warning = Problem(config.file, None, section, "childlogdir", message, "warning", "in-memory")
    return replace(config, groups=groups, warnings=(*config.warnings, warning))


def destinations(program: Program) -> tuple[tuple[str | None, ...], tuple[str | None, ...]]:
    """All places that stdout goes to, and all that stderr goes to."""
    return (program.stdout_logfile, *program.stdout_also), (program.stderr_logfile, *program.stderr_also)


def _auto_bounds(program: Program) -> Iterator[tuple[int, int]]:
    stdout, stderr = destinations(program)
    if AUTO in stdout:
        yield program.stdout_logfile_maxbytes, program.stdout_logfile_backups
    if AUTO in stderr:
        yield program.stderr_logfile_maxbytes, program.stderr_logfile_backups


def _bounded(program: Program, share: int) -> Program:
    stdout, stderr = destinations(program)
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
