"""Everything beside databases: Kafka, Redis, media, other processes, the mail server, the data folder."""

import asyncio
import os
import shutil
import smtplib
import socket
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mercato.apps.doctor.results import FAIL, OK, SECONDS, WARN, Check, Result
from mercato.runtime.access.keyring import Keyring
from mercato.runtime.kafka.opening import SCHEME
from mercato.runtime.kafka.topics import Topic, topic_of
from mercato.runtime.media.store import MediaStore
from mercato.runtime.peers.frames import VERSION, BadFrame, Opening, Welcome
from mercato.runtime.service import Service, source_of
from mercato.runtime.settings import Settings
from mercato.values.clock import HOUR, SystemClock
from mercato.values.ids import Ids

if TYPE_CHECKING:
    from mercato.runtime.kafka.condition import TopicCondition

BEHIND = 1_000  # messages from which on a group is told of
LEAST_FREE, FULL = 2 << 30, 200 << 20  # bytes
LEAST_REDIS = (6,)
LEAST_SEARCH = {"OpenSearch": 2, "Elasticsearch": 8}
_MOST = 1 << 16


def kafka_check(settings: Settings, services: tuple[Service, ...]) -> Iterator[Check]:
    if not settings.events.startswith(SCHEME):
        return
    servers, _, name = settings.events.removeprefix(SCHEME).partition("/")
    listening = {
        service.name: tuple(sorted({source_of(row.event) for row in service.listeners})) for service in services
    }
    sources = sorted({*listening, *(source for heard in listening.values() for source in heard)})

    def look() -> list[Result]:
        from mercato.runtime.kafka.condition import read_condition

        found = read_condition(servers, name or "mercato", listening, SECONDS)
        topics = [result for source in sources for result in judge_topic(topic_of(source), found.topics.get(source))]
        if missing := [source for source in sources if source not in found.topics]:
            text = f"{len(missing)} are not there yet ({', '.join(missing)})"
            topics.append(Result(WARN, "topics", text, "the first process that starts makes them"))
        if not topics:
            topics.append(Result(OK, "topics", "partitions, retention and replicas are as they should be"))
        groups = [judge_group(service, lag) for service, lag in found.lag.items()]
        return [Result(OK, "Kafka", f"{found.brokers} brokers at {servers}"), *topics, *groups]

    yield Check("Kafka", look, "see that Kafka runs there and lets this machine in, or correct MERCATO_EVENTS")


def judge_topic(wanted: Topic, topic: "TopicCondition | None") -> Iterator[Result]:
    what = f"topic {wanted.source}"
    if topic is None:
        return
    if topic.partitions != wanted.partitions:
        text = f"it has {topic.partitions} partitions, not {wanted.partitions}: events lose their order"
        yield Result(FAIL, what, text, "stop all processes, remove the topic, start them: it is made again")
    if topic.retention < wanted.retention:
        text = f"it keeps events for {topic.retention // HOUR} h, not {wanted.retention // HOUR} h"
        yield Result(WARN, what, text, f"set its retention.ms to {wanted.retention}")
    if topic.least_in_sync < topic.replicas - 1:
        text = f"min.insync.replicas is {topic.least_in_sync}, of {topic.replicas} replicas"
        yield Result(WARN, what, text, f"set it to {topic.replicas - 1}: else one broker's loss may lose events")


def judge_group(service: str, lag: int) -> Result:
    late = lag > BEHIND
    advice = f"see that {service} runs, and what its log says" if late else ""
    return Result(WARN if late else OK, f"group {service}", f"{lag:,} events behind", advice)


def redis_check(url: str) -> Iterator[Check]:
    """Of the cache, where there is one."""
    if not url:
        return

    def look() -> list[Result]:
        import redis

        client = redis.Redis.from_url(url, socket_timeout=SECONDS, socket_connect_timeout=SECONDS)
        with closing(client):
            told: Mapping[str, object] = client.info()
        version, policy = str(told["redis_version"]), str(told.get("maxmemory_policy", ""))
        if tuple(int(part) for part in version.split(".") if part.isdecimal()) < LEAST_REDIS:
            return [Result(FAIL, "Redis", f"version {version} is too old", "use Redis 6 or newer")]
        results = [Result(OK, "Redis", f"version {version}")]
        if told.get("maxmemory") and policy == "noeviction":
            text = "maxmemory-policy is noeviction: a full cache refuses what is new"
            results.append(Result(WARN, "Redis", text, "set maxmemory-policy to allkeys-lru"))
        return results

    yield Check("Redis", look, "see that Redis runs there, and that the password in MERCATO_CACHE is right")


def search_check(settings: Settings) -> Iterator[Check]:
    """Of the server that has the index of products, where there is one."""
    if not settings.search:
        return

    def look() -> list[Result]:
        from mercato.services.search.adapters.opensearch_client import Client, Place

        with closing(Client(Place.read(settings.search))) as client:
            version = client.call("GET", "", patience=SECONDS)["version"]
            health = client.call("GET", "_cluster/health", patience=SECONDS)["status"]
        name = "OpenSearch" if version.get("distribution") == "opensearch" else "Elasticsearch"
        if int(str(version["number"]).partition(".")[0]) < LEAST_SEARCH[name]:
            text = f"{name} {version['number']} is too old"
            return [Result(FAIL, "search", text, f"use {name} {LEAST_SEARCH[name]} or newer")]
        if health == "red":
            text = f"{name} {version['number']} has lost a part of its data, its health is red"
            return [Result(FAIL, "search", text, "see its log; what cannot be had again: `mercato search rebuild`")]
        return [Result(OK, "search", f"{name} {version['number']}, its health is {health}")]

    yield Check("search", look, "see that the server runs there, and that the login in MERCATO_SEARCH is right")


def media_check(open_store: Callable[[], MediaStore]) -> Check:
    """`open_store` is called in the loop that the store is used in."""

    async def look() -> list[Result]:
        store = open_store()
        try:
            await asyncio.wait_for(store.check(), SECONDS)
        finally:
            await store.close()
        return [Result(OK, "media", "a file can be written and removed")]

    return Check("media", lambda: asyncio.run(look()), "see what MERCATO_MEDIA names, and that it can be reached")


def peer_checks(settings: Settings) -> Iterator[Check]:
    """Each door says who it is with its first word, which is signed."""
    doors: dict[tuple[str, int], list[str]] = {}
    for service, addresses in settings.places.items():
        for address in addresses:
            doors.setdefault(address, []).append(service)
    for address, services in doors.items():
        what = f"door {address[0]}:{address[1]}"
        yield Check(what, _look_at(settings, address, services), f"start the process of {', '.join(services)}")


def _look_at(settings: Settings, address: tuple[str, int], services: list[str]) -> Callable[[], list[Result]]:
    what = f"door {address[0]}:{address[1]}"

    def look() -> list[Result]:
        if not settings.keys_file.exists():
            return [
                Result(FAIL, what, f"{settings.keys_file} is not there", "set MERCATO_KEYS to the file of the keys")
            ]
        opening = Opening(Keyring.open(settings.keys_file, Ids(SystemClock())), b"out")
        with socket.create_connection(address, SECONDS) as connection:
            connection.settimeout(SECONDS)
            while data := connection.recv(_MOST):
                try:
                    for items in opening.read(data):
                        return judge_welcome(what, items[0], services)
                except BadFrame as error:
                    return [Result(FAIL, what, str(error), "give it and this process the same file MERCATO_KEYS")]
        return [Result(FAIL, what, "it closes at once", "see its log")]

    return look


def judge_welcome(what: str, welcome: object, services: list[str]) -> list[Result]:
    if not isinstance(welcome, Welcome):
        return [Result(FAIL, what, "it does not say who it is", "see that MERCATO_PEERS names the door of a process")]
    runs = ", ".join(welcome.services)
    if welcome.version != VERSION:
        text = f"it speaks version {welcome.version}, we speak {VERSION}"
        return [Result(FAIL, what, text, "run the same version of Mercato everywhere")]
    if missing := sorted(set(services) - set(welcome.services)):
        text = f"it runs {runs}, and not {', '.join(missing)}"
        return [Result(FAIL, what, text, "correct MERCATO_PEERS, or what the process serves")]
    return [Result(OK, what, f"it runs {runs}, version {welcome.version}")]


def mail_check(settings: Settings) -> Iterator[Check]:
    if not settings.mail.startswith("smtp://"):
        return
    parts = urlsplit(settings.mail)

    def look() -> list[Result]:
        with smtplib.SMTP(parts.hostname or "localhost", parts.port or 587, timeout=SECONDS) as server:
            code, _ = server.ehlo()
        return [Result(OK, "mail", f"{parts.hostname} answers ({code})")]

    yield Check("mail", look, "see that the server of MERCATO_MAIL runs and lets this machine in")


def folder_check(settings: Settings) -> Check:
    data = settings.data

    def look() -> list[Result]:
        if not data.is_dir():
            return [Result(WARN, "data folder", f"there is no {data} yet", "the first start makes it")]
        results = [_owned(settings)]
        free = shutil.disk_usage(data).free
        text = f"{free / 2**30:.1f} GiB free"
        status = OK if free >= LEAST_FREE else WARN if free >= FULL else FAIL
        results.append(Result(status, "data folder", text, "make room, or move it to another disk"))
        if not settings.on_servers:
            results.extend(_file(path) for path in sorted(data.glob("*.db")))
        return results

    return Check("data folder", look, "see what --data or MERCATO_DATA names")


def _owned(settings: Settings) -> Result:
    data = settings.data
    if not os.access(data, os.R_OK | os.W_OK | os.X_OK):
        return Result(FAIL, "data folder", f"{data} cannot be written", "give it to the user that runs the shop")
    if data.stat().st_uid != os.geteuid():
        return Result(WARN, "data folder", f"{data} belongs to another user", "run this as the user of the shop")
    return Result(OK, "data folder", f"{data} can be written, and is ours")


def _file(path: object) -> Result:
    """Whether it can be read at all: what is in it, is for verify to say."""
    what = f"file {getattr(path, 'name', path)}"
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=1.0)) as connection:
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master WHERE type = 'table'").fetchone()
    return Result(OK, what, f"{tables} tables; `mercato verify` looks at what is in them")
