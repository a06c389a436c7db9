"""What clients may ask of the journal, and what nonsense is answered with."""

import asyncio
import time

import pytest

from procman.core.attribution import Actor, Origin
from procman.core.fleet import Fleet
from procman.errors import BadRequest, UnknownProcess
from procman.runtime.journal.journal import Journal
from procman.runtime.journal.record import Record
from procman.runtime.journal.translation import Translator
from procman.services.explain_origins import Origins
from procman.services.history import runs_of
from procman.services.journal import JournalService, Query, read_since
from tests.support.journal_records import record
from tests.support.programs import group, program

NOON = time.mktime((2026, 11, 29, 12, 0, 0, 0, 0, -1))


@pytest.mark.parametrize(
    ("text", "seq", "moment"),
    [
        ("", 0, 0.0),
        ("4711", 4711, 0.0),
        ("10m", 0, NOON - 600),
        ("1h30m", 0, NOON - 5400),
        ("2d", 0, NOON - 172800),
        ("1.5s", 0, NOON - 1.5),
        ("@1000.5", 0, 1000.5),
        ("11:58", 0, NOON - 120),
        ("11:58:30", 0, NOON - 90),
        ("12:01", 0, NOON + 60 - 86400),
        ("2026-11-29", 0, NOON - 43200),
        ("2026-11-29T11:59", 0, NOON - 60),
        ("2026-11-29 11:59:59", 0, NOON - 1),
    ],
)
def test_since_is_a_number_or_a_time(text, seq, moment):
    """A time of day is the latest one that has been."""
    assert read_since(text, NOON) == (seq, moment)


@pytest.mark.parametrize(
    "text",
    ["yesterday", "-5", "10x", "25:00", "1e3", "9" * 30, "١٢", "@", "@x", "0x10", "m10", "\0", "1" * 5000, "99:99"],
)
def test_nonsense_is_answered_with_what_is_possible(text):
    """And not repeated at any length."""
    with pytest.raises(BadRequest, match="expected a number of a record, 10m") as error:
        read_since(text)
    assert len(str(error.value)) < 300


def service(*records):
    journal = Journal(Translator(Fleet((group("web"), group("site", program("a", group="site"))))))
    for one in records:
        journal.add(one)
    return JournalService(journal, Fleet((group("web"), group("site", program("a", group="site")))))


def on_loop(steps):
    async def run():
        return steps()

    return asyncio.run(run())


RECORDS = (
    record(1, "web"),
    record(2, "site:a", group="site"),
    record(3, "old", kind="exit"),
    record(4, "", group="site", kind="config"),
    record(5, "web", kind="exit"),
)


@pytest.mark.parametrize(
    ("names", "kinds", "expected"),
    [
        ((), (), [1, 2, 3, 4, 5]),
        (("all",), (), [1, 2, 3, 4, 5]),
        (("web",), (), [1, 5]),
        (("site:a",), (), [2]),
        (("site:*",), (), [2, 4]),
        (("w*",), (), [1, 5]),
        (("site:?",), (), [2]),
        (("old",), (), [3]),
        (("web", "old"), ("exit",), [3, 5]),
        ((), ("exit", "config"), [3, 4, 5]),
    ],
)
def test_records_are_chosen_by_name_and_kind(names, kinds, expected):
    """Names are those of other commands, and of what does not exist any more."""

    def steps():
        made = service(*RECORDS)
        return [one.seq for one in made.find(made.query("", names, kinds), 100)]

    assert on_loop(steps) == expected


def test_a_limit_is_of_the_last_or_after_a_number_of_the_first():
    """So that a reader goes on from number to number."""

    def steps():
        made = service(*RECORDS)
        last = [one.seq for one in made.find(made.query(""), 2)]
        first = [one.seq for one in made.find(made.query("1"), 2)]
        timed = [one.seq for one in made.find(made.query("@2"), 3)]
        return last, first, timed

    assert on_loop(steps) == ([4, 5], [2, 3], [3, 4, 5])


def test_what_nothing_has_is_an_error():
    """A name that is and was not there; a kind, with a guess and the list."""
    with pytest.raises(UnknownProcess):
        on_loop(lambda: service(*RECORDS).query("", ["nope"]))
    with pytest.raises(BadRequest, match=r"did you mean exit.*the kinds are state, spawn"):
        on_loop(lambda: service(*RECORDS).query("", (), ["exti"]))


def test_a_gap_is_never_filtered_out():
    """It may hide what was asked for, unless it is of another name."""
    gap = Record(3, 3.0, 3.0, "gap", data={"from": 1, "to": 3})
    query = Query(names=("web",), kinds=frozenset({"exit"}))
    assert query.takes(gap)
    assert query.takes(gap._replace(name="web"))
    assert not query.takes(gap._replace(name="db"))


CLIENT = Actor("client", uid=0, pid=812, user="root", command="procmanctl")


def test_the_runs_of_a_process_have_their_reasons():
    """Who started it, how it ended and who ended it; a failed start is a run of its own."""

    def steps():
        asked = record(10, "", kind="op-begin", reason="stop", actor=CLIENT, data={"targets": ["web"]}, cause=None)
        records = (
            record(1, run=1, kind="spawn", actor=Actor("boot"), data={"pid": 7}, cause=None),
            record(3, run=1, kind="exit", data={"pid": 7, "code": 3}, cause=None),
            record(4, run=2, actor=Actor("policy"), before="EXITED", after="STARTING", cause=3),
            record(5, run=2, kind="spawn", actor=Actor("policy"), data={"pid": 8}, cause=4),
            asked,
            record(11, run=2, kind="signal", actor=CLIENT, data={"signal": "SIGTERM", "pid": 8}, cause=10),
            record(12, run=2, kind="exit", actor=CLIENT, data={"pid": 8, "signal": "SIGTERM"}, cause=11),
            record(13, run=3, kind="spawn", reason="no such file", data={"failed": True, "code": 127}, cause=None),
            record(
                14, run=4, kind="spawn", reason="adopted", data={"pid": 9, "age": 5}, actor=Actor("boot"), cause=None
            ),
        )
        return runs_of(service(*records), "web")

    first, second, third, fourth = on_loop(steps)
    assert (first.run, first.pid, first.start, first.ending, first.stop) == (1, 7, "boot", "exit status 3", "")
    assert first.seconds == 2.0
    assert (second.start, second.ending) == ("restarted after exit status 3", "terminated by SIGTERM")
    assert second.stop == "uid 0 (root, procmanctl stop web, pid 812)"
    assert (third.ending, third.seconds) == ("could not be started: no such file", 0.0)
    assert (fourth.start, fourth.began, fourth.ended, fourth.ending) == ("adopted", 9.0, None, "")


def _life(*records):
    return on_loop(lambda: runs_of(service(*records), "web"))


def _spawned(seq, pid, reason="", run=1, **data):
    return record(seq, run=run, kind="spawn", reason=reason, actor=Actor("boot"), data={"pid": pid, **data}, cause=None)


def _began(seq):
    return record(seq, "", kind="master", reason="began", actor=Actor("boot"), data={"pid": 1}, cause=None)


def test_a_run_that_is_adopted_after_a_kill_of_the_master_is_one_run():
    """It began when it was spawned, and runs on; its number is that of the master that has started it."""
    adopted = (_began(1), _spawned(2, 7, run=5), _began(10), _spawned(11, 7, "adopted", run=0, age=9))
    (run,) = _life(*adopted)
    assert (run.run, run.pid, run.began, run.start, run.ending) == (5, 7, 2.0, "boot, adopted", "")
    (run,) = _life(*adopted, _began(15), _spawned(16, 7, "adopted", run=0, age=14))
    assert (run.start, run.ending) == ("boot, adopted", "")
    (run,) = _life(*adopted, record(12, run=1, kind="exit", data={"pid": 7, "code": 3}, cause=None))
    assert (run.ending, run.seconds) == ("exit status 3", 10.0)


def test_a_run_that_a_killed_master_left_and_nobody_adopted_does_not_run():
    """Nobody saw its end, which is what its line says, whether or not another run follows."""
    lost = "its end is not in the journal"
    (run,) = _life(_began(1), _spawned(2, 7), _began(10))
    assert (run.ended, run.ending) == (None, lost)
    left, present = _life(_began(1), _spawned(2, 7), _began(10), _spawned(11, 8))
    assert (left.ending, present.ending) == (lost, "")
    left, other = _life(_began(1), _spawned(2, 7), _began(10), _spawned(11, 9, "adopted", age=5))
    assert (left.ending, other.start, other.ending) == (lost, "adopted", "")


UNHEALTHY = (
    record(1, "", kind="op-begin", reason="start", actor=CLIENT, data={"targets": ["web"]}, cause=None),
    record(2, run=1, kind="spawn", actor=CLIENT, data={"pid": 7}, cause=1),
    record(3, run=1, kind="health", phase="unhealthy", actor=Actor("health"), data={"healthy": False}, cause=2),
    record(4, run=1, actor=Actor("health"), before="RUNNING", after="STOPPING", reason="unhealthy: refused", cause=3),
    record(5, run=1, kind="signal", actor=Actor("health"), data={"signal": "SIGTERM", "pid": 7}, cause=4),
    record(6, run=1, kind="exit", actor=Actor("health"), data={"pid": 7, "signal": "SIGTERM"}, cause=5),
    record(7, run=1, actor=Actor("health"), before="STOPPING", after="BACKOFF", reason="unhealthy: refused", cause=6),
)


def test_a_stop_for_a_failure_is_not_of_whoever_had_started_the_process():
    """Though that is where its chain of causes ends."""
    (run,) = _life(*UNHEALTHY)
    assert (run.ending, run.stop) == ("terminated by SIGTERM", "procman: unhealthy: refused")
    assert run.start == "uid 0 (root, procmanctl start web, pid 812)"


def test_what_follows_from_a_stop_for_a_failure_says_so():
    """In the explanation of that process and of others; a client that may not know of it learns nothing."""

    def story(name, may=None):
        def steps():
            journal = Journal(Translator(Fleet((group("web"),))))
            for one in UNHEALTHY:
                journal.add(one)
            return Origins(journal, NOON, may).caused(Origin(Actor("policy"), cause=7), name)

        return on_loop(steps)

    assert story("web") == "after its process was stopped: unhealthy: refused"
    assert story("db") == "after the process of web was stopped: unhealthy: refused"
    assert story("db", lambda name: name != "web") == "after another process was stopped"
