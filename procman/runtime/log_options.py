"""What the options of a configuration say of outputs, in the words of `logs`."""

from procman.config.schema.master import Master
from procman.config.schema.options import AUTO
from procman.config.schema.programs import Program
from procman.logs.rotation import Every, Keeping
from procman.logs.routing import AutoLog, Channel, ConsoleStyle, MainLogOptions, StreamOptions


def stream_options(master: Master, program: Program, channel: Channel) -> StreamOptions:
    """Where one channel of a process goes, and how its file is kept."""
    style = ConsoleStyle(
        program.log_format or master.log_format,
        program.log_timestamp or master.log_timestamp,
        program.log_overflow or master.log_overflow,
    )
    if channel == "stdout":
        logfiles = (program.stdout_logfile, *program.stdout_also)
        limits = program.stdout_logfile_maxbytes, program.stdout_logfile_backups
        syslog = program.stdout_syslog
    else:
        logfiles = (program.stderr_logfile, *program.stderr_also)
        limits = program.stderr_logfile_maxbytes, program.stderr_logfile_backups
        syslog = program.stderr_syslog
    targets = tuple(AutoLog.AUTO if path == AUTO else path for path in logfiles)
    return StreamOptions(
        program.name, program.namespec, channel, targets, *limits, syslog, style, _keeping(program, channel)
    )


def _keeping(program: Program, channel: Channel) -> Keeping:
    period, minute = getattr(program, f"{channel}_logfile_rotate")
    compress = getattr(program, f"{channel}_logfile_compress")
    return Keeping(
        None if period == "size" else Every(period, minute),
        None if compress == "none" else compress,
        getattr(program, f"{channel}_logfile_max_age"),
        getattr(program, f"{channel}_logfile_max_total"),
        getattr(program, f"{channel}_logfile_name") == "dated",
    )


def main_log_options(master: Master) -> MainLogOptions:
    """Where the master's own log goes."""
    return MainLogOptions(
        logfile=master.logfile,
        maxbytes=master.logfile_maxbytes,
        backups=master.logfile_backups,
        loglevel=master.loglevel,
        silent=master.silent,
        style=ConsoleStyle(master.log_format, master.log_timestamp, ""),
    )
