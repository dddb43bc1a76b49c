"""Logs and metrics: structured lines with request ids, and counters for `/metrics`.

The access log and the counters of a request are written for the hot path: a request notes one tuple, and piles of them
are counted and written a few times a second.
"""

import sys
from bisect import bisect_left
from collections.abc import Iterable
from contextlib import suppress
from itertools import accumulate
from typing import Any, Protocol

import msgspec
from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from mercato.runtime.log_files import LogFile
from mercato.values.clock import Clock

BUCKETS = (0.001, 0.005, 0.02, 0.1, 0.5, 2.0, 10.0)  # seconds
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


class Stream(Protocol):
    """What takes lines: a LogFile, or any file."""

    def write(self, lines: Any, /) -> object: ...

    def flush(self) -> None: ...

    def close(self) -> None: ...


class Log:
    """What went wrong, and what is well again, a line of JSON each. When the stream fails, lines are dropped, never
    requests (F17)."""

    def __init__(self, clock: Clock, stream: Stream) -> None:
        self._clock = clock
        self._stream = stream
        self.dropped = 0

    def error(self, event: str, **facts: Any) -> None:
        self._write("error", event, facts)

    def note(self, event: str, **facts: Any) -> None:
        """Nothing is wrong, but somebody who reads of errors wants to know it."""
        self._write("info", event, facts)

    def _write(self, level: str, event: str, facts: dict[str, Any]) -> None:
        line = {**facts, "event": event, "level": level, "at": self._clock.now()}
        try:
            self._stream.write(msgspec.json.encode(line).decode() + "\n")
        except (OSError, ValueError):
            self.dropped += 1


class RouteMetrics:
    """Counters of one route, plain numbers that only the loop's thread changes."""

    def __init__(self, method: str, route: str) -> None:
        self.method = method
        self.route = route
        self.by_status: dict[int, int] = {}
        self.buckets = [0] * (len(BUCKETS) + 1)
        self.seconds = 0.0

    def count(self, status: int, seconds: float) -> None:
        self.by_status[status] = self.by_status.get(status, 0) + 1
        self.buckets[bisect_left(BUCKETS, seconds)] += 1
        self.seconds += seconds


# An answered request as it is noted: the counters of its route, its id, store and status, the seconds that it took,
# when it ended (`Clock.elapsed`), the peer, the buyer, the code of its refusal. A plain tuple is made fastest.
Noted = tuple[RouteMetrics, str, str, int, float, float, str, str, str]


class RequestLog:
    """What was answered: noted by the request, worked off in piles into counters and lines of JSON.

    When the stream fails, lines are dropped, never requests. Without a stream requests are only counted.
    """

    def __init__(self, clock: Clock, stream: Stream | None) -> None:
        self._clock = clock
        self._stream = stream
        self._pile: list[Noted] = []
        self._encoder = msgspec.json.Encoder()
        self.dropped = 0

    def note(self, noted: Noted) -> None:
        self._pile.append(noted)
        if len(self._pile) >= FLUSH_AT:
            self.flush()

    def flush(self) -> None:
        """Count and write what was noted since the last time."""
        pile, self._pile = self._pile, []
        for metrics, _, _, status, seconds, _, _, _, _ in pile:
            metrics.count(status, seconds)
        if not pile or self._stream is None:
            return
        try:
            self._stream.write(self._encoder.encode_lines(self._lines(pile)))
            self._stream.flush()
        except (OSError, ValueError):
            self.dropped += len(pile)

    def _lines(self, pile: list[Noted]) -> list[AccessLine]:
        began = self._clock.now() - self._clock.elapsed() * 1_000 + 0.5  # half a millisecond: `int` then rounds
        return [
            AccessLine(
                int(began + ended * 1_000),
                request,
                store,
                metrics.method,
                metrics.route,
                status,
                int(seconds * 1_000_000),
                peer,
                buyer,
                code,
            )
            for metrics, request, store, status, seconds, ended, peer, buyer, code in pile
        ]

    def close(self) -> None:
        self.flush()
        if self._stream is not None:
            with suppress(OSError):  # what is left in its buffer cannot be written either
                self._stream.close()
            self._stream = None


class _RouteCollector(Collector):
    """Shows the routes' counters to prometheus-client."""

    def __init__(self) -> None:
        self.routes: list[RouteMetrics] = []

    def collect(self) -> Iterable[Metric]:
        requests = CounterMetricFamily("mercato_requests", "Answered requests", labels=["method", "route", "status"])
        seconds = HistogramMetricFamily(
            "mercato_request_seconds", "Time from a whole request to its answer", labels=["method", "route"]
        )
        for route in self.routes:
            labels = [route.method, route.route]
            for status, count in route.by_status.items():
                requests.add_metric([*labels, str(status)], count)
            totals = list(accumulate(route.buckets))
            bounds = [*(str(bound) for bound in BUCKETS), "+Inf"]
            seconds.add_metric(labels, list(zip(bounds, totals, strict=True)), route.seconds)
        return (requests, seconds)


class Telemetry:
    """One process's logs and metrics."""

    def __init__(self, clock: Clock, access: Stream | None = None, log: Stream | None = None) -> None:
        self._files = [stream for stream in (access, log) if isinstance(stream, LogFile)]
        self.registry = CollectorRegistry()
        self.requests = RequestLog(clock, access)
        self._stream: Stream = log or sys.stderr
        self.log = Log(clock, self._stream)
        self._routes = _RouteCollector()
        self.registry.register(self._routes)
        self.batches = Counter("mercato_batches", "Committed batches", ("service",), registry=self.registry)
        self.messages = Counter("mercato_messages", "Commands and events done", ("service",), registry=self.registry)
        self.redone = Counter("mercato_batches_redone", "Batches run again", ("service",), registry=self.registry)
        self.parked = Gauge("mercato_parked_events", "Events waiting for a retry", ("service",), registry=self.registry)
        self.dropped = Gauge("mercato_log_lines_dropped", "Lines that no log could take", registry=self.registry)
        self.lag = Gauge(
            "mercato_consumer_lag", "Events not yet consumed", ("service", "source"), registry=self.registry
        )

    def route(self, method: str, route: str) -> RouteMetrics:
        metrics = RouteMetrics(method, route)
        self._routes.routes.append(metrics)
        return metrics

    def close(self) -> None:
        """Write what is left and close the streams that were handed in."""
        self.requests.close()
        if self._stream is not sys.stderr:
            with suppress(OSError):
                self._stream.close()

    def exposition(self) -> bytes:
        """The text that `/metrics` answers."""
        self.requests.flush()
        lost = sum(file.lost for file in self._files)
        self.dropped.set(self.requests.dropped + self.log.dropped + lost)
        return generate_latest(self.registry)
