"""The recorder: each decision becomes a line, and the file can be replayed from each of its heads."""

import json

from procman.config.schema.master import Master
from procman.core.attribution import Actor
from procman.core.events import BootRequested, Exited, ExitStatus, Spawned, StopRequested
from procman.core.fleet import Fleet
from procman.core.replay import Decision, Part, Replay
from procman.runtime.recorder import RETRY_AFTER, Recorder
from tests.support.programs import group


class File:
    """Keeps what it is given."""

    path = "/record"

    def __init__(self, room=True):
        self.lines, self.room = [], room
        self.failure, self.is_behind, self.is_full = None, False, False

    def begin(self, head):
        if self.room:
            self.failure, self.is_full = None, False
            self.lines.append(head)
        return self.room

    def append(self, line):
        self.lines.append(line)


class Recorded:
    """A fleet, its recorder, and a file."""

    def __init__(self, file):
        self.fleet = Fleet((group("web"),))
        self.file, self.said = file, []
        self.recorder = Recorder(self.fleet, Master(), file, self.said.append, lambda: 1_800_000_000.0)
        self.recorder.begin("boot", 0.0)

    def says(self, event, now, actor=None):
        self.recorder.observe(event, now, self.fleet.handle(event, now), None, actor)

    def steps(self):
        replay = Replay()
        return [replay.take(json.loads(line)) for line in self.file.lines]


def test_decisions_are_recorded_after_the_state_that_they_begin_with():
    """The replay takes the same ones."""
    on = Recorded(File())
    on.says(BootRequested(), 1.0)
    on.says(Spawned("web", 41), 1.1)
    on.says(StopRequested("web"), 5.0)
    begin, *rest = on.steps()
    assert (begin.why, begin.time, begin.names) == ("boot", 1_800_000_000.0, {"web"})
    assert [(step.now, step.event, step.same) for step in rest] == [
        (1.0, BootRequested(), True),
        (1.1, Spawned("web", 41), True),
        (5.0, StopRequested("web"), True),
    ]


def test_who_asked_is_recorded_too():
    """For the reader of the replay."""
    on = Recorded(File())
    on.says(BootRequested(), 1.0)
    actor = Actor("client", uid=0, user="root", pid=812, command="procmanctl")
    on.says(StopRequested("web"), 5.0, actor)
    assert [step.actor for step in on.steps()[1:]] == [None, actor]


def test_a_full_file_is_followed_by_one_that_begins_with_the_state_then():
    """Each file is replayed by itself."""
    on = Recorded(File())
    on.says(BootRequested(), 1.0)
    on.file.is_full = True
    on.says(Spawned("web", 41), 1.1)
    on.says(Exited(41, ExitStatus(1)), 1.2)
    on.file.lines = on.file.lines[3:]
    part, last = on.steps()
    assert (part.why, part.now, last.same) == ("rotation", 1.1, True)


def test_after_a_failure_it_begins_anew_with_the_state_then():
    """Not before a pause is over, and not while anything is still to be written."""
    on = Recorded(File())
    on.says(BootRequested(), 1.0)
    on.file.failure = "No space left on device"
    on.says(Spawned("web", 41), 1.1)
    on.says(StopRequested("web"), 1.1 + RETRY_AFTER - 0.1)
    assert len(on.file.lines) == 2
    on.file.is_behind = True
    on.says(StopRequested("web"), 1.2 + RETRY_AFTER)
    assert len(on.file.lines) == 2
    on.file.is_behind = False
    on.says(StopRequested("web"), 1.3 + RETRY_AFTER)
    on.says(Exited(41, ExitStatus(-1, 15)), 7.0)
    _, _, part, last = on.steps()
    assert (type(part), part.why) == (Part, "resumed")
    assert (type(last), last.same) == (Decision, True)


def test_a_fault_of_the_core_is_recorded():
    """The replay has the same one."""
    on = Recorded(File())
    fault = KeyError("gone")
    on.recorder.observe(Spawned("gone", 7), 1.0, [], fault)
    assert on.steps()[1].same


def test_a_file_that_is_too_small_is_said_with_the_way_out():
    """Nothing is recorded then, and the master goes on."""
    on = Recorded(File(room=False))
    on.says(BootRequested(), 1.0)
    assert on.file.lines == []
    (said,) = on.said
    assert said.startswith("cannot record to /record: the state of 1 processes takes")
    assert "set record_maxbytes to" in said
