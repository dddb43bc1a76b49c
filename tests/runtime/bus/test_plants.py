"""The suite of logs sees what it is for: it fails where a bug is planted."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from tests.runtime import plants
from tests.runtime.bus import test_log
from tests.runtime.cluster import Cluster, until

Plant = Callable[[], AbstractContextManager[None]]


@pytest.mark.parametrize("plant", [plants.outbox_row_lost, plants.position_not_moved])
async def test_a_planted_bug_is_found_on_every_log(bus: str, cluster: Callable[..., Cluster], plant: Plant) -> None:
    def impatient(kind: str, *layout: tuple[str, ...]) -> Cluster:
        made = cluster(kind, *layout)
        made.patience = 3.0
        return made

    with plant(), pytest.raises((AssertionError, TimeoutError)):
        await test_log.test_each_event_has_its_effect_once_and_in_the_order_of_the_log(bus, impatient)


async def test_what_was_done_once_is_done_again_where_the_position_is_not_moved(
    bus: str, cluster: Callable[..., Cluster]
) -> None:
    """The effect that the position is there to prevent."""
    listener = 0 if bus == "sqlite" else 1
    made = cluster(bus, ("wishes",), ("notebook",))
    with plants.position_not_moved():
        for place in range(listener + 1):
            made.start(place)
        await made.tell(("a", "write_sheet", 1))
        await until(lambda: made.sheets() == {"a": [1]})
        await made.stop(listener)
        made.start(listener)
        await until(lambda: made.sheets() == {"a": [1, 1]})
