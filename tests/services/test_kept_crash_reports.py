"""Which crash reports are kept, and which is found by a number."""

from procman.services.crash_reports.kept_reports import MOST_BYTES, Item, KeptReports, find, surplus
from procman.services.crash_reports.report import CrashReport, Output


def report(seq: int, name: str = "web", *, last: int | None = None, data: bytes = b"") -> CrashReport:
    return CrashReport(
        seq, name, float(seq), last or seq, float(last or seq), output={"stdout": Output(data, len(data))}
    )


def test_a_program_pushes_out_only_its_own():
    """The oldest of the one that has the most goes first."""
    kept = KeptReports(4)
    kept.add(report(1, "db"))
    for seq in range(2, 20):
        kept.add(report(seq))
    assert [(one.seq, one.name) for one in kept] == [(1, "db"), (17, "web"), (18, "web"), (19, "web")]
    assert kept.latest("db").seq == 1


def test_where_all_have_as_many_the_oldest_goes():
    """There is nobody to take from."""
    kept = KeptReports(2)
    for seq, name in enumerate("abc", 1):
        kept.add(report(seq, name))
    assert [one.name for one in kept] == ["b", "c"]
    assert kept.latest("a") is None


def test_they_are_bounded_in_bytes_too():
    """A megabyte in all, whatever their number."""
    kept = KeptReports(1000)
    for seq in range(1, 200):
        kept.add(report(seq, data=b"x" * 16384))
    assert sum(one.weight for one in kept) <= MOST_BYTES
    assert [one.seq for one in kept][-1] == 199


def test_no_reports_are_kept_where_none_are_wanted():
    """A number of 0."""
    kept = KeptReports(0)
    kept.add(report(1))
    assert list(kept) == []


def test_the_places_to_give_up_are_told():
    """The same rule is for files."""
    assert surplus([Item("a", 5), Item("b", 1), Item("a", 5)], 10, 6) == [0]


def test_a_report_is_found_by_any_of_its_numbers():
    """Those of the first and the last end, and the journal's in between, where it is clear which process it was."""
    web, db = report(10, last=90), report(20, "db", last=80)
    assert find([db, web], 10) is web
    assert find([db, web], 80) is db
    assert find([db, web], 15) is web
    assert find([db, web], 50, "db") is db
    assert find([db, web], 50) is None
    assert find([db, web], 95) is None
