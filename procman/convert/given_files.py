"""What other engines make of env files, of variables and credentials from files, and of what is inherited."""

import os
import re
from collections.abc import Callable, Iterable, Sequence

from procman.config.schema.configuration import Config
from procman.config.schema.kinds.environment_sources import (
    ALL,
    NONE,
    NamedFile,
    credential_of,
    env_file_of,
    env_from_of,
)
from procman.config.schema.programs import Program
from procman.convert.portability import Carried, directory_of, sections, word
from procman.convert.unit_file import raw
from procman.convert.yaml import Comment, Flow, Yaml

# Where compose puts secrets, and where a credential without a path is looked for.
SECRETS = "/run/secrets"
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)

Mapped = dict[str | Comment, Yaml]


# ---- compose


def compose_service(program: Program, config: Config, escaped: Callable[[str], str]) -> Mapped:
    """The env files and the secrets of a service; compose reads both on the host."""
    given: Mapped = {}
    files: list[Yaml | Comment] = []
    base = directory_of(program, config) or ""
    for file in map(env_file_of, program.env_file):
        entry: Mapped = {"path": _on_host(os.path.join(base, file.path), escaped), "required": not file.optional}
        files.append({**entry, "format": "raw"} if file.raw else entry)
    if files:
        given["env_file"] = files
    named = _named(program)
    if named:
        given["secrets"] = Flow(dict.fromkeys(word(one.name) for one in named))
    return given


def compose_secrets(processes: Iterable[Carried], config: Config, escaped: Callable[[str], str]) -> Mapped:
    """All secrets that services name, with the files that they are read from."""
    found: Mapped = {}
    for process in processes:
        base = directory_of(process.program, config) or ""
        for one in _named(process.program):
            path = os.path.join(base, one.path) if one.path else os.path.join(SECRETS, one.name)
            found.setdefault(word(one.name), {"file": _on_host(path, escaped)})
    return found


def lost_files_in_compose(processes: Sequence[Carried]) -> list[str]:
    """Notes on what is different there."""
    notes = []
    quoted = sections(processes, lambda p: any(not env_file_of(text).raw for text in p.env_file))
    if quoted:
        notes.append(f"{quoted}: env_file: compose replaces $NAME in it, and procman does not: write $$ for a dollar")
    from_files = sections(processes, lambda p: bool(p.env_from))
    if from_files:
        notes.append(
            f"{from_files}: env_from: the values are in {SECRETS}/NAME; compose sets no variable from a file, so the "
            "program has to read them there (many images take NAME_FILE)"
        )
    credentials = sections(processes, lambda p: bool(p.credentials))
    if credentials:
        notes.append(f"{credentials}: credentials: the files are in {SECRETS}, and CREDENTIALS_DIRECTORY is not set")
    return notes + _lost_of_inheritance(processes)


# ---- kubernetes


def lost_files_in_kubernetes(processes: Sequence[Carried]) -> list[str]:
    """Notes on what has to be made into Secrets: their values are on this machine."""
    notes = []
    files = sections(processes, lambda p: bool(p.env_file))
    if files:
        notes.append(
            f"{files}: env_file: make a Secret or a ConfigMap of each file (kubectl create secret generic NAME "
            "--from-env-file=FILE, which takes no quotes) and name it under envFrom"
        )
    named = sections(processes, lambda p: bool(p.env_from))
    if named:
        notes.append(f"{named}: env_from: put each value into a Secret, and name it by valueFrom: secretKeyRef")
    credentials = sections(processes, lambda p: bool(p.credentials))
    if credentials:
        notes.append(
            f"{credentials}: credentials: mount a Secret as a folder, and set CREDENTIALS_DIRECTORY to its mountPath"
        )
    return notes + _lost_of_inheritance(processes)


# ---- systemd


def file_lines(program: Program, absolute: Callable[[str, str], str], note: Callable[[str], None]) -> list[str]:
    """The lines of a unit; `absolute` gives the whole path that an option names, `note` takes what is different."""
    lines = []
    for file in map(env_file_of, program.env_file):
        path = raw(absolute("env_file", file.path))
        lines.append(f"EnvironmentFile={'-' if file.optional else ''}{path}")
        if file.raw:
            note(f"env_file: {path} is raw, and systemd gives quotes and # in it their meaning")
    for named in map(env_from_of, program.env_from):
        note(
            f"env_from: systemd sets no variable from a file: {named.name} is a credential instead, which the program "
            "has to read in $CREDENTIALS_DIRECTORY"
        )
        lines.append(f"LoadCredential={raw(named.name)}:{raw(absolute('env_from', named.path))}")
    for named in map(credential_of, program.credentials):
        where = f":{raw(absolute('credentials', named.path))}" if named.path else ""
        lines.append(f"LoadCredential={raw(named.name)}{where}")
    if program.environment_inherit not in ((ALL,), (NONE,)):
        lines += _names(program.environment_inherit, "PassEnvironment", "environment_inherit", note)
    return lines + _names(program.environment_unset, "UnsetEnvironment", "environment_unset", note)


def _names(patterns: Sequence[str], key: str, option: str, note: Callable[[str], None]) -> list[str]:
    names = [name for name in patterns if _VARIABLE.fullmatch(name)]
    if len(names) < len(patterns):
        note(f"{option}: {key}= knows no patterns: name each variable")
    return [f"{key}={' '.join(names)}"] if names else []


# ---- what several need


def _named(program: Program) -> list[NamedFile]:
    return [*map(env_from_of, program.env_from), *map(credential_of, program.credentials)]


def _on_host(path: str, escaped: Callable[[str], str]) -> str:
    """For compose, which takes a name without a dot or a slash before it for something else."""
    return escaped(path if path.startswith("/") else f"./{path.removeprefix('./')}")


def _lost_of_inheritance(processes: Sequence[Carried]) -> list[str]:
    notes = []
    inherited = sections(processes, lambda p: p.filters_environment)
    if inherited:
        notes.append(
            f"{inherited}: environment_inherit and environment_unset: a container has the variables of its image"
        )
    user = sections(processes, lambda p: p.user_env)
    if user:
        notes.append(f"{user}: user_env: the runtime sets HOME by itself; set USER, LOGNAME and SHELL where needed")
    return notes
