"""Where the server's time goes: a second run under a sampler, its samples put in groups."""

import argparse
import os
import re
import signal
import sys
import time
from collections import Counter
from pathlib import Path

import msgspec

from benchmarks import processes
from benchmarks.load.client import JourneyReport, start_journeys
from benchmarks.machine import Figure
from benchmarks.outcome import BenchmarkError, number, print_table, tell
from benchmarks.sampling import Samples, Stack
from benchmarks.seed import Seed
from benchmarks.server import Server, server

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
        ("encode", r"runtime/http/lane\.py$", r"^_wire$"),
        ("access", r"runtime/http/edge\.py$", r"^(_enter|_enter_known|_admit|_host|_token|_request_id)$"),
        ("access", r"runtime/access/(limits|who|passwords)\.py$|apps/directory\.py$", r""),
        ("log and metrics", r"runtime/telemetry\.py$", r""),
        ("log and metrics", r"runtime/http/edge\.py$", r"^_leave$"),
        ("HTTP", r"runtime/http/|uvicorn/", r""),
        ("outbox and events", r"runtime/bus/", r""),
        ("outbox and events", r"runtime/database/transaction\.py$", r"^(send_outbox|emit)$"),
        ("commit", r"runtime/parts\.py$", r""),
        ("commit", r"runtime/batches/executor\.py$", r"^commit$"),
        ("SQL", r"runtime/(database|documents)/", r""),
        ("rounds and queues", r"runtime/(batches/|rounds\.py$|calls\.py$|waiting\.py$|node\.py$|schedule\.py$)", r""),
        ("gateway and mails", r"runtime/slow_work/|services/\w+/(adapters/|work\.py$)", r""),
        ("handlers", r"mercato/services/", r""),
    )
)


def profile_buying(options: argparse.Namespace, plain_pace: float, plain_us: float) -> dict[str, Figure]:
    """Run the load once more under the sampler, and print the groups beside what the sampler itself costs."""
    # A module of its own that both ends of a benchmark use would import each other; so the job is made by the caller.
    from benchmarks.buy import job_of  # noqa: PLC0415

    seed = Seed(options.products, max(options.users, options.connections))
    with server(seed, program=(), parent=options.folder) as (shop, seeded):
        file = shop.folder / "samples.json"
        shop.program = (sys.executable, "-P", "-m", "benchmarks.sampling", str(file))
        shop.start()
        job = job_of(options, shop, seeded.tokens, seeded.variants)
        report = JourneyReport
        samples = Samples
    return {}
