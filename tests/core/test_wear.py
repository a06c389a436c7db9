"""Restarts for memory and age, in virtual time."""

import json

import pytest

from procman.core.actions import Announce, Kill, Measure
from procman.core.events import DeadlineReached, ExitStatus, GroupChanged, MemoryMeasured, StartRequested, StopRequested
from procman.core.fleet import Fleet
from procman.core.spec import Autorestart
from procman.core.wear import LOOK_LOST
from tests.core.test_snapshot import READERS
from tests.support.driven_fleet import Drive, killed, members, of, spawned
from tests.support.programs import group, program

TERM = ExitStatus(-1, 15)
MIB = 1024 * 1024


def drive(*names: str, **options) -> Drive:
    """Processes of one program, which have just come up."""
    options = {"section": "program:web", "startsecs": 0, "memory_restart": 100 * MIB, "memory_interval": 10} | options
    processes = members("web", *names, **options) if names else group("web", **options)
    made = Drive(processes, boot=False)
    for one in made.fleet.processes:
        made.says(StartRequested(one))
    return made


def due(one: Drive) -> list:
    """What comes of the next deadline."""
    when = one.fleet.next_deadline()
    assert when is not None
    one.now = when
    return one.says(DeadlineReached())


def look(one: Drive, used: int | None, name: str = "web") -> list:
    """The next look finds that; what follows from it."""
    [order] = [order for order in of(Measure, due(one)) if order.name == name]
    return one.says(MemoryMeasured(name, order.run, used))


def test_it_is_restarted_when_two_looks_in_a_row_find_too_much():
    """Politely: with the stop signal, and its words say how much it was."""
    one = drive()
    assert look(one, 99 * MIB) == []
    assert look(one, 101 * MIB) == []
    actions = look(one, 150 * MIB)
    [news] = of(Announce, actions)
    assert news.reason == "memory: it uses 150 MB, and memory_restart is 100 MB"
    assert [kill.signal.name for kill in of(Kill, actions)] == ["SIGTERM"]
    assert spawned(one.ends("web", TERM)) == ["web"]
    assert one.now == 30


@pytest.mark.parametrize("finding", [99 * MIB, 100 * MIB, None])
def test_one_peak_is_no_reason(finding):
    """What is in between: less, just as much as it may have, or what cannot be seen."""
    one = drive()
    for _ in range(3):
        assert look(one, 500 * MIB) == []
        assert look(one, finding) == []
    assert one.states() == {"web": "RUNNING"}


def test_a_look_that_is_never_answered_is_made_again():
    """And an answer about another run counts for nothing."""
    one = drive()
    [order] = of(Measure, due(one))
    one.says(MemoryMeasured("web", order.run - 1, 500 * MIB))
    assert one.fleet.next_deadline() == one.now + LOOK_LOST
    assert of(Measure, due(one))


def test_nothing_is_looked_at_without_the_option():
    """There is no deadline, so nothing wakes up."""
    assert drive(memory_restart=None).fleet.next_deadline() is None


def test_of_a_program_one_process_goes_at_a_time():
    """The next one goes when the one before it is RUNNING again."""
    one = drive("a", "b", "c", memory_restart=None, max_age=60, startsecs=1, max_age_jitter=0.0)
    one.now = 1.0
    one.says(DeadlineReached())
    assert killed(due(one)) == ["web:a"]
    assert one.now == 60
    assert killed(one.ends("web:a", TERM)) == []
    assert killed(due(one)) == ["web:b"]  # a has been up for a second
    assert one.says(StopRequested("web:b")) == []
    assert killed(one.ends("web:b", TERM)) == ["web:c"]


def test_processes_of_two_programs_do_not_wait_for_each_other():
    """They share a group only."""
    options = {"startsecs": 0, "max_age": 60, "max_age_jitter": 0.0}
    programs = [program(name, "web", section=f"program:{name}", **options) for name in ("a", "b")]
    one = Drive(group("web", *programs))
    assert killed(due(one)) == ["web:a", "web:b"]


def test_jitter_makes_it_later_by_a_part_of_the_age():
    """It differs from process to process, and stays what it is."""
    one = drive("a", "b", memory_restart=None, max_age=100, max_age_jitter=0.5)
    ages = [process.deadlines.age for process in one.fleet.processes.values()]
    assert all(100 <= age <= 150 for age in ages)
    assert ages[0] != ages[1]


def test_a_restart_that_does_not_help_is_followed_by_a_delay_that_grows():
    """Over the limit from the first look on: however long the interval is, it is in trouble."""
    one = drive()
    delays = []
    for _ in range(3):
        look(one, 500 * MIB)
        look(one, 500 * MIB)
        one.ends("web", TERM)
        assert one.states() == {"web": "BACKOFF"}
        ended = one.now
        due(one)
        delays.append(one.now - ended)
    assert delays == [1, 2, 3]
    assert look(one, 1) == []
    look(one, 500 * MIB)
    look(one, 500 * MIB)
    one.ends("web", TERM)
    assert one.states() == {"web": "RUNNING"}


def test_restart_limit_counts_them():
    """And says for what they were."""
    one = drive(restart_limit=(1, 100.0))
    for _ in range(2):
        look(one, 1)
        look(one, 500 * MIB)
        look(one, 500 * MIB)
        one.ends("web", TERM)
    assert one.states() == {"web": "FATAL"}
    assert one.fleet.processes["web"].reason == "1 restart in 100 s (1 x memory)"


def test_autorestart_has_no_say_in_it():
    """It is to be up, and is not ended by itself."""
    one = drive(autorestart=Autorestart.NEVER, memory_restart=None, max_age=5, max_age_jitter=0.0)
    due(one)
    assert spawned(one.ends("web", TERM)) == ["web"]


def test_the_options_change_in_place():
    """A longer age counts from the start of the run; without the option nothing is due any more."""
    one = drive(max_age=60, memory_restart=None, max_age_jitter=0.0)
    changed = group("web", **_options(one), max_age=80, max_age_jitter=0.0)
    one.now = 50
    one.says(GroupChanged(changed, frozenset()))
    assert one.fleet.next_deadline() == 80
    one.says(GroupChanged(group("web", **_options(one)), frozenset()))
    assert one.fleet.next_deadline() is None


def _options(one: Drive) -> dict:
    old = one.fleet.processes["web"].program
    return {"section": old.section, "startsecs": 0}


def test_it_goes_on_after_an_upgrade():
    """What was found, and when the next look is due, is handed over."""
    one = drive(max_age=60)
    look(one, 500 * MIB)
    data = json.loads(json.dumps(one.fleet.snapshot()))
    other = Fleet()
    other.restore(data, READERS)
    assert other.snapshot() == one.fleet.snapshot()
    assert other.next_deadline() == 20
    one.fleet = other
    assert killed(look(one, 500 * MIB)) == ["web"]
