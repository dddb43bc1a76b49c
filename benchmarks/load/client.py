"""Runs the load client: jobs are described here, and each ends in a typed report.

`repeat`, `journeys` and `sale` block until the job is over. Their namesakes with `start_` return at once, for a caller
that does something to the server meanwhile.
"""

import re
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Generic, Literal, Self, TypeVar

import msgspec

from benchmarks import processes
from benchmarks.load.program import LoadError, build

# Printable, and neither a quote nor a backslash: it goes into headers and JSON as it is.
_PLAIN = re.compile(r"[!#-\[\]-~]+")


class Destination(msgspec.Struct, frozen=True):
    """Where every buyer of a job lives; the fields of the cart's quote."""

    name: str = "Lina Sommer"
    street: str = "Marktstrasse 7"
    city: str = "Leipzig"
    country: str = "DE"
    postal_code: str = "04109"


class RepeatJob(msgspec.Struct, frozen=True, kw_only=True):
    """Send ready-made HTTP requests in rotation over keep-alive connections, each with one request at a time.

    All connections are opened first, within `opening` seconds. The job ends after `seconds` of measuring, which begin
    after `warmup`, or when `limit` requests (0: no limit) have their answers. Requests under way at the end get `drain`
    seconds to finish, which nothing counts.

    While 32 or more requests are under way, the client may pause for `rest` seconds so that answers gather: that saves
    it, and the server, wake-ups, and adds at most so much to a latency.
    """

    port: int
    requests: Sequence[bytes]
    connections: int = 64
    seconds: float = 10.0
    opening: float = 15.0
    warmup: float = 0.0
    drain: float = 5.0
    rest: float = 0.0
    limit: int = 0
    address: str = "127.0.0.1"


class View(msgspec.Struct, frozen=True):
    """A ready-made request for what somebody looks at: a document of the API, or a page."""

    kind: Literal["rest", "html"]
    request: bytes


class JourneyJob(msgspec.Struct, frozen=True, kw_only=True):
    """Let buyers buy: two variants into the cart, a quote, the order, its payment.

    `tokens` holds one bearer token a buyer, at least one a connection; who has waited longest comes next, so none
    comes twice before all came once. With `rate` 0 each connection begins its next journey when one is done; otherwise
    so many journeys a second arrive, evenly spread, and wait where all connections are busy. What journey number n buys
    depends on `seed` and n alone; with `skew`, that fraction of journeys buys the first of `variants`, which no other
    journey does.

    Opening, warm-up, measuring, drain and rest are those of a RepeatJob; `limit` counts journeys. With `retry`, a
    request whose connection broke is sent again with the same idempotency key until it is answered; without, its
    journey has failed.

    Before each step of its journey a buyer looks at the next `views_each` of `views`, which all buyers take in
    rotation, until the drain. What is answered with another status than 200 ends the journey as failed.

    `log` names a file to which each acknowledged result is appended as soon as it is read, times in ms since the epoch:
    `order <order id> <idempotency key> <ms>` and `paid <order id> <ms>`.
    """

    port: int
    tokens: Sequence[str]
    variants: Sequence[str]
    connections: int = 64
    seconds: float = 10.0
    opening: float = 15.0
    warmup: float = 0.0
    drain: float = 12.0
    rest: float = 0.0003
    limit: int = 0
    rate: float = 0.0
    seed: int = 1
    skew: float = 0.0
    retry: bool = False
    views: Sequence[View] = ()
    views_each: int = 0
    log: Path | None = None
    host: str = ""
    destination: Destination = Destination()
    address: str = "127.0.0.1"


class SaleJob(msgspec.Struct, frozen=True, kw_only=True):
    """Let everybody want the same variant at once.

    Each of `tokens` empties its cart, puts one `variant` into it and asks for a quote; that is the warm-up, which ends
    when all are ready or after `warmup` seconds. Then the buyers arrive, evenly spread over `window` seconds, and each
    orders with its quote on any free one of `connections`. Who has an order pays; the fraction `failing` of the
    payments is declined, and those orders are cancelled by their buyers. Who is told "sold out" comes again after
    `pause` seconds, at most `again` times. All must be over within `seconds`.

    `log` names a file to which the line `open` is appended when the first buyer arrives.
    """

    port: int
    tokens: Sequence[str]
    variant: str
    connections: int = 64
    window: float = 3.0
    failing: float = 0.0
    again: int = 0
    pause: float = 5.0
    seconds: float = 60.0
    opening: float = 60.0
    warmup: float = 300.0
    drain: float = 12.0
    rest: float = 0.0003
    log: Path | None = None
    host: str = ""
    destination: Destination = Destination()
    address: str = "127.0.0.1"


class Durations(msgspec.Struct, frozen=True):
    """How long something took, in ms, each figure true to 0.4 percent; all 0 where `count` is 0."""

    count: int
    p50_ms: float
    p99_ms: float
    p999_ms: float
    max_ms: float


class Failure(msgspec.Struct, frozen=True):
    """One kind of failed journey, with the beginnings of the first three bodies.

    `reason` is `status` (not the one expected), `missing_field`, or `connection_lost`, which has status 0.
    """

    step: str
    status: int
    reason: str
    count: int
    bodies: tuple[str, ...]


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What both kinds of job tell. Processor time is the client's own.

    All figures are of the measured window but these: `begun` and `reconnects` count from the first moment to the end
    of the drain, and `unfinished` is what was still under way then.
    """

    seconds: float
    cpu_user_seconds: float
    cpu_system_seconds: float
    bytes_read: int
    bytes_written: int
    begun: int
    reconnects: int
    unfinished: int
    latency: Durations


class RepeatReport(Report, frozen=True, kw_only=True):
    """Answers by status, and how long they took. `losses` counts connections that broke before the answer, always."""

    requests_per_second: float
    cpu_us_per_request: float
    losses: int
    statuses: dict[int, int]


class JourneyReport(Report, frozen=True, kw_only=True):
    """Journeys by how they ended, and the durations of those that were paid and of each step.

    In an open loop, durations start at the planned arrival, and `waiting` counts arrivals that no connection was free
    for until the window's end. `outside_...` counts those that ended in warm-up or drain; `failures` and `retries` tell
    of the whole run, so that nothing can hide there. `sold_out_latency` is the time until a buyer was told, `answers`
    the time to the answer of any step. `views` are by their kind; what they took is no part of a journey's duration.
    `answered` counts the answers of the whole run, steps and views.
    """

    journeys_per_second: float
    cpu_us_per_journey: float
    completed: int
    sold_out: int
    failed: int
    outside_completed: int
    outside_sold_out: int
    outside_failed: int
    retries: int
    waiting: int
    answered: int
    failures: tuple[Failure, ...]
    sold_out_latency: Durations
    answers: Durations
    steps: dict[str, Durations]
    views: dict[str, Durations]


class SaleReport(Report, frozen=True, kw_only=True):
    """What became of everybody. `begun` counts orders that were sent, the repeated ones too.

    `refusals` are all answers "sold out" (with what is short), `sold_out` the buyers who left with one. `requoted`
    orders were sent again with a new quote, because an order that was refused late had changed the cart. `waiting` is
    who had not come, or not come again, when time was up. `latency` is the time from the planned arrival to the answer
    to the order, `sold_out_latency` and `bought_latency` are its parts, `pay_latency` the payment's own.
    """

    orders_per_second: float
    cpu_us_per_order: float
    paid: int
    declined: int
    cancelled: int
    refusals: int
    sold_out: int
    requoted: int
    failed: int
    waiting: int
    failures: tuple[Failure, ...]
    sold_out_latency: Durations
    bought_latency: Durations
    pay_latency: Durations


AnyReport = TypeVar("AnyReport", bound=Report)


class Running(Generic[AnyReport]):
    """A job that runs in a process of its own. As a context manager it ends that process and removes its files."""

    def __init__(self, program: Path, files: Mapping[str, bytes], report: type[AnyReport], most_seconds: float) -> None:
        """Start `program` in a folder with the job's files; the one named `job` holds the settings."""
        self._report = report
        self._most_seconds = most_seconds
        self._folder = tempfile.TemporaryDirectory(prefix="load-")
        folder = Path(self._folder.name)
        for name, content in files.items():
            (folder / name).write_bytes(content)
        # Files instead of pipes: the program never waits for somebody to read its report.
        with (folder / "report").open("wb") as out, (folder / "trouble").open("wb") as trouble:
            self._process = processes.start([program.absolute(), "job"], folder, out, errors=trouble)

    @property
    def pid(self) -> int:
        return self._process.pid

    def is_over(self) -> bool:
        """Whether the report is ready."""
        return self._process.poll() is not None

    def stop(self) -> None:
        """Let nothing more begin. What is under way may finish within the job's drain; a second call ends that too."""
        if not self.is_over():
            self._process.send_signal(signal.SIGTERM)

    def wait(self) -> AnyReport:
        """The report, when the job is over; may be asked for once. Raises LoadError where the client gave up."""
        try:
            code = self._process.wait(self._most_seconds)
            folder = Path(self._folder.name)
            if code != 0:
                told = (folder / "trouble").read_text(errors="replace").strip()
                raise LoadError(told or f"The load client ended with code {code} and without a word.")
            report = (folder / "report").read_text(errors="replace")
            return msgspec.json.decode(report, type=self._report)
        except subprocess.TimeoutExpired:
            raise LoadError(f"The load client did not end within {self._most_seconds:.0f} seconds.") from None
        finally:
            self._clean_up()

    def _clean_up(self) -> None:
        if not self.is_over():
            self._process.kill()
            self._process.wait()
        self._folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._clean_up()


def repeat(job: RepeatJob, program: Path | None = None) -> RepeatReport:
    """Run the job to its end. `program` is another build of the client than the usual one."""
    with start_repeat(job, program) as running:
        return running.wait()


def journeys(job: JourneyJob, program: Path | None = None) -> JourneyReport:
    """Run the job to its end. `program` is another build of the client than the usual one."""
    with start_journeys(job, program) as running:
        return running.wait()


def sale(job: SaleJob, program: Path | None = None) -> SaleReport:
    """Run the job to its end. `program` is another build of the client than the usual one."""
    with start_sale(job, program) as running:
        return running.wait()


def start_repeat(job: RepeatJob, program: Path | None = None) -> Running[RepeatReport]:
    """Start the job and return at once."""
    settings = {**_common(job), "mode": "repeat", "limit": job.limit, "requests": "requests"}
    files = {"job": _lines(settings), "requests": _prefixed(job.requests)}
    return Running(program or build(), files, RepeatReport, _most_seconds(job))


def start_journeys(job: JourneyJob, program: Path | None = None) -> Running[JourneyReport]:
    """Start the job and return at once."""
    settings = {
        **_common(job),
        "mode": "journey",
        "limit": job.limit,
        "rate": job.rate,
        "seed": job.seed,
        "skew": job.skew,
        "retry": int(job.retry),
        "views": "views",
        "views_each": job.views_each,
    }
    files = _files(job, job.variants, settings)
    files["views"] = _prefixed([view.kind[:1].encode() + view.request for view in job.views])
    return Running(program or build(), files, JourneyReport, _most_seconds(job))


def start_sale(job: SaleJob, program: Path | None = None) -> Running[SaleReport]:
    """Start the job and return at once."""
    settings = {
        **_common(job),
        "mode": "sale",
        "window": job.window,
        "failing": job.failing,
        "again": job.again,
        "pause": job.pause,
    }
    return Running(program or build(), _files(job, (job.variant,), settings), SaleReport, _most_seconds(job))


def http_request(method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> bytes:
    """A raw HTTP request for a RepeatJob. `headers` must name the host; the length of a body is added."""
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    if body or method not in ("GET", "HEAD"):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def _files(job: JourneyJob | SaleJob, variants: Sequence[str], settings: Mapping[str, str | float]) -> dict[str, bytes]:
    """The files of a job whose buyers are named by their tokens."""
    for name, values in (("token", job.tokens), ("variant", variants)):
        if not all(map(_PLAIN.fullmatch, values)) or len(set(values)) != len(values):
            raise LoadError(f"Each {name} must be plain printable text, given once.")
    named = {
        **settings,
        "tokens": "tokens",
        "variants": "variants",
        "host": job.host or f"{job.address}:{job.port}",
        "destination": msgspec.json.encode(job.destination).decode(),
    }
    if job.log is not None:
        named["log"] = str(job.log.absolute())
    return {
        "job": _lines(named),
        "tokens": "\n".join(job.tokens).encode(),
        "variants": "\n".join(variants).encode(),
    }


def _prefixed(requests: Sequence[bytes]) -> bytes:
    """Byte strings, each behind its length."""
    return b"".join(len(request).to_bytes(4, "little") + request for request in requests)


def _common(job: RepeatJob | JourneyJob | SaleJob) -> dict[str, str | float]:
    return {
        "address": job.address,
        "port": job.port,
        "connections": job.connections,
        "opening": job.opening,
        "seconds": job.seconds,
        "warmup": job.warmup,
        "drain": job.drain,
        "rest": job.rest,
    }


def _lines(settings: Mapping[str, str | float]) -> bytes:
    for name, value in settings.items():
        if not str(value) or not str(value).isprintable():
            raise LoadError(f"The setting {name} must be a single line of text: {value!r}")
    return "".join(f"{name} {value}\n" for name, value in settings.items()).encode()


def _most_seconds(job: RepeatJob | JourneyJob | SaleJob) -> float:
    """More than the program can need: it bounds each of its phases itself."""
    return job.opening + job.warmup + job.seconds + job.drain + 15
