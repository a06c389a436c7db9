"""metrics: what the master counts and measures, in Prometheus' text format."""

from procman.cli.invocation import Invocation
from procman.client.api_client import READS_TAKE


def metrics(invocation: Invocation, words: list[str]) -> None:
    """Print them all, as `GET /metrics` has them."""
    if words:
        invocation.usage("Error: metrics takes no arguments", "metrics")
        return
    text = invocation.client.exchange("GET", "/metrics", patience=READS_TAKE).decode()
    invocation.put(metrics=text)
    for line in text.removesuffix("\n").split("\n"):
        invocation.say_safe(line)
