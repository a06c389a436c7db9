"""Where the configuration is looked for, and where the control socket of a file without one lies.

The client uses this on every call, so nothing but `os` is imported before it is needed.
"""

import os

from procman.errors import ProcmanError

SEARCH = (
    "./procman.toml",
    "./conf/procman.toml",
    "./supervisord.conf",
    "./etc/supervisord.conf",
    "/etc/procman.toml",
    "/etc/procman/procman.toml",
    "/etc/supervisord.conf",
    "/etc/supervisor/supervisord.conf",
)

# Where root's sockets lie, if that can be: a container's root may be read-only, but for /tmp.
FOR_ROOT = "/run/procman"

# sun_path holds 108 bytes with the closing NUL; see unix(7).
LONGEST_SOCKET_PATH = 107

# What a default socket's name needs: 8 characters of the file's name, "-", 8 digits and ".sock", after a "/".
_LONGEST_NAME = 1 + 8 + 1 + 8 + 5


def find_config() -> str | None:
    """The first file of SEARCH that is there."""
    return next((path for path in SEARCH if os.path.exists(path)), None)


def runtime_dir(uid: int | None = None) -> str:
    """The private folder for sockets: $XDG_RUNTIME_DIR/procman, /run/procman for root, else one in /tmp.

    Only the name: `ensure_runtime_dir` makes it. It is that of the user who asks, or of `uid`.
    """
    return runtime_dirs(uid)[0]


def runtime_dirs(uid: int | None = None) -> list[str]:
    """That folder, and where it is without XDG_RUNTIME_DIR, or while /run is written to.

    For root also that of the user who runs this container.
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


def trusted_owners() -> set[int]:
    """Whose folder a client believes: its own user's, root's, and for root that of the user who runs this container.

    That is the user of PID 1, which on a host is root itself. Anybody else could have a socket of his own answer in
    the place of a master that does not run.
    """
    owners = {0, os.geteuid()}
    if os.geteuid() == 0:
        try:
            # Not the owner of the folder: that is root, too, where PID 1 was root once.
            with open("/proc/1/status", encoding="ascii", errors="replace") as file:
                owners.update(int(line.split()[2]) for line in file if line.startswith("Uid:"))
        except (OSError, ValueError, IndexError):
            pass  # no /proc, or one that shows nothing
    return owners


def ensure_runtime_dir() -> str:
    """Make that folder, mode 0700, and verify that nobody else could have put a socket into it.

    Raises:
        ProcmanError: it cannot be made, or it belongs to somebody else, or others may write to it.
    """
    path = runtime_dir()
    way_out = "name a socket in [unix_http_server] file=, or set XDG_RUNTIME_DIR to a private folder"
    # Whatever this process was started with: not even its owner could enter what a umask of 0777 leaves.
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
    import stat  # noqa: PLC0415 - the client never comes here

    # Not followed: a symbolic link may be turned to another folder after this look.
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
    """The control socket of a master whose file names none: found again from the path of that file alone.

    The path is always short enough for a socket, and the same by whatever name the file is reached.
    """
    return os.path.join(runtime_dir(), _names(config_file)[0])


def own_sockets(config_file: str) -> list[str]:
    """That path, and the one by the file's name as it was given, if that is a link: somebody may turn it elsewhere."""
    return [os.path.join(runtime_dir(), name) for name in _names(config_file)]


def default_file(config_file: str, suffix: str, uid: int | None) -> str:
    """A file of the master that is beside that socket: its pid file, the log of a daemon. `uid` as in runtime_dir."""
    return os.path.join(runtime_dir(uid), f"{_stem(os.path.realpath(config_file))}{suffix}")


def state_files(socket: str) -> list[str]:
    """Where the master that has this control socket writes down what runs; the first is where it does so now.

    The others are left out where somebody else can have put them: what is in them, the master adopts or stops.
    """
    name = f"{_names(socket)[0].removesuffix('.sock')}.state"
    first, *others = (os.path.join(folder, name) for folder in runtime_dirs())
    return [first, *(path for path in others if _is_ours(os.path.dirname(path)))]


def _is_ours(folder: str) -> bool:
    import stat  # noqa: PLC0415 - the client never comes here

    try:
        found = os.lstat(folder)
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o022


def default_sockets(config_file: str) -> list[str]:
    """Where the client looks for it: the master may have been started without this user's XDG_RUNTIME_DIR."""
    return [os.path.join(folder, name) for name in _names(config_file) for folder in runtime_dirs()]


def _names(config_file: str) -> list[str]:
    paths = (os.path.realpath(config_file), os.path.abspath(config_file))
    return list(dict.fromkeys(f"{_stem(path)}.sock" for path in paths))


def mark(path: str) -> str:
    """Eight digits that tell a path from others, by whatever name it is reached."""
    return _digits(os.path.realpath(path))


def _digits(path: str) -> str:
    import binascii  # noqa: PLC0415 - hashlib costs ten times as much, and nobody is to be kept out by this name

    return f"{binascii.crc32(os.fsencode(path)):08x}"


def _stem(path: str) -> str:
    stem = os.path.basename(path).partition(".")[0]
    short = "".join(letter for letter in stem if letter.isascii() and (letter.isalnum() or letter in "-_"))[:8]
    return f"{short or 'procman'}-{_digits(path)}"
