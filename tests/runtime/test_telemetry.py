"""The log of requests: what is noted is counted once and written once, in piles."""

import io
import json

from mercato.runtime import telemetry
from mercato.runtime.telemetry import Noted, RouteMetrics, Telemetry
from mercato.values.clock import ManualClock


class Stream(io.BytesIO):
    """Fails while it is told to."""

    fails = False

    def write(self, data: bytes) -> int:  # type: ignore[override]
        if self.fails:
            raise OSError("no space left")
        return super().write(data)


def _noted(metrics: RouteMetrics, ended: float, status: int = 200, seconds: float = 0.002) -> Noted:
    return metrics, "request-1", "red", status, seconds, ended, "192.0.2.1", "", ""


def test_a_line_tells_when_the_request_ended() -> None:
    clock, stream = ManualClock(), Stream()
    told = Telemetry(clock, stream)
    began = clock.now()
    told.requests.note(_noted(told.route("GET", "/a"), clock.elapsed()))
    clock.advance(333)  # the pile is written later
    told.requests.note((told.route("POST", "/b"), "r-2", "red", 409, 0.0000015, clock.elapsed(), "peer", "usr", "off"))
    told.requests.flush()
    first, second = map(json.loads, stream.getvalue().splitlines())
    assert first == {
        "at": began,
        "request": "request-1",
        "store": "red",
        "method": "GET",
        "route": "/a",
        "status": 200,
        "us": 2_000,
        "peer": "192.0.2.1",
    }
    assert second.items() >= {"at": began + 333, "us": 1, "buyer": "usr", "code": "off"}.items()
    told.requests.flush()
    assert len(stream.getvalue().splitlines()) == 2


def test_metrics_show_what_was_noted_before_they_were_asked_for() -> None:
    clock = ManualClock()
    told = Telemetry(clock)
    metrics = told.route("GET", "/a")
    for status, seconds in ((200, 0.0005), (200, 0.3), (404, 0.0005)):
        told.requests.note(_noted(metrics, clock.elapsed(), status, seconds))
    shown = told.exposition().decode().splitlines()
    assert 'mercato_requests_total{method="GET",route="/a",status="200"} 2.0' in shown
    assert 'mercato_requests_total{method="GET",route="/a",status="404"} 1.0' in shown
    assert 'mercato_request_seconds_bucket{le="0.001",method="GET",route="/a"} 2.0' in shown
    assert 'mercato_request_seconds_bucket{le="0.5",method="GET",route="/a"} 3.0' in shown
    assert told.exposition().decode().splitlines() == shown


def test_a_full_pile_is_written_at_once() -> None:
    clock, stream = ManualClock(), Stream()
    told = Telemetry(clock, stream)
    metrics = told.route("GET", "/a")
    for _ in range(telemetry.FLUSH_AT):
        assert stream.getvalue() == b""
        told.requests.note(_noted(metrics, clock.elapsed()))
    assert stream.getvalue().count(b"\n") == telemetry.FLUSH_AT


def test_a_stream_that_fails_loses_lines_and_no_counts() -> None:
    clock, stream = ManualClock(), Stream()
    told = Telemetry(clock, stream)
    metrics = told.route("GET", "/a")
    stream.fails = True
    told.requests.note(_noted(metrics, clock.elapsed()))
    told.requests.flush()
    stream.fails = False
    told.requests.note(_noted(metrics, clock.elapsed()))
    told.requests.flush()
    assert (told.requests.dropped, metrics.by_status) == (1, {200: 2})
    assert stream.getvalue().count(b"\n") == 1
