"""The image that the tests in a container share."""

import os

import pytest

from tests.support.containers import IMAGE, ROOT, build, why_not


@pytest.fixture(scope="session")
def image():
    """The image of the Dockerfile. It stays, so that the next run builds from its layers.

    What it takes has to be there in CI; elsewhere its absence is a skip.
    """
    reason = why_not()
    if reason is not None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    return build(IMAGE, ROOT)
