"""What Kafka may do to a log: be away, stand still, bring events twice, leave some out, hold what is none of ours."""

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from confluent_kafka import Consumer, Message, Producer
from confluent_kafka.admin import AdminClient

from mercato.runtime.kafka import bus as kafka
from mercato.runtime.kafka import group
from mercato.runtime.kafka.bus import KafkaBus
from mercato.runtime.kafka.relay import PublishFailed
from mercato.values.messages import Envelope
from tests.runtime.cluster import Cluster, until
from tests.runtime.wishes import Wished
from tools.engines import Engine

Make = Callable[..., Cluster]
APART = (("wishes",), ("notebook",))
LOOKS = 4


@pytest.fixture
async def made(kafka_bus: str, cluster: Make) -> Cluster:
    """Who tells and who listens, each in a node of its own."""
    started = cluster(kafka_bus, *APART)
    started.start(0)
    started.start(1)
    await started.tell(("first", "write_sheet", 0))
    await started.caught_up()
    return started


def _produce(made: Cluster, *messages: bytes) -> None:
    """Write into the topic of the wishes, past the relay."""
    producer = Producer({"bootstrap.servers": made.servers})
    for message in messages:
        producer.produce(f"{made.name}.wishes", message, b"somebody")
    assert producer.flush(10.0) == 0


def _of_another_source(made: Cluster) -> bytes:
    return _envelopes(made)[0].replace(b"wishes", b"dishes")


def _envelopes(made: Cluster) -> list[bytes]:
    columns = "number, id, store, type, version, aggregate, aggregate_version, at, correlation, cause, body"
    rows = made.rows(f"SELECT {columns} FROM outbox ORDER BY number", "wishes")  # noqa: S608 - our own
    return [msgspec.msgpack.encode(Envelope(*("wishes", *row[:-1], bytes(row[-1])))) for row in rows]


async def test_events_that_come_twice_and_late_have_their_effect_once(made: Cluster) -> None:
    await made.tell(*(("a", "write_sheet", number) for number in range(10)))
    await made.caught_up()
    again = _envelopes(made)
    await asyncio.to_thread(_produce, made, *again, *reversed(again), *again)
    await made.tell(("a", "write_sheet", 10))
    await made.caught_up()
    assert made.sheets() == made.logged()


async def test_events_that_kafka_has_not_got_are_read_from_their_source(
    made: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish = KafkaBus.publish

    async def forgetful(self: KafkaBus, source: str, envelopes: list[Envelope]) -> None:
        await publish(self, source, [each for each in envelopes if each.number % 3 == 0])

    with monkeypatch.context() as patch:
        patch.setattr(KafkaBus, "publish", forgetful)
        for number in range(12):
            await made.tell(("a", "write_sheet", number))
        await until(lambda: made.position() >= 12, 20.0)
    await made.tell(("a", "write_sheet", 12))
    await made.caught_up()
    assert made.sheets() == made.logged()


async def test_nobody_subscribes_to_a_topic_before_it_is_seen(
    kafka_bus: str, cluster: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two processes that make one topic the second is told that it exists while the broker does not show it yet."""
    looks = 0

    class Slow(AdminClient):
        def list_topics(self, *arguments: Any, **named: Any) -> Any:
            nonlocal looks
            looks += 1
            told = super().list_topics(*arguments, **named)
            if looks < LOOKS:
                told.topics = {name: topic for name, topic in told.topics.items() if not name.endswith(".wishes")}
            return told

    started = cluster(kafka_bus, *APART)
    started.start(0)
    monkeypatch.setattr(kafka, "AdminClient", Slow)
    started.start(1)
    assert looks >= LOOKS
    await started.tell(("first", "write_sheet", 0))
    await started.caught_up()
    assert started.sheets() == started.logged()


async def test_what_is_no_event_of_ours_is_passed_over_and_told(made: Cluster) -> None:
    await asyncio.to_thread(_produce, made, b"", b"\xc1 no event", b"{}", _of_another_source(made))
    for number in range(3):
        await made.tell(("a", "write_sheet", number))
    await made.caught_up()
    assert made.sheets() == made.logged()
    assert made.log.getvalue().count("message_unreadable") == 4


async def test_a_service_with_much_to_do_is_given_no_more_and_nothing_is_lost(
    made: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group, "ROOM", 5)
    executor: Any = made.executor(1)
    executor._paused = True
    told = [("a", "write_sheet", number) for number in range(60)]
    for start in range(0, 60, 6):
        await made.tell(*told[start : start + 6])
    await until(lambda: executor.waiting > 5, 20.0)
    executor._paused = False
    executor.wake()
    await made.caught_up()
    assert made.sheets() == made.logged()


async def test_a_member_that_is_shut_out_joins_again(made: Cluster) -> None:
    """Another client with its name: so Kafka sees a member whose answer to joining was lost."""
    member = made.executor(1)._parts.holder
    group = {"group.id": f"{made.name}.notebook", "group.instance.id": member, "session.timeout.ms": 6_000}
    strategy = {"partition.assignment.strategy": "cooperative-sticky"}
    other = Consumer({"bootstrap.servers": made.servers, **group, **strategy})
    other.subscribe([f"{made.name}.wishes"])
    await until(lambda: other.poll(0.1) is None and bool(other.assignment()), 20.0)
    await until(lambda: "kafka_shut_out" in made.log.getvalue(), 20.0)
    await asyncio.to_thread(other.close)
    await made.tell(*(("a", "write_sheet", number) for number in range(5)))
    await made.caught_up()
    assert made.sheets() == made.logged()


async def test_a_client_that_never_joins_is_followed_by_another(
    kafka_bus: str, cluster: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It hears nothing of its group and does not come to its end either, as after a broker that was killed."""
    clients: list[Consumer] = []
    never = threading.Event()

    class Stuck(Consumer):
        def __init__(self, settings: dict[str, Any]) -> None:
            super().__init__(settings)
            clients.append(self)

        def poll(self, timeout: float = -1) -> Message | None:
            if self is clients[0]:
                time.sleep(timeout)
                return None
            return super().poll(timeout)

        def close(self) -> None:
            if self is clients[0]:
                never.wait()
            super().close()

    monkeypatch.setattr(group, "Consumer", Stuck)
    monkeypatch.setattr(group, "PATIENCE", 5.0)
    monkeypatch.setattr(group, "CLOSING", 0.1)
    started = cluster(kafka_bus, *APART)
    started.start(0)
    started.start(1)
    await started.tell(*(("a", "write_sheet", number) for number in range(5)))
    await started.caught_up()
    assert started.sheets() == started.logged()
    assert len(clients) > 1
    never.set()


@pytest.mark.parametrize("how", ["killed", "paused"])
async def test_while_kafka_is_away_everything_is_taken_and_told_when_it_is_back(
    made: Cluster, engine: Callable[[str], Engine], how: str
) -> None:
    """F6: the log grows, and drains afterwards."""
    server = engine("kafka")
    await asyncio.to_thread(server.kill if how == "killed" else server.pause)
    try:
        for number in range(10):
            await made.tell(("a", "write_sheet", number))
        await until(lambda: how == "paused" or "kafka" in made.log.getvalue(), 20.0)
        assert made.sheets() == {"first": [0]}
    finally:
        await asyncio.to_thread(server.start if how == "killed" else server.resume)
    await made.tell(("a", "write_sheet", 10))
    await made.caught_up()
    assert made.sheets() == made.logged()


@pytest.mark.parametrize("fails", ["before", "after"])
async def test_a_relay_that_fails_around_its_acknowledgement_sends_again_and_nothing_is_done_twice(
    made: Cluster, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    """Whether Kafka has them or not, nobody knows then (F3)."""
    publish = KafkaBus.publish
    left = [3]

    async def failing(self: KafkaBus, source: str, envelopes: list[Envelope]) -> None:
        if left[0] and fails == "before":
            left[0] -= 1
            raise PublishFailed("planted")
        await publish(self, source, envelopes)
        if left[0]:
            left[0] -= 1
            raise PublishFailed("planted")

    monkeypatch.setattr(KafkaBus, "publish", failing)
    for number in range(5):
        await made.tell(("a", "write_sheet", number))
    await made.caught_up()
    await until(lambda: _relayed(made) == made.last())
    assert left == [0]
    assert made.sheets() == made.logged()


def _relayed(made: Cluster) -> int:
    rows = made.rows("SELECT number FROM positions WHERE source = 'relay'", "wishes")
    return int(rows[0][0])


async def test_a_relay_that_is_killed_between_acknowledgement_and_position_is_followed_by_another(
    kafka_bus: str, cluster: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = cluster(kafka_bus, ("wishes",), ("wishes",), ("notebook",))
    for place in range(3):
        made.start(place)
    await made.tell(("a", "write_sheet", 0))
    await made.caught_up()
    publish = KafkaBus.publish
    sent: list[KafkaBus] = []

    async def killed(self: KafkaBus, source: str, envelopes: list[Envelope]) -> None:
        await publish(self, source, envelopes)
        if not sent or sent == [self]:
            sent[:] = [self]
            await asyncio.Event().wait()  # it never comes to record what it has sent

    monkeypatch.setattr(KafkaBus, "publish", killed)
    await made.tell(("a", "write_sheet", 1))
    await until(lambda: bool(sent))
    relaying = 0 if made.nodes[0].parts.bus is sent[0] else 1
    await made.crash(relaying)
    made.clock.advance(20_000)
    await made.tell(("a", "write_sheet", 2), by=1 - relaying)
    await until(lambda: made.position() >= 3, 30.0)
    await until(lambda: _relayed(made) == 3, 30.0)
    assert made.sheets() == {"a": [0, 1, 2]} == made.logged()


async def test_events_travel_with_their_original_bytes(made: Cluster) -> None:
    """A reader that knows more fields than this program finds them."""
    assert Wished.version == 1
    heard: list[Envelope] = []
    executor: Any = made.executor(1)
    hear = executor.hear_from_bus

    def listen(source: str, envelopes: list[Envelope]) -> None:
        heard.extend(envelopes)
        hear(source, envelopes)

    executor.hear_from_bus = listen
    await made.tell(("a", "write_sheet", 1))
    await made.caught_up()
    await until(lambda: bool(heard) and heard[-1].number == 2)
    assert msgspec.msgpack.encode(heard[-1]) == _envelopes(made)[-1]
