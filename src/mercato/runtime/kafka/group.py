"""A service's consumer group on Kafka: this process is a member of it, by one client after another.

A client of Kafka may be of no more use: the broker shut it out for good, or it waits for an answer that was lost when
a broker was killed. The group notices both, lets go of what the client had, and goes on with a new one.
"""

import json
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import msgspec
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from mercato.runtime.batches.shared import SharedExecutor
from mercato.runtime.parts import Parts
from mercato.values.messages import Envelope

AT_ONCE = 500  # messages that are taken from Kafka together
POLL = 0.1  # seconds
GATHER = 0.003  # seconds for which messages that follow the first one are waited for
ROOM = 2_000  # events that may wait for a service before no more are taken
COMMIT_EVERY = 100  # polls between two commits of offsets
LOOK_EVERY = 1.0  # seconds between two looks at whether a client takes part
PATIENCE = 12.0  # seconds that a client may take to join, twice what Kafka waits for a member that is gone
CLOSING = 2.0  # seconds that a client has to end

_decoder = msgspec.msgpack.Decoder(Envelope)


class Group:
    """Consumes for one service: a thread takes messages. `name` is where the names of topics begin, `client` what all
    clients are told, `member` what this process is called, also when it was started again: then it goes on with what
    it had, and Kafka need not find out first that it was gone."""

    def __init__(
        self, name: str, client: Mapping[str, Any], member: str, executor: SharedExecutor, parts: Parts
    ) -> None:
        self._name = name
        self._executor = executor
        self._parts = parts
        self._settings = {
            **client,
            "group.id": f"{name}.{executor.name}",
            "group.instance.id": member,
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "session.timeout.ms": 6_000,
            "heartbeat.interval.ms": 1_500,
            "partition.assignment.strategy": "cooperative-sticky",
            "statistics.interval.ms": int(LOOK_EVERY * 1_000),
        }
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"kafka-{executor.name}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(timeout=CLOSING + 3.0)

    def _run(self) -> None:
        while not self._stopping.is_set():
            client = _Client(self._name, self._settings, self._executor, self._parts)
            try:
                client.take_part(self._stopping)
            except KafkaException as error:
                self._parts.telemetry.log.error("kafka_shut_out", service=self._executor.name, error=str(error))
                self._stopping.wait(POLL)
            finally:
                client.close()


class _Client:
    """One client, from its subscription until it is closed or of no use any more."""

    def __init__(self, name: str, settings: Mapping[str, Any], executor: SharedExecutor, parts: Parts) -> None:
        self._name = name
        self._executor = executor
        self._loop = parts.loop
        self._log = parts.telemetry.log
        self._sources = {f"{name}.{source}": source for source in executor.feeds}
        self._offsets: dict[str, list[tuple[int, int]]] = {}
        self._is_open = True
        self._took_part = self._loop.time()
        self._consumer = Consumer({**settings, "stats_cb": self._look})

    def take_part(self, stopping: threading.Event) -> None:
        """Until it is told to stop. Raises KafkaException where this client will not take part again."""
        self._consumer.subscribe(
            list(self._sources), on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._revoked
        )
        polls = 0
        while not stopping.is_set():
            full = self._executor.waiting > ROOM
            if full:
                stopping.wait(POLL)
            by_source: dict[str, list[Envelope]] = {}
            for message in self._take(1 if full else AT_ONCE):  # who takes none is no member for long
                if (envelope := self._read(message)) is not None:
                    by_source.setdefault(envelope.source, []).append(envelope)
            for source, envelopes in by_source.items():
                self._loop.call_soon_threadsafe(self._executor.hear_from_bus, source, envelopes)
            polls += 1
            if polls % COMMIT_EVERY == 0:
                self._commit()
            if self._loop.time() - self._took_part > PATIENCE:
                raise KafkaException(f"it has not joined its group in {PATIENCE:g} s")
        self._commit()

    def close(self) -> None:
        """It has nothing any more. One that was shut out may never come to its end: it is not waited for."""
        self._is_open = False  # whatever it hears from now on is of the past
        self._loop.call_soon_threadsafe(self._executor.let_go, set(self._sources.values()))
        closing = threading.Thread(target=self._consumer.close, name=f"kafka-{self._executor.name}-end", daemon=True)
        closing.start()
        closing.join(CLOSING)

    def _take(self, most: int) -> list[Message]:
        """Messages as soon as there are any. `consume` waits for as many as it is asked for, or all of its time."""
        first = self._consumer.poll(POLL)
        if first is None:
            return []
        return [first, *self._consumer.consume(most - 1, GATHER)] if most > 1 else [first]

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

    def _commit(self) -> None:
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
                self._consumer.commit(offsets=done, asynchronous=True)

    def _look(self, statistics: str) -> None:
        """Whether it takes part, by what the library tells of it now and then."""
        group = json.loads(statistics).get("cgrp", {})
        if (group.get("state"), group.get("join_state")) == ("up", "steady"):
            self._took_part = self._loop.time()

    def _assigned(self, _consumer: Consumer, partitions: list[TopicPartition]) -> None:
        sources = {self._sources[each.topic] for each in partitions}
        if self._is_open:
            self._loop.call_soon_threadsafe(self._executor.take_over_soon, sources)

    def _revoked(self, _consumer: Consumer, partitions: list[TopicPartition]) -> None:
        sources = {self._sources[each.topic] for each in partitions}
        for source in sources:
            self._offsets.pop(source, None)
        if self._is_open:
            self._loop.call_soon_threadsafe(self._executor.let_go, sources)
