"""How long a program that has ended waits before it is started again."""

from procman.core.backoff import DoublingDelay, retry_delay


def test_a_process_waits_a_second_for_each_failed_start():
    """As under supervisord."""
    assert [retry_delay(failures) for failures in (1, 2, 3)] == [1, 2, 3]


def test_the_delay_doubles_up_to_the_longest():
    """However often it fails."""
    delay = DoublingDelay()
    assert [delay.after(0.1) for _ in range(9)] == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_a_long_run_makes_the_delay_short_again():
    """A run of less than that does not."""
    delay = DoublingDelay(first=1, longest=60, long_run=10)
    assert [delay.after(ran_for) for ran_for in (0, 9.9, 10, 0)] == [1, 2, 1, 2]
