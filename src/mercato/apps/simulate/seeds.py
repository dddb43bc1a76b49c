"""Running seeds: each in a folder of its own, in worker processes whose hashing of texts is fixed."""

import gc
import hashlib
import os
import shutil
import tempfile
import traceback
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager, nullcontext
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Protocol, TypeVar

import msgspec

from mercato.apps.simulate.findings import Finding
from mercato.apps.simulate.mutants.table import MUTANTS
from mercato.apps.simulate.simulation import simulate
from mercato.apps.simulate.town import Town, make_town
from mercato.apps.simulate.world import CrashPoint, Outcome, World

MEMORY = Path("/dev/shm")  # noqa: S108 - a folder in memory, where the machine has one
WAITING = 3  # seeds that wait for each worker

Given = TypeVar("Given")
Came = TypeVar("Came")
MakeWorld = Callable[[Town, Path, Path], World]


class Task(msgspec.Struct, frozen=True):
    """One seed. `twice`: run it again and compare; `told`: keep its story; `mutant`: with this planted bug."""

    seed: int
    twice: bool = False
    told: bool = False
    mutant: str = ""
    crash_at: CrashPoint | None = None


class Report(msgspec.Struct, frozen=True):
    """What came of a task: the outcome and, if it was wanted, the story."""

    mutant: str
    outcome: Outcome
    story: tuple[str, ...] = ()


class Workshop:
    """A folder with a town in it, where seeds are run one after the other."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._template = folder / "town"
        self._town: Town = make_town(self._template)

    def run(self, task: Task) -> Report:
        """Run a seed. What goes wrong in the simulation itself is a finding too."""
        story: list[str] = []
        with MUTANTS[task.mutant]() if task.mutant else nullcontext():
            outcome = self._lived(task, story)
            if task.twice and outcome.finding is None:
                again = self._lived(task, [])
                if again.digest != outcome.digest:
                    text = f"its trace is {outcome.digest}, the second time {again.digest}"
                    outcome = msgspec.structs.replace(outcome, finding=Finding("T3", "determinism", text))
        return Report(task.mutant, outcome, tuple(story))

    def _lived(self, task: Task, story: list[str]) -> Outcome:
        def make(town: Town, template: Path, folder: Path) -> World:
            tell = story.append if task.told else None
            return World(task.seed, town, template, folder, tell, crash_at=task.crash_at)

        return self.live(make, task.seed, story)

    def live(self, make: MakeWorld, seed: int, story: list[str]) -> Outcome:
        """Live through a world that is made of the town, its files and a new folder. What goes wrong in the
        simulation itself is told in the story too."""
        folder = self._folder / "shop"
        try:
            with _no_collection():
                return simulate(make(self._town, self._template, folder))
        except Exception as error:
            story.extend(traceback.format_exc().splitlines())
            finding = Finding("error", type(error).__name__, str(error) or "the simulation broke off")
            return Outcome(seed, finding, "", 0.0, 0, 0, 0, {})
        finally:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _no_collection() -> Iterator[None]:
    """Rubbish is collected between seeds, so that nothing of one is cleared away in the middle of another."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@contextmanager
def folder_in_memory() -> Iterator[Path]:
    """A folder that is removed afterwards, in memory where that is possible."""
    place = MEMORY if os.access(MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="mercato-simulation-", dir=place, ignore_cleanup_errors=True) as name:
        yield Path(name)


def run_all(tasks: Iterable[Task], jobs: int) -> Iterator[Report]:
    """Run tasks in so many processes; their reports as they come. Whoever stops asking ends the rest."""
    with workers(jobs) as run:
        yield from run(Workshop.run, tasks)


class RunAll(Protocol):
    """Has something done with each task, in the workshops of the workers; what came of them, as it comes."""

    def __call__(self, do: Callable[[Workshop, Given], Came], tasks: Iterable[Given], /) -> Iterator[Came]: ...


@contextmanager
def workers(jobs: int) -> Iterator[RunAll]:
    """So many processes, each with a workshop."""
    os.environ["PYTHONHASHSEED"] = "0"  # for the workers, which start as new programs
    with folder_in_memory() as folder:
        pool = ProcessPoolExecutor(jobs, get_context("spawn"), _begin, (str(folder),))

        def run(do: Callable[[Workshop, Given], Came], tasks: Iterable[Given]) -> Iterator[Came]:
            waiting = iter(tasks)
            running: set[Future[Came]] = {pool.submit(_run, do, task) for task in islice(waiting, jobs * WAITING)}
            while running:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    yield future.result()
                running |= {pool.submit(_run, do, task) for task in islice(waiting, len(done))}

        try:
            yield run
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


_workshop: list[Workshop] = []  # of a worker process


def _begin(folder: str) -> None:
    _workshop.append(Workshop(Path(folder) / str(os.getpid())))
    gc.collect()
    gc.freeze()


def _run(do: Callable[[Workshop, Given], Came], task: Given) -> Came:
    return do(_workshop[0], task)


def digest_of(outcomes: Iterable[Outcome]) -> str:
    """One hash over the traces of all seeds."""
    whole = hashlib.blake2b(digest_size=16)
    for outcome in sorted(outcomes, key=lambda outcome: outcome.seed):
        whole.update(f"{outcome.seed} {outcome.digest}\n".encode())
    return whole.hexdigest()
