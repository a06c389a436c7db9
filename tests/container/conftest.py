"""The image for the container tests."""

import os
from pathlib import Path

import pytest

from tests.support.containers import IMAGE, ROOT, build, why_not

# The first test builds the image, from nothing where no run was before this one. Seconds.
LIMIT = 900


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the tests of this directory a longer time limit."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.timeout(LIMIT))


@pytest.fixture(scope="session")
def image():
    """The image of the Dockerfile. It is kept, so that the next run builds from its layers.

    In CI, everything that it needs has to be there; elsewhere its absence skips the test.
    """
    reason = why_not()
    if reason is not None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    return build(IMAGE, ROOT)
