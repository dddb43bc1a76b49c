"""The load client's repeated requests: exact counts against a small server, and against nginx."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest

from benchmarks.load.client import RepeatJob, RepeatReport, http_request, repeat, start_repeat
from benchmarks.load.program import LoadError
from benchmarks.peers.nginx import find, nginx
from tests.benchmarks.fake_shop import read_request

BODY = b"0123456789" * 100_000


class Counters:
    """A server whose answers are told by the path: `/<status>/<bytes of the body>`, `/hang` and `/cut`."""

    def __init__(self) -> None:
        self.paths: Counter[str] = Counter()
        self.port = 0
        self.hundred = asyncio.Event()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                request = await read_request(reader)
                self.paths[request.path] += 1
                if self.paths.total() == 100:
                    self.hundred.set()
                if request.path == "/hang":
                    await reader.read()
                if request.path in ("/hang", "/cut"):
                    break
                status, size = map(int, request.path.strip("/").split("/"))
                writer.write(b"HTTP/1.1 %d Word\r\nContent-Length: %d\r\n\r\n" % (status, size) + BODY[:size])
                await writer.drain()
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    def job(self, *paths: str, **settings: Any) -> RepeatJob:
        requests = [http_request("GET", path, {"Host": "localhost"}) for path in paths]
        return RepeatJob(port=self.port, requests=requests, **{"connections": 4, "seconds": 20.0, **settings})


@pytest.fixture
async def server() -> AsyncIterator[Counters]:
    counters = Counters()
    listening = await asyncio.start_server(counters.answer, "127.0.0.1", 0)
    counters.port = listening.sockets[0].getsockname()[1]
    yield counters
    listening.close()
    await listening.wait_closed()


async def run(job: RepeatJob) -> RepeatReport:
    return await asyncio.to_thread(repeat, job)


async def test_requests_rotate_and_answers_are_counted_by_status(server: Counters) -> None:
    report = await run(server.job("/200/10", "/404/0", "/503/5", limit=301))
    assert server.paths == {"/200/10": 101, "/404/0": 100, "/503/5": 100}
    assert report.statuses == {200: 101, 404: 100, 503: 100}
    assert (report.begun, report.latency.count, report.losses, report.unfinished) == (301, 301, 0, 0)
    assert report.bytes_read == 101 * (41 + 10) + 100 * 40 + 100 * (40 + 5)
    assert report.bytes_written == 101 * 41 + 100 * 40 + 100 * 40
    assert report.requests_per_second == pytest.approx(301 / report.seconds, rel=0.001)


async def test_a_body_may_be_large_and_is_not_kept(server: Counters) -> None:
    report = await run(server.job(f"/200/{len(BODY)}", limit=100))
    assert report.statuses == {200: 100}
    assert report.bytes_read == 100 * (46 + len(BODY))


async def test_a_lost_connection_is_counted_and_opened_again(server: Counters) -> None:
    report = await run(server.job("/200/1", "/cut", limit=100))
    assert report.statuses == {200: 50}
    assert (report.begun, report.losses) == (100, 50)
    assert 46 <= report.reconnects <= 50  # those that broke last may see the end of the run first


async def test_the_window_ends_in_time_although_the_server_hangs(server: Counters) -> None:
    report = await run(server.job("/hang", seconds=0.3, drain=0.1))
    assert report.seconds == pytest.approx(0.3, abs=0.1)
    assert (report.begun, report.unfinished, report.statuses) == (4, 4, {})
    assert report.latency.p50_ms == report.latency.max_ms == 0


async def test_warm_up_is_not_counted(server: Counters) -> None:
    report = await run(server.job("/200/1", warmup=0.2, seconds=0.2))
    assert 0 < report.statuses[200] < report.begun == server.paths["/200/1"]


async def test_a_stopped_job_has_its_report(server: Counters) -> None:
    with start_repeat(server.job("/200/1")) as running:
        async with asyncio.timeout(30):
            await server.hundred.wait()
        running.stop()
        report = await asyncio.to_thread(running.wait)
    assert report.seconds < 20
    assert report.statuses[200] >= 90


async def test_a_job_without_requests_is_refused(server: Counters) -> None:
    with pytest.raises(LoadError, match="The file of requests is empty"):
        await run(server.job())
    with pytest.raises(LoadError, match="has an empty or cut byte string"):
        await run(RepeatJob(port=server.port, requests=[b""]))


def test_a_request_has_the_length_of_its_body() -> None:
    assert http_request("GET", "/x", {"Host": "h"}) == b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n"
    expected = b"POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}"
    assert http_request("POST", "/x", {"Host": "h"}, b"{}") == expected
    assert http_request("POST", "/x", {}) == b"POST /x HTTP/1.1\r\nContent-Length: 0\r\n\r\n"


@pytest.mark.skipif(find() is None, reason="nginx is not installed here")
@pytest.mark.parametrize("size", [1200, 100_000])
def test_nginx_serves_the_bytes_and_logs_each_request(size: int) -> None:
    with nginx(BODY[:size], "text/plain", access_log=True) as peer:
        before = peer.cpu_seconds()
        job = RepeatJob(
            port=peer.port,
            requests=[http_request("GET", peer.path, {"Host": "localhost"}), http_request("GET", "/no", {"Host": "x"})],
            connections=8,
            limit=2000,
        )
        report = repeat(job)
        assert report.statuses == {200: 1000, 404: 1000}
        assert report.bytes_read > 1000 * size
        assert report.reconnects == 0
        assert peer.access_log_lines() == 2000
        assert peer.cpu_seconds() > before
        folder = peer.folder
    assert not folder.exists()
    with pytest.raises(LoadError, match="Only 0 of 8 connections"):
        repeat(RepeatJob(port=peer.port, requests=job.requests, connections=8, opening=0.1))


@pytest.mark.skipif(find() is None, reason="nginx is not installed here")
def test_nginx_writes_no_log_unless_asked() -> None:
    with nginx(b"{}") as peer:
        repeat(RepeatJob(port=peer.port, requests=[http_request("GET", peer.path, {"Host": "x"})], limit=100))
        assert peer.access_log_lines() == 0
