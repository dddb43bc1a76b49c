"""`overload`: ten times as many shoppers as the shop can serve. It must go on serving as many, and recover at once."""

import argparse
import time

import msgspec

from benchmarks.load.client import JourneyJob, JourneyReport, journeys
from benchmarks.load.program import build
from benchmarks.machine import Figure
from benchmarks.outcome import Outcome, number, print_table, tell
from benchmarks.seed import Seed, Seeded
from benchmarks.server import Server, Verified, server

GOAL_GOODPUT = 0.8  # of the capacity
GOAL_RECOVERY = 60.0  # seconds until a tenth of the capacity is served as before
CLOSED = 256  # shoppers at a time while the capacity is measured
SLICE = 5.0  # seconds of one look at how a tenth of the capacity is served
NORMAL = 2.0  # times the p99 of before that still count as normal
LEAST_NORMAL_MS = 100.0
SHED = 503


class Story(msgspec.Struct, frozen=True):
    """The four parts of a run. `after` has a look each SLICE until all is normal; `recovered` are the seconds to it."""

    capacity: JourneyReport
    calm: JourneyReport
    flood: JourneyReport
    after: tuple[JourneyReport, ...]
    recovered: float | None
    verified: Verified

    @property
    def goodput(self) -> float:
        """Whole purchases a second under the flood, as a share of the capacity."""
        return self.flood.journeys_per_second / max(self.capacity.journeys_per_second, 0.001)


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--measure", type=float, default=8, help="seconds in which the capacity is measured (8)")
    parser.add_argument("--seconds", type=float, default=20, help="how long the flood lasts (20)")
    parser.add_argument("--times", type=float, default=10, help="how many times the capacity is offered (10)")
    parser.add_argument("--connections", type=int, default=8_000, help="of the flood's shoppers, at most (8000)")
    parser.add_argument("--products", type=int, default=500, help="products in the shop (500)")


def run(options: argparse.Namespace) -> Outcome:
    build()
    with server(Seed(options.products, options.connections + 2 * CLOSED), parent=options.folder) as (shop, seeded):
        shop.start()
        story = _tell_story(options, shop, seeded)
    _print(options, story)
    return Outcome(_figures(options, story), tuple(_faults(story)))


def _tell_story(options: argparse.Namespace, shop: Server, seeded: Seeded) -> Story:
    tell(f"the capacity, with {CLOSED} shoppers at a time, for {options.measure:g} s")
    # Who was turned away in the middle of a purchase may have left an order behind: the flood has its own buyers.
    few = msgspec.structs.replace(seeded, tokens=seeded.tokens[: 2 * CLOSED])
    many = msgspec.structs.replace(seeded, tokens=seeded.tokens[2 * CLOSED :])
    capacity = journeys(_job(shop, few, connections=CLOSED, seconds=options.measure, warmup=3.0))
    tenth = _job(shop, few, connections=CLOSED, seconds=SLICE, rate=capacity.journeys_per_second / 10)
    calm = journeys(tenth)
    rate = capacity.journeys_per_second * options.times
    tell(f"{number(rate)} journeys a second are offered for {options.seconds:g} s")
    flood = journeys(
        _job(shop, many, connections=options.connections, seconds=options.seconds, rate=rate, opening=60.0)
    )
    ended, after, recovered = time.monotonic(), [], None
    while recovered is None and time.monotonic() < ended + GOAL_RECOVERY:
        begun = time.monotonic() - ended
        after.append(journeys(tenth))
        if is_normal(after[-1], calm):
            recovered = begun
    return Story(capacity, calm, flood, tuple(after), recovered, shop.verify())


def is_normal(report: JourneyReport, calm: JourneyReport) -> bool:
    """Whether nothing fails, and answers are about as quick as before."""
    most = max(NORMAL * calm.answers.p99_ms, LEAST_NORMAL_MS)
    return not (report.failed or report.outside_failed) and report.answers.p99_ms <= most


def _job(shop: Server, seeded: Seeded, **settings: float) -> JourneyJob:
    given = JourneyJob(port=shop.port, tokens=seeded.tokens, variants=seeded.variants)
    return msgspec.structs.replace(given, **settings)


def _figures(options: argparse.Namespace, story: Story) -> dict[str, Figure]:
    flood = story.flood
    return {
        "capacity_per_second": story.capacity.journeys_per_second,
        "offered_per_second": story.capacity.journeys_per_second * options.times,
        "goodput_per_second": flood.journeys_per_second,
        "goodput_share": story.goodput,
        "flood_seconds": flood.seconds,
        "shed": sum(failure.count for failure in flood.failures if failure.status == SHED),
        "shed_after_the_first_step": sum(
            failure.count for failure in flood.failures if failure.status == SHED and failure.step != "add_first"
        ),
        "not_begun": flood.waiting,
        "flood_answer_p50_ms": flood.answers.p50_ms,
        "flood_answer_p99_ms": flood.answers.p99_ms,
        "calm_answer_p99_ms": story.calm.answers.p99_ms,
        "after_answer_p99_ms": story.after[-1].answers.p99_ms,
        "recovery_seconds": story.recovered,
        "verify_differences": story.verified.differences,
    }


def _print(options: argparse.Namespace, story: Story) -> None:
    flood = story.flood
    recovery = "never" if story.recovered is None else f"{story.recovered:.1f}"
    print_table(
        f"overload: {story.goodput:.0%} of the capacity under {options.times:g} times the load",
        [
            ("journeys a second, capacity", number(story.capacity.journeys_per_second)),
            ("offered", number(story.capacity.journeys_per_second * options.times)),
            ("completed under the flood", number(flood.journeys_per_second)),
            (f"goal, {GOAL_GOODPUT:.0%} of the capacity", number(story.capacity.journeys_per_second * GOAL_GOODPUT)),
            ("answers under the flood, p99 ms", number(flood.answers.p99_ms)),
            ("answers to a tenth before it, p99 ms", number(story.calm.answers.p99_ms, 1)),
            ("answers to a tenth after it, p99 ms", number(story.after[-1].answers.p99_ms, 1)),
            (f"seconds to that, at most {GOAL_RECOVERY:.0f}", recovery),
            ("differences found by verify", number(story.verified.differences)),
        ],
    )
    kinds = [(f"{each.step} {each.status} {each.reason}", number(each.count)) for each in flood.failures]
    print_table("journeys that ended early", [("", "journeys"), *kinds, ("never begun", number(flood.waiting))])


def _faults(story: Story) -> list[str]:
    faults = [
        f"{failure.count} journeys of the flood ended at {failure.step}: {failure.status} {failure.bodies[:1]}"
        for failure in story.flood.failures
        if failure.status not in (0, SHED)
    ]
    if story.recovered is None:
        faults.append(f"a tenth of the capacity was not served as before within {GOAL_RECOVERY:.0f} s")
    if not story.flood.completed:
        faults.append("not one journey was completed under the flood")
    if story.verified.differences:
        faults.append(f"verify found {story.verified.differences} differences, the first: {story.verified.lines[0]}")
    return faults
