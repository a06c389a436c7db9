"""How long a program that has ended waits before it is started again."""

import pytest

from procman.core.backoff import DoublingDelay, jitter, reset_after, retry_delay
from tests.support.programs import program


def test_a_process_waits_a_second_for_each_failed_start():
    """As under supervisord."""
    assert [retry_delay(program(), failures, 9) for failures in (1, 2, 3)] == [1, 2, 3]


@pytest.mark.parametrize(
    ("backoff", "factor", "delays"),
    [
        ((0.5, 60), 2, [0.5, 1, 2, 4, 8, 16, 32, 60, 60]),
        ((1, 10), 3, [1, 3, 9, 10, 10, 10, 10, 10, 10]),
        ((5, 5), 2, [5] * 9),
        ((2, 60), 1, [2] * 9),
    ],
)
def test_a_range_grows_by_its_factor_to_its_end(backoff, factor, delays):
    """The delay is that of the number of ends in a row, whatever failed starts there were among them."""
    spec = program(backoff=backoff, backoff_factor=factor)
    assert [retry_delay(spec, 0, troubles) for troubles in range(1, 10)] == delays


def test_a_million_failures_in_a_row_wait_for_the_longest_delay():
    """There is no overflow, and no loop without an end."""
    assert retry_delay(program(backoff=(0.001, 60), backoff_factor=1.0), 0, 1_000_000) == 0.001
    assert retry_delay(program(backoff=(0.001, 60), backoff_factor=100), 0, 1_000_000) == 60


def test_the_delays_begin_anew_after_a_run_of_the_longest_delay_and_of_ten_seconds_at_least():
    """The option says otherwise where it is given."""
    specs = program(), program(backoff=(1, 5)), program(backoff=(1, 60)), program(backoff=(1, 60), backoff_reset=2)
    assert [reset_after(spec) for spec in specs] == [10, 10, 60, 2]


def test_jitter_is_drawn_once_and_differs_by_name_try_and_master():
    """It never exceeds its share of the delay, and is spread over all of it; without a range there is none."""
    spec, other = (program(name, backoff=(1, 60), backoff_jitter=0.5) for name in ("web", "db"))
    drawn = {jitter(spec, 1, attempt) for attempt in range(200)}
    assert 0 <= min(drawn) < 0.05
    assert 0.45 < max(drawn) < 0.5
    assert len(drawn) > 150
    assert jitter(spec, 1, 7) == jitter(spec, 1, 7)
    assert len({jitter(spec, 1, 7), jitter(spec, 2, 7), jitter(other, 1, 7), jitter(spec, 1, 8)}) == 4
    assert jitter(program(), 1, 7) == 0


def test_the_delay_doubles_up_to_the_longest():
    """However often it fails."""
    delay = DoublingDelay()
    assert [delay.after(0.1) for _ in range(9)] == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_a_long_run_makes_the_delay_short_again():
    """A run of less than that does not."""
    delay = DoublingDelay(first=1, longest=60, long_run=10)
    assert [delay.after(ran_for) for ran_for in (0, 9.9, 10, 0)] == [1, 2, 1, 2]
