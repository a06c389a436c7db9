"""Restarts within the last hour, by reason."""

from procman.services.crash_reports.restart_counts import HOUR, RestartCounts


def test_restarts_are_counted_by_reason_for_an_hour():
    """A minute that is an hour old is forgotten, and so is a process that has gone."""
    counts = RestartCounts()
    counts.count("web", "exit", 10.0)
    counts.count("web", "exit", 3000.0)
    counts.count("web", "operator", 3001.0)
    counts.count("db", "signal", 3001.0)
    assert counts.within_hour("web", 3002.0) == {"exit": 2, "operator": 1}
    assert counts.within_hour("web", HOUR + 10.0) == {"exit": 1, "operator": 1}
    counts.forget("web")
    assert counts.within_hour("web", 3002.0) == {}


def test_a_crash_loop_takes_no_more_memory_than_a_count_for_each_minute():
    """However often it is started again."""
    counts = RestartCounts()
    for second in range(20_000):
        counts.count("web", "exit", float(second))
    assert len(counts._minutes["web"]) == 60
    assert counts.within_hour("web", 20_000.0)["exit"] <= 3600


def test_the_counts_survive_an_upgrade():
    """On a clock of its own."""
    before, after = RestartCounts(), RestartCounts()
    before.count("web", "exit", 100.0)
    before.count("web", "signal", 1000.0)
    after.restore(before.snapshot(1030.0), 50_030.0)
    assert after.within_hour("web", 50_030.0) == {"exit": 1, "signal": 1}
    assert after.within_hour("web", 50_030.0 + HOUR - 600.0) == {"signal": 1}
