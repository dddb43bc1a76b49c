"""The load client's journeys against a fake shop that fails as planted: every count of the report must be exact."""

import asyncio
import os
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from benchmarks.load.client import Failure, JourneyJob, JourneyReport, View, http_request, journeys, start_journeys
from benchmarks.load.program import FLAGS, LoadError, build
from tests.benchmarks.fake_shop import SOLD_OUT, STEPS, Cut, FakeShop, Fault, planted

TOKENS = [f"buyer-{number}" for number in range(40)]
VARIANTS = [f"var_{number:032x}" for number in range(20)]
VIEWS = [
    View("html" if path.endswith(".html") else "rest", http_request("GET", path, {"Host": "shop"}))
    for path in ("/v1/a", "/b.html", "/v1/c")
]


def job(shop: FakeShop, **settings: Any) -> JourneyJob:
    settings = {"connections": 8, "seconds": 30.0, "drain": 2.0, "tokens": TOKENS, "variants": VARIANTS, **settings}
    return JourneyJob(port=shop.port, **settings)


async def run(shop: FakeShop, **settings: Any) -> JourneyReport:
    """Run a job to its end against the shop, which must have nothing to complain of."""
    async with shop.running():
        report = await asyncio.to_thread(journeys, job(shop, **settings))
    assert shop.complaints == []
    return report


async def test_every_journey_of_a_healthy_shop_is_completed() -> None:
    shop = FakeShop()
    report = await run(shop, limit=200)
    assert (report.begun, report.completed, report.latency.count) == (200, 200, 200)
    assert (report.failed, report.sold_out, report.outside_completed, report.outside_failed) == (0, 0, 0, 0)
    assert (report.retries, report.reconnects, report.unfinished, report.waiting) == (0, 0, 0, 0)
    assert report.failures == ()
    assert {step: durations.count for step, durations in report.steps.items()} == dict.fromkeys(STEPS, 200)
    assert shop.steps == dict.fromkeys(STEPS, 200)
    assert (len(shop.orders), len(shop.paid), shop.connections) == (200, 200, 8)
    keys = [*shop.orders.values(), *shop.paid.values()]
    assert len(set(keys)) == 400
    assert report.journeys_per_second == pytest.approx(200 / report.seconds, rel=0.001)
    cpu = report.cpu_user_seconds + report.cpu_system_seconds
    assert report.cpu_us_per_journey == pytest.approx(cpu / 200 * 1e6, rel=0.01)
    assert 0 < report.latency.p50_ms <= report.latency.p99_ms <= report.latency.p999_ms <= report.latency.max_ms
    assert max(durations.max_ms for durations in report.steps.values()) < report.latency.max_ms


async def test_each_kind_of_failure_is_counted_and_shown() -> None:
    faults = {
        ("add_first", 3): Fault(status=401, body=b'{"code":"not_\xc3\xbcber"}'),
        ("quote", 5): Fault(body=b'{"quote":{},"sign":"x"}'),
        ("quote", 6): Fault(body=b'{"signed":""}'),
        ("order", 0): Fault(status=500, body=b"one"),
        ("order", 1): Fault(status=500, body=b"two\n"),
        ("order", 2): Fault(status=500, body=b"three"),
        ("order", 3): Fault(status=500, body=b"four"),
        ("order", 4): Fault(status=202),
        ("order", 5): Fault(body=b'{"stage":"payment_due","lines":[{"id":"ord_1"}]}'),
        ("order", 6): Fault(body=b'{"id":"ord_1","stage":"placed"}'),
        ("pay", 10): Fault(body=b'{"order":{"status":"pending"}}'),
        ("pay", 11): Fault(status=409, body=SOLD_OUT),
        ("pay", 12): Fault(status=200),
    }
    report = await run(FakeShop(planted(faults)), limit=100, connections=1)
    assert (report.begun, report.completed, report.failed, report.sold_out) == (100, 87, 13, 0)
    assert report.failures == (
        Failure("order", 500, "status", 4, ("one", "two\n", "three")),
        Failure("add_first", 401, "status", 1, ('{"code":"not_über"}',)),
        Failure("order", 202, "status", 1, ("{}",)),
        Failure("quote", 200, "missing_field", 2, ('{"quote":{},"sign":"x"}', '{"signed":""}')),
        Failure(
            "order",
            201,
            "missing_field",
            2,
            ('{"stage":"payment_due","lines":[{"id":"ord_1"}]}', '{"id":"ord_1","stage":"placed"}'),
        ),
        Failure("pay", 201, "missing_field", 1, ('{"order":{"status":"pending"}}',)),
        Failure("pay", 409, "status", 1, (SOLD_OUT.decode(),)),
        Failure("pay", 200, "status", 1, ("{}",)),
    )
    assert (report.latency.count, report.steps["pay"].count, report.reconnects) == (87, 90, 0)


async def test_sold_out_is_told_apart_from_failure() -> None:
    faults = {("order", number): Fault(status=409, body=SOLD_OUT) for number in range(10, 40)}
    faults["order", 50] = Fault(status=409, body=b'{"code":"cart_changed"}')
    report = await run(FakeShop(planted(faults)), limit=100)
    assert (report.completed, report.sold_out, report.failed) == (69, 30, 1)
    assert report.sold_out_latency.count == 30
    assert report.failures == (Failure("order", 409, "status", 1, ('{"code":"cart_changed"}',)),)
    assert (report.steps["order"].count, report.steps["pay"].count) == (100, 69)


async def test_a_broken_connection_ends_its_journey_unless_it_may_retry() -> None:
    faults = {
        ("order", 4): Fault(cut="unread"),
        ("pay", 8): Fault(cut="within"),
        ("pay", 9): Fault(cut="unanswered"),
    }
    report = await run(FakeShop(planted(faults)), limit=100)
    assert (report.completed, report.failed, report.retries, report.reconnects) == (97, 3, 0, 3)
    assert report.failures == (
        Failure("order", 0, "connection_lost", 1, ()),
        Failure("pay", 0, "connection_lost", 2, ()),
    )


async def test_a_retry_sends_the_same_request_with_the_same_key(tmp_path: Path) -> None:
    faults = {
        ("quote", 2): Fault(cut="unread"),
        ("order", 4): Fault(cut="unanswered"),
        ("order", 20): Fault(cut="within"),
        ("pay", 8): Fault(cut="unanswered"),
        ("pay", 9): Fault(cut="within"),
        ("pay", 10): Fault(cut="unread"),
    }
    shop = FakeShop(planted(faults))
    log = tmp_path / "log"
    report = await run(shop, limit=100, retry=True, log=log)
    assert (report.completed, report.failed, report.retries, report.reconnects) == (100, 0, 6, 6)
    assert (len(shop.orders), len(shop.paid)) == (100, 100)
    assert shop.steps == {"add_first": 100, "add_second": 100, "quote": 101, "order": 102, "pay": 103}
    check_log(log, shop)


def check_log(log: Path, shop: FakeShop) -> None:
    """Every acknowledged order and payment stands in the log once, and the shop knows them all."""
    lines = [line.split(" ") for line in log.read_text().splitlines()]
    orders = [line for line in lines if line[0] == "order"]
    paid = [line for line in lines if line[0] == "paid"]
    assert len(orders) + len(paid) == len(lines)
    assert {order: key for _, order, key, _ in orders} == shop.orders
    assert {order for _, order, _ in paid} == set(shop.paid)
    assert (len(orders), len(paid)) == (len(shop.orders), len(shop.paid))
    assert all(abs(int(line[-1]) / 1000 - time.time()) < 60 for line in lines)


async def test_an_announced_close_costs_a_reconnect_and_no_journey() -> None:
    faults = {(step, number): Fault(cut="announced") for step in STEPS for number in (5, 17)}
    report = await run(FakeShop(planted(faults)), limit=100)
    assert (report.completed, report.failed, report.reconnects, report.retries) == (100, 0, 10, 0)


async def test_an_answer_may_come_in_pieces() -> None:
    faults = {(step, number): Fault(pieces=9) for step in STEPS for number in range(0, 40, 3)}
    report = await run(FakeShop(planted(faults)), limit=40)
    assert (report.completed, report.failed) == (40, 0)


async def test_a_delay_shows_in_its_step_and_its_journey_only() -> None:
    report = await run(FakeShop(planted({("quote", 30): Fault(delay=0.5)})), limit=100)
    assert report.completed == 100
    assert 500 <= report.steps["quote"].max_ms <= report.latency.max_ms < 2000
    assert report.steps["order"].max_ms < 500
    assert report.latency.p50_ms < 500


async def test_an_open_loop_measures_from_the_planned_arrival() -> None:
    """One connection, one arrival every 20 ms, and a second's standstill: the 50 behind it waited too."""
    shop = FakeShop(planted({("pay", 10): Fault(delay=1.0)}))
    report = await run(shop, limit=75, connections=1, rate=50.0)
    assert (report.begun, report.completed, report.waiting) == (75, 75, 0)
    assert report.seconds == pytest.approx(1.5, abs=0.5)
    assert 1000 <= report.latency.max_ms < 2000
    assert 150 < report.latency.p50_ms < 500
    assert report.steps["add_first"].max_ms < 300


async def test_arrivals_without_a_connection_are_counted_as_waiting() -> None:
    shop = FakeShop(planted({("add_first", 10): Fault(delay=5.0)}))
    report = await run(shop, connections=1, rate=100.0, seconds=1.0, drain=0.2)
    assert (report.begun, report.completed, report.unfinished, report.waiting) == (11, 10, 1, 89)


async def test_warm_up_and_drain_stay_outside_the_figures() -> None:
    faults = {("pay", number): Fault(status=500) for number in range(3)}
    shop = FakeShop(lambda step, number: faults.get((step, number), Fault(delay=0.02)))
    report = await run(shop, warmup=0.5, seconds=0.5)
    assert report.seconds == pytest.approx(0.5, abs=0.1)
    assert (report.failed, report.outside_failed, report.unfinished) == (0, 3, 0)
    assert report.failures == (Failure("pay", 500, "status", 3, ("{}", "{}", "{}")),)
    assert report.completed > 0
    assert report.outside_completed > 8
    assert report.completed + report.outside_completed == report.begun - 3
    assert report.latency.count == report.completed
    assert len(shop.paid) == report.begun - 3


async def test_a_buyer_looks_at_so_many_things_before_each_step() -> None:
    shop = FakeShop()
    report = await run(shop, connections=1, limit=30, views=VIEWS, views_each=3)
    assert (report.completed, report.failed, report.answered) == (30, 0, 600)
    assert shop.views == {"/v1/a": 150, "/b.html": 150, "/v1/c": 150}
    assert shop.order_of_steps == [view for step in STEPS for view in ("rest", "html", "rest", step)] * 30
    assert {kind: durations.count for kind, durations in report.views.items()} == {"rest": 300, "html": 150}
    assert {step: durations.count for step, durations in report.steps.items()} == dict.fromkeys(STEPS, 30)
    assert report.answers.count == 150


async def test_what_is_looked_at_is_no_part_of_a_journeys_duration() -> None:
    shop = FakeShop(planted({("html", 40): Fault(delay=0.5), ("order", 20): Fault(status=409, body=SOLD_OUT)}))
    report = await run(shop, limit=50, views=VIEWS, views_each=3)
    assert (report.completed, report.sold_out) == (49, 1)
    assert report.views["html"].max_ms >= 500
    assert max(report.latency.max_ms, report.sold_out_latency.max_ms) < 500


async def test_what_cannot_be_looked_at_ends_the_journey() -> None:
    faults = {
        ("html", 3): Fault(status=503, body=b"<h1>Busy</h1>"),
        ("rest", 9): Fault(status=404),
        ("rest", 10): Fault(cut="unanswered"),
    }
    shop = FakeShop(planted(faults))
    report = await run(shop, limit=20, views=VIEWS, views_each=3)
    assert (report.completed, report.failed, report.answered) == (17, 3, sum(shop.steps.values()) - 1)
    assert sorted(report.failures, key=lambda failure: failure.status) == [
        Failure("rest", 0, "connection_lost", 1, ()),
        Failure("rest", 404, "status", 1, ("{}",)),
        Failure("html", 503, "status", 1, ("<h1>Busy</h1>",)),
    ]
    report = await run(FakeShop(planted(faults)), limit=20, views=VIEWS[:1], views_each=1, retry=True)
    assert (report.completed, report.failed, report.retries) == (19, 1, 1)


async def test_what_is_bought_depends_on_the_seed_alone() -> None:
    baskets = []
    for seed, connections in ((1, 8), (1, 3), (2, 8)):
        shop = FakeShop()
        await run(shop, limit=60, seed=seed, connections=connections)
        baskets.append(Counter(shop.baskets))
    assert baskets[0] == baskets[1]
    assert baskets[0] != baskets[2]
    assert all(len(set(basket)) == 2 for basket in baskets[0])


async def test_a_skew_sends_its_share_to_the_hot_variant() -> None:
    for skew, least, most in ((1.0, 400, 400), (0.25, 70, 130), (0.0, 20, 65)):
        shop = FakeShop()
        await run(shop, limit=400, skew=skew)
        hot = sum(VARIANTS[0] in basket for basket in shop.baskets)
        assert least <= hot <= most, skew
        assert all(len(set(basket)) == 2 for basket in shop.baskets)


async def test_a_buyer_comes_again_only_after_all_others() -> None:
    shop = FakeShop()
    await run(shop, limit=len(TOKENS))
    assert shop.buyers == set(TOKENS)


async def test_a_server_that_dies_and_returns_loses_nothing(tmp_path: Path) -> None:
    shop = FakeShop()
    log = tmp_path / "log"
    async with shop.running():
        with start_journeys(job(shop, limit=3000, retry=True, log=log)) as running:
            for kill in range(3):
                await shop.has_begun("pay", 500 * (kill + 1))
                await shop.close()
                await asyncio.sleep(0.1)
                await shop.open()
            report = await asyncio.to_thread(running.wait)
    assert (report.begun, report.completed, report.failed, report.unfinished) == (3000, 3000, 0, 0)
    assert 3 <= report.retries <= 24
    assert report.reconnects == 24
    assert (len(shop.orders), len(shop.paid)) == (3000, 3000)
    check_log(log, shop)


async def test_the_log_survives_the_client(tmp_path: Path) -> None:
    shop = FakeShop()
    log = tmp_path / "log"
    async with shop.running():
        with start_journeys(job(shop, log=log)) as running:
            await shop.has_begun("pay", 300)
            os.kill(running.pid, signal.SIGKILL)
            with pytest.raises(LoadError, match="ended with code -9 and without a word"):
                await asyncio.to_thread(running.wait)
    lines = log.read_text().splitlines(keepends=True)
    assert all(line.endswith("\n") for line in lines)
    paid = {line.split(" ")[1] for line in lines if line.startswith("paid ")}
    assert paid <= set(shop.paid)
    assert len(paid) >= len(shop.paid) - 8  # each connection may have had an answer on its way


async def test_without_retry_each_journey_that_a_kill_hits_has_failed() -> None:
    shop = FakeShop()
    async with shop.running():
        with start_journeys(job(shop, limit=1000)) as running:
            await shop.has_begun("pay", 300)
            await shop.close()
            await shop.open()
            report = await asyncio.to_thread(running.wait)
    assert report.begun == 1000 == report.completed + report.failed
    assert 1 <= report.failed <= 8
    assert {(failure.status, failure.reason) for failure in report.failures} == {(0, "connection_lost")}


async def test_stop_ends_a_run_with_its_report() -> None:
    shop = FakeShop()
    async with shop.running():
        with start_journeys(job(shop)) as running:
            await shop.has_begun("pay", 50)
            assert not running.is_over()
            running.stop()
            report = await asyncio.to_thread(running.wait)
    assert report.seconds < 20
    assert report.completed > 0
    assert report.unfinished == 0
    assert report.completed + report.outside_completed == report.begun == len(shop.paid)


async def test_a_second_stop_does_not_wait_for_the_drain() -> None:
    shop = FakeShop(lambda step, _number: Fault(delay=20.0) if step == "pay" else None)
    async with shop.running():
        with start_journeys(job(shop, drain=30.0)) as running:
            await shop.has_begun("pay", 8)
            running.stop()
            await asyncio.sleep(0.3)
            assert not running.is_over()
            running.stop()
            report = await asyncio.to_thread(running.wait)
    assert (report.begun, report.completed, report.unfinished) == (8, 0, 8)


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        (Fault(head=b"Transfer-Encoding: chunked\r\n", body=b"0\r\n\r\n"), "has a Transfer-Encoding (chunked)"),
        (Fault(head=b"X-Nothing: 1\r\n"), "has no Content-Length"),
        (Fault(head=b"Content-Length: 1\r\n", body=b"{}"), "longer than its Content-Length"),
        (Fault(head=b"Content-Length: 1x\r\n", body=b"{}"), "Content-Length is not one number"),
        (Fault(head=b"Content-Length: 2\r\nContent-Length: 2\r\n", body=b"{}"), "Content-Length is not one number"),
        (Fault(head=b"Content-Length: 99999999999999999999\r\n", body=b"{}"), "Content-Length is not one number"),
        (Fault(status=100, body=b""), "an interim answer"),
    ],
)
async def test_an_answer_that_cannot_be_read_ends_the_run(fault: Fault, sentence: str) -> None:
    with pytest.raises(LoadError, match="The server's answer is refused: ") as refused:
        await run(FakeShop(planted({("quote", 3): fault})), limit=50)
    assert sentence in str(refused.value)


async def test_a_job_that_cannot_run_is_refused_with_a_sentence() -> None:
    shop = FakeShop()
    async with shop.running():
        pass
    with pytest.raises(LoadError, match=r"Only 0 of 8 connections to 127\.0\.0\.1:\d+ could be opened in 0\.2 s"):
        journeys(job(shop, opening=0.2))
    with pytest.raises(LoadError, match="3 buyers are too few for 8 connections"):
        journeys(job(shop, tokens=TOKENS[:3]))
    with pytest.raises(LoadError, match="2 variants are too few"):
        journeys(job(shop, variants=VARIANTS[:2], skew=0.5))
    with pytest.raises(LoadError, match="Each token must be plain printable text, given once"):
        journeys(job(shop, tokens=["a", "a"]))
    with pytest.raises(LoadError, match="Each variant must be plain printable text, given once"):
        journeys(job(shop, variants=["a", 'b"']))
    with pytest.raises(LoadError, match="The setting host must be a single line of text"):
        journeys(job(shop, host="a\r\nX-Evil: 1"))
    with pytest.raises(LoadError, match="The file of views is empty"):
        journeys(job(shop, views_each=1))
    with pytest.raises(LoadError, match="A buyer looks at 0 to 1000 things before each step"):
        journeys(job(shop, views=VIEWS, views_each=1001))
    with pytest.raises(LoadError, match="lasts more than 0 and at most 86400 seconds"):
        journeys(job(shop, seconds=0))


async def test_the_client_is_clean_under_the_sanitizers(tmp_path: Path) -> None:
    flags = (*FLAGS, "-g", "-Wall", "-Wextra", "-Werror", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
    try:
        program = build(flags)
    except LoadError as missing:
        if "asan" not in str(missing) and "ubsan" not in str(missing):
            raise
        pytest.skip("The C compiler has no address sanitizer here.")
    cuts: tuple[Cut, ...] = ("unread", "unanswered", "within", "announced")
    faults = {(step, 10 + 3 * at): Fault(cut=cut) for step in STEPS for at, cut in enumerate(cuts)}
    faults |= {(step, number): Fault(pieces=7) for step in STEPS for number in range(30, 60, 7)}
    faults |= {("order", 80): Fault(status=409, body=SOLD_OUT), ("pay", 81): Fault(status=500, body=b"\x00\xff" * 900)}
    faults |= {("html", 7): Fault(cut="within"), ("rest", 90): Fault(pieces=7), ("html", 61): Fault(status=404)}
    faults |= {("quote", 82): Fault(body=b'{"signed":"' + b"x" * 200_000), ("order", 83): Fault(body=b"")}
    shop = FakeShop(planted(faults))
    log = tmp_path / "log"
    async with shop.running():
        settings = {"limit": 150, "retry": True, "log": log, "rate": 2000.0, "views": VIEWS, "views_each": 2}
        with start_journeys(job(shop, **settings), program) as running:
            report = await asyncio.to_thread(running.wait)
    assert (report.begun, report.completed, report.sold_out, report.failed) == (150, 145, 1, 4)
    assert (report.retries, report.reconnects) == (16, 21)
    assert shop.complaints == []
