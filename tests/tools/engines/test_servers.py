"""Each real server serves, keeps what it has acknowledged when it is killed, and can be paused."""

import http.client
import json
import secrets
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest

from tests.tools.engines.clients import (
    CLIENTS,
    FAILURES,
    PATIENCE,
    Client,
    mariadb_statement,
    postgresql_statement,
    reading,
    s3_request,
)
from tools.engines import Engine, Unavailable
from tools.engines.commands import run
from tools.engines.postgresql_ha import FIRST, SECOND, is_primary, promote
from tools.engines.waiting import exchange, wait_until

pytestmark = pytest.mark.server

Find = Callable[[str], Engine]


@pytest.fixture(params=CLIENTS)
def server(request: pytest.FixtureRequest, engine: Find) -> Engine:
    return engine(request.param)


@pytest.fixture
def client(server: Engine) -> Client:
    return CLIENTS[server.name]


@pytest.fixture
def key(server: Engine, client: Client) -> Iterator[str]:
    """One under which a value is kept."""
    key = f"k{secrets.token_hex(8)}"
    client.put(server, key, "kept")
    yield key
    client.drop(server, key)


def test_a_server_serves(server: Engine, client: Client, key: str) -> None:
    assert client.get(server, key) == "kept"


def test_a_server_keeps_what_it_has_acknowledged_when_it_is_killed(server: Engine, client: Client, key: str) -> None:
    url, before = server.url, server.pids
    try:
        server.kill()
        assert server.pids == []
        assert not server.is_up
        with pytest.raises(FAILURES):
            client.get(server, key)
    finally:
        server.start()
    assert server.url == url
    assert server.pids
    assert not set(server.pids) & set(before)
    assert client.get(server, key) == "kept"


def test_a_paused_server_says_nothing_until_it_goes_on(server: Engine, client: Client, key: str) -> None:
    before = server.pids
    try:
        server.pause()
        assert server.is_up
        with pytest.raises(FAILURES):
            client.get(server, key)
    finally:
        server.resume()
    assert client.get(server, key) == "kept"
    assert server.pids[0] == before[0]


@pytest.mark.parametrize(("name", "statement"), [("postgresql", postgresql_statement), ("mariadb", mariadb_statement)])
def test_users_of_a_database_have_only_what_they_are_granted(
    engine: Find, name: str, statement: Callable[[str, str], str]
) -> None:
    server, table = engine(name), f"k{secrets.token_hex(8)}"
    table, user = ("mercato." + table, "mercato@127.0.0.1") if name == "mariadb" else (table, "mercato")
    statement(server.owner_url, f"create table {table} as select 'kept' v")
    try:
        for refused in (reading(table), f"create table {table}_too (a int)"):
            with pytest.raises(Unavailable, match="denied"):
                statement(server.url, refused)
        statement(server.owner_url, f"grant select on {table} to {user}")
        assert statement(server.url, reading(table)) == "kept"
    finally:
        statement(server.owner_url, f"drop table {table}")


def test_the_users_of_a_database_are_no_super_users(engine: Find) -> None:
    url = engine("postgresql").owner_url
    rights = "rolsuper, rolcreaterole, rolcreatedb, rolinherit, rolbypassrls"
    asked = f"select rolname, {rights} from pg_roles where rolname in ('mercato', 'mercato_owner') order by 1"  # noqa: S608 - fixed text
    assert postgresql_statement(url, asked).splitlines() == ["mercato|f|f|f|f|f", "mercato_owner|f|t|t|t|f"]
    assert postgresql_statement(url, "show fsync") == "on"


@pytest.mark.parametrize("name", ["postgresql", "mariadb"])
def test_nobody_comes_in_with_a_wrong_password(engine: Find, name: str) -> None:
    statement = {"postgresql": postgresql_statement, "mariadb": mariadb_statement}[name]
    url = engine(name).url
    password = url.split(":")[2].partition("@")[0]
    with pytest.raises(Unavailable, match=r"password authentication failed|Access denied"):
        statement(url.replace(password, "wrong"), "select 1")


def test_the_bucket_refuses_a_wrong_signature(engine: Find) -> None:
    url = engine("s3").url
    status, answer = s3_request(url.replace(":mercato:", ":other:").replace("@", "x@"), "PUT", "key", b"kept")
    assert (status, b"<Code>SignatureDoesNotMatch</Code>" in answer) == (403, True)


def test_a_standby_that_takes_over_has_all_that_was_acknowledged(engine: Find) -> None:
    """Whoever is the primary is killed, and comes back as the standby of the other."""
    pair, client = [engine(FIRST), engine(SECOND)], CLIENTS["postgresql"]
    old, new = sorted(pair, key=is_primary, reverse=True)
    assert [is_primary(old), is_primary(new)] == [True, False]
    key = f"k{secrets.token_hex(8)}"
    client.put(old, key, "kept")
    try:
        old.kill()
        promote(new)
        assert is_primary(new)
        assert client.get(new, key) == "kept"
    finally:
        old.start()
    assert not is_primary(old)
    client.put(new, f"{key}more", "kept")
    there = f"select to_regclass('{key}more') is not null"
    assert wait_until(lambda: postgresql_statement(old.owner_url, there) == "t", 20)
    new.kill()
    old.kill()
    new.start()  # the passwords that both are known by came from the other one
    old.start()
    for each in (key, f"{key}more"):
        client.drop(new, each)


def test_connections_lead_through_the_faulty_proxy(engine: Find) -> None:
    redis, proxy = engine("redis"), engine("toxiproxy")
    connection = http.client.HTTPConnection(urlsplit(proxy.url).netloc, timeout=PATIENCE)
    name = f"k{secrets.token_hex(8)}"
    wanted = {"name": name, "listen": "127.0.0.1:0", "upstream": urlsplit(redis.url).netloc, "enabled": True}
    try:
        connection.request("POST", "/proxies", json.dumps(wanted))
        port = int(json.load(connection.getresponse())["listen"].rpartition(":")[2])
        assert exchange(port, b"PING\r\n") == b"+PONG\r\n"
        connection.request("DELETE", f"/proxies/{name}")
        assert connection.getresponse().read() == b""
        assert exchange(port, b"PING\r\n") == b""
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("name", "option", "told"),
    [("nginx", "-v", "nginx version:"), ("haproxy", "-v", "HAProxy version"), ("traefik", "version", "Version: ")],
)
def test_a_program_runs(engine: Find, name: str, option: str, told: str) -> None:
    assert run([engine(name).program, option], 20).startswith(told)
