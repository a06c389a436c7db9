"""What a master does with programs that an earlier one, which was killed, has left running."""

import os
import signal
from dataclasses import replace

import pytest

from procman.config.fingerprint import fingerprint
from procman.config.schema.options import Orphans
from procman.core.events import Adopted, Spawned, StopRequested
from procman.core.states import State
from procman.runtime.adoption import Adoption
from procman.runtime.ledger import ProcessLedger
from procman.system.proc import look_at
from procman.system.state_file import StateFile
from tests.support.launching import shell
from tests.support.programs import group
from tests.support.running_engine import RunningEngine, on_engine


class Lines:
    """A log that keeps its lines."""

    def __init__(self):
        self.lines = []

    def __getattr__(self, level):
        return self.lines.append


COMMAND = shell("echo up; read word; echo $word; exec sleep 1000")


def two_masters(path, found, *, policy=Orphans.ADOPT, then=None, meanwhile=lambda pid: None):
    """A master that starts `web` and is gone, and another with the group `found`; what `then` returns of the second.

    `meanwhile` is called when the second one has found the process, and has not begun to watch it.
    """

    async def steps():
        ledger = ProcessLedger(StateFile.take(path), fingerprint)
        ledger.file.begin()
        first = RunningEngine(group("web", command=COMMAND, startsecs=0), ledger=ledger)
        first.boot()
        await first.enters("web", State.RUNNING)
        assert first.pipes.line("web") == "up"
        pid = first.pid("web")
        first.engine._queue.close()
        first.engine._timer = None
        ledger.close()

        ledger = ProcessLedger(StateFile.take(path), fingerprint)
        second, log = RunningEngine(found, ledger=ledger), Lines()
        adoption = Adoption(ledger, policy)
        meanwhile(pid)
        adoption.begin(second.engine, log)
        try:
            return await then(second, log, pid)
        finally:
            adoption.close()
            ledger.close()

    return on_engine(steps)


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "p.state")


def has_ended(pid):
    found = look_at(pid)
    return found is None or found.ended


def test_a_program_goes_on_with_its_pid_and_its_pipes(path):
    """What it is given now it reads, and a stop reaches it."""

    async def then(second, log, pid):
        assert [(event.name, event.pid) for event in second.of(Adopted)] == [("web", pid)]
        await second.enters("web", State.RUNNING)
        second.write("web", b"word\n")
        await second.readable("web")
        assert second.pipes.line("web") == "word"
        second.engine.post(StopRequested("web"))
        await second.enters("web", State.STOPPED)
        assert has_ended(pid)
        assert second.of(Spawned) == []

    two_masters(path, group("web", command=COMMAND, startsecs=0), then=then)


def test_a_program_that_ends_before_it_is_watched_has_its_post_stop(path):
    """As one that had ended before this master came."""

    def end(pid):
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)

    async def then(second, log, pid):
        assert second.of(Adopted) == []
        return log.lines

    found = group("web", command=COMMAND, startsecs=0, post_stop="true")
    assert "its post_stop runs now" in str(two_masters(path, found, then=then, meanwhile=end))


def test_a_program_with_another_definition_is_started_anew(path):
    """It may be something else altogether."""

    async def then(second, log, pid):
        await second.until(lambda: bool(second.of(Spawned)))
        assert has_ended(pid)
        return log.lines

    changed = group("web", command="/bin/sleep 1000", startsecs=0)
    assert "web is restarted: it was started with another definition" in str(two_masters(path, changed, then=then))


def test_a_changed_program_that_does_not_start_by_itself_is_stopped(path):
    """As if it had been removed and added again."""

    async def then(second, log, pid):
        await second.enters("web", State.STOPPED)
        assert has_ended(pid)
        return log.lines

    changed = group("web", command="/bin/sleep 1000", autostart=False, startsecs=0)
    assert "web is stopped: it was started with another definition" in str(two_masters(path, changed, then=then))


def test_a_program_that_is_not_in_the_configuration_is_stopped(path):
    """With the signal that it was started with."""

    async def then(second, log, pid):
        await second.until_true(lambda: "has ended" in str(log.lines))
        assert has_ended(pid)
        assert second.of(Adopted) == []
        return log.lines

    lines = str(two_masters(path, group("other", command="/bin/sleep 1000", autostart=False), then=then))
    assert "is not in the configuration any more: stopping it with SIGTERM" in lines


def test_orphans_ignore_leaves_it_alone(path):
    """It is only logged."""

    async def then(second, log, pid):
        assert not has_ended(pid)
        assert second.of(Adopted) == []
        return log.lines

    same = group("web", command=COMMAND, startsecs=0, autostart=False)
    assert "still runs, and is left alone" in str(two_masters(path, same, policy=Orphans.IGNORE, then=then))


def test_orphans_stop_starts_it_anew(path):
    """Also where its definition is the same."""

    async def then(second, log, pid):
        await second.until(lambda: bool(second.of(Spawned)))
        assert has_ended(pid)
        return log.lines

    same = group("web", command=COMMAND, startsecs=0)
    assert "web is restarted: orphans=stop" in str(two_masters(path, same, policy=Orphans.STOP, then=then))


def test_the_definition_counts_and_not_the_object(path):
    """Another master has read the file again."""
    program = group("web", command=COMMAND).programs[0]
    assert fingerprint(program) == fingerprint(replace(program))
