"""Where the server's time goes: a second run under a sampler, its samples put in groups."""

import os
import re
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import msgspec

from benchmarks import processes
from benchmarks.load.client import JourneyJob, JourneyReport, start_journeys
from benchmarks.machine import Figure
from benchmarks.outcome import BenchmarkError, number, print_table, tell
from benchmarks.sampling import INTERVAL, Samples, Stack
from benchmarks.seed import Seed, Seeded
from benchmarks.server import Server, server

MakeJob = Callable[[Server, Seeded], JourneyJob]

LOOP = "event loop, sockets"
WAITING = "waiting"
SHOWN = 15
MOST_TO_WRITE = 10.0  # seconds

# The innermost frame that a row fits decides. Frames that no row fits (the standard library, values, signatures)
# count for their callers. A row is a group, a pattern for the file and one for the function.
GROUPS = tuple(
    (group, re.compile(file), re.compile(function))
    for group, file, function in (
        ("decode", r"runtime/http/routes\.py$", r"^(read_body|_read|_check|key_of)$"),
        ("encode", r"runtime/(answers|batches/items)\.py$", r"^(encode|problem)$"),
        ("encode", r"runtime/http/wire\.py$", r""),
        ("access", r"runtime/http/edge\.py$", r"^(_enter|_enter_known|_admit|host_name|_token|_request_id)$"),
        ("access", r"runtime/access/(limits|who|passwords)\.py$|apps/directory\.py$", r""),
        ("log and metrics", r"runtime/telemetry\.py$", r""),
        ("log and metrics", r"runtime/http/edge\.py$", r"^(_leave|metrics)$"),
        ("pages", r"mercato/frontends/", r""),
        ("HTTP", r"runtime/http/|uvicorn/", r""),
        ("outbox and events", r"runtime/bus/", r""),
        ("outbox and events", r"runtime/transaction\.py$", r"^(send_outbox|emit)$"),
        ("commit", r"runtime/parts\.py$", r""),
        ("commit", r"runtime/batches/executor\.py$", r"^commit$"),
        ("SQL", r"runtime/(database/|documents/|transaction\.py$)", r""),
        ("rounds and queues", r"runtime/(batches/|rounds\.py$|calls\.py$|waiting\.py$|node\.py$|schedule\.py$)", r""),
        ("gateway and mails", r"runtime/slow_work/|services/\w+/(adapters/|work\.py$)", r""),
        ("handlers", r"mercato/services/", r""),
    )
)


class Profiled(msgspec.Struct, frozen=True):
    """A run under the sampler: what the client says of it, and what the threads used while samples were taken."""

    report: JourneyReport
    samples: Samples
    threads: dict[int, float]

    @property
    def journeys(self) -> int:
        return self.report.completed + self.report.outside_completed


def profile(seed: Seed, parent: Path | None, make_job: MakeJob, plain_pace: float) -> dict[str, Figure]:
    """Run a load once more, under the sampler, and print what it found; `plain_pace` is that of the run without it."""
    with tempfile.TemporaryDirectory(prefix="mercato-bench-", dir=parent) as folder:
        file = Path(folder) / "samples.json"
        program = (sys.executable, "-m", "benchmarks.sampling", str(file))
        with server(seed, program=program, parent=parent) as (shop, seeded):
            shop.start()
            tell("the same load once more, with samples taken")
            profiled = _run(shop, make_job(shop, seeded), file)
    _print(profiled, plain_pace)
    return {"profiled_journeys_per_second": profiled.report.journeys_per_second}


def group_of(stack: Stack) -> str:
    """The group of the innermost frame that has one; the loop where no frame of ours has begun."""
    for file, function in stack.frames:
        for group, in_file, in_function in GROUPS:
            if in_file.search(file) and in_function.search(function):
                return group
    return LOOP


def shares(samples: Samples) -> dict[str, float]:
    """Seconds by group, in all as long as the samples were taken.

    In the loop itself, samples cannot tell work from waiting: the thread's processor time can. So what it did not use
    counts as waiting, as far as it was found in the loop; the rest of it is a wait for a lock somewhere else.
    """
    counts: Counter[str] = Counter()
    for stack in samples.stacks:
        counts[group_of(stack)] += stack.count
    each = samples.seconds / max(counts.total(), 1)
    found = {group: count * each for group, count in counts.items()}
    in_loop = found.get(LOOP, 0.0)
    waiting = min(in_loop, max(0.0, samples.seconds - samples.cpu_seconds))
    return {**found, LOOP: in_loop - waiting, WAITING: waiting}


def _run(shop: Server, job: JourneyJob, file: Path) -> Profiled:
    with start_journeys(job) as running:
        before = processes.cpu_seconds_by_thread(shop.pid)
        os.kill(shop.pid, signal.SIGUSR1)
        while not running.is_over():
            time.sleep(0.02)
        os.kill(shop.pid, signal.SIGUSR2)
        after = processes.cpu_seconds_by_thread(shop.pid)
        report = running.wait()
    end = time.monotonic() + MOST_TO_WRITE
    while not file.exists():
        if time.monotonic() > end:
            raise BenchmarkError("the server has not written its samples")
        time.sleep(0.02)
    samples = msgspec.json.decode(file.read_bytes(), type=Samples)
    return Profiled(report, samples, {thread: used - before.get(thread, 0.0) for thread, used in after.items()})


def _print(profiled: Profiled, plain_pace: float) -> None:
    samples, journeys = profiled.samples, max(profiled.journeys, 1)
    rows = [
        (group, f"{seconds / samples.seconds:.1%}", number(seconds * 1e6 / journeys, 1))
        for group, seconds in sorted(shares(samples).items(), key=lambda row: -row[1])
    ]
    print_table("where the loop's thread is", [("", "of the time", "us a journey"), *rows])
    used: Counter[str] = Counter()
    for thread, seconds in profiled.threads.items():
        used[_kind(samples.threads.get(thread, "other"))] += seconds  # type: ignore[assignment]
    by_thread = [(name, number(seconds * 1e6 / journeys, 1)) for name, seconds in used.most_common()]
    print_table("processor time by threads", [("", "us a journey"), *by_thread])
    own: Counter[tuple[str, str]] = Counter()
    for stack in samples.stacks:
        own[stack.frames[0]] += stack.count
    often = [
        (f"{_short(file)} {function}", f"{count / max(own.total(), 1):.1%}")
        for (file, function), count in own.most_common(SHOWN)
    ]
    print_table("the functions that were found most often", often)
    pace = profiled.report.journeys_per_second
    tell(
        f"{own.total():,} samples, one each {INTERVAL * 1e3:g} ms; under them {number(pace)} journeys a second, "
        f"{1 - pace / max(plain_pace, 0.001):.1%} fewer than without (two runs differ by some percent anyway)"
    )


def _kind(name: str) -> str:
    """`commit-3` is one of the threads for commits."""
    return re.sub(r"[-_]\d+$", "", name).replace("MainThread", "loop")


def _short(file: str) -> str:
    return re.sub(r".*/(mercato|site-packages|python3\.\d+)/", "", file)
