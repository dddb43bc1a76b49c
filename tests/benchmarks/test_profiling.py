"""Samples are put into groups by their innermost frame that has one."""

import pytest

from benchmarks.profiling import LOOP, WAITING, group_of, shares
from benchmarks.sampling import Samples, Stack

SOURCE = "/somewhere/src/mercato"
RUN = ("/python/asyncio/runners.py", "run")


@pytest.mark.parametrize(
    ("frames", "group"),
    [
        ([("/python/uvloop/loop.py", "noop"), RUN], LOOP),
        ([(f"{SOURCE}/runtime/http/lane.py", "data_received"), RUN], "HTTP"),
        ([(f"{SOURCE}/runtime/http/routes.py", "read_body"), (f"{SOURCE}/runtime/http/edge.py", "serve")], "decode"),
        ([(f"{SOURCE}/values/ids.py", "new"), (f"{SOURCE}/services/orders/commands.py", "place_order")], "handlers"),
        ([("/python/email/message.py", "x"), (f"{SOURCE}/services/n/adapters/letters.py", "w")], "gateway and mails"),
        ([(f"{SOURCE}/runtime/database/sqlite.py", "execute"), (f"{SOURCE}/services/o/commands.py", "f")], "SQL"),
        ([(f"{SOURCE}/runtime/transaction.py", "send_outbox")], "outbox and events"),
        ([(f"{SOURCE}/runtime/transaction.py", "defer")], "SQL"),
        ([(f"{SOURCE}/runtime/http/edge.py", "_leave")], "log and metrics"),
        (
            [
                ("/python/minijinja/__init__.py", "__html__"),
                (f"{SOURCE}/frontends/storefront/rendering.py", "render"),
                (f"{SOURCE}/runtime/http/edge.py", "serve"),
            ],
            "pages",
        ),
        ([(f"{SOURCE}/runtime/rounds.py", "_round")], "rounds and queues"),
    ],
)
def test_the_innermost_frame_with_a_group_decides(frames: list[tuple[str, str]], group: str) -> None:
    assert group_of(Stack(1, tuple(frames))) == group


def test_what_the_loop_did_not_use_is_waiting() -> None:
    busy = Stack(30, ((f"{SOURCE}/runtime/rounds.py", "_round"), RUN))
    found = shares(Samples(seconds=10.0, cpu_seconds=6.0, threads={}, stacks=(busy, Stack(70, (RUN,)))))
    assert found == {"rounds and queues": 3.0, LOOP: 3.0, WAITING: 4.0}
