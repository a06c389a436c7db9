"""Finds the master and its credentials: from the command line, a configuration file, the environment, or a search.

The first source that names a master counts: `-s`; `-c FILE`; `PROCMAN_SERVER_URL`, then `SUPERVISOR_SERVER_URL`
(programs inherit it from their master, so procmanctl works inside them); the configuration file that the master would
find; the only master that answers in the run-time directory. A file names it with [supervisorctl] or [procmanctl]
serverurl, else [unix_http_server], else [inet_http_server], else by its own path, from which the master derives its
socket too.

The master is also found without the file, which may be broken just now: the master always leaves a link to its socket
under the name derived from the path. If no source names a master explicitly, that of this container (PID 1) is
preferred to one that does not run.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping

from procman.client import file_options
from procman.client.api_client import Client, who_listens
from procman.config import discovery, runtime_dir
from procman.errors import BadRequest, ProcmanError
from procman.system.file_trust import is_trusted_folder

# How long each of several masters may take to name its file, in seconds.
_INTRODUCTION = 1.0

LONGEST_TOKEN = 4000
_ANYWHERE = {"", "*", "0.0.0.0", "[::]"}  # noqa: S104 - a server there is reached over loopback

TYPE_CHECKING = False  # typing's own constant costs the import of typing: 3 ms
if TYPE_CHECKING:
    from procman.client.tls_files import TlsFiles


class Settings:
    """What procmanctl was given, or has found out."""

    def __init__(self) -> None:
        self.url: str | None = None  # None if no master was found
        self.missing = ("", "")  # where it was searched then, and what was wrong
        self.username: str | None = None
        self.password: str | None = None
        self.token: str | None = None
        self.tls: TlsFiles | None = None
        self.prompt = "procman"
        self.history_file: str | None = None
        self.found: str | None = None  # the file with the address, if it was found and not given
        self.unreadable = ""  # why the file could not be used
        self.sure = True  # False if nothing shows that the master of the file exists
        self._file_read = False

    def fill_credentials(self) -> bool:
        """After a refusal, take the credentials of the file that would be found; True if there are any.

        supervisorctl reads that file even with `-s`; here it is read only if needed.
        """
        if self._file_read or self.username is not None or self.password is not None:
            return False
        self._file_read = True
        path = discovery.find_config()
        if path is None:
            return False
        found = _from_file(path)
        self.username, self.password = found.username, found.password
        return self.username is not None or self.password is not None


def find(
    *,
    url: str | None = None,
    config_file: str | None = None,
    username: str | None = None,
    password: str | None = None,
    history_file: str | None = None,
    live: bool = False,
    environ: Mapping[str, str] = os.environ,
) -> Settings:
    """The settings for the given command line.

    `live`: only whether the master answers matters, so its file need not be read.
    """
    if url is not None and config_file is None:
        settings = Settings()
    elif live and url is None and (socket := _socket_alone(config_file, environ)) is not None:
        settings = Settings()
        settings.url = f"unix://{socket}"
    elif config_file is not None:
        settings = _from_file(config_file)
        if settings.unreadable and (url is not None or settings.url is None):
            raise BadRequest(settings.unreadable)
    else:
        settings = _look(environ)
    settings.url = url or settings.url
    if username is not None or password is not None:
        settings.username, settings.password = username or settings.username, password or settings.password
    settings.history_file = history_file or settings.history_file
    return settings


def _look(environ: Mapping[str, str]) -> Settings:
    settings = Settings()
    settings.url = environ.get("PROCMAN_SERVER_URL") or environ.get("SUPERVISOR_SERVER_URL")
    if settings.url:
        return settings
    path = discovery.find_config()
    if path is not None:
        settings = _from_file(path)
        if not settings.sure and (ours := _of_this_container()) is not None:
            settings = Settings()
            settings.url = f"unix://{ours}"
            return settings
        if settings.url is None:
            raise BadRequest(settings.unreadable)
        settings.found = os.path.abspath(path)
        if settings.history_file is not None:
            from procman.system.exposure import exposure  # noqa: PLC0415 - few files name one

            # The file was found, not given: another user could use it to overwrite any file of ours.
            if exposure(settings.found) is not None:
                settings.history_file = None
        return settings
    folder = runtime_dir.runtime_dirs()[0]
    answering = [path for path, _ in _answering()]
    if len(answering) == 1:
        settings.url = f"unix://{answering[0]}"
    elif answering:
        ways = " or ".join(sorted(map(_way_to, answering)))
        settings.missing = (folder, f"{len(answering)} masters run here, so select one: {ways}")
    else:
        why = "no master answers there, and there is no configuration file (name one with -c FILE, or -s URL)"
        settings.missing = (folder, why)
    return settings


def _answering() -> Iterator[tuple[str, int]]:
    """A socket of each master that answers in the run-time directories, and its pid or 0."""
    seen: set[str] = set()
    for folder in filter(is_trusted_folder, runtime_dir.runtime_dirs()):
        for name in sorted(os.listdir(folder)):
            path = os.path.join(folder, name)
            real = os.path.realpath(path)  # a master may have links to its socket
            if name.endswith(".sock") and real not in seen and (pid := who_listens(path)) is not None:
                seen.add(real)
                yield path, pid


def _of_this_container() -> str | None:
    return next((path for path, pid in _answering() if pid == 1), None)


def _way_to(socket: str) -> str:
    """The flag that selects the master that listens there."""
    client = Client(f"unix://{socket}")
    try:
        return f"-c {shlex.quote(client.call('GET', '/v1/master', patience=_INTRODUCTION)['config_file'])}"
    except (ProcmanError, LookupError, TypeError):
        return f"-s unix://{socket}"  # it requires a password, or is busy
    finally:
        client.close()


def _socket_alone(config_file: str | None, environ: Mapping[str, str]) -> str | None:
    """The socket of the intended master, if it answers where the path of its file alone leads."""
    if config_file is not None:
        socket, is_there = _derived_socket(config_file)
        return socket if is_there and who_listens(socket) is not None else None
    if environ.get("PROCMAN_SERVER_URL") or environ.get("SUPERVISOR_SERVER_URL"):
        return None
    path = discovery.find_config()
    return (_socket_alone(path, environ) if path is not None else None) or _of_this_container()


def _derived_socket(config_file: str) -> tuple[str, bool]:
    """The socket derived from the path of a file, or the link there, and whether it exists.

    The master may have been started with another XDG_RUNTIME_DIR.
    """
    paths = runtime_dir.default_sockets(config_file)
    there = [path for path in paths if os.path.exists(path) and is_trusted_folder(os.path.dirname(path))]
    if len(there) > 1:
        there.sort(key=lambda path: who_listens(path) is None)
    return (there or paths)[0], bool(there)


def _from_file(given: str) -> Settings:
    """The settings of a file; if it is unreadable, or names a missing socket, those derived from its path.

    `url` is None if that leads nowhere either.
    """
    path = os.path.abspath(given)
    settings = Settings()
    settings._file_read = True  # noqa: SLF001 - made here
    sections: file_options.Sections = {}
    try:
        sections = file_options.read(path)
        if not sections and path.endswith(".toml") and not _derived_socket(path)[1]:
            file_options.check_toml(path)
    except FileNotFoundError:
        settings.unreadable = f"could not find config file {given}"
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error).partition("\n")[0]
        settings.unreadable = f"could not read config file {path}: {reason}"
    if settings.unreadable:
        socket, settings.sure = _derived_socket(path)
        settings.url = f"unix://{socket}" if settings.sure else None
        return settings
    ctl = sections.get("supervisorctl", {}) | sections.get("procmanctl", {})
    server = {} if ctl.get("serverurl") else _server(sections)
    url = ctl.get("serverurl") or (f"unix://{server['file']}" if server.get("file") else "")
    named = _absolute(url[7:]) if url.startswith("unix://") else None
    if named is not None and os.path.exists(named):
        settings.url = f"unix://{named}"
    elif url and named is None:
        settings.url = url
    else:
        socket, settings.sure = _derived_socket(path)
        port = server.get("port")
        if named is not None and not settings.sure:
            settings.url = f"unix://{named}"
        else:
            # Its owner needs no password there; the file may have only a hash of it.
            settings.url = (
                _http(port, "https" if server.get("certfile") else "http")
                if port and not settings.sure
                else f"unix://{socket}"
            )
    settings.username, settings.password = ctl.get("username"), ctl.get("password")
    if settings.password is None and not server.get("password", "{SHA}").startswith("{SHA}"):
        settings.username, settings.password = server.get("username"), server["password"]
    settings.prompt = ctl.get("prompt") or settings.prompt
    if history := ctl.get("history_file"):
        settings.history_file = _absolute(history)
    return settings


def _server(sections: Mapping[str, Mapping[str, str]]) -> Mapping[str, str]:
    """The first unix server, else the first other one; both may have names: [unix_http_server:name]."""
    for kind in ("unix_http_server", "inet_http_server"):
        for name, options in sections.items():
            if name.partition(":")[0] == kind:
                return options
    return {}


def _absolute(path: str) -> str:
    return os.path.abspath(os.path.expanduser(path))


def read_token(path: str | None, environ: Mapping[str, str] = os.environ) -> str | None:
    """The token in that file, else that of the environment; raises BadRequest."""
    if path is None:
        token = environ.get("PROCMANCTL_TOKEN", "").strip()
        where = "PROCMANCTL_TOKEN"
        if not token:
            return None
    else:
        where = path
        try:
            with open(path, encoding="utf-8") as file:
                token = file.read(LONGEST_TOKEN).strip()
        except (OSError, ValueError) as error:
            reason = (error.strerror or "").lower() if isinstance(error, OSError) else "it is no text"
            raise BadRequest(f"cannot read the token in {path}: {reason}") from None
    if not token.isascii() or not token.isprintable() or " " in token or not token:
        raise BadRequest(f"cannot use the token of {where}: expected one word of ASCII characters")
    return token


def _http(port: str, scheme: str = "http") -> str:
    """The URL of a server at `host:port`, `*:port`, `:port` or `port`."""
    host, _, number = port.rpartition(":")
    return f"{scheme}://{'localhost' if host in _ANYWHERE else host}:{number}"
