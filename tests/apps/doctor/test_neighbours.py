"""What is beside the databases: doors, Kafka, Redis, mail, the data folder."""

import asyncio
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from secrets import token_hex

import msgspec
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from mercato.apps.command_line import main
from mercato.apps.commands import doctor
from mercato.apps.doctor import results as bounds
from mercato.apps.doctor.neighbours import judge_group, judge_topic, judge_welcome, peer_checks
from mercato.apps.doctor.results import FAIL, OK, WARN, run_all
from mercato.apps.services import service_names
from mercato.runtime.access.keyring import Keyring
from mercato.runtime.kafka.condition import TopicCondition
from mercato.runtime.kafka.topics import DAY, Topic
from mercato.runtime.peers.frames import VERSION, Sealing, Welcome
from mercato.runtime.settings import Settings
from mercato.values.clock import SystemClock
from mercato.values.ids import Ids
from tests.journeys.town import opened
from tools.engines import Engine

IDS = Ids(SystemClock())


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "SECONDS", 30.0)


async def test_files_of_an_embedded_shop_are_looked_at(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "data"
    async with opened(data, listens=False):
        pass
    assert await asyncio.to_thread(main, ["doctor", "--data", str(data)]) == 0
    told = capsys.readouterr().out
    assert "file orders.db" in told
    assert told.splitlines()[-1].endswith("checks: 0 FAIL, 0 warn")
    (data / "orders.db").write_bytes(b"this is no database, it never was one" * 100)
    assert await asyncio.to_thread(main, ["doctor", "--data", str(data)]) == 1
    assert "file is not a database" in capsys.readouterr().out


def test_a_folder_that_is_not_there_is_not_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--data", str(tmp_path / "none")]) == 0
    assert "there is no " in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


def test_topics_are_judged_by_the_table() -> None:
    topic, good = Topic("orders", 30 * DAY), TopicCondition(1, 3, 30 * DAY, 2)
    assert list(judge_topic(topic, good)) == []
    for changes, status in (({"partitions": 2}, FAIL), ({"retention": DAY}, WARN), ({"least_in_sync": 1}, WARN)):
        assert [each.status for each in judge_topic(topic, msgspec.structs.replace(good, **changes))] == [status]
    assert (judge_group("orders", 1_000).status, judge_group("orders", 1_001).status) == (OK, WARN)


def test_a_door_must_run_what_the_settings_say() -> None:
    welcome = Welcome(VERSION, b"", "node_1", ("orders",))
    assert [each.status for each in judge_welcome("door", welcome, ["orders"])] == [OK]
    assert judge_welcome("door", welcome, ["orders", "carts"])[0].text == "it runs orders, and not carts"
    newer = msgspec.structs.replace(welcome, version=VERSION + 1)
    assert judge_welcome("door", newer, ["orders"])[0].status == FAIL
    assert judge_welcome("door", None, ["orders"])[0].status == FAIL


@pytest.mark.parametrize("same", [True, False])
def test_a_door_must_have_our_keys(tmp_path: Path, same: bool) -> None:
    own = Keyring.open(tmp_path / "keys.json", IDS)
    other = Keyring("k1", {"k1": IDS.secret()})
    listener = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        connection, _ = listener.accept()
        sealed = Sealing(own if same else other, b"out").seal([Welcome(VERSION, b"x", "node", ("orders",))])
        with connection, suppress(OSError):
            connection.sendall(sealed)
            connection.recv(1)

    thread = threading.Thread(target=answer)
    thread.start()
    settings = Settings(data=tmp_path, peers=f"orders=127.0.0.1:{listener.getsockname()[1]}")
    (found,) = run_all(peer_checks(settings))
    thread.join()
    listener.close()
    assert (found.status, "MERCATO_KEYS" in found.advice) == ((OK, False) if same else (FAIL, True))


def test_a_door_and_a_mail_server_that_do_not_answer_are_told(tmp_path: Path) -> None:
    Keyring.open(tmp_path / "keys.json", IDS)
    settings = Settings(data=tmp_path, peers="orders=127.0.0.1:1", mail="smtp://me:secret-word@127.0.0.1:1")
    failed = [each.what for each in doctor.examine(settings, SystemClock(), {}) if each.status == FAIL]
    assert failed == ["door 127.0.0.1:1", "mail"]


@pytest.mark.server
def test_kafka_and_redis_are_asked(tmp_path: Path, engine: Callable[[str], Engine]) -> None:
    kafka, redis, name = engine("kafka"), engine("redis"), f"doctor_{token_hex(4)}"
    settings = Settings(data=tmp_path, events=f"{kafka.url}/{name}")
    found = doctor.examine(settings, SystemClock(), {"MERCATO_CACHE": redis.url})
    told = {each.what: (each.status, each.text) for each in found}
    assert told["Kafka"][0] == OK
    assert told["topics"][1].startswith(f"{len(service_names())} are not there yet")
    assert found[[each.what for each in found].index("Redis")].text.startswith("version ")


@pytest.mark.server
def test_topics_and_groups_of_a_real_kafka_are_read(tmp_path: Path, engine: Callable[[str], Engine]) -> None:
    kafka, name = engine("kafka"), f"doctor_{token_hex(4)}"
    servers, topic = kafka.url.removeprefix("kafka://"), f"{name}.orders"
    admin = AdminClient({"bootstrap.servers": servers})
    for future in admin.create_topics([NewTopic(topic, 2, 1, config={"retention.ms": "60000"})]).values():
        future.result()
    try:
        producer = Producer({"bootstrap.servers": servers})
        for _ in range(3):
            producer.produce(topic, b"event", partition=0)
        assert producer.flush(30) == 0
        consumer = Consumer({"bootstrap.servers": servers, "group.id": f"{name}.carts"})
        consumer.commit(offsets=[TopicPartition(topic, 0, 1)], asynchronous=False)
        consumer.close()
        settings = Settings(data=tmp_path, events=f"{kafka.url}/{name}")
        found = [(each.status, each.what, each.text) for each in doctor.examine(settings, SystemClock(), {})]
    finally:
        for future in admin.delete_topics([topic]).values():
            future.result()
    assert (FAIL, "topic orders", "it has 2 partitions, not 1: events lose their order") in found
    assert (WARN, "topic orders", "it keeps events for 0 h, not 720 h") in found
    assert (OK, "group carts", "2 events behind") in found


def test_kafka_and_redis_that_are_not_there_are_told(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, events="kafka://127.0.0.1:1/none")
    found = doctor.examine(settings, SystemClock(), {"MERCATO_CACHE": "redis://:secret-word@127.0.0.1:1/0"})
    assert [each.what for each in found if each.status == FAIL] == ["Kafka", "Redis"]
    assert "secret-word" not in str(found)
