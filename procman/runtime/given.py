"""What one start of a program is given from files and from the user database: variables and credentials.

`read_given_to` asks disks, and so runs beside the loop. Values are secret, all of them: nothing here shows one.
"""

import os
import pwd
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from procman.config.schema.kinds.environment_sources import NamedFile, credential_of, env_file_of, env_from_of
from procman.config.schema.programs import Program
from procman.errors import ProcmanError
from procman.system.env_file import BadEnvFile, read_env_file
from procman.system.given_files import CannotRead, places_of_credential, read_given

T = TypeVar("T")

# A shorter value is no secret, and would be found in any text.
SHORTEST_SECRET = 6
MASK = "********"


@dataclass(frozen=True, slots=True)
class Given:
    """Variables by name, in bytes as the system takes them, and credentials."""

    variables: Mapping[bytes, bytes] = field(repr=False)
    credentials: Mapping[str, bytes] = field(repr=False)
    of_user: Mapping[bytes, bytes] = field(default_factory=dict)  # what user_env sets; no secret
    doubts: tuple[str, ...] = ()  # about lines that hardly mean what they say

    @property
    def is_secret(self) -> bool:
        """Whether there is anything that nobody is to see."""
        return bool(self.variables or self.credentials)

    def masked(self, text: str) -> str:
        """A text in which none of the values is to be seen."""
        for secret in self.secrets():
            text = text.replace(secret, MASK)
        return text

    def secrets(self) -> list[str]:
        """The texts to mask, the longest first: each line of a value of several lines is one."""
        values = (*self.variables.values(), *self.credentials.values())
        lines = {line.strip() for value in values for line in value.decode("utf-8", "surrogateescape").splitlines()}
        return sorted((line for line in lines if len(line) >= SHORTEST_SECRET), key=len, reverse=True)


class CannotGive(ProcmanError):
    """Why a program cannot be started now: names the option, the file and, where there is one, the line."""


NOTHING = Given({}, {})


def read_given_to(program: Program, *, refuse: bool, uid: int | None = None) -> Given:
    """Read all of it; raises CannotGive.

    Args:
        program: relative paths begin in its directory.
        refuse: files that other users may write.
        uid: the user that it runs as, for `user_env`.
    """
    variables: dict[bytes, bytes] = {}
    doubts: list[str] = []
    for text in program.env_file:
        source = env_file_of(text)
        path = os.path.join(program.directory or "", source.path)
        content = _unless_missing("env_file", partial(read_given, path, refuse=refuse), source.optional)
        if content is None:
            continue
        try:
            found = read_env_file(content, raw=source.raw)
        except BadEnvFile as error:
            raise CannotGive(f"cannot read env_file {path}:{error.line}: {error}") from None
        variables |= {_bytes(name): _bytes(value) for name, value in found.values.items()}
        doubts += [f"env_file {path}:{line}: {doubt}" for line, doubt in found.doubts]
    for named in map(env_from_of, program.env_from):
        content = _content("env_from", named, program, refuse=refuse)
        if content is not None:
            if b"\0" in content:
                raise CannotGive(f"cannot take env_from {named.name} from {named.path}: it has a NUL byte")
            variables[named.name.encode()] = content.removesuffix(b"\n")
    credentials: dict[str, bytes] = {}
    for named in map(credential_of, program.credentials):
        content = _content("credentials", named, program, refuse=refuse)
        if content is not None:
            credentials[named.name] = content
    return Given(variables, credentials, _of_user(uid) if program.user_env else {}, tuple(doubts))


def _content(option: str, named: NamedFile, program: Program, *, refuse: bool) -> bytes | None:
    def read() -> bytes:
        if named.path:
            return read_given(os.path.join(program.directory or "", named.path), refuse=refuse)
        places = places_of_credential(named.name)
        for place in places:
            try:
                return read_given(place, refuse=refuse)
            except CannotRead as error:
                if not error.missing:
                    raise
        raise CannotRead(named.name, f"there is no {' and no '.join(places)}", missing=True)

    return _unless_missing(option, read, named.optional, named.name)


def _unless_missing(option: str, read: Callable[[], T], optional: bool, name: str = "") -> T | None:
    try:
        return read()
    except CannotRead as error:
        if error.missing and optional:
            return None
        what = f"{option} {name}: " if name and not str(error).startswith(f"{name}:") else f"{option} "
        raise CannotGive(f"cannot read {what}{error}") from None


def _of_user(uid: int | None) -> dict[bytes, bytes]:
    number = os.geteuid() if uid is None else uid
    try:
        record = pwd.getpwuid(number)
    except KeyError:
        raise CannotGive(f"cannot set user_env: there is no user {number} in the user database") from None
    pairs = {
        "HOME": record.pw_dir,
        "USER": record.pw_name,
        "LOGNAME": record.pw_name,
        "SHELL": record.pw_shell or "/bin/sh",
    }
    return {_bytes(name): _bytes(value) for name, value in pairs.items()}


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
