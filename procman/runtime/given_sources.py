"""Keeps what runs were given from files, and removes their credentials with them.

It is kept for the commands of the program, to mask it in texts, and as keyed digests, which tell whether its files have
changed since.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from procman.config.schema.programs import Program
from procman.core.actions import Announce, ProcessRemoved
from procman.core.states import State
from procman.runtime.bus import Notification
from procman.runtime.call_queue import CallQueue, TakesTooLong
from procman.runtime.digests import Digests
from procman.runtime.given import NOTHING, CannotGive, Given
from procman.runtime.given_readings import Readings
from procman.system.commands import CannotSpawn
from procman.system.given_files import CredentialFolders, files_in, remove_folder
from procman.system.proc import environ

T = TypeVar("T")

# How long a client waits for a look whether files have changed, in seconds.
LOOK_WITHIN = 2.0


@dataclass(slots=True)
class Run:
    """What is known of what a run was given."""

    given: Given | None = field(repr=False, default=None)  # None: another process image has started it
    digests: dict[str, str] = field(default_factory=dict)  # of each variable, by name
    folder: str = ""  # of its credentials
    is_over: bool = False
    all_variables: bool = False  # the digests are of its whole environment: it was adopted


@dataclass(frozen=True, slots=True)
class Differences:
    """What a run was given otherwise than its files would give it now."""

    variables: tuple[str, ...] = ()
    credentials: tuple[str, ...] = ()
    trouble: str = ""  # why that cannot be told, or why it could not be started now

    @property
    def sentences(self) -> tuple[str, ...]:
        """Each of them in words."""
        what = [
            *(f"started with another {name} than the file has now" for name in self.variables),
            *(f"started with another credential {name} than the file has now" for name in self.credentials),
        ]
        return (*what, *([f"it could not be started now: {self.trouble}"] if self.trouble else []))


class GivenSources:
    """Lives on the running loop; subscribe `hear`."""

    hears = (State.STOPPED, State.EXITED, State.BACKOFF, State.FATAL, ProcessRemoved)

    def __init__(
        self,
        folders: CredentialFolders,
        *,
        refuse: bool = False,
        on_change: Callable[[], None] = lambda: None,
        warn: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`refuse`: files that other users may write. `on_change` is called when a start may have become possible."""
        self._folders = folders
        self._warn = warn
        self.readings = Readings(on_change, refuse=refuse)
        self._runs: dict[str, Run] = {}
        self._doubts: dict[str, tuple[str, ...]] = {}  # that were logged
        self._digests = Digests()
        self._looks = CallQueue(LOOK_WITHIN)

    def take(self, program: Program) -> Given:
        """What was read for its start; raises CannotSpawn where that has failed."""
        result = self.readings.take(program)
        if isinstance(result, CannotGive):
            raise CannotSpawn(str(result))
        if result.doubts != self._doubts.get(program.namespec, ()):
            self._doubts[program.namespec] = result.doubts
            for doubt in result.doubts:
                self._warn(f"{program.namespec}: {doubt}")
        return result

    # ---- runs

    def credentials_for(self, program: Program, given: Given, tag: str, owner: tuple[int, int] | None) -> str:
        """The folder with its credentials, which goes with the run, "" if it has none; raises CannotSpawn.

        `owner`: the uid and the gid of the program; None: those of this process.
        """
        self.ended(program.namespec)
        if not program.credentials:
            return ""
        try:
            folder = self._folders.make(_run_of(tag), given.credentials, owner)
        except OSError as error:
            raise CannotSpawn(f"cannot make the folder of its credentials: {error.strerror}") from None
        self._runs[program.namespec] = Run(folder=folder)
        return folder

    def started(self, program: Program, given: Given) -> Run:
        """It was started with that."""
        before = self._runs.get(program.namespec)
        run = Run(given, self.digests_of(given.variables), before.folder if before is not None else "")
        self._runs[program.namespec] = run
        return run

    def digests_of(self, variables: Mapping[bytes, bytes]) -> dict[str, str]:
        """A keyed digest of each value, by name."""
        return self._digests.of_variables(variables)

    def adopted(self, program: Program, pid: int, tag: str) -> None:
        """An earlier master has started it: what it was given stands in /proc, and its credentials are still there."""
        folder = self._folders.find(_run_of(tag)) if program.credentials else ""
        block = environ(pid)
        pairs = (pair.partition(b"=") for pair in block.split(b"\0") if pair) if isinstance(block, bytes) else ()
        digests = self.digests_of({name: value for name, _, value in pairs})
        self._runs[program.namespec] = Run(None, digests, folder, all_variables=True)
        self.readings.begin(program)  # for its commands, and to mask it

    def clean(self, still_run: frozenset[str]) -> None:
        """Remove the credentials of runs of earlier masters, but for those with these tags."""
        kept = {_run_of(tag) for tag in still_run}
        for folder in self._folders.left_behind(kept.__contains__):
            remove_folder(folder)

    def remove(self, tag: str) -> None:
        """A run of an earlier master has ended: its credentials go."""
        folder = self._folders.find(_run_of(tag))
        if folder:
            remove_folder(folder)

    def may_command(self, program: Program, *, anew: bool) -> bool:
        """Whether a command of the program can be started; if not, what it needs is being read.

        `anew`: it comes before a start, and gets what that will get.
        """
        if not program.is_given:
            return True
        if anew:
            return self.readings.is_ready(program) is True
        run = self._runs.get(program.namespec)
        if (run is not None and run.given is not None) or self.readings.result(program.namespec) is not None:
            return True
        self.readings.begin(program)
        return self.readings.result(program.namespec) is not None

    def folder_of(self, name: str) -> str:
        """The credentials of the run; "": it has none."""
        run = self._runs.get(name)
        return "" if run is None else run.folder

    def of_run(self, program: Program) -> Given:
        """What its commands get, as far as it is known; raises CannotSpawn where it has to be read first."""
        run = self._runs.get(program.namespec)
        result = self.readings.result(program.namespec)
        if run is not None and run.given is not None and (result is None or not run.is_over):
            return run.given
        if result is None:
            self.readings.begin(program)
            raise CannotSpawn("what its files give it is being read")
        if isinstance(result, CannotGive):
            self.readings.drop(program.namespec)  # the next one tries again
            raise CannotSpawn(str(result))
        return result

    def names(self, name: str) -> tuple[str, ...]:
        """The variables that the run was given from files, where that is known: one that was adopted has them all."""
        run = self._runs.get(name)
        return () if run is None or run.all_variables else tuple(run.digests)

    def known(self, name: str) -> Given:
        """What the latest run was given, as far as this process image knows."""
        run = self._runs.get(name)
        if run is not None and run.given is not None:
            return run.given
        result = self.readings.result(name)
        return result if isinstance(result, Given) else NOTHING

    async def differences(self, program: Program) -> Differences:
        """Read its files now, and compare with what its run was given."""
        run = self._runs.get(program.namespec)
        if run is None:
            return Differences()
        folder = run.folder
        try:
            now, kept = await self._looks.do(lambda: (self.readings.read(program), files_in(folder) if folder else {}))
        except TakesTooLong:
            return Differences(trouble=f"its files do not answer within {LOOK_WITHIN:g} s")
        if isinstance(now, CannotGive):
            return Differences(trouble=str(now))
        digests = self.digests_of(now.variables)
        names = digests.keys() if run.all_variables else digests.keys() | run.digests.keys()
        if run.all_variables and not run.digests:
            names = set()  # it could not be read
        # What it has of its own wins over files.
        names -= program.environment.keys() - set(program.from_master)
        changed = sorted(name for name in names if digests.get(name) != run.digests.get(name))
        files = now.credentials
        others = sorted(name for name in files.keys() | kept.keys() if files.get(name) != kept.get(name))
        return Differences(tuple(changed), tuple(others) if folder else ())

    async def look(self, ask: Callable[[], T], otherwise: T) -> T:
        """Call it beside the loop, after what is looked at before; `otherwise` where that takes too long."""
        try:
            return await self._looks.do(ask)
        except TakesTooLong:
            return otherwise

    def masked(self, name: str, text: str) -> str:
        """A text of that process, such as its last words, without any value that it was given."""
        return self.known(name).masked(text) if text else text

    def ended(self, name: str) -> None:
        """The run is over: its credentials go."""
        run = self._runs.get(name)
        if run is not None and run.folder:
            remove_folder(run.folder)
            run.folder = ""

    def hear(self, notification: Notification) -> None:
        """Note the end of a run."""
        event = notification.event
        # By type first: hundreds of these come in a second where programs end at once.
        if isinstance(event, Announce):
            run = self._runs.get(event.name)
            if run is not None:
                self.ended(event.name)
                run.is_over = True
            if event.after is State.STOPPED:
                self.readings.drop(event.name)  # its start was called off
        elif isinstance(event, ProcessRemoved):
            self.ended(event.name)
            self.readings.drop(event.name)
            self._runs.pop(event.name, None)
            self._doubts.pop(event.name, None)

    # ---- for the life of the master

    def snapshot(self) -> dict[str, Any]:
        """Plain data for another process image to go on with; there is no value in it."""
        return {
            "salt": self._digests.salt.hex(),
            "runs": {name: [run.digests, run.folder, run.all_variables] for name, run in self._runs.items()},
        }

    def restore(self, data: Mapping[str, Any]) -> None:
        """Go on from what `snapshot` returned."""
        self._digests.salt = bytes.fromhex(data["salt"])
        self._runs = {
            name: Run(None, dict(digests), folder, all_variables=whole)
            for name, (digests, folder, whole) in data["runs"].items()
        }

    def read_again(self, program: Program) -> None:
        """Of a run that another process image has started: for its commands, and to mask it."""
        if program.namespec in self._runs:
            self.readings.begin(program)

    def close(self) -> None:
        """Remove what runs have left; nothing is read any more."""
        self.readings.close()
        for name in list(self._runs):
            self.ended(name)
        self._folders.close()


def _run_of(tag: str) -> str:
    """What tells one run from all others, fit for the name of a folder."""
    return tag.rpartition("/")[2]
