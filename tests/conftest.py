"""Settings for all tests: hypothesis, signals, and the order in which test files start."""

import gc
import os
import signal
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# No deadlines for examples; a developer decides whether a test is too slow for CI.
settings.register_profile("procman", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# In CI, the same examples every time: a failing build must fail again.
settings.register_profile("ci", settings.get_profile("procman"), derandomize=True, database=None)
settings.load_profile("ci" if os.environ.get("CI") else "procman")

# Container images often set these. The tests start procman a thousand times, and would compile it each time; and users
# have buffers, so the tests have them, too.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
os.environ.pop("PYTHONUNBUFFERED", None)
sys.dont_write_bytecode = False

# The tests may run under nohup, or as a background job of a script. Their programs still have to end by these signals.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGQUIT, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)

# Tests that wait for other processes start first, the longest before the others; fast ones fill the gaps at the end.
LONG = ["compat", "web", "faults", "end_to_end", "export", "simulation"]


def pytest_xdist_auto_num_workers() -> int:
    """For `-n auto`: most tests wait for other processes, so each processor has time for three."""
    return 3 * (os.cpu_count() or 1)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Distribute whole files, in their order, so that the tests of a file share their fixtures."""
    if config.getoption("dist", None) == "load":
        config.option.dist = "loadfile"
        config.option.loadscopereorder = False


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With several workers, start the longest tests first."""
    if hasattr(config, "workerinput"):
        items.sort(key=_place)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what needs root, without root."""
    if os.geteuid() != 0 and item.get_closest_marker("root"):
        pytest.skip("it needs root")


# Directories that tools create in the root, and that .gitignore lists.
KEPT_IN_THE_ROOT = {".pytest_cache", ".hypothesis", ".mypy_cache", ".ruff_cache", "__pycache__"}
ROOT = Path(__file__).parents[1]
LEFT_SOMETHING = 8  # the exit status of such a run; those of pytest end at 5
_was_there = pytest.StashKey[set[str]]()


def pytest_sessionstart(session: pytest.Session) -> None:
    """Remember which files are in the root of the project."""
    session.stash[_was_there] = set(os.listdir(ROOT)) | KEPT_IN_THE_ROOT


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI, fail a run that leaves a file in the root. Elsewhere, the file may be the developer's."""
    left = set(os.listdir(ROOT)) - session.stash[_was_there]
    if left and os.environ.get("CI") and not hasattr(session.config, "workerinput"):
        session.exitstatus = LEFT_SOMETHING
        print(f"\nThe tests left in {ROOT}: {', '.join(sorted(left))}", file=sys.stderr)


def _place(item: pytest.Item) -> int:
    folder = item.path.relative_to(Path(__file__).parent).parts[0]
    return LONG.index(folder) if folder in LONG else len(LONG)


def pytest_collection_finish() -> None:
    """Exclude imported modules and collected tests from garbage collection, which also speeds up forks."""
    gc.collect()
    gc.freeze()
