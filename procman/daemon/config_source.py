"""Reads the configuration: at the start in place, and later in a thread beside the loop.

A master with a `directory`, or one in the background, has left the folder where it was started. The file is then read
from that folder, and its relative paths become absolute, so that it means the same.
"""

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

from procman.config.checks.permissions import may_refuse
from procman.config.fingerprint import fingerprint
from procman.config.load import load
from procman.config.problems import ConfigError, Problem
from procman.config.resolve.auto_log_bounds import within_memory
from procman.config.schema.configuration import Config
from procman.config.schema.options import AUTO
from procman.config.schema.programs import Program
from procman.daemon.features import import_features
from procman.events.result_handlers import CannotImport, load_handler
from procman.runtime.call_queue import CallQueue, TakesTooLong
from procman.system.mounts import is_in_memory, mounts
from procman.system.thread_cwd import leave_common_folder

# How long reading the configuration may take, in seconds.
READ_WITHIN = 30.0
# The same for a client that only asks whether it could be read.
WARN_WITHIN = 2.0


class _SharesFolder(Exception):
    """This thread cannot have a working folder of its own."""


@dataclass(slots=True)
class ConfigSource:
    """Where the configuration comes from."""

    path: str
    overrides: dict[str, str]
    allow_writable: bool
    folder: str | None = None  # where the master was started, if it has left that folder
    at_home: str | None = None  # where programs without a directory run then
    scales: dict[str, list[int]] = field(default_factory=dict)  # by section: how many processes there are to be

    def read(self) -> Config:
        """Read it; raises ConfigError."""
        return self._accepted(self._read())

    async def read_again(self, blocking: CallQueue) -> Config:
        """Read it in a thread, while everything else goes on; raises ConfigError."""
        try:
            return self._accepted(await blocking.do(self._read_in_thread))
        except _SharesFolder:
            return self.read()
        except TakesTooLong:
            # Its disk hangs, or a number has a digit too many.
            message = (
                f"cannot be read: that has not ended within {READ_WITHIN:.0f} s: a slow disk, or too many processes"
            )
            raise ConfigError([Problem(self.path, None, None, None, message)]) from None

    async def warnings(self, blocking: CallQueue) -> list[str]:
        """Why the file could not be used now. Its result handlers are not imported for that."""
        return (await self.look(blocking))[1]

    async def look(self, blocking: CallQueue) -> tuple[Config | None, list[str]]:
        """The file as it is now, None where it could not be used, and why not. It is not taken over."""
        read = asyncio.ensure_future(blocking.do(self._read_in_thread))
        await asyncio.wait({read}, timeout=WARN_WITHIN)
        if not read.done():
            read.cancel()
            slow = f"cannot tell whether {self.path} could be used: that takes too long; does its disk answer?"
            return None, [slow]
        error = read.exception()
        if not isinstance(error, ConfigError):
            return (read.result() if error is None else None), []
        first, *others = [problem for problem in error.problems if problem.severity == "error"]
        more = f" (and {len(others)} more)" if others else ""
        warning = (
            f"the configuration on the disk cannot be used: {first}{more}. All goes on as it was read before, but a "
            "reload or a new start would fail: mend the file, and see with procman check whether it is good"
        )
        return None, [warning]

    def fingerprint(self, program: Program) -> int:
        """Tells a definition from every other that a running process could have.

        It is the same for a daemon and in the foreground, where a program without a directory has none: either may
        adopt what the other has left running.
        """
        return fingerprint(replace(program, directory=None) if program.directory == self.at_home else program)

    def _read_in_thread(self) -> Config:
        if self.folder is not None and not leave_common_folder():
            raise _SharesFolder
        return self._read()

    def _read(self) -> Config:
        read = partial(_load, self.path, self.overrides, allow_writable=self.allow_writable, scales=dict(self.scales))
        if self.folder is None:
            return read()
        return _with_absolute_paths(_read_from(self.folder, read, self.path), self.folder)

    def _accepted(self, config: Config) -> Config:
        # Not in the thread: a user's module may not be fit for being imported there.
        check_result_handlers(config)
        import_features(config)
        if self.folder is not None:
            self.at_home = config.master.directory or self.folder
        return config


def check_result_handlers(config: Config) -> None:
    """Import the result handlers of all event listeners; raises ConfigError."""
    problems = []
    for group in config.groups:
        if group.listener is not None:
            try:
                load_handler(group.listener.result_handler)
            except CannotImport as error:
                message = f"{error}; name a function of an installed module"
                section = f"eventlistener:{group.name}"
                problems.append(Problem(config.file, None, section, "result_handler", message))
    if problems:
        raise ConfigError(problems)


def _load(path: str, overrides: dict[str, str], *, allow_writable: bool, scales: dict[str, list[int]]) -> Config:
    try:
        config = load(path, overrides=overrides, refuse_writable=may_refuse() and not allow_writable, scales=scales)
    except FileNotFoundError:
        message = "cannot tell what relative paths mean: the directory procman is in was removed; make them absolute"
        raise ConfigError([Problem(path, None, None, None, message)]) from None
    # The programs of a container share its memory with everything in it.
    in_memory = os.getpid() == 1 and is_in_memory(config.master.childlogdir, mounts())
    return within_memory(config) if in_memory else config


def _read_from(folder: str, read: Callable[[], Config], file: str) -> Config:
    # By descriptor and not by name: the present folder may have been removed.
    here = os.open(".", os.O_PATH | os.O_DIRECTORY)
    try:
        try:
            os.chdir(folder)
        except OSError as error:
            message = f"cannot look from {folder}, where this master was started: {error.strerror}; make it again"
            raise ConfigError([Problem(file, None, None, None, message)]) from None
        return read()
    finally:
        os.fchdir(here)
        os.close(here)


def _with_absolute_paths(config: Config, folder: str) -> Config:
    """Programs run in the master's `directory`, as under supervisord, or in `folder`, where it was started."""
    master = config.master
    home = os.path.join(folder, master.directory) if master.directory else folder

    def absolute(path: str | None) -> str | None:
        return path if path in (None, AUTO) else os.path.join(home, path)

    groups = [
        replace(
            group,
            programs=tuple(
                replace(
                    program,
                    directory=os.path.join(home, program.directory) if program.directory else home,
                    stdout_logfile=absolute(program.stdout_logfile),
                    stderr_logfile=absolute(program.stderr_logfile),
                    stdout_also=tuple(os.path.join(home, path) for path in program.stdout_also),
                    stderr_also=tuple(os.path.join(home, path) for path in program.stderr_also),
                )
                for program in group.programs
            ),
        )
        for group in config.groups
    ]
    at_home = replace(
        master,
        logfile=master.logfile if master.logfile == "syslog" else os.path.join(folder, master.logfile),
        pidfile=os.path.join(folder, master.pidfile),
        metrics_file=None if master.metrics_file is None else os.path.join(folder, master.metrics_file),
        record=None if master.record is None else os.path.join(folder, master.record),
        childlogdir=os.path.join(folder, master.childlogdir),
        directory=None if master.directory is None else home,
    )
    return replace(config, master=at_home, groups=tuple(groups))
