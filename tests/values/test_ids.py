"""Ids sort by the time they were made, and none comes twice."""

from mercato.values.clock import ManualClock
from mercato.values.ids import Ids, is_id


def test_ids_of_one_maker_rise_within_a_millisecond() -> None:
    ids = Ids(ManualClock())
    made = [ids.new("ord") for _ in range(5_000)]
    assert made == sorted(set(made))
    assert all(is_id(each, "ord") for each in made)


def test_a_series_counts_up_and_two_series_have_nothing_in_common() -> None:
    ids = Ids(ManualClock())
    one, other = ids.series(), ids.series()
    first = [one("req") for _ in range(600)]  # past the digits that are written ahead
    second = [other("req") for _ in range(600)]
    assert first == sorted(set(first))
    assert all(is_id(each, "req") for each in first)
    assert not set(first) & set(second)
    assert one("evt").removeprefix("evt") == f"{first[-1][3:-8]}{600:08x}"
