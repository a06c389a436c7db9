"""Checks that the files, commands and sockets that a file names exist and can be written (`procman check`).

These are only warnings: directories such as those in /run come and go, and another user may start procman. For an
assumed machine (`--assume`) only the existence of directories is known.
"""

import os
import shutil
from collections.abc import Iterator

from procman.config.checks.shell_syntax import is_shells_own
from procman.config.host import Machine
from procman.config.resolve.option_reader import OptionReader, no_directory
from procman.config.runtime_dir import runtime_dir
from procman.config.schema.configuration import Config
from procman.config.schema.notation import show_text
from procman.config.schema.options import AUTO, MEMORY
from procman.config.schema.servers import UnixServer
from procman.system.commands import CannotSpawn, find_command
from procman.system.shell_split import split_words

# These files exist already, so their directory need not be writable.
_SPECIAL = ("/dev/", "/proc/")


def warn_of_commands(reading: OptionReader, config: Config) -> None:
    """Warn of each program whose command or directory does not exist or cannot be used."""
    if reading.machine.is_assumed:
        return
    here = config.master.directory or ""
    seen: set[str] = set()
    for group in config.groups:
        for program in group.programs:
            if program.section in seen:
                continue
            section = reading.sections.sections[program.section]
            directory = os.path.join(here, program.directory or "")
            there = not directory or reading.machine.is_directory(directory)
            if not there:
                seen.add(program.section)
                why = _no_directory(program.directory or "")
                reading.complain(section, "directory", why, "no-such-directory", "warning")
            try:
                find_command(program.command, directory, program.environment.get("PATH"))
            except CannotSpawn as why:
                # From a missing directory only a relative path cannot be looked up.
                if _is_command(program.command) and (there or not _is_relative(program.command)):
                    seen.add(program.section)
                    way_out = _way_out(program.command, directory, why)
                    message = f"{why}, so the program could not be started: {way_out}"
                    reading.complain(section, "command", message, "no-such-command", "warning")


def _is_relative(command: str) -> bool:
    name = split_words(command)[0]
    return "/" in name and not name.startswith("/")


def _way_out(command: str, directory: str, why: CannotSpawn) -> str:
    name, *others = split_words(command)
    path = os.path.join(directory, name)
    if not why.not_found:
        return "name a file" if os.path.isdir(path) else "make it executable, or name what runs it before it"
    if not others and " " in name and _find(name.split()[0], directory):
        return "write its words without quotes around them all"
    if name.startswith("[") and name.endswith("]"):
        return "a list is TOML; separate the words by blanks"
    if "/" not in name and os.path.isfile(path):
        return f"write ./{name}"
    other = _find(os.path.basename(name), directory) if "/" in name else _find(f"{name}3", directory)
    return f"write {other}, which is there" if other else "install it, or name another"


def _find(name: str, directory: str) -> str | None:
    """The path of a program with that name."""
    return shutil.which(os.path.join(directory, name) if "/" in name else name)


def _no_directory(path: str) -> str:
    if path.startswith("~"):
        return f"there is no directory {show_text(path)}, because ~ is not expanded here: write the whole path"
    if os.path.exists(path):
        return f"{show_text(path)} is no directory, so the program could not be started: name another"
    return no_directory(path, ", so the program could not be started")


def _is_command(text: str) -> bool:
    """Whether there is a command to look for; empty and unreadable ones, and shell syntax, are reported elsewhere.

    Nothing of a command that cannot be split is repeated, because it may contain a password.
    """
    try:
        words = split_words(text)
    except ValueError:
        return False
    return bool(words) and not is_shells_own(words[0])


def warn_of_places(reading: OptionReader, config: Config) -> None:
    """Warn of each option whose file or socket the master could not write."""
    seen: set[tuple[str, str]] = set()
    own_folder = runtime_dir(config.master.uid)  # the master makes it
    for section, option, path, consequence in _places(config):
        if (section, option) in seen or path.startswith(_SPECIAL) or os.path.dirname(path) == own_folder:
            continue
        where = reading.sections.sections[section]
        raw = reading.raw(where, option)
        if option == "file" and raw is None:
            continue  # that it is missing is reported already
        if option == "file" and raw is not None and not str(raw.value).strip():
            message = f"it is empty, so {consequence}: name a file"
            reading.complain(where, option, message, "unwritable", "warning")
            continue
        found = _why_not(reading.machine, path, config.master.uid)
        if found is not None:
            why, way_out = found
            seen.add((section, option))
            message = f"{why}, so {consequence}: {way_out}"
            reading.complain(where, option, message, "unwritable", "warning")


def _places(config: Config) -> Iterator[tuple[str, str, str, str]]:
    """Section, option, the path that the master must create or write, and the consequence if it cannot."""
    master = config.master
    if master.logfile != "syslog":
        yield "supervisord", "logfile", master.logfile, "the master could not start"
    yield "supervisord", "pidfile", master.pidfile, "the pid would not be written"
    if master.metrics_file is not None:
        yield "supervisord", "metrics_file", master.metrics_file, "the metrics would not be written"
    if master.reports_dir is not None:
        there = os.path.isdir(master.reports_dir)
        path = os.path.join(master.reports_dir, "") if there else master.reports_dir
        yield "supervisord", "reports_dir", path, "crash reports would be kept in memory only"
    if master.record is not None:
        yield "supervisord", "record", master.record, "nothing would be recorded"
    if master.journal != MEMORY:
        yield "supervisord", "journal", master.journal, "the journal would be kept in memory only"
    if any(
        AUTO in (program.stdout_logfile, program.stderr_logfile)
        for group in config.groups
        for program in group.programs
    ):
        yield "supervisord", "childlogdir", os.path.join(master.childlogdir, ""), "AUTO logs could not be made"
    for server in config.servers:
        if isinstance(server, UnixServer):
            yield server.section, "file", server.file, "the master could not listen there"
    for group in config.groups:
        if group.programs and group.socket is not None and group.socket.path is not None:
            yield group.programs[0].section, "socket", group.socket.path, "the program could not be started"
        for program in group.programs:
            for option in ("stdout_logfile", "stderr_logfile"):
                path = getattr(program, option)
                if path not in (None, AUTO):
                    yield program.section, option, path, "its output could not be kept"


def _why_not(machine: Machine, path: str, uid: int | None) -> tuple[str, str] | None:
    """The reason and what to do; None if it can be written."""
    folder = os.path.dirname(path)
    if "/unix:/" in path:  # a URL that was made an absolute path
        return "a socket is named by its path alone, not by a URL", f"write /{path.rpartition(':')[2].lstrip('/')}"
    if folder and not machine.is_directory(folder):
        return f"the directory {show_text(folder)} does not exist", "make it, or name another"
    if os.path.isdir(path) and not path.endswith("/"):
        return f"{path} is a directory", "name a file in it"
    if machine.may_write(path, uid):
        return None
    target = path.rstrip("/") if os.path.exists(path) else folder or os.curdir
    return f"{machine.user_name(uid)} may not write to {target}", "let that user, or name another place"
