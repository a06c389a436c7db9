"""The options of the master itself.

Plain facts: no I/O. Options stand in the order in which supervisor reads them (see `programs`).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from procman.config.schema import kinds
from procman.config.schema.kinds.numbers import MIB
from procman.config.schema.options import MEMORY, Orphans, option
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
    directory: str | None = option(
        kinds.DIRECTORY, "The directory that the master changes to when it starts.", default=None
    )
    user: str | None = option(kinds.USER, "The user the master becomes when it is started as root.", default=None)
    umask: int | None = option(
        kinds.OCTAL, "The master's umask. By default the one that it was started with; 022 for a daemon.", default=None
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
        kinds.TEXT, "The name of this master for clients and event listeners.", default="supervisor"
    )
    nodaemon: bool = option(
        kinds.BOOLEAN,
        "Accepted for compatibility: false does not put the master into the background, which daemon does.",
        default=False,
    )
    daemon: bool = option(
        kinds.BOOLEAN,
        "Run in the background (as with --daemon): the command returns when the master is up, or reports why not.",
        default=False,
    )
    no_watch: bool = option(
        kinds.BOOLEAN,
        "Watch no files, whatever the programs say (as with --no-watch): in production, say.",
        default=False,
    )
    silent: bool = option(kinds.BOOLEAN, "Do not repeat the master's log on standard output.", default=False)
    childlogdir: str = option(
        kinds.DIRECTORY,
        "The directory of AUTO log files; default: the system's temporary folder. For PID 1 on a tmpfs, all of them "
        "together are limited to 16 MiB.",
        default="/tmp",  # noqa: S108 - `load` puts the real one in
    )
    nocleanup: bool = option(
        kinds.BOOLEAN, "Keep the AUTO log files of earlier runs of this configuration.", default=False
    )
    strip_ansi: bool = option(
        kinds.BOOLEAN, "Remove terminal colours from what programs write to their logs.", default=False
    )
    shutdown_timeout: float | None = option(
        kinds.DURATION,
        "How long a shutdown may take, from the signal to the end of the master. The stopwaitsecs of each wave are cut "
        "to its share of the remaining time. Without it a shutdown takes up to the sum of the longest in each wave.",
        default=None,
    )
    shutdown_when: ShutdownWhen = option(
        kinds.SHUTDOWN_WHEN,
        "When the master shuts down by itself: all_done (no program runs or will run), any_exit (a program has ended "
        "and is not started again), any_fatal (a program is FATAL), or never. Event listeners do not count.",
        default=ShutdownWhen.NEVER,
    )
    exit_code_from: str | None = option(
        kinds.TEXT,
        "The exit status of the master: that of the process NAME (128+n if signal n ended it), first_failure (of the "
        "processes that are down because they failed, the first), or none (always 0). Default: that of the critical "
        "program that ended the master, first_failure if shutdown_when ended it, else none.",
        default=None,
    )
    # A directory that is missing costs the metrics, and not the start: `check` and the log say so.
    metrics_file: str | None = option(
        kinds.PATH,
        "A file that gets all metrics every 15 seconds, for node_exporter's textfile collector (its name must end in "
        ".prom for that); it is removed when the master leaves. The same as `GET /metrics`.",
        default=None,
    )
    start_concurrency: int | None = option(
        kinds.CONCURRENCY,
        "How many processes may be starting at once; the others wait for their turn. 0 is no limit.",
        default=None,
    )
    helper_concurrency: int = option(
        kinds.COUNT,
        "How many commands of exec: (in ready and health) run at the same time; the others wait for their turn.",
        default=16,
    )
    restart_brake: bool = option(
        kinds.BOOLEAN,
        "Start a program at most once a second while it ends again and again: from more than 10 starts in 10 s on, "
        "until a run has lasted for 10 s.",
        default=True,
    )
    orphans: Orphans = option(
        kinds.ORPHANS,
        "What happens to programs that still run because an earlier master was killed: adopt (they go on, with their "
        "pid and their logs), stop (they are stopped before they are started again), or ignore (a second one is "
        "started beside each).",
        default=Orphans.ADOPT,
    )
    record: str | None = option(
        kinds.FILE,
        "A file, readable for the master's user only, in which the master records what it decides by and what it "
        "decides, for procman replay. It has no command, no environment and no output of a program.",
        default=None,
    )
    record_maxbytes: int = option(
        kinds.SIZE,
        "The size at which a new file of that name is begun; the one before it is kept as FILE.1.",
        default=10 * MIB,
    )
    audit_syslog: bool = option(
        kinds.BOOLEAN,
        "Tell syslog, too (facility authpriv), who asked for what, and who was refused; procmanctl events --kind "
        "op-begin,access-denied has the same.",
        default=False,
    )
    log_format: str = option(
        kinds.LOG_FORMAT,
        "The format of program output on the console (the master's stdout and stderr): raw, prefix (with the name of "
        "the program), json or logfmt. The master's own lines there follow it.",
        default="raw",
    )
    log_timestamp: str = option(
        kinds.LOG_TIMESTAMP,
        "The timestamp of program output on the console, and of the master's own records: none, iso (UTC) or epoch_ms.",
        default="none",
    )
    log_overflow: str = option(
        kinds.LOG_OVERFLOW,
        "What happens when the console is not read: block (programs that write there wait) or drop (what does not fit "
        "is lost, counted, and reported).",
        default="block",
    )
    reports: int = option(
        kinds.REPORTS,
        "How many crash reports are kept, of all programs together (`procmanctl crashes`); 0 makes none. They take 1 "
        "MiB of memory at most.",
        default=50,
    )
    reports_dir: str | None = option(
        kinds.PATH,
        "A directory that keeps the crash reports, too, so that they outlive the master: 20 MB at most, readable for "
        "the master's user alone, who must be the only one to write there. It is made if it does not exist.",
        default=None,
    )
    journal: str = option(
        kinds.JOURNAL,
        "Where the journal is kept, with what has happened, by whom and why: memory (the latest 1 MiB), or also a file "
        "of JSON lines that outlives the master.",
        default=MEMORY,
    )
    journal_maxbytes: int = option(
        kinds.SIZE,
        "The size at which the file of the journal is rotated; one older file, journal.1, is kept. 0 never rotates.",
        default=10 * MIB,
    )
    environment: Mapping[str, str] = option(
        kinds.ENVIRONMENT, "Variables for every program, and for %(ENV_X)s in all other sections.", default={}
    )
    profile_options: str | None = option(
        kinds.TEXT, "Accepted for compatibility; does nothing.", default=None, inert=True
    )
    uid: int | None = None
