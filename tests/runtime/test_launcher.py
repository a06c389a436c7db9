"""Carrying out a start: what is recorded of it, and the socket that the process gets."""

from procman.config.schema.groups import FcgiSocket, Group
from procman.core.events import Spawned, SpawnFailed, StopRequested
from procman.core.states import State
from procman.runtime.ledger import NoLedger
from tests.support.programs import group, program
from tests.support.running_engine import RunningEngine, on_engine


class Ledger(NoLedger):
    """Writes down what it is told."""

    def __init__(self):
        self.told = []

    def starting(self, name, program, tag):
        self.told.append(("starting", name))

    def started(self, tag, root, child):
        self.told.append(("started", root.pid))

    def not_started(self, tag):
        self.told.append(("not started",))

    def ended(self, pid):
        self.told.append(("ended", pid))


def test_a_start_is_recorded_before_it_is_made():
    """So there is no moment at which a process runs that the ledger does not know of."""

    async def steps():
        ledger = Ledger()
        run = RunningEngine(group("web", command="/bin/sleep 1000", startsecs=0), ledger=ledger)
        run.boot()
        await run.enters("web", State.RUNNING)
        pid = run.pid("web")
        run.engine.post(StopRequested("web"))
        await run.enters("web", State.STOPPED)
        assert ledger.told == [("starting", "web"), ("started", pid), ("ended", pid)]

    on_engine(steps)


def test_a_start_that_fails_is_recorded_as_none():
    """The next master would look for its process."""

    async def steps():
        ledger = Ledger()
        run = RunningEngine(group("web", command="/no/such/file", startretries=0), ledger=ledger)
        run.boot()
        await run.until(lambda: bool(run.of(SpawnFailed)))
        assert ledger.told == [("starting", "web"), ("not started",)]

    on_engine(steps)


def test_a_shared_socket_is_open_from_the_start_of_the_first_to_the_end_of_the_last(tmp_path):
    """The log says so after the end of the process."""
    path = str(tmp_path / "s")

    async def steps():
        programs = (
            program("one", "app", command="/bin/sleep 1000", startsecs=0),
            program("two", "app", command="/bin/sleep 1000", startsecs=0),
        )
        socket = FcgiSocket(kind="unix", url=f"unix://{path}", path=path)
        run = RunningEngine(Group(name="app", priority=1, programs=programs, socket=socket))
        run.boot()
        await run.until(lambda: len(run.of(Spawned)) == 2)
        assert run.logged == [f"Creating socket unix://{path}"]
        for name in ("app:one", "app:two"):
            assert len(run.logged) == 1
            run.engine.post(StopRequested(name))
            await run.enters(name, State.STOPPED)
        assert run.logged == [f"Creating socket unix://{path}", f"Closing socket unix://{path}"]

    on_engine(steps)


def test_a_socket_that_cannot_be_opened_is_a_failed_start(tmp_path):
    """With the reason, and what a shell exits with when it cannot execute a command."""
    path = str(tmp_path / "none" / "s")

    async def steps():
        socket = FcgiSocket(kind="unix", url=f"unix://{path}", path=path)
        programs = (program("app", command="/bin/sleep 1000", startretries=0),)
        run = RunningEngine(Group(name="app", priority=1, programs=programs, socket=socket))
        run.boot()
        await run.until(lambda: bool(run.of(SpawnFailed)))
        [failed] = run.of(SpawnFailed)
        assert path in failed.reason
        assert failed.code == 126

    on_engine(steps)
