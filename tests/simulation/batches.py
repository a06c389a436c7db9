"""The scenarios of a population in batches, of which one is enough before a commit."""

import pytest


def every_batch(count: int) -> pytest.MarkDecorator:
    """Run the test with each `batch` from 0 to `count` - 1; all but the first are slow tests."""
    others = [pytest.param(batch, marks=pytest.mark.slow) for batch in range(1, count)]
    return pytest.mark.parametrize("batch", [0, *others])
