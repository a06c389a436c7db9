"""A histogram of durations, with the same buckets for all of them."""

from bisect import bisect_left
from typing import Any

# The upper bounds of the buckets, in seconds; one more bucket takes what is longer.
BOUNDS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0)


class Histogram:
    """How many durations there were in each bucket, and their sum."""

    __slots__ = ("buckets", "count", "sum")

    def __init__(self) -> None:
        self.buckets = [0] * (len(BOUNDS) + 1)  # not cumulative
        self.count = 0
        self.sum = 0.0  # in seconds

    def observe(self, seconds: float) -> None:
        """Count one more."""
        self.buckets[bisect_left(BOUNDS, seconds)] += 1
        self.count += 1
        self.sum += seconds

    def snapshot(self) -> dict[str, Any] | None:
        """Plain data, with the bounds that the buckets had; None while it is empty."""
        return {"bounds": list(BOUNDS), "buckets": list(self.buckets), "sum": self.sum} if self.count else None

    def restore(self, data: dict[str, Any] | None) -> None:
        """Go on from what `snapshot` returned; one with other bounds cannot be gone on from, and is left out."""
        if data is not None and data["bounds"] == list(BOUNDS):
            self.buckets = list(data["buckets"])
            self.count = sum(self.buckets)
            self.sum = data["sum"]
