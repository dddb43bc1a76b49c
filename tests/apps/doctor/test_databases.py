"""Databases as they may be: judged from facts, and read from real servers that were treated badly."""

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from mercato.apps.command_line import main
from mercato.apps.commands import doctor
from mercato.apps.doctor import results as bounds
from mercato.apps.doctor.databases import Seen, judge, judge_fault, judge_login, judge_owner, judge_server
from mercato.apps.doctor.results import FAIL, OK, WARN, Result
from mercato.apps.services import service_names
from mercato.runtime.database.condition import Condition, Login
from mercato.runtime.database.urls import Address
from mercato.runtime.settings import Settings
from mercato.values.clock import ManualClock, SystemClock
from tests.databases import connected
from tests.journeys.distributed import Servers, dropped
from tools.engines import Engine

KNOWN = frozenset({"orders/0001", "orders/0002"})
GOOD = Condition("PostgreSQL", "15.4", 200, 1_000_000, Login(False, False), (), (), KNOWN)


def judged(**changes: object) -> list[tuple[str, str]]:
    condition = msgspec.structs.replace(GOOD, **changes)
    found = [*judge(Seen("orders", condition, True), KNOWN), *judge_server("server", condition, 1_000_000, 144)]
    return [(each.status, each.text) for each in (*found, *judge_login("server", condition.login, True))]


def test_a_server_that_is_well_has_nothing_but_ok() -> None:
    assert {status for status, _ in judged()} == {OK}


@pytest.mark.parametrize(
    ("changes", "status", "text"),
    [
        ({"migrations": None}, FAIL, "it has no tables yet"),
        ({"migrations": frozenset({"orders/0001"})}, WARN, "1 migrations are pending (orders/0002)"),
        ({"migrations": KNOWN | {"orders/0003"}}, FAIL, "a newer version made it (orders/0003)"),
        ({"unprotected": ("orders",)}, FAIL, "row-level security is not forced on orders"),
        ({"version": "12.9"}, FAIL, "PostgreSQL 12.9 is too old"),
        ({"engine": "MariaDB", "version": "10.5.9"}, FAIL, "MariaDB 10.5.9 is too old"),
        ({"now": 1_001_500}, WARN, "its clock and ours are 1.5 s apart"),
        ({"now": 1_031_000}, FAIL, "its clock and ours are 31.0 s apart"),
        ({"loose": ("fsync=off",)}, WARN, "fsync=off: a power cut loses orders that were confirmed"),
        ({"most_connections": 100}, WARN, "max_connections is 100, all processes may take 144"),
        ({"login": Login(True, True)}, WARN, "the login is a superuser: no policy holds it"),
        ({"login": Login(False, True)}, WARN, "the login owns tables or may change them"),
    ],
)
def test_what_is_not_well_is_told(changes: dict[str, object], status: str, text: str) -> None:
    assert [row for row in judged(**changes) if row[0] != OK] == [(status, text)]


def test_an_owner_must_be_able_to_migrate() -> None:
    assert [each.status for each in judge_owner("orders", Login(False, False))] == [FAIL]
    assert list(judge_owner("orders", Login(False, True))) == []


@pytest.mark.parametrize(
    ("said", "advice"),
    [
        ('FATAL: database "x" does not exist', "run `mercato migrate`"),
        ("(1049, Unknown database 'x')", "run `mercato migrate`"),
        ("FATAL: password authentication failed", "correct user and password"),
        ("(1045, Access denied for user)", "correct user and password"),
        ("connection refused", "see that the server runs"),
    ],
)
def test_a_refusal_has_the_advice_that_helps(said: str, advice: str) -> None:
    assert judge_fault("x", said).advice.startswith(advice)


class Place(msgspec.Struct):
    """New databases on a real server, and the settings for them."""

    server: Engine
    settings: Settings

    def found(self, **changes: object) -> list[Result]:
        return doctor.examine(msgspec.structs.replace(self.settings, **changes), SystemClock(), {})

    def texts(self, status: str, **changes: object) -> list[str]:
        return [f"{each.what}: {each.text}" for each in self.found(**changes) if each.status == status]


@pytest.fixture(params=["postgresql", "mariadb"])
def place(
    request: pytest.FixtureRequest, engine: Callable[[str], Engine], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Place]:
    """Nobody loses patience with a machine that has other things to do."""
    monkeypatch.setattr(bounds, "SECONDS", 30.0)
    server, name = engine(request.param), f"doctor_{os.getpid()}_{request.param}"
    url, owner = (each.rpartition("/")[0] + f"/{name}" for each in (server.url, server.owner_url))
    (tmp_path / "data").mkdir()
    yield Place(server, Settings(data=tmp_path / "data", database=url, database_owner=owner))
    if not server.is_up:
        server.start()
    dropped(Servers(server), name)


async def migrated(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MERCATO_DATABASE", place.settings.database)
    monkeypatch.setenv("MERCATO_DATABASE_OWNER", place.settings.database_owner)
    assert await asyncio.to_thread(main, ["migrate", "--data", str(place.settings.data)]) == 0


@pytest.mark.server
async def test_databases_that_were_migrated_are_well(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    await migrated(place, monkeypatch)
    found = await asyncio.to_thread(place.found)
    assert [each for each in found if each.status != OK] == []
    clock = ManualClock()
    clock.advance(SystemClock().now() - clock.now() + 5_000)
    late = await asyncio.to_thread(doctor.examine, place.settings, clock, {})
    told = [each.text for each in late if each.status == WARN]
    assert [text.startswith("its clock and ours are ") for text in told] == [True]
    owns = msgspec.structs.replace(place.settings, database=place.settings.database_owner, database_owner="")
    examined = await asyncio.to_thread(doctor.examine, owns, SystemClock(), {})
    (login,) = [each for each in examined if each.status == WARN]
    assert login.text.startswith(("the login owns tables", "the login is a superuser"))


@pytest.mark.server
async def test_a_commit_that_may_be_lost_is_told(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    await migrated(place, monkeypatch)
    if place.server.name == "mariadb":
        pytest.skip("only for the whole server, which other tests share")
    owner = Address.read(place.settings.database_owner)
    name = f"{owner.database}_stores"
    with closing(connected(owner.at(name))) as connection, connection.cursor() as cursor:
        cursor.execute(f'ALTER DATABASE "{name}" SET synchronous_commit = off')
        cursor.execute("ALTER TABLE stores NO FORCE ROW LEVEL SECURITY")
    assert [text for text in await asyncio.to_thread(place.texts, WARN) if "synchronous_commit=off" in text] != []
    failed = await asyncio.to_thread(place.texts, FAIL)
    assert failed == ["database stores: row-level security is not forced on stores"]


@pytest.mark.server
async def test_databases_that_are_not_there_and_wrong_passwords_are_told(place: Place) -> None:
    missing = await asyncio.to_thread(place.texts, FAIL)
    assert len(missing) == len(service_names())
    address = Address.read(place.settings.database)
    wrong = place.settings.database.replace(address.password, "not-the-password")
    told = [each for each in await asyncio.to_thread(lambda: place.found(database=wrong)) if each.status == FAIL]
    assert {each.advice.partition(" in ")[0] for each in told} == {"correct user and password"}
    assert "not-the-password" not in str(told)


@pytest.mark.server
async def test_a_server_that_was_killed_is_told(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    await migrated(place, monkeypatch)
    place.server.kill()
    found = await asyncio.to_thread(place.found)
    failed = [each for each in found if each.status == FAIL]
    assert len(failed) == len(service_names())
    assert {each.advice.partition(" and ")[0] for each in failed} == {"see that the server runs"}
    assert [each.status for each in found if each.what in ("data folder", "media")] == [OK, OK, OK]
