"""Kafka: the logs of all services, for consumers in other processes.

The relay of a service publishes its log to the service's topic. Every service that listens is a consumer group; which
of its processes consumes a source, Kafka says. How far a service is, its own database says: what was done already is
dropped, what is missing is read from the source. Offsets only save reading.
"""

import asyncio
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import msgspec
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from mercato.runtime.batches.shared import SharedExecutor, Source
from mercato.runtime.kafka.relay import PublishFailed, Relay
from mercato.runtime.kafka.topics import topic_of
from mercato.runtime.parts import Parts
from mercato.runtime.telemetry import Log
from mercato.values.messages import Envelope

AT_ONCE = 500  # messages that are taken from Kafka together
POLL = 0.1  # seconds
GATHER = 0.003  # seconds for which messages that follow the first one are waited for
ROOM = 2_000  # events that may wait for a service before no more are taken
COMMIT_EVERY = 100  # polls between two commits of offsets
PATIENCE = 15.0  # seconds for an acknowledgement
PAUSE, LOOKS = 0.05, 300  # seconds until topics that were made are looked for once more, and how often

_decoder = msgspec.msgpack.Decoder(Envelope)
_encode = msgspec.msgpack.Encoder().encode


class KafkaBus:
    """`servers` are host:port, separated by commas. `name` is where the names of topics and groups begin: several
    installations may share one Kafka. `member` is what this process is called in its groups, also when it was started
    again: then it goes on with what it had, and Kafka need not find out first that it was gone."""

    def __init__(self, servers: str, name: str, member: str, parts: Parts) -> None:
        self._servers = servers
        self._member = member
        self._name = name
        self._parts = parts
        self._relays: dict[str, Relay] = {}
        self._groups: list[_Group] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._producer: Producer | None = None

    def join(self, executors: Mapping[str, SharedExecutor], logs: Mapping[str, Source]) -> None:
        """Relay the logs of these services, and consume for them."""
        loop = self._parts.loop
        sources = {*executors, *(source for executor in executors.values() for source in executor.feeds)}
        _make_topics(self._servers, self._name, sources)
        self._producer = Producer(
            {
                **_client(self._servers, self._parts.telemetry.log),
                "enable.idempotence": True,
                "acks": "all",
                "linger.ms": 2,
                "compression.type": "lz4",
                "delivery.timeout.ms": int(PATIENCE * 1_000),
            }
        )
        for name, executor in executors.items():
            relay = self._relays[name] = Relay(executor, logs[name], self, self._parts)
            self._tasks.append(loop.create_task(relay.run()))
            if executor.feeds:
                self._groups.append(_Group(self._servers, (self._name, self._member), executor, self._parts))

    def tell(self, source: str) -> None:
        if source in self._relays:
            self._relays[source].tell()

    async def publish(self, source: str, envelopes: list[Envelope]) -> None:
        await self._parts.pools.slow.run(lambda: self._publish(source, envelopes))

    def leave(self) -> None:
        for task in self._tasks:
            task.cancel()
        for group in self._groups:
            group.stop()

    def _publish(self, source: str, envelopes: list[Envelope]) -> None:
        producer, topic = self._producer, f"{self._name}.{source}"
        assert producer is not None, "the bus was joined"
        failed: list[str] = []

        def delivered(error: KafkaError | None, _message: Message) -> None:
            if error is not None:
                failed.append(str(error))

        for envelope in envelopes:
            headers: list[tuple[str, str | bytes | None]] = [
                ("type", envelope.type),
                ("version", str(envelope.version)),
                ("number", str(envelope.number)),
            ]
            while True:
                try:
                    producer.produce(
                        topic, _encode(envelope), envelope.aggregate, headers=headers, on_delivery=delivered
                    )
                    break
                except BufferError:
                    producer.poll(POLL)
        left = producer.flush(PATIENCE)
        if left or failed:
            raise PublishFailed(
                f"Kafka at {self._servers} has not acknowledged: {failed[0] if failed else 'no answer'}"
            )


class _Group:
    """This process's member of the consumer group of one service: a thread that takes messages."""

    def __init__(self, servers: str, names: tuple[str, str], executor: SharedExecutor, parts: Parts) -> None:
        name, member = names
        self._name = name
        self._executor = executor
        self._loop = parts.loop
        self._log = parts.telemetry.log
        self._sources = {f"{name}.{source}": source for source in executor.feeds}
        self._stopping = threading.Event()
        self._settings = {
            **_client(servers, parts.telemetry.log),
            "group.id": f"{name}.{executor.name}",
            "group.instance.id": member,
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "session.timeout.ms": 6_000,
            "heartbeat.interval.ms": 1_500,
            "partition.assignment.strategy": "cooperative-sticky",
        }
        self._offsets: dict[str, list[tuple[int, int]]] = {}
        self._thread = threading.Thread(target=self._run, name=f"kafka-{executor.name}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(timeout=5.0)

    def _run(self) -> None:
        """Take part until the end. Kafka may shut a member out for good, as when it was killed while that joined: then
        another client joins in its place."""
        while not self._stopping.is_set():
            consumer = Consumer(self._settings)
            try:
                consumer.subscribe(
                    list(self._sources), on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._revoked
                )
                self._take_part(consumer)
                self._commit(consumer)
            except KafkaException as error:
                self._log.error("kafka_shut_out", service=self._executor.name, error=str(error))
                self._offsets.clear()
                self._loop.call_soon_threadsafe(self._executor.let_go, set(self._sources.values()))
                self._stopping.wait(POLL)
            finally:
                consumer.close()

    def _take_part(self, consumer: Consumer) -> None:
        """Raises KafkaException where this client can never take part again."""
        polls = 0
        while not self._stopping.is_set():
            full = self._executor.waiting > ROOM
            if full:
                self._stopping.wait(POLL)
            by_source: dict[str, list[Envelope]] = {}
            for message in _take(consumer, 1 if full else AT_ONCE):  # who takes none is no member for long
                if (envelope := self._read(message)) is not None:
                    by_source.setdefault(envelope.source, []).append(envelope)
            for source, envelopes in by_source.items():
                self._loop.call_soon_threadsafe(self._executor.hear_from_bus, source, envelopes)
            polls += 1
            if polls % COMMIT_EVERY == 0:
                self._commit(consumer)

    def _read(self, message: Message) -> Envelope | None:
        """None for what is no event of the topic's source: what is missing then is read from the source itself."""
        error = message.error()
        if error is not None and (error.fatal() or error.code() == KafkaError._FATAL):
            raise KafkaException(error)
        topic, value, offset = message.topic(), message.value(), message.offset()
        if error is not None or topic is None or value is None or offset is None:
            return None
        source = self._sources[topic]
        try:
            envelope = _decoder.decode(value)
        except msgspec.DecodeError as error:
            self._log.error("message_unreadable", topic=topic, offset=offset, error=str(error))
            return None
        if envelope.source != source:
            self._log.error("message_unreadable", topic=topic, offset=offset, error=f"it is of {envelope.source}")
            return None
        self._offsets.setdefault(source, []).append((envelope.number, offset))
        return envelope

    def _commit(self, consumer: Consumer) -> None:
        """Offsets of what is done, by the service's own positions."""
        done = []
        for source, seen in self._offsets.items():
            position = self._executor.feeds[source].position
            passed = [offset for number, offset in seen if number <= position]
            if passed:
                del seen[: len(passed)]
                done.append(TopicPartition(f"{self._name}.{source}", 0, passed[-1] + 1))
        if done:
            with suppress(KafkaException):  # they only save reading
                consumer.commit(offsets=done, asynchronous=True)

    def _assigned(self, _consumer: Consumer, partitions: list[TopicPartition]) -> None:
        sources = {self._sources[each.topic] for each in partitions}
        self._loop.call_soon_threadsafe(self._executor.take_over_soon, sources)

    def _revoked(self, _consumer: Consumer, partitions: list[TopicPartition]) -> None:
        sources = {self._sources[each.topic] for each in partitions}
        for source in sources:
            self._offsets.pop(source, None)
        self._loop.call_soon_threadsafe(self._executor.let_go, sources)


def _take(consumer: Consumer, most: int) -> list[Message]:
    """Messages as soon as there are any. `consume` waits for as many as it is asked for, or all of its time."""
    first = consumer.poll(POLL)
    if first is None:
        return []
    return [first, *consumer.consume(most - 1, GATHER)] if most > 1 else [first]


def _client(servers: str, log: Log) -> dict[str, Any]:
    """What all clients are told. They find the way back to Kafka by themselves; what they say of it is logged."""

    def failed(error: KafkaError) -> None:
        log.error("kafka", error=str(error))

    return {"bootstrap.servers": servers, "log_level": 0, "error_cb": failed}


def _make_topics(servers: str, name: str, sources: set[str]) -> None:
    """Make the topics that are missing, and see them there. Raises ValueError where Kafka cannot be reached."""
    admin = AdminClient({"bootstrap.servers": servers, "socket.timeout.ms": 5_000})
    try:
        known = admin.list_topics(timeout=10.0)
    except KafkaException as error:
        raise ValueError(
            f"MERCATO_EVENTS: Kafka at {servers} cannot be reached ({error.args[0]}): see that it runs there"
        ) from None
    replicas = min(3, len(known.brokers))
    topics = [topic_of(source) for source in sorted(sources)]
    missing = [
        NewTopic(
            f"{name}.{topic.source}",
            num_partitions=topic.partitions,
            replication_factor=replicas,
            config={"retention.ms": str(topic.retention), "min.insync.replicas": str(max(1, replicas - 1))},
        )
        for topic in topics
        if f"{name}.{topic.source}" not in known.topics
    ]
    for future in admin.create_topics(missing).values() if missing else ():
        try:
            future.result(timeout=15.0)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise
    # Another process may be making a topic now, and who subscribes before it is seen hears of it minutes later.
    for _ in range(LOOKS if missing else 0):
        known = admin.list_topics(timeout=10.0)
        if all(topic.topic in known.topics for topic in missing):
            return
        threading.Event().wait(PAUSE)
