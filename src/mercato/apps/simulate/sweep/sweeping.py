"""The sweep: find out which story comes to which point, let its process die there, compare with the list."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import msgspec

from mercato.apps.simulate.seeds import RunAll, Workshop
from mercato.apps.simulate.sweep.listed import FILE, Fault, Row
from mercato.apps.simulate.sweep.stories import STORIES
from mercato.apps.simulate.sweep.world import SweptWorld, Visit
from mercato.apps.simulate.town import Town
from mercato.apps.simulate.world import Outcome

Progress = Callable[[int, int], None]


class Visited(msgspec.Struct, frozen=True):
    """What came of a visit: the points that were passed, the outcome, its story if it was wanted."""

    visit: Visit
    passed: tuple[str, ...]
    outcome: Outcome
    story: tuple[str, ...] = ()

    @property
    def died(self) -> bool:
        """Whether it came to its deadly point."""
        return self.visit.deadly in self.passed


class Swept(msgspec.Struct, frozen=True):
    """The result: how many points there are, at how many of them the process died, at how many commits of a certain
    message besides, how many are listed. `digest` is one hash over all traces."""

    points: int
    swept: int
    commits: int
    listed: int
    faults: tuple[Fault, ...]
    digest: str


def visit(workshop: Workshop, given: Visit) -> Visited:
    """Live through a story once."""
    worlds: list[SweptWorld] = []
    story: list[str] = []

    def make(town: Town, template: Path, folder: Path) -> SweptWorld:
        worlds.append(SweptWorld(given, town, template, folder, story.append if given.told else None))
        return worlds[0]

    outcome = workshop.live(make, STORIES[given.story].seed, story)
    return Visited(given, tuple(worlds[0].passed) if worlds else (), outcome, tuple(story))


def sweep(run: RunAll, points: Iterable[str], rows: tuple[Row, ...], progress: Progress) -> Swept:
    """Let the process die once at each point that any story comes to, and compare the others with the list."""
    known = set(points)
    listed = {name for row in rows for name in row.points}
    faults: list[Fault] = []
    stories: dict[str, int] = {}
    for visited in sorted(run(visit, map(Visit, range(len(STORIES)))), key=lambda visited: visited.visit.story):
        if visited.outcome.finding is not None:
            faults.append(Fault(f"story {visited.visit.story}", f"nobody was killed: {visited.outcome.finding}"))
        for name in visited.passed:
            stories.setdefault(name, visited.visit.story)
    digests: dict[str, str] = {}
    for visited in run(visit, [Visit(stories[name], name) for name in sorted(stories)]):
        digests[visited.visit.deadly] = visited.outcome.digest
        faults += _faults_of(visited)
        progress(len(digests), len(stories))
    faults += _disagreements(known, set(stories) & known, listed)
    swept = len(known & digests.keys())
    return Swept(len(known), swept, len(digests) - swept, len(listed & known), tuple(faults), digest_of(digests))


def find_story(workshop: Workshop, point: str, *, told: bool) -> Visited | None:
    """The first story in which the process comes to this point, and dies there; None where there is no such story."""
    for story in range(len(STORIES)):
        visited = visit(workshop, Visit(story, point, told))
        if visited.died or visited.outcome.finding is not None:
            return visited
    return None


def _faults_of(visited: Visited) -> Iterator[Fault]:
    name = visited.visit.deadly
    if visited.outcome.finding is not None:
        yield Fault(name, str(visited.outcome.finding), replays=True)
    elif not visited.died:
        yield Fault(name, f"story {visited.visit.story} came to it once, and the second time not", replays=True)


def _disagreements(known: set[str], reached: set[str], listed: set[str]) -> Iterator[Fault]:
    for name in sorted(known - reached - listed):
        yield Fault(name, f"no story comes to it: extend one, or list it in {FILE} with the test that covers it")
    for name in sorted(reached & listed):
        yield Fault(name, f"a story comes to it: take it off {FILE}")


def digest_of(digests: dict[str, str]) -> str:
    whole = hashlib.blake2b(digest_size=16)
    for name in sorted(digests):
        whole.update(f"{name} {digests[name]}\n".encode())
    return whole.hexdigest()
