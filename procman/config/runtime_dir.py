"""The run-time directory: the default control socket, pid file, daemon log and state file of a configuration.

Their names follow from the path of the configuration file alone, so a client finds the master without reading the file.
`procmanctl` uses this on most calls, so it imports only what takes no time.
"""

import binascii
import os
import stat

from procman.errors import ProcmanError
from procman.system.file_trust import is_own_folder, trusted_owners

# Root's directory, if it can be made: a container's root filesystem may be read-only except for /tmp.
FOR_ROOT = "/run/procman"

# sun_path holds 108 bytes with the closing NUL; see unix(7).
LONGEST_SOCKET_PATH = 107

# The length of a default socket's name: "/", 8 characters of the file's name, "-", 8 digits and ".sock".
_LONGEST_NAME = 1 + 8 + 1 + 8 + 5


def runtime_dir(uid: int | None = None) -> str:
    """The private directory for sockets: $XDG_RUNTIME_DIR/procman, /run/procman for root, else one in /tmp.

    This is only its name, for the current user or `uid`; `ensure_runtime_dir` makes it.
    """
    return runtime_dirs(uid)[0]


def runtime_dirs(uid: int | None = None) -> list[str]:
    """All places where the run-time directory may be, because XDG_RUNTIME_DIR or a writable /run may differ.

    For root this includes the directory of the user who runs this container.
    """
    chosen = os.environ.get("XDG_RUNTIME_DIR", "")
    uid = os.geteuid() if uid is None else uid
    folders = [f"/tmp/procman-{uid}"]  # noqa: S108 - verified before use
    if uid == 0:
        there = FOR_ROOT if os.path.exists(FOR_ROOT) else os.path.dirname(FOR_ROOT)
        folders.insert(0 if os.access(there, os.W_OK) else 1, FOR_ROOT)
        folders += [f"/tmp/procman-{owner}" for owner in trusted_owners() - {0}]  # noqa: S108 - the same
    if os.path.isabs(chosen) and len(os.fsencode(chosen)) + len("/procman") + _LONGEST_NAME <= LONGEST_SOCKET_PATH:
        folders.insert(0, os.path.join(chosen, "procman"))
    return folders


def ensure_runtime_dir() -> str:
    """Make the run-time directory, mode 0700, and verify that no other user could have put a socket into it.

    Raises:
        ProcmanError: it cannot be made, belongs to another user, or is writable by others.
    """
    path = runtime_dir()
    way_out = "name a socket in [unix_http_server] file=, or set XDG_RUNTIME_DIR to a private folder"
    # With an inherited umask of 0777 not even the owner could enter the directory.
    umask = os.umask(0o077)
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        pass
    except OSError as error:
        raise ProcmanError(
            f"cannot make the folder {path} for the control socket: {error.strerror}; {way_out}"
        ) from None
    finally:
        os.umask(umask)
    # lstat, because a symbolic link could be changed after this check.
    found = os.lstat(path)
    if not stat.S_ISDIR(found.st_mode):
        raise ProcmanError(f"cannot use {path} for the control socket: it is not a folder; remove it, or {way_out}")
    if found.st_uid != os.geteuid():
        raise ProcmanError(
            f"cannot use {path} for the control socket: it belongs to uid {found.st_uid} "
            f"and not to {os.geteuid()}; {way_out}"
        )
    if found.st_mode & 0o077:
        raise ProcmanError(
            f"cannot use {path} for the control socket: others have access (mode {found.st_mode & 0o777:04o}); "
            f"chmod 700 {path}, or {way_out}"
        )
    return path


def default_socket(config_file: str) -> str:
    """The control socket of a master whose configuration file names none.

    The path is always short enough for a socket, and the same for every path that leads to the file.
    """
    return os.path.join(runtime_dir(), _names(config_file)[0])


def own_sockets(config_file: str) -> list[str]:
    """The default socket, and another for the file's own name if that is a symbolic link whose target may change."""
    return [os.path.join(runtime_dir(), name) for name in _names(config_file)]


def default_file(config_file: str, suffix: str, uid: int | None) -> str:
    """A default file of the master beside its socket: the pid file, the log of a daemon. `uid` as in runtime_dir."""
    return os.path.join(runtime_dir(uid), f"{_stem(os.path.realpath(config_file))}{suffix}")


def state_files(socket: str) -> list[str]:
    """The state files that the master with this control socket may have written; it writes the first one now.

    Files in directories that another user can write to are left out, because the master adopts or stops what they list.
    """
    name = f"{_names(socket)[0].removesuffix('.sock')}.state"
    first, *others = (os.path.join(folder, name) for folder in runtime_dirs())
    return [first, *(path for path in others if is_own_folder(os.path.dirname(path)))]


def default_sockets(config_file: str) -> list[str]:
    """All paths of the default socket: the master may have been started with another XDG_RUNTIME_DIR."""
    return [os.path.join(folder, name) for name in _names(config_file) for folder in runtime_dirs()]


def _names(config_file: str) -> list[str]:
    paths = (os.path.realpath(config_file), os.path.abspath(config_file))
    return list(dict.fromkeys(f"{_stem(path)}.sock" for path in paths))


def path_digits(path: str) -> str:
    """Eight digits that identify the file that a path leads to."""
    return _digits(os.path.realpath(path))


def _digits(path: str) -> str:
    # hashlib takes longer to import, and the name need not be secure.
    return f"{binascii.crc32(os.fsencode(path)):08x}"


def _stem(path: str) -> str:
    stem = os.path.basename(path).partition(".")[0]
    short = "".join(letter for letter in stem if letter.isascii() and (letter.isalnum() or letter in "-_"))[:8]
    return f"{short or 'procman'}-{_digits(path)}"
