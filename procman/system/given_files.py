"""Reads the files that a program is given variables and secrets from, and makes the folder of its credentials.

The files are read with the rights of this process, which is often root's, for a program that is another user's: so no
link in a folder that others may write is followed, and what others may write is refused. A disk may hang: call it
beside the loop.
"""

import errno
import os
import stat
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress

from procman.errors import ProcmanError
from procman.system.exposure import exposure
from procman.system.file_trust import is_own_folder
from procman.system.mounts import is_in_memory, mounts
from procman.system.safe_open import UntrustedPath, open_log

# Of a file; the kernel takes 128 KiB for a variable and 2 MiB for all, see execve(2).
LARGEST = 256 * 1024
# Where containers and orchestrators put secrets.
SECRETS = "/run/secrets"
_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


class CannotRead(ProcmanError):
    """Why a file cannot be read; the message begins with its path."""

    def __init__(self, path: str, why: str, *, missing: bool = False) -> None:
        """`missing`: there is no such file."""
        super().__init__(f"{path}: {why}")
        self.missing = missing


def read_given(path: str, *, refuse: bool) -> bytes:
    """The content of a file; raises CannotRead.

    `refuse`: not what other users may write, by the rule that configurations are read by (see `system.exposure`).
    """
    try:
        if refuse and (found := exposure(path)) is not None and found.by_mode:
            raise CannotRead(path, f"{found}: chmod go-w {found.path}")
        fd = open_log(path, _FLAGS)
    except UntrustedPath as error:
        raise CannotRead(path, f"{error.strerror}: put the file itself there, or name where it is") from None
    except FileNotFoundError:
        raise CannotRead(path, "there is no such file", missing=True) from None
    except (OSError, ValueError) as error:
        raise CannotRead(path, _why(error)) from None
    try:
        return _content(path, fd)
    except OSError as error:
        raise CannotRead(path, _why(error)) from None
    finally:
        os.close(fd)


def _why(error: OSError | ValueError) -> str:
    return str((isinstance(error, OSError) and error.strerror) or error)


def _content(path: str, fd: int) -> bytes:
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        raise CannotRead(path, "it is no file: name a file")
    parts, left = [], LARGEST + 1
    while left and (part := os.read(fd, left)):
        parts.append(part)
        left -= len(part)
    if not left:
        raise CannotRead(path, f"it is larger than {LARGEST // 1024} KiB")
    return b"".join(parts)


def places_of_credential(name: str) -> list[str]:
    """Where a credential is looked for that is given by its name alone."""
    own = os.environ.get("CREDENTIALS_DIRECTORY")
    return [*([os.path.join(own, name)] if own else []), os.path.join(SECRETS, name)]


class CredentialFolders:
    """The folders of the runs of one master, below one folder of its own; in memory where that is possible."""

    def __init__(self, name: str) -> None:
        """`name` tells this master from others, and the next one with this configuration has the same."""
        self._name = f"procman-credentials-{os.geteuid()}-{name}"
        self._base = ""

    def make(self, run: str, files: Mapping[str, bytes], owner: tuple[int, int] | None) -> str:
        """A folder with these files, which only its owner can read; raises OSError.

        `run` is unique on this machine; `owner` are a uid and gid, None: this process's own.
        """
        folder = os.path.join(self._made_base(), run)
        os.mkdir(folder, 0o700)
        try:
            os.chmod(folder, 0o700)
            for name, content in files.items():
                fd = os.open(os.path.join(folder, name), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o400)
                try:
                    left = memoryview(content)
                    while left:
                        left = left[os.write(fd, left) :]
                    os.fchmod(fd, 0o400)
                    if owner is not None:
                        os.fchown(fd, *owner)
                finally:
                    os.close(fd)
            os.chmod(folder, 0o500)
            if owner is not None:
                os.chown(folder, *owner, follow_symlinks=False)
        except OSError:
            remove_folder(folder)
            raise
        return folder

    def find(self, run: str) -> str:
        """The folder of a run that an earlier master has started; "" if it is not there."""
        folders = (os.path.join(base, run) for base in self._places() if is_own_folder(base))
        return next((folder for folder in folders if os.path.isdir(folder)), "")

    def left_behind(self, is_kept: Callable[[str], bool]) -> list[str]:
        """The folders that earlier masters have left, but for those whose run is kept."""
        found = []
        for base in self._places():
            if is_own_folder(base):
                with suppress(OSError):
                    found += [os.path.join(base, run) for run in os.listdir(base) if not is_kept(run)]
        return found

    def close(self) -> None:
        """Remove the folder of them all, if it is empty."""
        for base in self._places():
            with suppress(OSError):
                os.rmdir(base)

    def _places(self) -> list[str]:
        folders = ["/run"] if os.geteuid() == 0 else []
        runtime = os.environ.get("XDG_RUNTIME_DIR", "")
        folders += [runtime] if os.path.isabs(runtime) and os.geteuid() != 0 else []
        return [os.path.join(folder, self._name) for folder in (*folders, "/dev/shm", "/tmp")]  # noqa: S108 - verified before use

    def _made_base(self) -> str:
        if self._base and is_own_folder(self._base):
            return self._base
        known = mounts()
        # First where nothing reaches a disk.
        places = sorted(self._places(), key=lambda place: not is_in_memory(os.path.dirname(place), known))
        error: OSError = FileNotFoundError(errno.ENOENT, "there is no folder for them")
        for place in places:
            try:
                with suppress(FileExistsError):
                    os.mkdir(place, 0o711)
                if not is_own_folder(place):
                    raise PermissionError(errno.EPERM, f"{place} belongs to others")
                os.chmod(place, 0o711)  # noqa: S103 - programs of other users pass through it
            except OSError as why:
                error = why
            else:
                self._base = place
                return place
        raise error


def files_in(folder: str) -> dict[str, bytes]:
    """The credentials in the folder of a run, by name; those that its owner has changed since are as they are now."""
    found = {}
    with suppress(OSError):
        for name in os.listdir(folder):
            with suppress(OSError):
                fd = os.open(os.path.join(folder, name), _FLAGS | os.O_NOFOLLOW)
                try:
                    found[name] = _content(name, fd)
                except CannotRead:
                    continue
                finally:
                    os.close(fd)
    return found


def remove_folder(folder: str) -> None:
    """Remove the folder of a run and its files; what cannot be removed stays."""
    # Its owner may have put anything into it since: by descriptor, and following nothing.
    try:
        here = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return
    try:
        with suppress(OSError):
            os.fchmod(here, 0o700)  # otherwise its owner could not remove anything in it
        for name in _names(here):
            with suppress(OSError):
                os.unlink(name, dir_fd=here)
    finally:
        os.close(here)
    with suppress(OSError):
        os.rmdir(folder)


def _names(folder: int) -> Iterable[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return ()
