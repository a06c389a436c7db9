"""Checks the files that programs are given variables and secrets from, before they are started (`procman check`).

Only warnings: a file may be made later, and a start says what is wrong then. No value is ever repeated.
"""

import os
from collections.abc import Callable, Iterator

from procman.config.checks.permissions import may_refuse
from procman.config.formats.raw import RawSection
from procman.config.resolve.option_reader import OptionReader
from procman.config.schema.configuration import Config
from procman.config.schema.kinds.environment_sources import credential_of, env_file_of, env_from_of
from procman.config.schema.programs import Program
from procman.system.env_file import BadEnvFile, read_env_file
from procman.system.given_files import CannotRead, places_of_credential, read_given


def warn_of_environment_sources(reading: OptionReader, config: Config) -> None:
    """Warn of files that cannot be read, and of a HOME that would be root's."""
    if reading.machine.is_assumed:
        return
    told: set[tuple[str, str]] = set()
    for group in config.groups:
        for program in group.programs:
            section = reading.sections.sections[program.section]
            for option, message, is_missing in _doubts(program, config):
                if (program.section, message) not in told:
                    told.add((program.section, message))
                    slug = "no-such-file" if is_missing else "unreadable-env-file"
                    reading.complain(section, option, message, slug, "warning")
            _look_at_home(reading, section, program, told)


def _doubts(program: Program, config: Config) -> Iterator[tuple[str, str, bool]]:
    """The option, what is the matter, and whether that is a missing file."""
    base = os.path.join(config.master.directory or "", program.directory or "")
    for file in map(env_file_of, program.env_file):
        path = os.path.join(base, file.path)
        try:
            found = read_env_file(_read(path), raw=file.raw)
        except CannotRead as error:
            if not (file.optional and error.missing):
                yield "env_file", f"{error}, so the program could not be started", error.missing
        except BadEnvFile as error:
            yield "env_file", f"{path}:{error.line}: {error}, so the program could not be started", False
        else:
            yield from (("env_file", f"{path}:{line}: {doubt}", False) for line, doubt in found.doubts)
    for option, texts, meaning in (
        ("env_from", program.env_from, env_from_of),
        ("credentials", program.credentials, credential_of),
    ):
        for named in map(meaning, texts):
            places = [os.path.join(base, named.path)] if named.path else places_of_credential(named.name)
            why = _why_unreadable(places, _read)
            if why is not None and not (named.optional and why.missing):
                yield option, f"{named.name}: {why}, so the program could not be started", why.missing


def _read(path: str) -> bytes:
    return read_given(path, refuse=may_refuse())


def _why_unreadable(places: list[str], read: Callable[[str], bytes]) -> CannotRead | None:
    """Why none of them can be read, where the first that is there counts."""
    why = None
    for place in places:
        try:
            read(place)
        except CannotRead as error:
            why = error
            if not error.missing:
                return error
        else:
            return None
    return why


def _look_at_home(reading: OptionReader, section: RawSection, program: Program, told: set[tuple[str, str]]) -> None:
    assert reading.machine.environ is not None
    if program.uid in (None, 0) or os.geteuid() != 0 or program.user_env or (program.section, "home") in told:
        return
    home = reading.machine.environ.get("HOME")
    if home is None or home != reading.machine.home("~root") or not program.inherits("HOME"):
        return
    if "HOME" in program.environment or program.env_file:
        return
    told.add((program.section, "home"))
    message = f"the program runs as {program.user} and gets HOME={home}, which is root's: write user_env = true"
    reading.complain(section, "user", message, "home-of-root", "note")
