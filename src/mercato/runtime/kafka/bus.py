"""Kafka: the logs of all services, for consumers in other processes.

The relay of a service publishes its log to the service's topic. Every service that listens is a consumer group; which
of its processes consumes a source, Kafka says. How far a service is, its own database says: what was done already is
dropped, what is missing is read from the source. Offsets only save reading.
"""

import asyncio
import threading
from collections.abc import Mapping
from typing import Any

import msgspec
from confluent_kafka import KafkaError, KafkaException, Message, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from mercato.runtime.batches.shared import SharedExecutor, Source
from mercato.runtime.kafka.group import Group
from mercato.runtime.kafka.relay import PublishFailed, Relay
from mercato.runtime.kafka.topics import topic_of
from mercato.runtime.parts import Parts
from mercato.runtime.telemetry import Log
from mercato.values.messages import Envelope

POLL = 0.1  # seconds
PATIENCE = 15.0  # seconds for an acknowledgement
PAUSE, LOOKS = 0.05, 300  # seconds until topics that were made are looked for once more, and how often

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
        self._groups: list[Group] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._producer: Producer | None = None

    def join(self, executors: Mapping[str, SharedExecutor], logs: Mapping[str, Source]) -> None:
        """Relay the logs of these services, and consume for them."""
        loop = self._parts.loop
        sources = {*executors, *(source for executor in executors.values() for source in executor.feeds)}
        _make_topics(self._servers, self._name, sources)
        client = _client(self._servers, self._parts.telemetry.log)
        self._producer = Producer(
            {
                **client,
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
                self._groups.append(Group(self._name, client, self._member, executor, self._parts))

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
