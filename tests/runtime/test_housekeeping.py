"""What housekeeping removes: nothing that anybody still needs, the number of the latest event included."""

from pathlib import Path

from mercato.runtime.housekeeping import KEEP_LOG, TrimLog, housekeeping_jobs
from mercato.values.clock import ManualClock
from mercato.values.messages import Caller
from tests.runtime.bench import Bench


def trimmed(bench: Bench, number: int) -> list[tuple[int, ...]]:
    """Have the log of the wishes trimmed up to this number; the numbers that are left."""
    housekeeping_jobs(bench.wishes, _nobody)
    bench.wishes.submit(TrimLog(number), Caller.system("", "housekeeping"))
    bench.drain(bench.wishes)
    return bench.wishes.database.reader().fetch("SELECT number FROM outbox ORDER BY number", (), 10)


def test_a_log_is_trimmed_behind_its_consumers_once_it_is_old(bench: Bench) -> None:
    for name in ("a", "b", "c"):
        bench.tell((name, "insert", 1))
    assert trimmed(bench, 2) == [(1,), (2,), (3,)]
    bench.clock.advance(KEEP_LOG + 1)
    assert trimmed(bench, 2) == [(2,), (3,)]


def test_a_log_goes_on_where_it_ended_when_all_of_it_was_old(tmp_path: Path) -> None:
    clock = ManualClock()
    before = Bench(tmp_path, clock=clock)
    before.tell(("a", "insert", 1))
    before.tell(("b", "insert", 2))
    before.drain(before.notebook)
    clock.advance(KEEP_LOG + 1)
    assert trimmed(before, before.position()) == [(2,)]
    before.close()
    after = Bench(tmp_path, clock=clock)
    after.tell(("c", "insert", 3))
    after.drain(after.notebook)
    assert (after.pages(), after.position()) == ({"a": 1, "b": 2, "c": 3}, 3)
    after.close()


async def _nobody() -> None:
    return None
