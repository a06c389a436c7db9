"""The image that the tests in a container share."""

import os
from pathlib import Path

import pytest

from tests.support.containers import IMAGE, ROOT, build, why_not

# The first test builds the image, from nothing where no run was before this one. Seconds.
LIMIT = 900


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the tests of this folder more time than the others have."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.timeout(LIMIT))


@pytest.fixture(scope="session")
def image():
    """The image of the Dockerfile. It stays, so that the next run builds from its layers.

    What it takes has to be there in CI; elsewhere its absence is a skip.
    """
    reason = why_not()
    if reason is not None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    return build(IMAGE, ROOT)
