"""The files that procman itself writes: no program is to be restarted for a change of them."""

import os
from collections.abc import Iterator

from procman.config.schema.configuration import Config
from procman.config.schema.groups import FcgiSocket
from procman.config.schema.servers import UnixServer
from procman.core.fleet import Fleet
from procman.daemon.context import ledger_path, times_path
from procman.runtime.definitions import group_of, program_of
from procman.runtime.output_router import OutputRouter


def own_files(config: Config, fleet: Fleet, outputs: OutputRouter, directory: str) -> list[str]:
    """All of them, and the folders that hold nothing else; `directory` is that of relative paths."""
    found = {path for path in (*_of_master(config), *_of_programs(fleet, outputs)) if path}
    absolute = {os.path.normpath(os.path.join(directory or "/", path)) for path in found}
    return sorted(path for path in absolute if not path.startswith(("/dev/", "/proc/")))


def _of_master(config: Config) -> Iterator[str | None]:
    master = config.master
    yield from (master.logfile, master.pidfile, master.record, master.metrics_file, master.reports_dir, master.journal)
    yield from (server.file for server in config.servers if isinstance(server, UnixServer))
    yield ledger_path(config)
    yield times_path(config)


def _of_programs(fleet: Fleet, outputs: OutputRouter) -> Iterator[str | None]:
    for members in fleet.groups.values():
        socket = group_of(members.spec).socket
        yield _path_of(socket) if socket is not None else None
        for name, process in members.processes.items():
            program = program_of(process.definition)
            yield from (program.stdout_logfile, program.stderr_logfile, *program.stdout_also, *program.stderr_also)
            yield from outputs.log_paths(name)


def _path_of(socket: FcgiSocket) -> str | None:
    return socket.url.removeprefix("unix://") if socket.url.startswith("unix://") else None
