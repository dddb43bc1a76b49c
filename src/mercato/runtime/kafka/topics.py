"""The topics of a log on Kafka: one a service, all from this table."""

import msgspec

DAY = 24 * 3_600_000  # milliseconds


class Topic(msgspec.Struct, frozen=True):
    """`retention` in milliseconds: who is further behind reads the log of the source itself.

    A topic has one partition: a source numbers its events in one sequence, and their order is kept.
    """

    source: str
    retention: int = 7 * DAY
    partitions: int = 1


LONGER: dict[str, int] = {"orders": 30 * DAY, "payments": 30 * DAY}


def topic_of(source: str) -> Topic:
    return Topic(source, LONGER.get(source, 7 * DAY))
