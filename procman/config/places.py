"""Is what a file names there, and can it be written, where procman stands? `procman check` asks; a start finds out.

All of it is a warning: folders such as those in /run come and go, and whoever checks need not be who starts procman.
Of an assumed machine (`--assume`) only the existence of folders is known.
"""

import os
from collections.abc import Iterator
from dataclasses import replace

from procman.config.commands import CannotSpawn, find_command
from procman.config.find import runtime_dir
from procman.config.machine import Machine
from procman.config.model import AUTO, Config, UnixServer
from procman.config.options import show_text
from procman.config.reading import Reading
from procman.words import split_words

# Written to, and not made: nothing has to be writable around them.
_SPECIAL = ("/dev/", "/proc/")


def warn_of_commands(reading: Reading, config: Config) -> None:
    """A warning for each program whose command is not there, or cannot be run."""
    if reading.machine.is_assumed:
        return
    here = config.master.directory or ""
    seen: set[str] = set()
    for group in config.groups:
        for program in group.programs:
            try:
                find_command(replace(program, directory=os.path.join(here, program.directory or "")))
            except CannotSpawn as why:
                # What is no command at all was told when it was read, without a word of it: it may hold a password.
                if program.section not in seen and _is_command(program.command):
                    seen.add(program.section)
                    section = reading.sections.sections[program.section]
                    message = f"{why}, so the program could not be started: install it, or name another"
                    reading.complain(section, "command", message, "no-such-command", "warning")


def _is_command(text: str) -> bool:
    try:
        return bool(split_words(text))
    except ValueError:
        return False


def warn_of_places(reading: Reading, config: Config) -> None:
    """A warning for each option whose file or socket the master could not write."""
    seen: set[tuple[str, str]] = set()
    own_folder = runtime_dir(config.master.uid)  # the master makes it
    for section, option, path, consequence in _places(config):
        if (section, option) in seen or path.startswith(_SPECIAL) or os.path.dirname(path) == own_folder:
            continue
        found = _why_not(reading.machine, path, config.master.uid)
        if found is not None:
            why, way_out = found
            seen.add((section, option))
            message = f"{why}, so {consequence}: {way_out}"
            reading.complain(reading.sections.sections[section], option, message, "unwritable", "warning")


def _places(config: Config) -> Iterator[tuple[str, str, str, str]]:
    """Section, option, what the master has to make or to write there, and what comes of it if it cannot."""
    master = config.master
    if master.logfile != "syslog":
        yield "supervisord", "logfile", master.logfile, "the master could not start"
    yield "supervisord", "pidfile", master.pidfile, "the pid would not be written"
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
    """The reason and the way out; None where it can be written."""
    folder = os.path.dirname(path)
    if folder and not machine.is_directory(folder):
        return f"the directory {show_text(folder)} does not exist", "make it, or name another"
    if machine.may_write(path, uid):
        return None
    target = path.rstrip("/") if os.path.exists(path) else folder or os.curdir
    return f"{machine.user_name(uid)} may not write to {target}", "let that user, or name another place"
