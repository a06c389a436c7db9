"""The options of the master itself.

Plain facts: no I/O. Options stand in the order in which supervisor reads them (see `programs`).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from procman.config.schema import kinds
from procman.config.schema.kinds.numbers import MIB
from procman.config.schema.options import Orphans, option
from procman.core.spec import MasterPolicy, ShutdownWhen

DAEMON_UMASK = 0o022  # where the file names none


@dataclass(frozen=True, slots=True, kw_only=True)
class Master(MasterPolicy):
    """The master itself: `[supervisord]`, in TOML `[procman]`."""

    minfds: int = option(
        kinds.INTEGER, "File descriptors that have to be available; the limit is raised to it.", default=1024
    )
    minprocs: int = option(
        kinds.INTEGER, "Processes that have to be available; the limit is raised to it.", default=200
    )
    directory: str | None = option(kinds.DIRECTORY, "Where the master changes to at its start.", default=None)
    user: str | None = option(kinds.USER, "The user the master becomes when it is started as root.", default=None)
    umask: int | None = option(
        kinds.OCTAL,
        "The master's umask. Without it a master keeps the one that it was started with; a daemon has 022.",
        default=None,
    )
    logfile: str = option(kinds.FILE, "The master's own log; `syslog` sends it there.", default="supervisord.log")
    logfile_maxbytes: int = option(
        kinds.SIZE, "The size at which that log is rotated; 0 never rotates.", default=50 * MIB
    )
    logfile_backups: int = option(kinds.INTEGER, "How many rotated logs are kept.", default=10)
    loglevel: str = option(
        kinds.LOGLEVEL,
        "How much the master logs: critical, error, warn, info, debug, trace or blather.",
        default="info",
    )
    pidfile: str = option(kinds.FILE, "Where the master writes its pid.", default="supervisord.pid")
    identifier: str = option(
        kinds.TEXT, "The name clients and event listeners know this master by.", default="supervisor"
    )
    nodaemon: bool = option(
        kinds.BOOLEAN,
        "Accepted for compatibility: false does not put the master into the background, which daemon does.",
        default=False,
    )
    daemon: bool = option(
        kinds.BOOLEAN,
        "Go to the background (as --daemon does): the command returns when the master is up, or says why it cannot be.",
        default=False,
    )
    silent: bool = option(kinds.BOOLEAN, "Do not repeat the master's log on standard output.", default=False)
    childlogdir: str = option(
        kinds.DIRECTORY,
        "Where AUTO log files are made; the system's temporary folder. As PID 1, where that is in memory (tmpfs), all "
        "of them together are kept within 16 MiB.",
        default="/tmp",  # noqa: S108 - `load` puts the real one in
    )
    nocleanup: bool = option(
        kinds.BOOLEAN, "Keep the AUTO log files of earlier runs of this configuration.", default=False
    )
    strip_ansi: bool = option(
        kinds.BOOLEAN, "Take terminal colours out of what the programs write to their logs.", default=False
    )
    shutdown_timeout: float | None = option(
        kinds.DURATION,
        "How long a shutdown may take from the signal to the master's end. The stopwaitsecs of each wave are cut to "
        "its share of what remains. Without it the sum of their longest is taken.",
        default=None,
    )
    shutdown_when: ShutdownWhen = option(
        kinds.SHUTDOWN_WHEN,
        "What ends the master by itself: all_done (nothing runs any more, nor will), any_exit (a program has ended and "
        "is not started again), any_fatal (one has been given up), or never. Event listeners do not count.",
        default=ShutdownWhen.NEVER,
    )
    exit_code_from: str | None = option(
        kinds.TEXT,
        "The master's exit status: that of the process NAME (128+n when signal n ended it), of first_failure (of those "
        "that are down because they failed, the one that failed first), or none (always 0). When it is not given: that "
        "of the critical program that has ended the master, first_failure if shutdown_when has, else none.",
        default=None,
    )
    orphans: Orphans = option(
        kinds.ORPHANS,
        "What becomes of programs that a master before this one has left running because it was killed: adopt (they "
        "go on, with their pid and their logs), stop (they are stopped before they are started again), or ignore (a "
        "second one is started beside each).",
        default=Orphans.ADOPT,
    )
    log_format: str = option(
        kinds.LOG_FORMAT,
        "How lines of programs look on the console (the master's stdout and stderr): as they are, behind the name of "
        "their program, or as a JSON or logfmt record. The master's own lines there follow it.",
        default="raw",
    )
    log_timestamp: str = option(
        kinds.LOG_TIMESTAMP,
        "The time that lines of programs get there, and in records the master's own: none, iso (UTC) or epoch_ms.",
        default="none",
    )
    log_overflow: str = option(
        kinds.LOG_OVERFLOW,
        "When nobody reads the console: block (a program that writes there waits) or drop (what does not fit is lost, "
        "counted, and said).",
        default="block",
    )
    environment: Mapping[str, str] = option(
        kinds.ENVIRONMENT, "Variables for every program, and for %(ENV_X)s in all other sections.", default={}
    )
    profile_options: str | None = option(
        kinds.TEXT, "Accepted for compatibility; does nothing.", default=None, inert=True
    )
    uid: int | None = None
