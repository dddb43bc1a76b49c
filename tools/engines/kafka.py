"""Apache Kafka: one process that is both broker and controller."""

import base64
import secrets
from pathlib import Path

from tools.engines.commands import run
from tools.engines.installing import install_jars, java
from tools.engines.room import Room
from tools.engines.server import Address, Server
from tools.engines.waiting import exchange

_JARS = (
    "org.apache.kafka:kafka_2.13:4.2.0",
    # Kafka speaks through slf4j 1.7, which finds this binding.
    "org.apache.logging.log4j:log4j-slf4j-impl:2.25.3",
    "org.apache.logging.log4j:log4j-core:2.25.3",
)

_LOGGING = """\
status = error
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d %p %c: %m%n
rootLogger.level = warn
rootLogger.appenderRef.out.ref = out
"""

# Alone it cannot keep copies, which Kafka's defaults ask for three times. A broker that was killed is waited for as
# short as can be, and a group's first member does not wait for others.
_SETTINGS = {
    "node.id": "1",
    "process.roles": "broker,controller",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "CLIENTS",
    "listener.security.protocol.map": "CLIENTS:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "auto.create.topics.enable": "false",
    "default.replication.factor": "1",
    "min.insync.replicas": "1",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "2",
    "group.initial.rebalance.delay.ms": "0",
    "broker.heartbeat.interval.ms": "500",
    "broker.session.timeout.ms": "3000",
    "num.network.threads": "2",
    "num.io.threads": "4",
    "log.segment.bytes": str(64 * 1024 * 1024),
    "log.cleaner.dedupe.buffer.size": str(16 * 1024 * 1024),
}

_API_VERSIONS = bytes.fromhex("0000000f 0012 0000 00000001 0005") + b"ready"  # of a client called "ready"


def _install(room: Room) -> None:
    install_jars(room, *_JARS)


def _command(room: Room) -> list[str]:
    properties = _write_properties(room)
    classes = ["-cp", f"{room.folder / 'lib'}/*"]
    logging = f"-Dlog4j2.configurationFile={room.write('logging.properties', _LOGGING)}"
    if not (room.folder / "data" / "meta.properties").exists():
        make = ["kafka.tools.StorageTool", "format", "--standalone", "--cluster-id", _cluster(), "--config"]
        run([java(), "-Xmx128m", logging, *classes, *make, str(properties)], 60)
    memory = ["-Xms128m", "-Xmx384m", "-XX:MaxDirectMemorySize=128m", "-XX:+ExitOnOutOfMemoryError"]
    return [java(), *memory, logging, *classes, "kafka.Kafka", str(properties)]


def _write_properties(room: Room) -> Path:
    own = f"CONTROLLER://127.0.0.1:{room.port('controller port')}"
    listeners = f"CLIENTS://127.0.0.1:{room.port()},{own}"
    settings = {
        **_SETTINGS,
        "listeners": listeners,
        "advertised.listeners": listeners,
        "controller.quorum.bootstrap.servers": own.removeprefix("CONTROLLER://"),
        "log.dirs": str(room.subfolder("data")),
    }
    return room.write("server.properties", "".join(f"{name}={value}\n" for name, value in settings.items()))


def _cluster() -> str:
    """A new cluster's id: 16 bytes in URL-safe base64. The first are given, for none may begin with a dash."""
    return base64.urlsafe_b64encode(b"mercato" + secrets.token_bytes(9)).decode().rstrip("=")


def _answers(room: Room) -> bool:
    """Whether it tells a client what it understands: a broker does so when it has started, and not before."""
    return exchange(room.port(), _API_VERSIONS)[4:8] == b"\0\0\0\1"


def _address(room: Room) -> Address:
    return Address(f"kafka://127.0.0.1:{room.port()}")


SERVER = Server(_install, _command, _answers, _address, seconds=120)
