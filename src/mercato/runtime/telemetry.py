"""Logs and metrics: structured lines with request ids, and counters for `/metrics`.

The access log and the counters of a request are written for the hot path: a line is one encoded record in a list,
written to its stream a few times a second; labels are bound when a route is.
"""

import sys
from collections.abc import Callable
from typing import IO, Any, TextIO

import msgspec
import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from mercato.values.clock import Clock

FLUSH_AT = 512  # lines; the timer writes smaller piles a few times a second


class AccessLine(msgspec.Struct, frozen=True, omit_defaults=True):
    """One answered request; `us` is how long it took in microseconds."""

    at: int
    request: str
    store: str
    method: str
    route: str
    status: int
    us: int
    peer: str
    buyer: str = ""
    code: str = ""


class AccessLog:
    """Lines of JSON, collected and written in piles. When the stream fails, lines are dropped, never requests."""

    def __init__(self, stream: IO[bytes] | None) -> None:
        self._stream = stream
        self._lines: list[AccessLine] = []
        self._encoder = msgspec.json.Encoder()
        self.dropped = 0

    def write(self, line: AccessLine) -> None:
        if self._stream is None:
            return
        self._lines.append(line)
        if len(self._lines) >= FLUSH_AT:
            self.flush()

    def flush(self) -> None:
        lines, self._lines = self._lines, []
        if not lines or self._stream is None:
            return
        try:
            self._stream.write(self._encoder.encode_lines(lines))
            self._stream.flush()
        except (OSError, ValueError):
            self.dropped += len(lines)


class RouteMetrics:
    """Counters of one route, bound once."""

    def __init__(self, requests: Counter, seconds: Histogram, method: str, route: str) -> None:
        self._requests = requests
        self._labels = (method, route)
        self._by_status: dict[int, Callable[[], None]] = {}
        self._seconds = seconds.labels(method, route).observe

    def count(self, status: int, seconds: float) -> None:
        increase = self._by_status.get(status)
        if increase is None:
            increase = self._by_status[status] = self._requests.labels(*self._labels, str(status)).inc
        increase()
        self._seconds(seconds)


class Telemetry:
    """One process's logs and metrics."""

    def __init__(self, clock: Clock, access: IO[bytes] | None = None, log: TextIO | None = None) -> None:
        self.registry = CollectorRegistry()
        self.access = AccessLog(access)
        self.log = _logger(clock, log or sys.stderr)
        self._requests = Counter(
            "mercato_requests", "Answered requests", ("method", "route", "status"), registry=self.registry
        )
        self._seconds = Histogram(
            "mercato_request_seconds",
            "Time from a whole request to its answer",
            ("method", "route"),
            buckets=(0.001, 0.005, 0.02, 0.1, 0.5, 2.0, 10.0),
            registry=self.registry,
        )
        self.batches = Counter("mercato_batches", "Committed batches", ("service",), registry=self.registry)
        self.messages = Counter("mercato_messages", "Commands and events done", ("service",), registry=self.registry)
        self.redone = Counter("mercato_batches_redone", "Batches run again", ("service",), registry=self.registry)
        self.parked = Gauge("mercato_parked_events", "Events waiting for a retry", ("service",), registry=self.registry)
        self.lag = Gauge(
            "mercato_consumer_lag", "Events not yet consumed", ("service", "source"), registry=self.registry
        )

    def route(self, method: str, route: str) -> RouteMetrics:
        return RouteMetrics(self._requests, self._seconds, method, route)

    def exposition(self) -> bytes:
        """The text that `/metrics` answers."""
        return generate_latest(self.registry)


def _logger(clock: Clock, stream: TextIO) -> Any:
    def stamp(_logger: Any, _name: str, event: Any) -> Any:
        event["at"] = clock.now()
        return event

    return structlog.wrap_logger(
        structlog.PrintLogger(stream),
        processors=[
            structlog.processors.add_log_level,
            stamp,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(serializer=lambda value, **_: msgspec.json.encode(value).decode()),
        ],
    )
