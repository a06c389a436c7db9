"""The measured masters: how each gets the same programs, is started, stopped and asked."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from abc import ABC, abstractmethod

from built import built
from lifetime import Life
from workload import Log, Programs, number_of

# With the default minfds; each has three pipes and two logs.
_MOST_OF_1024 = 150

_INI = """\
[unix_http_server]
file={socket}
[supervisord]
nodaemon=true
{options}logfile={folder}/master.log
pidfile={folder}/master.pid
childlogdir={folder}
{more}
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://{socket}
"""


class Peer(ABC):
    """A kind of master."""

    name: str
    # Whether it has XML-RPC at Life.socket; whether it can put a name before each line on the console.
    answers = prefixes = False
    depends_on = False  # programs may wait for others
    stays_to_the_end = True  # the master ends after its programs
    only_moves_output = False  # it is nothing new for other figures

    @abstractmethod
    def version(self) -> str | None:
        """Its version, or None if it is not installed."""

    @abstractmethod
    def prepare(self, life: Life) -> list[str]:
        """Write its configuration into the directory of the run; return the command that starts it."""

    def environment(self) -> dict[str, str]:
        return dict(os.environ)

    def status(self, life: Life) -> list[str] | None:  # noqa: ARG002 - for masters that have one
        """The command that shows the states of all programs."""
        return None


class _Ini(Peer):
    """A master that reads a supervisord.conf."""

    answers = True
    daemon = client = more = ""
    options = "restart_brake=false\n"  # which supervisord passes over

    def prepare(self, life: Life) -> list[str]:
        path = os.path.join(life.folder, "supervisord.conf")
        prefixed = any(some.log is Log.PREFIXED for some in life.programs)
        with open(path, "w", encoding="utf-8") as file:
            more = self.more.format(folder=life.folder) + ("log_format=prefix\n" if prefixed else "")
            # Not for all: supervisord closes as many descriptors, one by one, at each start of a program.
            more += "minfds=10000\n" if number_of(life.programs) > _MOST_OF_1024 else ""
            file.write(_INI.format(folder=life.folder, socket=life.socket, options=self.options, more=more))
            for some in life.programs:
                targets = some.targets()
                for name in some.names():
                    lines = self._section(life, some, name)
                    if name in targets:
                        lines.append(f"depends_on={','.join(targets[name])}")
                    file.write("\n".join(lines) + "\n")
        return [_installed(self.daemon), "-c", path]

    def status(self, life: Life) -> list[str]:
        return [_installed(self.client), "-c", os.path.join(life.folder, "supervisord.conf"), "status"]

    @staticmethod
    def _section(life: Life, some: Programs, name: str) -> list[str]:
        lines = [
            f"[program:{name}]",
            f"command={_command(life, some)}",
            "autorestart=true",
            f"startsecs={some.startsecs}",
        ]
        if some.log is Log.FILE:
            lines.append(f"stdout_logfile={life.folder}/{name}.log")
        elif some.log is not Log.DEFAULT:
            lines.append("stdout_logfile=/dev/stdout")
        if some.log is not Log.DEFAULT:
            lines += [f"stdout_logfile_maxbytes={some.maxbytes}", f"stdout_logfile_backups={some.backups}"]
        return lines


class Procman(_Ini):
    name, daemon, client = "procman", "procman", "procmanctl"
    prefixes = depends_on = True

    def version(self) -> str | None:
        return _says(self.daemon, "--version")


class Recording(Procman):
    """It writes down what it decides."""

    more = "record={folder}/record\n"


class Supervisord(_Ini):
    name, daemon, client = "supervisord", "supervisord", "supervisorctl"

    def version(self) -> str | None:
        return _says(self.daemon, "--version")


class Circus(Peer):
    name = "circus"

    def version(self) -> str | None:
        return _says("circusd", "--version")

    def prepare(self, life: Life) -> list[str]:
        path = os.path.join(life.folder, "circus.ini")
        with open(path, "w", encoding="utf-8") as file:
            file.write(
                f"[circus]\nendpoint={self._endpoint(life)}\npubsub_endpoint=ipc://{life.folder}/events\n"
                f"logoutput={life.folder}/master.log\numask=022\n"
            )
            for some in life.programs:
                for name in some.names():
                    file.write(f"[watcher:{name}]\ncmd={_command(life, some)}\ncopy_env=true\n")
                    file.write(self._stream(life, some, name))
        return [_installed("circusd"), path]

    def status(self, life: Life) -> list[str]:
        return [_installed("circusctl"), "--endpoint", self._endpoint(life), "status"]

    @staticmethod
    def _endpoint(life: Life) -> str:
        return f"ipc://{life.folder}/endpoint"

    @staticmethod
    def _stream(life: Life, some: Programs, name: str) -> str:
        if some.log is Log.CONSOLE:
            return "stdout_stream.class=StdoutStream\n"
        return (
            f"stdout_stream.class=FileStream\nstdout_stream.filename={life.folder}/{name}.log\n"
            f"stdout_stream.max_bytes={some.maxbytes}\nstdout_stream.backup_count={some.backups}\n"
        )


class _Scanned(Peer):
    """A master that scans a directory with a subdirectory and a script for each program."""

    logger = ""

    def prepare(self, life: Life) -> list[str]:
        services = os.path.join(life.folder, "services")
        for some in life.programs:
            for name in some.names():
                self._script(os.path.join(services, name), f"exec {_command(life, some)}")
                if some.log is Log.FILE:
                    log = os.path.join(life.folder, name)
                    os.mkdir(log)
                    self._script(os.path.join(services, name, "log"), f"exec {self.log_command(log, some)}")
        return self.scanner(services)

    @abstractmethod
    def scanner(self, services: str) -> list[str]: ...

    @abstractmethod
    def log_command(self, folder: str, some: Programs) -> str: ...

    @staticmethod
    def _script(folder: str, text: str) -> None:
        os.makedirs(folder)
        path = os.path.join(folder, "run")
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"#!/bin/sh\n{text}\n")
        os.chmod(path, 0o755)

    @staticmethod
    def _of_each(life: Life, command: str) -> list[str]:
        names = (name for some in life.programs for name in some.names())
        folders = " ".join(os.path.join(life.folder, "services", name) for name in names)
        return ["sh", "-c", f"for one in {folders}; do {command} $one; done"]


class S6(_Scanned):
    name = "s6"

    def version(self) -> str | None:
        return _of_package("s6-svscan", "s6")

    def scanner(self, services: str) -> list[str]:
        return ["s6-svscan", "-c", "2000", services]

    def log_command(self, folder: str, some: Programs) -> str:
        # It knows no log without a size; 256 MB is the largest.
        return f"s6-log -b n{some.backups} s{some.maxbytes or 268435455} {folder}"

    def status(self, life: Life) -> list[str]:
        return self._of_each(life, "s6-svstat")


class Runit(_Scanned):
    name = "runit"
    stays_to_the_end = False

    def version(self) -> str | None:
        return _of_package("runsvdir", "runit")

    def scanner(self, services: str) -> list[str]:
        return ["runsvdir", "-P", services]

    def log_command(self, folder: str, some: Programs) -> str:
        with open(os.path.join(folder, "config"), "w", encoding="utf-8") as file:
            file.write(f"s{some.maxbytes}\nn{some.backups}\n")
        return f"svlogd -b 65536 {folder}"

    def status(self, life: Life) -> list[str]:
        return self._of_each(life, "sv status")


class Floor(Peer):
    """The cost of the system itself: floor.c; for commands, an interpreter that does nothing."""

    name = "floor"
    answers = True

    def __init__(self, *, by_splice: bool = False) -> None:
        self._by_splice = by_splice
        if by_splice:
            self.name = "floor (splice)"
            self.only_moves_output = True

    def version(self) -> str:
        return "floor.c"

    def prepare(self, life: Life) -> list[str]:
        (some,) = life.programs
        answer = os.path.join(life.folder, "answer")
        with open(answer, "wb") as file:
            file.write(_ANSWER)
        options = ["-u", life.socket, "-a", answer]
        if some.log is Log.FILE:
            options += ["-l", life.folder, "-r", str(some.maxbytes), *(["-s"] if self._by_splice else [])]
        elif some.log is not Log.DEFAULT:
            options.append("-c")
        return [built("floor"), *options, str(number_of(life.programs)), *shlex.split(_command(life, some))]

    def status(self, life: Life) -> list[str]:  # noqa: ARG002 - its command is the same in every life
        return [sys.executable, "-c", "pass"]


_BODY = b"""<?xml version='1.0'?>
<methodResponse><params><param><value><struct>
<member><name>statecode</name><value><int>1</int></value></member>
<member><name>statename</name><value><string>RUNNING</string></value></member>
</struct></value></param></params></methodResponse>
"""
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: %d\r\n\r\n%b" % (len(_BODY), _BODY)

OTHERS = {"circus": Circus, "s6": S6, "runit": Runit}


def _command(life: Life, some: Programs) -> str:
    return f"{life.subject} {life.events.path} {some.does}"


def _installed(command: str) -> str:
    """The command beside this interpreter, or else in PATH."""
    beside = os.path.join(os.path.dirname(sys.executable), command)
    found = beside if os.access(beside, os.X_OK) else shutil.which(command)
    if found is None:
        sys.exit(f"cannot find {command}; install it beside the interpreter that runs this: {sys.executable}")
    return found


def _says(command: str, *arguments: str) -> str | None:
    beside = os.path.join(os.path.dirname(sys.executable), command)
    if not os.access(beside, os.X_OK) and shutil.which(command) is None:
        return None
    text = subprocess.run([_installed(command), *arguments], capture_output=True, text=True, check=False).stdout
    version = re.search(r"\d+(\.\d+)+\S*", text)
    return version[0] if version else text.strip()


def _of_package(command: str, package: str) -> str | None:
    """The version of a Debian package, for masters without an option that prints it."""
    if shutil.which(command) is None:
        return None
    query = ["dpkg-query", "-W", "-f", "${Version}", package]
    try:
        return subprocess.run(query, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return "unknown version"
