"""The least that speaks to each server: keep a value under a key, read it, forget it. No driver is needed.

A key is of small letters and digits, a value short and of letters. What fails raises OSError, AssertionError or
Unavailable.
"""

import hashlib
import hmac
import http.client
import socket
import struct
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from tools.engines import Engine, Unavailable, postgresql
from tools.engines.commands import Setting, run
from tools.engines.installing import find

PATIENCE = 3  # seconds until a server that does not answer has failed


class Client(NamedTuple):
    """`put` returns when the server has acknowledged the value."""

    put: Callable[[Engine, str, str], object]
    get: Callable[[Engine, str], str]
    drop: Callable[[Engine, str], object]


def reading(table: str) -> str:
    return f"select v from {table}"  # noqa: S608 - a name that a test has made


def postgresql_statement(url: str, statement: str) -> str:
    command = [postgresql.binary("psql"), "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", url]
    return run([*command, "--command", statement], PATIENCE, Setting(variables={"PGCONNECT_TIMEOUT": "2"})).strip()


def mariadb_statement(url: str, statement: str) -> str:
    at = urlsplit(url)
    where = ["--protocol=tcp", f"--host={at.hostname}", f"--port={at.port}", f"--user={at.username}"]
    how = ["--no-defaults", "--batch", "--skip-column-names", "--connect-timeout=2"]
    known = Setting(variables={"MYSQL_PWD": at.password or ""})
    return run([find("mariadb"), *how, *where, "--execute", statement], PATIENCE, known).strip()


def redis_command(engine: Engine, command: str) -> str:
    """The first reply, without its end of line."""
    with _connect(engine) as connection, connection.makefile("rb") as reader:
        connection.sendall(f"{command}\r\n".encode())
        first = reader.readline().decode().strip()
        reply = reader.readline().decode().strip() if first[:1] == "$" else first
        assert first, "the connection was closed"
        return reply


def s3_request(url: str, method: str, key: str, body: bytes = b"") -> tuple[int, bytes]:
    """Status and body of a request that is signed with the keys of the URL."""
    at = urlsplit(url)
    path, host = f"{at.path}/{key}", f"{at.hostname}:{at.port}"
    connection = http.client.HTTPConnection(host, timeout=PATIENCE)
    try:
        connection.request(method, path, body, _s3_headers(at, f"{method}\n{path}", body))
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def mongo_command(engine: Engine, fields: bytes) -> bytes:
    """The reply to a command, whose fields are given as BSON; `$db` is added."""
    document = _bson(fields + _bson_text("$db", "mercato"))
    with _connect(engine) as connection, connection.makefile("rb") as reader:
        connection.sendall(struct.pack("<iiiii", 21 + len(document), 1, 0, 2013, 0) + b"\0" + document)
        length = struct.unpack("<i", _exactly(reader.read(4), 4))[0]
        reply = _exactly(reader.read(length - 4), length - 4)
    assert b"\x01ok\0" + struct.pack("<d", 1) in reply, reply
    return reply


def kafka_request(engine: Engine, kind: int, version: int, body: bytes) -> bytes:
    """The body of the response to a request of this kind."""
    head = struct.pack(">hhih", kind, version, 7, 4) + b"test"
    with _connect(engine) as connection, connection.makefile("rb") as reader:
        connection.sendall(struct.pack(">i", len(head + body)) + head + body)
        length = struct.unpack(">i", _exactly(reader.read(4), 4))[0]
        return _exactly(reader.read(length), length)[4:]


def _kafka_put(engine: Engine, key: str, value: str) -> None:
    """Make a topic of one partition and keep a record in it, as soon as a broker that has just started does so."""
    topic = struct.pack(">i", 1) + _text(key)
    creation = topic + struct.pack(">ihiiib", 1, 1, 0, 0, 10_000, 0)
    created = [topic + struct.pack(">hh", error, -1) for error in (0, 36)]  # 36: an earlier try has made it
    _ask_until(lambda: kafka_request(engine, 19, 2, creation), lambda answer: answer[4:] in created)
    records = _batch(value.encode())
    production = struct.pack(">hhi", -1, -1, 5_000) + topic + struct.pack(">iii", 1, 0, len(records)) + records
    acknowledged = topic + struct.pack(">iihq", 1, 0, 0, 0)
    _ask_until(lambda: kafka_request(engine, 0, 3, production), lambda answer: answer.startswith(acknowledged))


def _kafka_get(engine: Engine, key: str) -> str:
    """The value of the first record, the last thing but one in the response to a fetch."""
    partition = struct.pack(">iiqi", 1, 0, 0, 1_000)
    fetch = struct.pack(">iiiibi", -1, 1_000, 1, 1_000, 0, 1) + _text(key) + partition
    whole = struct.pack(">ihq", 0, 0, 1)  # of partition 0, without error, all up to the first record
    answer = _ask_until(lambda: kafka_request(engine, 1, 4, fetch), lambda answer: whole in answer)
    return answer[answer.rindex(b"\1") + 2 : -1].decode()


def _ask_until(ask: Callable[[], bytes], is_right: Callable[[bytes], bool]) -> bytes:
    """The right answer. A server that has just started may have others for a while; one that has none fails at once."""
    until = time.monotonic() + 20
    while not is_right(answer := ask()):
        assert time.monotonic() < until, answer
        time.sleep(0.1)
    return answer


def _batch(value: bytes) -> bytes:
    """One record as Kafka keeps it; `\\1` stands for the key that there is none of."""
    record = bytes([0, 0, 0, 1, 2 * len(value)]) + value + b"\0"
    inner = struct.pack(">hiqqqhii", 0, 0, 0, 0, -1, -1, -1, 1) + bytes([2 * len(record)]) + record
    checked = struct.pack(">ibI", -1, 2, _crc32c(inner)) + inner
    return struct.pack(">qi", 0, len(checked)) + checked


def _crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def _text(text: str) -> bytes:
    return struct.pack(">h", len(text)) + text.encode()


def _bson(fields: bytes) -> bytes:
    return struct.pack("<i", len(fields) + 5) + fields + b"\0"


def _bson_text(name: str, text: str) -> bytes:
    return b"\2" + name.encode() + b"\0" + struct.pack("<i", len(text) + 1) + text.encode() + b"\0"


def _mongo_put(engine: Engine, key: str, value: str) -> None:
    documents = b"\4documents\0" + _bson(b"\0030\0" + _bson(_bson_text("v", value)))
    mongo_command(engine, _bson_text("insert", key) + documents)


def _mongo_get(engine: Engine, key: str) -> str:
    reply = mongo_command(engine, _bson_text("find", key))
    _, found, rest = reply.partition(b"\2v\0")
    assert found, reply
    return rest[4:].partition(b"\0")[0].decode()


def _s3_headers(at: SplitResult, what: str, body: bytes) -> dict[str, str]:
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    checksum = hashlib.sha256(body).hexdigest()
    headers = {"host": f"{at.hostname}:{at.port}", "x-amz-content-sha256": checksum, "x-amz-date": moment}
    lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
    request = f"{what}\n\n{lines}\n{';'.join(headers)}\n{checksum}"
    scope = f"{moment[:8]}/us-east-1/s3/aws4_request"
    signed = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    key = f"AWS4{at.password}".encode()
    for part in (*scope.split("/"), signed):
        key = hmac.digest(key, part.encode(), "sha256")
    told = f"Credential={at.username}/{scope},SignedHeaders={';'.join(headers)},Signature={key.hex()}"
    return {**headers, "authorization": f"AWS4-HMAC-SHA256 {told}"}


def _s3(engine: Engine, method: str, key: str, body: bytes = b"") -> str:
    status, answer = s3_request(engine.url, method, key, body)
    assert status in (200, 204), answer
    return answer.decode()


def _redis_put(engine: Engine, key: str, value: str) -> None:
    assert redis_command(engine, f"SET {key} {value}") == "+OK"


def _connect(engine: Engine) -> socket.socket:
    at = urlsplit(engine.url)
    return socket.create_connection((at.hostname or "", at.port or 0), timeout=PATIENCE)


def _exactly(got: bytes, length: int) -> bytes:
    assert len(got) == length, "the connection was closed"
    return got


CLIENTS = {
    "postgresql": Client(
        lambda engine, key, value: postgresql_statement(engine.owner_url, f"create table {key} as select '{value}' v"),
        lambda engine, key: postgresql_statement(engine.owner_url, reading(key)),
        lambda engine, key: postgresql_statement(engine.owner_url, f"drop table {key}"),
    ),
    "mariadb": Client(
        lambda engine, key, value: mariadb_statement(
            engine.owner_url, f"create table mercato.{key} as select '{value}' v"
        ),
        lambda engine, key: mariadb_statement(engine.owner_url, reading(f"mercato.{key}")),
        lambda engine, key: mariadb_statement(engine.owner_url, f"drop table mercato.{key}"),
    ),
    "redis": Client(
        _redis_put,
        lambda engine, key: redis_command(engine, f"GET {key}"),
        lambda engine, key: redis_command(engine, f"DEL {key}"),
    ),
    "kafka": Client(
        _kafka_put,
        _kafka_get,
        lambda engine, key: kafka_request(engine, 20, 1, struct.pack(">i", 1) + _text(key) + struct.pack(">i", 5_000)),
    ),
    "mongo": Client(
        _mongo_put,
        _mongo_get,
        lambda engine, key: mongo_command(engine, _bson_text("drop", key)),
    ),
    "s3": Client(
        lambda engine, key, value: _s3(engine, "PUT", key, value.encode()),
        lambda engine, key: _s3(engine, "GET", key),
        lambda engine, key: _s3(engine, "DELETE", key),
    ),
}

FAILURES = (OSError, AssertionError, Unavailable, http.client.HTTPException)
