"""A shop that is killed while people buy, again and again, loses nothing and charges nobody twice.

Three kills in a usual run; MERCATO_KILLS=50 makes it so many. The moments follow from a seed.
"""

import os
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import acknowledged
from benchmarks.load.client import JourneyJob, JourneyReport, start_journeys
from benchmarks.load.program import LoadError, build
from benchmarks.seed import Seed, Seeded
from benchmarks.server import Server, server

KILLS = int(os.environ.get("MERCATO_KILLS", "3"))
CONNECTIONS = 16


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[tuple[Server, Seeded]]:
    """A shop with products and signed-in people, in a process of its own that is not started yet."""
    try:
        build()
    except LoadError as error:
        pytest.skip(str(error))
    with server(Seed(products=40, users=4 * CONNECTIONS), parent=tmp_path) as (made, seeded):
        yield made, seeded


def job(made: Server, seeded: Seeded, log: Path, *, retry: bool) -> JourneyJob:
    return JourneyJob(
        port=made.port,
        tokens=seeded.tokens,
        variants=seeded.variants,
        connections=CONNECTIONS,
        seconds=3_600.0,  # it is stopped long before
        drain=20.0 if retry else 0.5,
        retry=retry,
        log=log,
    )


def killed(made: Server, seeded: Seeded, log: Path, seed: int = 1) -> JourneyReport:
    """Kill the process at random moments while people buy, start it again each time; what they have seen."""
    moments = random.Random(seed)  # noqa: S311 - the moments are the same at every run
    with start_journeys(job(made, seeded, log, retry=True)) as running:
        for _ in range(KILLS):
            time.sleep(moments.uniform(0.2, 1.5))
            made.kill()
            made.start()
            assert not running.is_over()
        time.sleep(0.5)
        running.stop()
        return running.wait()


def test_nothing_acknowledged_is_lost_and_nobody_is_charged_twice(shop: tuple[Server, Seeded], tmp_path: Path) -> None:
    made, seeded = shop
    log = tmp_path / "acknowledged.log"
    made.start()
    report = killed(made, seeded, log)
    made.stop()
    verified, compared = made.verify(), acknowledged.compare(log, made.data)
    print(  # noqa: T201 - the figures of a long run are wanted
        f"{KILLS} kills, {report.retries} repeated requests, {compared.orders} orders and {compared.payments} payments "
        f"acknowledged, {compared.charges} charges; differences: {len(compared.differences)} and {verified.differences}"
    )
    # A machine that stands still for seconds makes a payment pending: the client takes that for a failed journey.
    assert {(failure.step, failure.status) for failure in report.failures} <= {("pay", 202)}
    assert compared.differences == []
    assert verified.lines == ()
    assert 0 < compared.payments <= compared.orders
    assert report.retries > 0


def test_a_graceful_stop_answers_what_is_under_way_and_leaves_nothing_to_recover(
    shop: tuple[Server, Seeded], tmp_path: Path
) -> None:
    made, seeded = shop
    log = tmp_path / "acknowledged.log"
    made.start()
    with start_journeys(job(made, seeded, log, retry=False)) as running:
        while not log.exists() or log.read_bytes().count(b"paid") < 50:
            time.sleep(0.01)
        made.stop()  # raises where the exit code is another than 0
        running.stop()
        report = running.wait()
    assert {failure.reason for failure in report.failures} <= {"connection_lost"}
    assert list(made.data.glob("*-wal")) == []  # every database was closed: there is nothing to roll forward
    compared = acknowledged.compare(log, made.data)
    assert compared.differences == []
    assert compared.orders == len(acknowledged._kept(made.data).orders)  # whatever was done was answered, too
    assert made.verify().lines == ()
