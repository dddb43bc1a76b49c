"""What Kafka says about the topics and groups of an installation: facts, for whoever judges them."""

import msgspec
from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, OffsetSpec, ResourceType  # type: ignore[attr-defined] # not in its list

LATEST = OffsetSpec.latest()  # type: ignore[no-untyped-call] # the client does not say its type


class TopicCondition(msgspec.Struct, frozen=True):
    """`retention` in milliseconds."""

    partitions: int
    replicas: int
    retention: int
    least_in_sync: int


class KafkaCondition(msgspec.Struct, frozen=True):
    """Topics of this installation by source, and how many messages each group is behind the ends of its topics."""

    brokers: int
    topics: dict[str, TopicCondition]
    lag: dict[str, int]


def read_condition(servers: str, name: str, listening: dict[str, tuple[str, ...]], seconds: float) -> KafkaCondition:
    """`listening` are the sources that each service listens to. Raises OSError where Kafka does not answer."""
    admin = AdminClient({"bootstrap.servers": servers, "socket.timeout.ms": int(seconds * 1_000), "log_level": 0})
    try:
        known = admin.list_topics(timeout=seconds)
        own = {topic: found for topic, found in known.topics.items() if topic.startswith(f"{name}.")}
        asked = [ConfigResource(ResourceType.TOPIC, topic) for topic in own]
        configured = admin.describe_configs(asked, request_timeout=seconds) if asked else {}
        topics = {}
        for resource, future in configured.items():
            config, found = future.result(timeout=seconds), own[resource.name]
            replicas = min((len(partition.replicas) for partition in found.partitions.values()), default=0)
            topics[resource.name.removeprefix(f"{name}.")] = TopicCondition(
                len(found.partitions),
                replicas,
                int(config["retention.ms"].value),
                int(config["min.insync.replicas"].value),
            )
        lag = _lag(admin, name, {each: [s for s in sources if s in topics] for each, sources in listening.items()})
        return KafkaCondition(len(known.brokers), topics, lag)
    except KafkaException as error:
        raise OSError(f"{servers}: {error.args[0].str()}") from None


def _lag(admin: AdminClient, name: str, listening: dict[str, list[str]]) -> dict[str, int]:
    sources = sorted({source for each in listening.values() for source in each})
    if not sources:
        return {}
    asked = {TopicPartition(f"{name}.{source}", 0): LATEST for source in sources}
    ends = {partition.topic: future.result(timeout=3).offset for partition, future in admin.list_offsets(asked).items()}
    lag = {}
    for service, heard in listening.items():
        partitions = [TopicPartition(f"{name}.{source}", 0) for source in heard]
        if not partitions:
            continue
        group = ConsumerGroupTopicPartitions(f"{name}.{service}", partitions)
        (future,) = admin.list_consumer_group_offsets([group]).values()
        try:
            offsets = future.result(timeout=3).topic_partitions
        except KafkaException:
            continue  # the group has never been there
        lag[service] = sum(max(0, ends[each.topic] - max(each.offset, 0)) for each in offsets)
    return lag
