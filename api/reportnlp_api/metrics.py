"""What is counted, for Prometheus. Labels are names of our own: nothing that was sent."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.exposition import generate_latest

SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)
REPORTS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Metrics:
    """The counters of one service, in a registry of their own."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = CollectorRegistry()
        self.requests = self._counter("requests", "Requests answered.", "route", "method", "status")
        self.seconds = self._histogram("request_seconds", "Time from request to answer.", SECONDS, "route")
        self.reports = self._counter("reports", "Reports labelled, or not.", "panel", "method", "outcome")
        self.tokens = self._counter("tokens", "Tokens read.", "panel", "method")
        self.refusals = self._counter("refusals", "Requests refused, by the problem.", "problem")
        self.batch_reports = self._histogram("batch_reports", "Reports labelled together.", REPORTS)
        self.batch_seconds = self._histogram("batch_seconds", "Time that a batch takes.", SECONDS)
        self.audit_lost = self._counter("audit_lost", "Lines of the audit log there was no room for.")
        self.workers_lost = self._counter("workers_lost", "Workers that died and were replaced.")

    def _counter(self, name: str, told: str, *labels: str) -> Counter:
        return Counter(f"reportnlp_{name}", told, labels, registry=self._registry)

    def _histogram(self, name: str, told: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(f"reportnlp_{name}", told, labels, buckets=buckets, registry=self._registry)

    def watch(self, name: str, told: str, value: Callable[[], float]) -> None:
        """Show a number that is looked up when somebody asks."""
        Gauge(f"reportnlp_{name}", told, registry=self._registry).set_function(value)

    def shown(self) -> bytes:
        """All of it, in Prometheus' text format."""
        return generate_latest(self._registry)
