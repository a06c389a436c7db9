"""A log file that nobody waits for, whatever its disk does."""

import time
from collections import deque
from collections.abc import Callable
from functools import partial

from procman.errors import ProcmanError
from procman.logs.disks import Disks, NoAnswer
from procman.logs.pipes import readable_bytes
from procman.logs.sinks import PROGRAM_GOES_ON, Echo, RotatingFile

# What is kept for a file whose disk does not answer, in bytes; a program waits before that, the master's log does not.
MOST_HELD = 1 << 20


class LogFile:
    """A sink: a RotatingFile, which is asked by way of its disk.

    While that does not answer, what it is given is kept (MOST_HELD, beyond it is lost), and done later in its order.
    """

    def __init__(
        self,
        disks: Disks,
        path: str,
        maxbytes: int = 0,
        backups: int = 10,
        on_problem: Callable[[str], None] = lambda _text: None,
        *,
        meanwhile: str = PROGRAM_GOES_ON,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """As of RotatingFile; `on_problem` is only called on the loop."""
        self._disks = disks
        self._disk = disks.of(path)
        self._device: int | None = None
        self._on_problem = on_problem
        self._said: list[str] = []  # by the file, wherever it was asked
        self._file = RotatingFile(
            path, maxbytes, backups, self._said.append, meanwhile=meanwhile, clock=clock, opens=False
        )
        self._held: deque[tuple[Callable[[], object], int]] = deque()
        self._held_bytes = 0
        self._under_way = 0  # bytes that the disk is busy with
        self._lost = 0
        self._closed = False
        self._when_ready: deque[Callable[[], None]] = deque()
        self._do(self._file.reopen)

    @property
    def path(self) -> str:
        """The file that can be read back."""
        return self._file.path

    @property
    def lost(self) -> int:
        """Bytes that could not be written, ever."""
        return self._file.lost + self._lost

    @property
    def problem(self) -> str | None:
        """What is the matter with it now."""
        if self._disk.is_silent:
            return f"the disk of log {self.path} does not answer"
        return self._file.problem

    @property
    def ready(self) -> bool:
        """Whether its disk answers, and has taken all that was for it."""
        return not self._held and self._disk.answers

    def bound(self, maxbytes: int, backups: int) -> None:
        """Keep it within other bounds from now on."""
        self._file.maxbytes, self._file.backups = maxbytes, backups

    def write(self, data: bytes) -> bool:
        """Write it, or keep it: then it is False."""
        if self._held_bytes and self._held_bytes + len(data) > MOST_HELD:
            self._lost += len(data)
            return False
        return self._do(partial(self._file.write, data), len(data))

    def splice(self, pipe: int, limit: int, echo: Echo | None) -> int | None:
        """As of RotatingFile; raises NoAnswer where it is not `ready`, or in this moment no longer.

        The disk is asked before whether it answers. A splice that waits for it would have the pipe locked, and the
        program would wait there for the disk, too, deaf to SIGKILL. Where the disk is in doubt, what is in the pipe is
        to be read.
        """
        if self._held:
            raise NoAnswer
        if not self._disk.is_leased:
            # Where there is nothing to write the disk is not asked; a splice would wait for it all the same.
            if self._disk.is_doubted or not readable_bytes(pipe):
                return None
            self._disk.do(self._file.touch, self._late)
        try:
            return self._disk.do_here(self._file.splice, pipe, limit, echo)
        finally:
            if self._said or self._file.device != self._device:
                self._deliver()

    def on_ready(self, callback: Callable[[], None]) -> None:
        """Call back once, when it is."""
        if self.ready:
            callback()
        else:
            self._when_ready.append(callback)
            self._disk.wait(self)

    def end(self) -> None:
        """Nothing is held back here."""

    def reopen(self) -> None:
        """Open the path anew."""
        self._do(self._file.reopen)

    def clear(self) -> None:
        """Remove the file and begin a new one; raises ProcmanError."""
        if self._held:
            raise self._cannot_clear()
        try:
            self._disk.do(self._file.clear, self._late)
        except NoAnswer:
            raise self._cannot_clear() from None
        self._deliver()

    def close(self) -> None:
        """Close the file when it has all that was for it."""
        if not self._closed:
            self._closed = True
            self._do(self._file.close)

    # ---- what its disk calls

    def go_on(self) -> None:
        """The disk answers."""
        while self._held:
            call, size = self._held.popleft()
            self._held_bytes -= size
            if not self._ask(call, size):
                return
        while self._when_ready and self.ready:
            self._when_ready.popleft()()
        if self._when_ready:
            self._disk.wait(self)

    def give_up(self) -> None:
        """It never will, as far as this master is concerned."""
        unwritten = self._held_bytes + self._under_way
        self._lost += unwritten
        self._held.clear()
        self._held_bytes = self._under_way = 0
        if self._closed:  # its descriptor is given back, whenever that may be
            self._do(self._file.close)
        if unwritten:
            self._on_problem(f"{unwritten} bytes for log {self.path} were not written: its disk does not answer")

    # ---- the pieces of the above

    def _do(self, call: Callable[[], object], size: int = 0) -> bool:
        """Do it now, if everything before it is done; whether it is."""
        if not self._held and self._disk.answers:
            return self._ask(call, size)
        self._held.append((call, size))
        self._held_bytes += size
        self._disk.wait(self)
        return False

    def _ask(self, call: Callable[[], object], size: int) -> bool:
        try:
            self._disk.do(call, self._late)
        except NoAnswer:  # it is done, only not yet
            self._under_way = size
            self._disk.wait(self)
            return False
        self._deliver()
        return True

    def _cannot_clear(self) -> ProcmanError:
        return ProcmanError(f"cannot clear log {self.path}: its disk does not answer; try it when it does")

    def _late(self, outcome: Callable[[], object]) -> None:
        self._under_way = 0
        try:
            outcome()
        except ProcmanError as error:  # whoever wanted it was told that the disk does not answer
            self._on_problem(str(error))
        self._deliver()

    def _deliver(self) -> None:
        """Say what the file has said, and note which disk it is on."""
        if self._file.device != self._device:
            self._device = self._file.device
            if self._device is not None:
                self._disk = self._disks.found(self.path, self._device)
        while self._said:
            self._on_problem(self._said.pop(0))
