"""What all tests share: how hypothesis behaves here. The factories for programs and groups are in `programs`."""

import os

from hypothesis import HealthCheck, settings

# Nothing in the tests is timed, so neither is an example; a test that is too slow for CI is for a person to see.
settings.register_profile("procman", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# In CI the same examples every time: a build that fails must fail again.
settings.register_profile("ci", settings.get_profile("procman"), derandomize=True, database=None)
settings.load_profile("ci" if os.environ.get("CI") else "procman")


def pytest_xdist_auto_num_workers() -> int:
    """Of `-n auto`: most tests wait for programs that start, wait or end, so each processor has time for two."""
    return 2 * (os.cpu_count() or 1)
