"""When somebody is told of a failing process, and of what."""

import json
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from procman.config.schema.kinds.notifications import TOLD
from procman.config.schema.notify import Notify
from procman.notify.incidents import LONGEST_INTERVAL, PACE, Incidents
from procman.notify.message import MOST_ITEMS, MOST_KEPT

EPOCH = 1_000_000.0


class Desk:
    """Incidents with a clock of their own; `told` has (time, event, process, count) of all that was told."""

    def __init__(self, **options):
        self.incidents = Incidents(Notify(**({"name": "ops", "interval": 60.0, "recovered_after": 10.0} | options)))
        self.now = 0.0
        self.told = []

    def fail(self, process="web", event="exit", words="exit status 1", *, count=True):
        self.incidents.failed(event, process, process, words, count=count, now=self.now, at=EPOCH + self.now)
        self.ask()

    def fatal(self, process="web"):
        self.fail(process, "fatal", count=False)

    def up(self, process="web"):
        self.incidents.up(process, now=self.now)
        self.ask()

    def down(self, process="web"):
        self.incidents.down(process)
        self.ask()

    def ask(self):
        items, _ = self.incidents.due(now=self.now)
        self.told += [(self.now, item.event, item.process, item.count) for item in items]

    def pass_until(self, end):
        """Ask at each deadline up to then."""
        steps = 0
        while (deadline := self.incidents.deadline()) is not None and deadline <= end:
            steps += 1
            assert steps < 1000, "the deadlines do not move"
            self.now = max(self.now, deadline)
            self.ask()
        self.now = end
        self.ask()

    def crash_loop(self, *, every, until, up_for=0.5):
        """It fails, and runs again for a while, over and over."""
        while self.now < until:
            self.fail()
            self.pass_until(self.now + every - up_for)
            self.up()
            self.pass_until(self.now + up_for)
            self.down()


def test_the_first_failure_is_told_at_once():
    desk = Desk()
    desk.fail()
    assert desk.told == [(0.0, "exit", "web", 1)]
    assert desk.incidents.reported() == ["web"]


def test_further_failures_are_summed_up_with_growing_intervals():
    """A process that fails every two seconds costs a message at once, and then ever fewer."""
    desk = Desk()
    desk.crash_loop(every=2.0, until=3000.0)
    times = [time for time, *_ in desk.told]
    assert times[0] == 0.0
    assert [round(time) for time in times[1:]] == [60, 300, 1260]
    assert {event for _, event, *_ in desk.told} == {"exit"}
    assert sum(count for *_, count in desk.told) == pytest.approx(1260 / 2 + 1, abs=2)


def test_a_crash_loop_of_a_day_is_told_about_once_an_hour():
    desk = Desk()
    desk.crash_loop(every=20.0, until=86400.0)
    assert 20 <= len(desk.told) <= 30


def test_what_is_worse_is_told_at_once():
    """The interval holds for failures that are no worse than what was told."""
    desk = Desk()
    desk.fail()
    desk.now = 20.0
    desk.fail()
    desk.fatal()
    assert desk.told[1:] == [(20.0, "fatal", "web", 1)]


def test_the_failures_before_fatal_are_counted_and_fatal_is_none_of_its_own():
    """Two tries after the first one are two failures."""
    desk = Desk()
    desk.fail()
    desk.now = 2.0
    desk.fail()
    desk.now = 4.0
    desk.fail()
    desk.fatal()
    desk.pass_until(30.0)
    assert desk.told[1:] == [(PACE, "fatal", "web", 2)]


def test_fatal_alone_counts_itself():
    """A section that is told of FATAL alone has not counted the tries."""
    desk = Desk(on=("fatal",))
    desk.fail()
    desk.fatal()
    assert desk.told == [(0.0, "fatal", "web", 1)]


def test_what_is_not_asked_for_is_not_told():
    desk = Desk(on=("fatal", "recovered"))
    desk.fail()
    desk.up()
    desk.pass_until(1000.0)
    assert desk.told == []
    assert desk.incidents.deadline() is None


def test_out_of_memory_is_worse_than_an_exit():
    desk = Desk()
    desk.fail()
    desk.now = 10.0
    desk.fail(event="oom")
    desk.now = 20.0
    desk.fail(event="oom")
    assert [event for _, event, *_ in desk.told] == ["exit", "oom"]


def test_what_fails_at_the_same_time_is_one_message():
    """The first is told at once, the others after the pace, together."""
    desk = Desk()
    for number in range(50):
        desk.fail(f"web{number}", "fatal")
    assert len(desk.told) == 1
    desk.now = PACE
    items, more = desk.incidents.due(now=desk.now)
    assert (len(items), more) == (MOST_ITEMS, 49 - MOST_ITEMS)
    assert desk.incidents.due(now=desk.now + PACE) == ((), 0)


def test_the_worst_come_first():
    """What is left out of a message with too many is less bad than what is in it."""
    desk = Desk()
    desk.fail("first")
    for number in range(30):
        desk.fail(f"web{number}")
    desk.fail("db", "fatal")
    items, _ = desk.incidents.due(now=PACE)
    assert items[0].process == "db"


def test_recovered_follows_what_was_reported():
    desk = Desk()
    desk.fatal()
    desk.now = 100.0
    desk.up()
    desk.pass_until(200.0)
    assert desk.told[1:] == [(110.0, "recovered", "web", 0)]
    assert desk.incidents.reported() == []


def test_nothing_recovers_that_was_not_reported():
    desk = Desk()
    desk.up()
    desk.pass_until(100.0)
    assert desk.told == []


def test_one_that_was_stopped_on_purpose_has_not_recovered():
    """The time from before it was stopped does not count, either."""
    desk = Desk()
    desk.fail()
    desk.up()
    desk.now = 9.0
    desk.down()
    desk.pass_until(500.0)
    assert [event for _, event, *_ in desk.told] == ["exit"]
    desk.up()
    desk.pass_until(511.0)
    assert desk.told[-1][:2] == (510.0, "recovered")


def test_a_process_that_keeps_failing_has_not_recovered_in_between():
    """It must run for longer than there was between two of its failures."""
    desk = Desk()
    desk.crash_loop(every=100.0, up_for=99.0, until=1000.0)
    assert [event for _, event, *_ in desk.told].count("recovered") <= 1
    desk.up()
    desk.pass_until(desk.now + 101.0)
    assert desk.told[-1][1] == "recovered"


def test_a_recovery_tells_how_often_it_had_failed():
    desk = Desk()
    desk.fail()
    for _ in range(3):
        desk.now += 5.0
        desk.fail()
    desk.up()
    desk.now += 10.0
    (item,), _ = desk.incidents.due(now=desk.now)
    assert (item.event, item.total) == ("recovered", 4)


def test_without_word_of_recoveries_no_failure_is_lost():
    """What was to be summed up is told when it is due, though the process runs again."""
    desk = Desk(on=("fatal",))
    desk.fatal()
    desk.fatal()
    desk.up()
    desk.pass_until(100.0)
    assert desk.told == [(0.0, "fatal", "web", 1), (60.0, "fatal", "web", 1)]


def test_failing_and_recovering_all_the_time_costs_no_more_messages():
    """After a recovery the interval is as long as it was."""
    desk = Desk()
    for _ in range(20):
        desk.fail()
        desk.up()
        desk.pass_until(desk.now + 15.0)
    assert len(desk.told) < 10


def test_fatal_is_told_at_once_after_a_recovery():
    """It stays so until somebody acts."""
    desk = Desk()
    desk.fatal()
    desk.up()
    desk.pass_until(20.0)
    desk.fatal()
    assert [event for _, event, *_ in desk.told] == ["fatal", "recovered", "fatal"]


def test_after_a_quiet_hour_all_is_forgotten():
    """The next failure is the first one again."""
    desk = Desk()
    desk.fail()
    desk.up()
    desk.pass_until(LONGEST_INTERVAL + 1)
    assert desk.incidents.deadline() is None
    desk.fail()
    assert desk.told[-1] == (LONGEST_INTERVAL + 1, "exit", "web", 1)


def test_a_removed_process_is_forgotten():
    desk = Desk()
    desk.fail()
    desk.fail()
    desk.incidents.removed("web")
    desk.pass_until(1000.0)
    assert len(desk.told) == 1


def test_at_the_end_all_is_told_that_waits():
    desk = Desk()
    desk.fail()
    desk.fail()
    items, more = desk.incidents.all(now=1.0)
    assert ([item.count for item in items], more) == ([1], 0)
    assert desk.incidents.all(now=1.0) == ((), 0)


def test_long_words_are_cut():
    desk = Desk()
    desk.incidents.failed("exit", "web", "web", "x" * 9999, count=True, now=0.0, at=EPOCH)
    (item,), _ = desk.incidents.due(now=0.0)
    assert len(item.words) == MOST_KEPT


def test_a_new_rule_holds_at_once():
    """A shorter recovered_after counts for what runs already."""
    desk = Desk(recovered_after=1000.0)
    desk.fail()
    desk.up()
    desk.incidents.rule = Notify(name="ops", recovered_after=10.0)
    desk.pass_until(20.0)
    assert desk.told[-1][:2] == (10.0, "recovered")


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["exit", "oom", "fatal", "up", "down", "removed", "upgrade"]),
        st.sampled_from(["a", "b"]),
        st.floats(0.0, 2000.0),
    ),
    max_size=60,
)


def test_one_that_was_unhealthy_recovers_when_it_is_healthy():
    """That it runs again, as it was restarted for that, is not enough."""
    desk = Desk()
    desk.fail(event="unhealthy", words="http 503 (3 in a row)")
    desk.down()
    desk.up()
    desk.pass_until(100.0)
    assert desk.told == [(0.0, "unhealthy", "web", 1)]
    desk.incidents.up("web", now=desk.now, well=True)
    desk.pass_until(200.0)
    assert desk.told[1:] == [(110.0, "recovered", "web", 0)]


def test_an_exit_is_worse_than_being_unhealthy():
    """So it is told at once; that it is unhealthy once more is not."""
    desk = Desk()
    desk.fail(event="unhealthy")
    desk.pass_until(20.0)
    desk.fail()
    desk.fail(event="unhealthy")
    desk.pass_until(21.0)
    assert [event for _, event, *_ in desk.told] == ["unhealthy", "exit"]


@settings(deadline=None)
@given(STEPS, st.sampled_from([("fatal",), ("exit", "recovered"), ("fatal", "oom", "exit", "recovered")]))
def test_whatever_happens_the_rules_hold(steps, on):
    """No failure is lost or told twice; recovered follows a report; an upgrade at any moment changes nothing."""
    desk = Desk(on=on)
    failed = {"a": 0, "b": 0}
    for what, process, pause in steps:
        desk.pass_until(desk.now + pause)
        match what:
            case "up":
                desk.up(process)
            case "down":
                desk.down(process)
            case "removed":
                desk.pass_until(desk.now + 2 * LONGEST_INTERVAL)
                desk.incidents.removed(process)
            case "upgrade":
                kept = json.loads(json.dumps(desk.incidents.snapshot()))
                desk.incidents = Incidents(desk.incidents.rule)
                desk.incidents.restore(kept)
            case _:
                failed[process] += what in on
                desk.fail(process, what)
    desk.pass_until(desk.now + 2 * LONGEST_INTERVAL)
    for process, failures in failed.items():
        told = [(event, count) for _, event, name, count in desk.told if name == process]
        assert sum(count for _, count in told) == failures
        assert {event for event, _ in told} <= set(on)
        events = ["fine", *(event for event, _ in told)]
        assert all(before not in ("fine", "recovered") for before, event in pairwise(events) if event == "recovered")
    times = [time for time, *_ in desk.told]
    assert all(b - a >= PACE or b == a for a, b in pairwise(times))
    assert set(on) <= set(TOLD)
