"""`mercato simulate`: the whole shop in a seeded world that misbehaves; every promise checked all the time."""

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from difflib import get_close_matches
from functools import partial

from mercato.apps.simulate.mutants.table import MUTANTS
from mercato.apps.simulate.seeds import Report, Task, digest_of, run_all, workers
from mercato.apps.simulate.sweep.listed import list_faults, read_list
from mercato.apps.simulate.sweep.sweeping import find_story, sweep
from mercato.apps.simulate.sweep.world import ROOT, point_of, points_here
from mercato.apps.simulate.world import Outcome

TWICE_EVERY = 10  # seeds, one of which is run twice
MUTANT_SEEDS = 200  # after which a planted bug counts as not found
WIDTH = 30


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seeds", type=int, metavar="N", help="how many seeds (100)")
    parser.add_argument("--first", type=int, default=0, metavar="K", help="the first seed (0)")
    parser.add_argument("--seed", type=int, metavar="K", help="only this seed")
    parser.add_argument("--mutant", metavar="NAME", choices=(*MUTANTS, "all", "list"), help="plant a bug, or `all`")
    parser.add_argument("--sweep", action="store_true", help="kill the process once at every await and every commit")
    parser.add_argument("--point", metavar="NAME", help="kill it at this one, as the sweep does")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="J", help="processes (one a core)")
    parser.add_argument("--twice", action="store_true", help="run every seed twice and compare the traces")
    parser.add_argument("-v", "--verbose", action="store_true", help="tell the story of a seed")


def command(options: argparse.Namespace) -> int:
    if options.sweep:
        return _sweep(options)
    if options.point:
        return _visit(options)
    if options.mutant == "list":
        return _list_mutants()
    if options.mutant == "all":
        return _kill_all(options)
    if options.seed is not None:
        seeds = range(options.seed, options.seed + 1)
    else:
        count = options.seeds or (MUTANT_SEEDS if options.mutant else 100)
        seeds = range(options.first, options.first + count)
    if options.mutant:
        return _kill(options, options.mutant, seeds)
    return _run(options, seeds)


def _run(options: argparse.Namespace, seeds: range) -> int:
    tasks = (Task(seed, options.twice or seed % TWICE_EVERY == 0, options.verbose) for seed in seeds)
    outcomes: list[Outcome] = []
    bar = _Bar()
    for report in run_all(tasks, min(options.jobs, len(seeds))):
        bar.clear()
        _tell(report)
        outcomes.append(report.outcome)
        bar.show(len(outcomes), len(seeds), _progress(outcomes, len(seeds), bar.seconds))
    bar.clear()
    _sum_up(outcomes, bar.seconds)
    return 1 if any(outcome.finding for outcome in outcomes) else 0


def _tell(report: Report) -> None:
    for line in report.story:
        print(line)
    outcome = report.outcome
    if outcome.finding is not None:
        print(f"seed {outcome.seed}: {outcome.finding}; replay: mercato simulate --seed {outcome.seed} -v", flush=True)


def _sum_up(outcomes: list[Outcome], seconds: float) -> None:
    statuses: Counter[str] = Counter()
    for outcome in outcomes:
        statuses.update(outcome.statuses)
    refusals = [f"{name} {count}" for name, count in statuses.most_common() if not name.isdigit()]
    failed = sum(outcome.finding is not None for outcome in outcomes)
    counts = {
        "crashes": sum(outcome.crashes for outcome in outcomes),
        "orders": sum(outcome.orders for outcome in outcomes),
        "paid": sum(outcome.paid for outcome in outcomes),
    }
    print(
        f"{len(outcomes)} seeds in {seconds:.0f} s, {failed} failed; trace {digest_of(outcomes)}; "
        f"{sum(outcome.seconds for outcome in outcomes) / 3_600:.1f} simulated hours, "
        f"{', '.join(f'{count} {name}' for name, count in counts.items())}; refusals: {', '.join(refusals) or 'none'}"
    )


# Planted bugs.


def _list_mutants() -> int:
    for name, plant in MUTANTS.items():
        print(f"{name:<26} {plant.__doc__}")
    return 0


def _kill(options: argparse.Namespace, mutant: str, seeds: range) -> int:
    """Run seeds with a planted bug until it is found: 0; 1 where it lives."""
    killed = _killer(mutant, seeds, options.jobs, told=options.verbose)
    if killed is None:
        print(f"{mutant} survived {len(seeds)} seeds: the simulator does not see it")
        return 1
    for line in killed.story:
        print(line)
    print(f"{mutant} is killed by seed {killed.outcome.seed}: {killed.outcome.finding}")
    return 0


def _kill_all(options: argparse.Namespace) -> int:
    seeds = range(options.first, options.first + (options.seeds or MUTANT_SEEDS))
    tasks = ((mutant, seed) for seed in seeds for mutant in MUTANTS)
    killers: dict[str, Outcome] = {}
    ran: Counter[str] = Counter()

    def wanted() -> Iterator[Task]:
        for mutant, seed in tasks:
            if mutant not in killers:
                yield Task(seed, mutant=mutant)

    for report in run_all(wanted(), options.jobs):
        mutant = report.mutant
        ran[mutant] += 1
        if report.outcome.finding is not None and mutant not in killers:
            killers[mutant] = report.outcome
            print(f"{mutant:<26} killed by seed {report.outcome.seed:<4} {report.outcome.finding}", flush=True)
        if len(killers) == len(MUTANTS):
            break
    for mutant in MUTANTS.keys() - killers.keys():
        print(f"{mutant:<26} SURVIVED {ran[mutant]} seeds")
    print(f"{len(killers)} of {len(MUTANTS)} mutants killed")
    return 0 if len(killers) == len(MUTANTS) else 1


def _killer(mutant: str, seeds: range, jobs: int, *, told: bool) -> Report | None:
    for report in run_all((Task(seed, told=told, mutant=mutant) for seed in seeds), jobs):
        if report.outcome.finding is not None:
            return report
    return None


# The sweep.


def _sweep(options: argparse.Namespace) -> int:
    points, rows = points_here(), read_list(ROOT)
    bar = _Bar()

    def progress(done: int, total: int) -> None:
        bar.show(done, total, f"{done} of {total} points swept")

    with workers(options.jobs) as run:
        swept = sweep(run, points, rows, progress)
    bar.clear()
    faults = (*list_faults(ROOT, rows, points), *swept.faults)
    for fault in faults:
        replay = f"; replay: mercato simulate --point {fault.name} -v" if fault.replays else ""
        print(f"{fault.name}: {fault.text}{replay}")
    print(
        f"{swept.points} points in {bar.seconds:.0f} s: {swept.swept} swept, {swept.listed} listed, "
        f"{len(faults)} faults; {swept.commits} commits by message swept; trace {swept.digest}"
    )
    return 1 if faults else 0


def _visit(options: argparse.Namespace) -> int:
    """Kill the process at one point, and tell what came of it."""
    name = options.point
    try:
        point_of(name)
    except KeyError:
        close = "".join(f"\n  {known}" for known in get_close_matches(name, points_here(), 3, 0.3))
        raise ValueError(f"there is no point {name}; these are like it:{close or ' none'}") from None
    with workers(1) as run:
        (visited,) = run(partial(find_story, told=options.verbose), [name])
    if visited is None:
        raise ValueError(f"no story of the sweep comes to {name}")
    for line in visited.story:
        print(line)
    finding, what = visited.outcome.finding, "killed" if visited.died else "not come to"
    print(f"{name}: {what} in story {visited.visit.story}; {finding or 'every promise holds'}")
    return 1 if finding else 0


def _progress(outcomes: list[Outcome], total: int, seconds: float) -> str:
    done = len(outcomes)
    crashes, orders = sum(outcome.crashes for outcome in outcomes), sum(outcome.orders for outcome in outcomes)
    return f"{done} of {total} seeds, {done / seconds:.1f} a second, {crashes} crashes, {orders} orders"


class _Bar:
    """How far it is: a bar where somebody is looking, else a line now and then."""

    def __init__(self) -> None:
        self._looking = sys.stderr.isatty()
        self._started = time.perf_counter()
        self._told = 0

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self._started

    def show(self, done: int, total: int, text: str) -> None:
        if self._looking:
            filled = WIDTH * done // total
            print(f"\r[{'#' * filled}{'.' * (WIDTH - filled)}] {text}", end="", file=sys.stderr, flush=True)
        elif done * 10 // total > self._told:
            self._told = done * 10 // total
            print(text, file=sys.stderr, flush=True)

    def clear(self) -> None:
        if self._looking:
            print("\r\x1b[2K", end="", file=sys.stderr, flush=True)
