"""The machine that a configuration is read for: its variables, users, directories and plug-ins, real or assumed.

No plug-in is imported, and nothing is written.
"""

import grp
import os
import pwd
import sys
from collections.abc import Callable, Mapping
from functools import partial
from os.path import isdir
from typing import Any

from procman.config.assumptions import Assumptions
from procman.system.blocking import DiskQueries
from procman.system.cpus import usable_cpus

# Supervisor's own plug-ins. procman knows what they do, and never imports them.
SUPERVISORS_OWN = frozenset(
    {"supervisor.rpcinterface:make_main_rpcinterface", "supervisor.dispatchers:default_handler"}
)


class Machine:
    """Answers questions about the machine; assumptions take precedence over what it says itself."""

    def __init__(self, environ: Mapping[str, str] | None, assume: Assumptions | None) -> None:
        self.assume = assume or Assumptions()
        self.environ = environ if environ is not None else self.assume.env
        if self.environ is None:
            self.environ = os.environ
        self.host_node_name = self.assume.host_node_name or os.uname().nodename
        self._disks = DiskQueries()
        self._directories: dict[str, bool | None] = {}
        self._silent: list[str] = []

    @property
    def is_assumed(self) -> bool:
        """Whether it is another machine than this one."""
        return self.assume != Assumptions()

    @property
    def is_pid_1(self) -> bool:
        """Whether this is a container, of which this process is the first."""
        return os.getpid() == 1

    def cpus(self) -> int:
        """How many CPUs this process may use."""
        return usable_cpus()

    def home(self, path: str) -> str:
        """Expand a leading ~ or ~user."""
        if not path.startswith("~"):
            return path
        user, slash, rest = path[1:].partition("/")
        home = self._home_of(user)
        return path if home is None else (home.rstrip("/") + slash + rest or "/")

    def _home_of(self, user: str) -> str | None:
        assert self.environ is not None
        try:
            if user:
                return pwd.getpwnam(user).pw_dir
            return self.environ.get("HOME") or pwd.getpwuid(os.getuid()).pw_dir
        except (KeyError, ValueError):
            return None

    def temporary_folder(self) -> str:
        """The directory that Python's tempfile would choose."""
        assert self.environ is not None
        for variable in ("TMPDIR", "TEMP", "TMP"):
            path = self.environ.get(variable)
            if path and self.is_directory(path):
                return os.path.abspath(path)
        return next((path for path in ("/tmp", "/var/tmp", "/usr/tmp") if isdir(path)), "/")  # noqa: S108 - only a name: no file is made there

    def normal(self, path: str) -> str:
        """The absolute path, relative to the current directory."""
        return os.path.abspath(self.home(path))

    def is_directory(self, path: str) -> bool:
        """Whether it exists or is assumed to; if its disk does not respond, it is taken to exist (see `silent`)."""
        if path in self.assume.directories:
            return True
        if path not in self._directories:
            self._directories[path] = self._disks.ask(partial(isdir, path))
            if self._directories[path] is None:
                self._silent.append(path)
        return self._directories[path] is not False

    def ask(self, question: Callable[[], bool]) -> bool | None:
        """The answer to a question about files; None if their disk does not respond. It must not raise."""
        return self._disks.ask(question)

    def silent(self) -> list[str]:
        """The directories whose disks have not responded since the last call."""
        silent, self._silent = self._silent, []
        return silent

    def may_write(self, path: str, uid: int | None) -> bool:
        """Whether that user (None: the current one) may write the file, or create it; True if it cannot be known.

        For a user other than the current one only the file modes are looked at.
        """
        if self.is_assumed:
            return True
        path = os.path.realpath(path)
        if not os.path.exists(path):
            path = os.path.dirname(path)
        needed = os.W_OK | os.X_OK if os.path.isdir(path) else os.W_OK
        if not os.access(path, needed, effective_ids=True):
            return False
        if uid in (None, 0, os.geteuid()):
            return True
        try:
            record = pwd.getpwuid(uid)
        except KeyError:
            return True
        groups = os.getgrouplist(record.pw_name, record.pw_gid)
        folders = path.split("/")
        return _is_allowed(path, needed, uid, groups) and all(
            _is_allowed("/".join(folders[:length]) or "/", os.X_OK, uid, groups) for length in range(1, len(folders))
        )

    def user_name(self, uid: int | None) -> str:
        """A name for that user (None: the current one)."""
        number = os.geteuid() if uid is None else uid
        try:
            return f"user {pwd.getpwuid(number).pw_name}"
        except KeyError:
            return f"uid {number}"

    def uid(self, text: str) -> int:
        """The number of a user given by name or number; raises KeyError if there is none."""
        if text in self.assume.users:
            return self.assume.users[text]
        number = _number(text)
        if number is None:
            return pwd.getpwnam(text).pw_uid
        return pwd.getpwuid(number).pw_uid

    def gid(self, text: str) -> int:
        """The number of a group given by name or number; raises KeyError if there is none."""
        if text in self.assume.groups:
            return self.assume.groups[text]
        number = _number(text)
        if number is None:
            return grp.getgrnam(text).gr_gid
        return grp.getgrgid(number).gr_gid

    def gid_of(self, uid: int) -> int:
        """The main group of a user; an assumed one has a group of the same number."""
        try:
            return pwd.getpwuid(uid).pw_gid
        except KeyError:
            return uid

    def owner(self, text: str) -> tuple[int, int]:
        """(uid, gid) of user or user:group, gid -1 without a group; raises KeyError if there is none."""
        user, colon, group = text.partition(":")
        return self.uid(user), self.gid(group) if colon else -1

    def has_plugin(self, spec: str) -> bool:
        """Whether the module of module:attribute exists; to look at the attribute would run the module."""
        if spec in self.assume.plugins or spec.strip() in SUPERVISORS_OWN:
            return True
        module, _, attribute = (part.strip() for part in spec.partition(":"))
        names = module.split(".")
        if not all(name.isidentifier() for name in names):
            return False
        if not all(name.isidentifier() for name in (attribute or "module").partition("[")[0].strip().split(".")):
            return False
        return is_importable(names)


def _is_allowed(path: str, needed: int, uid: int, groups: list[int]) -> bool:
    """Whether the mode of the file gives that user the rights."""
    found = os.stat(path)
    shift = 6 if found.st_uid == uid else 3 if found.st_gid in groups else 0
    return found.st_mode >> shift & needed == needed


def _number(text: str) -> int | None:
    try:
        return int(text)
    except ValueError:
        return None


def is_importable(names: list[str]) -> bool:
    """Whether there is a module with this dotted name.

    The finders are called directly, because importlib.util.find_spec imports the packages above a module.
    """
    places: Any = None
    for length in range(1, len(names) + 1):
        if length > 1 and not places:
            return False
        found = None
        for finder in sys.meta_path:
            found = finder.find_spec(".".join(names[:length]), places)
            if found is not None:
                break
        if found is None:
            return False
        places = found.submodule_search_locations
    return True
