"""Metrics, for a Prometheus that scrapes them."""

from procman.api.metrics.endpoint import MetricsEndpoint
from procman.daemon.late_routes.parts import Parts
from procman.http.router import Endpoint


def handler(parts: Parts) -> Endpoint:
    """Answers a scrape."""
    return MetricsEndpoint(parts.read_metrics()).answer
