"""What state each process was in, and when: compared with what was, whatever is missing of the records."""

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from procman.core.states import TRANSITIONS, State
from procman.runtime.journal.record import Record
from procman.services.past import History, Present, Span, histories, known_since, spans_between

NOW = 1000.0
FOREVER = float("-inf")


def state(seq, time, name, before, after, **more):
    return Record(seq, time, time, "state", group=name, name=name, before=before, after=after, **more)


def gap(first, last, time, name="", reason="older records were dropped for newer ones"):
    return Record(last, time, time, "gap", name=name, data={"from": first, "to": last, "reason": reason})


def master(seq, time, reason):
    return Record(seq, time, time, "master", reason=reason)


def config(seq, time, reason, *, name="", group=""):
    return Record(seq, time, time, "config", name=name, group=group or name, reason=reason)


def states(history: History) -> list[tuple[float, float | None, str]]:
    return [(span.start, span.end, span.state) for span in history.spans]


def of(name, records, present=None):
    return histories(records, {} if present is None else {name: present}, NOW)[name]


def test_the_records_of_a_run_are_its_spans():
    """Each with when it was entered, its pid, and the record that says so."""
    records = [
        master(1, 100.0, "began"),
        state(2, 100.0, "web", "STOPPED", "STARTING", run=1),
        Record(3, 100.1, 0.0, "spawn", group="web", name="web", data={"pid": 41}),
        state(4, 101.1, "web", "STARTING", "RUNNING", run=1, data={"pid": 41}),
        Record(5, 150.0, 0.0, "exit", group="web", name="web", data={"pid": 41, "code": 1}),
        state(6, 150.0, "web", "RUNNING", "EXITED", run=1, reason="Bad exit code 1", data={"pid": 41}),
    ]
    history = of("web", records, Present("web", "EXITED"))
    assert states(history) == [
        (FOREVER, 100.0, ""),
        (100.0, 101.1, "STARTING"),
        (101.1, 150.0, "RUNNING"),
        (150.0, None, "EXITED"),
    ]
    assert history.at(120.0) == Span(101.1, 150.0, "RUNNING", 101.1, 100.1, 41, 1, "", 4)
    assert history.at(150.0) == Span(150.0, None, "EXITED", 150.0, 100.1, 0, 1, "Bad exit code 1", 6)
    assert history.at(99.0).state == ""


def test_a_process_that_has_not_changed_was_what_it_is_as_far_back_as_anything_is_known():
    """There is no record of it, and none is missing."""
    records = [gap(1, 50, 200.0), state(60, 300.0, "other", "RUNNING", "STOPPING")]
    history = of("web", records, Present("web", "RUNNING", None, 90.0, 41, 1))
    assert states(history) == [(FOREVER, 200.0, ""), (200.0, None, "RUNNING")]
    assert history.at(250.0).started == 90.0


def test_what_a_process_was_before_its_first_record_is_in_that_record():
    """Since when, is not known; its pid is in the record of its end."""
    records = [
        gap(1, 50, 200.0),
        Record(60, 300.0, 0.0, "exit", name="web", group="web", data={"pid": 41, "code": 0}),
        state(61, 300.0, "web", "RUNNING", "EXITED", data={"pid": 41}),
    ]
    history = of("web", records, Present("web", "EXITED"))
    assert history.at(250.0) == Span(200.0, 300.0, "RUNNING", pid=41)


def test_nothing_is_known_of_a_gap_and_what_comes_before_it_lasts_until_it():
    """Records of others show how long nothing was missing."""
    records = [
        master(1, 100.0, "began"),
        state(2, 101.0, "web", "STOPPED", "RUNNING"),
        state(3, 150.0, "db", "STOPPED", "RUNNING"),
        gap(4, 90, 300.0, reason="its disk did not answer"),
        state(91, 400.0, "web", "STOPPED", "STARTING"),
    ]
    present = {"web": Present("web", "STARTING"), "db": Present("db", "RUNNING")}
    found = histories(records, present, NOW)
    assert states(found["web"])[1:] == [
        (100.0, 101.0, "STOPPED"),
        (101.0, 150.0, "RUNNING"),
        (150.0, 300.0, ""),
        (300.0, 400.0, "STOPPED"),
        (400.0, None, "STARTING"),
    ]
    assert states(found["db"])[1:] == [(100.0, 150.0, "STOPPED"), (150.0, 300.0, ""), (300.0, None, "RUNNING")]


def test_a_gap_of_one_process_hides_nothing_of_the_others():
    """A crash-looper may use half of the ring."""
    records = [
        master(1, 100.0, "began"),
        state(2, 101.0, "web", "STOPPED", "RUNNING"),
        gap(3, 80, 300.0, name="loop"),
        gap(4, 79, 310.0, reason="older records that are of no process were dropped: these may use half of the ring"),
        state(91, 400.0, "loop", "BACKOFF", "STARTING"),
    ]
    found = histories(records, {"web": Present("web", "RUNNING"), "loop": Present("loop", "STARTING")}, NOW)
    assert states(found["web"])[1:] == [(100.0, 101.0, "STOPPED"), (101.0, None, "RUNNING")]
    assert states(found["loop"]) == [(FOREVER, 300.0, ""), (300.0, 400.0, "BACKOFF"), (400.0, None, "STARTING")]


def test_a_master_that_did_not_run_leaves_a_time_of_which_nothing_is_known():
    """It was killed; its processes may have gone on."""
    records = [
        master(1, 100.0, "began"),
        state(2, 101.0, "web", "STOPPED", "RUNNING"),
        state(3, 120.0, "db", "STOPPED", "RUNNING"),
        master(50, 500.0, "began"),
        state(51, 500.5, "web", "STOPPED", "RUNNING"),
    ]
    assert states(of("web", records, Present("web", "RUNNING")))[2:] == [
        (101.0, 120.0, "RUNNING"),
        (120.0, 500.0, ""),
        (500.0, 500.5, "STOPPED"),
        (500.5, None, "RUNNING"),
    ]


def test_a_process_is_there_from_when_it_was_added_until_it_was_removed():
    """And again, if it is added again; between two masters there is none."""
    records = [
        master(1, 100.0, "began"),
        config(2, 200.0, "group added", group="web"),
        state(3, 200.0, "web", "STOPPED", "RUNNING"),
        state(4, 250.0, "web", "RUNNING", "STOPPED"),
        config(5, 300.0, "removed", name="web"),
        config(6, 400.0, "group added", group="web"),
        state(7, 410.0, "web", "STOPPED", "RUNNING"),
        master(8, 500.0, "quit"),
        master(9, 600.0, "began"),
        state(10, 601.0, "web", "STOPPED", "RUNNING"),
    ]
    assert states(of("web", records, Present("web", "RUNNING"))) == [
        (200.0, 250.0, "RUNNING"),
        (250.0, 300.0, "STOPPED"),
        (400.0, 410.0, "STOPPED"),
        (410.0, 500.0, "RUNNING"),
        (600.0, 601.0, "STOPPED"),
        (601.0, None, "RUNNING"),
    ]
    assert of("web", records, Present("web", "RUNNING")).at(350.0) is None


def test_without_records_only_the_present_is_known():
    """Of a master that has just been upgraded from one without a journal."""
    assert states(of("web", [], Present("web", "RUNNING"))) == [(FOREVER, NOW, ""), (NOW, None, "RUNNING")]
    assert known_since([]) is None
    assert histories([], {}, NOW) == {}


def test_a_clock_that_was_set_back_does_not_make_time_run_backwards():
    """The order of the numbers counts."""
    records = [
        master(1, 100.0, "began"),
        state(2, 110.0, "web", "STOPPED", "STARTING"),
        state(3, 105.0, "web", "STARTING", "RUNNING"),
        state(4, 120.0, "web", "RUNNING", "STOPPING"),
    ]
    assert states(of("web", records, Present("web", "STOPPING")))[1:] == [
        (100.0, 110.0, "STOPPED"),
        (110.0, 120.0, "RUNNING"),
        (120.0, None, "STOPPING"),
    ]


def test_spans_are_cut_to_the_time_that_is_asked_for():
    """For a picture of it."""
    history = History(
        "web", "web", (Span(FOREVER, 100.0, ""), Span(100.0, 200.0, "RUNNING"), Span(200.0, None, "FATAL"))
    )
    assert [(span.start, span.end, span.state) for span in spans_between(history, 50.0, 300.0)] == [
        (50.0, 100.0, ""),
        (100.0, 200.0, "RUNNING"),
        (200.0, 300.0, "FATAL"),
    ]
    assert [span.state for span in spans_between(history, 120.0, 150.0)] == ["RUNNING"]


# ---- the same as what was, whatever is missing


@dataclass
class Truth:
    """What was: for each name, when it went into which state."""

    records: list[Record]
    changes: dict[str, list[tuple[float, str]]]

    def at(self, name, time):
        return [state for when, state in self.changes[name] if when <= time][-1]


@st.composite
def truths(draw):
    names = ["a", "b", "c"][: draw(st.integers(1, 3))]
    now = dict.fromkeys(names, State.STOPPED)
    changes = {name: [(FOREVER, "STOPPED")] for name in names}
    time, records = 0.0, [master(1, 0.0, "began")]
    for seq in range(2, draw(st.integers(2, 40))):
        time += draw(st.sampled_from([0.0, 0.5, 1.0, 7.0]))
        name = draw(st.sampled_from(names))
        after = draw(st.sampled_from(sorted(TRANSITIONS[now[name]], key=lambda state: state.name)))
        records.append(state(seq, time, name, now[name].name, after.name))
        changes[name].append((time, after.name))
        now[name] = after
    return Truth(records, changes)


def with_a_gap(records, first, last, name=""):
    """Some of them are missing, and this is said; the numbers of others may be among theirs."""
    missing = [r for r in records if first <= r.seq <= last and (not name or r.name == name)]
    if not missing:
        return records, []
    said = gap(missing[0].seq, missing[-1].seq, missing[-1].time, name)
    left = [record for record in records if record not in missing]
    return sorted([*left, said], key=lambda record: record.seq), missing


@settings(max_examples=120)
@given(truths(), st.integers(1, 40), st.integers(0, 40), st.sampled_from(["", "a", "b"]), st.booleans())
def test_whatever_is_missing_what_is_said_is_what_was(truth, first, length, name, begins):
    """Where something is known it is right; and it is known wherever no record that matters is missing."""
    first = 1 if begins else first
    records, missing = with_a_gap(truth.records, first, first + length, name)
    end = truth.records[-1].time + 10.0
    present = {name: Present(name, changes[-1][1]) for name, changes in truth.changes.items()}
    found = histories(records, present, end)
    kept = [record.time for record in records if record.kind != "gap" and missing and record.seq < missing[0].seq]
    lost_from, lost_until = max(kept, default=FOREVER), missing[-1].time if missing else FOREVER
    for process, changes in truth.changes.items():
        concerned = missing and name in {"", process}
        # Before the first of its records nothing tells what it was, if the next ones are missing.
        told = (
            any(r.name == process and r.kind == "state" and r.seq < missing[0].seq for r in records) if missing else 0
        )
        for time in {when for when, _ in changes} | {0.25 * step for step in range(int(4 * end))}:
            if time < 0.0:
                continue
            span = found[process].at(time)
            assert span is not None
            if span.is_known:
                assert span.state == truth.at(process, time), (process, time)
            else:
                assert concerned, (process, time)
                assert time <= lost_until, (process, time)
                assert time >= lost_from or not told, (process, time)


@settings(max_examples=80)
@given(truths())
def test_the_spans_of_a_process_lie_end_to_end(truth):
    """No moment is in two of them, and the last one goes on."""
    present = {name: Present(name, changes[-1][1]) for name, changes in truth.changes.items()}
    for history in histories(truth.records, present, 1e6).values():
        ends = [span.end for span in history.spans]
        assert ends[:-1] == [span.start for span in history.spans[1:]]
        assert ends[-1] is None


@pytest.mark.parametrize("reason", ["SHUTDOWN", ""])
def test_a_shutdown_that_has_begun_ends_no_process(reason):
    """The record of it has the state of the master; the one of its end has none."""
    records = [
        master(1, 100.0, "began"),
        state(2, 101.0, "web", "STOPPED", "RUNNING"),
        master(3, 150.0, "quit")._replace(after="SHUTDOWN", reason=reason),
    ]
    assert of("web", records, Present("web", "RUNNING")).at(200.0).state == "RUNNING"
