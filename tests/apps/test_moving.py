"""A move: what is refused before anything is copied, what an interruption leaves, what differs at the end."""

import asyncio
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from mercato.apps.command_line import main
from mercato.apps.moved import NAME
from mercato.apps.owner import Ownership
from mercato.runtime.database.copying import Copier
from mercato.runtime.database.moved import Moved
from mercato.runtime.documents.mongo import MongoStore
from tests.apps.test_verify import plant
from tests.journeys.distributed import Servers, dropped
from tests.journeys.town import opened
from tools.engines import Engine

NOWHERE = "postgresql://mercato:secret-word@127.0.0.1:1/shop"


@pytest.fixture
async def folder(tmp_path: Path) -> Path:
    data = tmp_path / "data"
    async with opened(data) as town:
        town.store = await town.open("first", "First Shop")
        variants = await town.product("shirt")
        for name in ("ann", "bob", "cat", "dan"):
            await (await town.person(name)).add(variants[0])
    return data


@pytest.fixture(params=["postgresql", "mariadb", "postgresql-mongo"])
def urls(request: pytest.FixtureRequest, engine: Callable[[str], Engine]) -> Iterator[list[str]]:
    """The options that name new databases on these engines."""
    kind, _, documents = request.param.partition("-")
    server, name = engine(kind), f"moving_{os.getpid()}_{kind}"
    servers = Servers(server, documents=engine(documents) if documents else None)
    place = [url.rpartition("/")[0] + f"/{name}" for url in (server.url, server.owner_url)]
    options = ["--to", place[0], "--owner", place[1]]
    if servers.documents is not None:
        options += ["--documents", f"{servers.documents.url.rpartition('/')[0]}/{name}"]
    yield options
    dropped(servers, name)


async def move(folder: Path, *options: str) -> int:
    return await asyncio.to_thread(main, ["move", "--from", str(folder), *options])


def files_of(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.glob("*.db")}


async def test_a_shop_that_is_open_is_to_be_closed_first(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Ownership(folder):
        assert await move(folder, "--to", NOWHERE) == 1
    told = capsys.readouterr().err
    assert told.startswith(f"mercato: a shop moves while it is closed: {folder} is in use by process {os.getpid()}")


async def test_a_folder_without_a_shop_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert await move(tmp_path / "none", "--to", NOWHERE) == 1
    assert "there is no folder" in capsys.readouterr().err
    assert await move(tmp_path, "--to", NOWHERE) == 1
    assert "is no data folder of a shop" in capsys.readouterr().err


async def test_a_target_must_be_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert await move(folder) == 1
    assert "nothing says where stores moves to: give --to" in capsys.readouterr().err


async def test_a_folder_of_a_newer_version_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plant(folder, "orders", "INSERT INTO migrations VALUES ('orders/9999_later', 1)")
    assert await move(folder, "--to", NOWHERE) == 1
    assert "migrations that this version does not know (orders/9999_later)" in capsys.readouterr().err


async def test_a_folder_of_an_older_version_is_opened_once_first(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plant(folder, "orders", "DELETE FROM migrations WHERE name LIKE 'orders/%'")
    assert await move(folder, "--to", NOWHERE) == 1
    assert "is of an older version: open it once with this one" in capsys.readouterr().err


async def test_other_keys_are_not_overwritten(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keys = folder.parent / "keys.json"
    keys.write_text("other", encoding="utf-8")
    assert await move(folder, "--to", NOWHERE, "--keys", str(keys)) == 1
    assert "has other keys, and is not overwritten" in capsys.readouterr().err
    assert keys.read_text(encoding="utf-8") == "other"


async def test_a_server_that_does_not_answer_is_told_without_a_password(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = files_of(folder)
    assert await move(folder, "--to", NOWHERE) == 1
    told = capsys.readouterr().err
    assert "see that the server runs and can be reached" in told
    assert told.count("\n") == 1
    assert "secret-word" not in told
    assert (files_of(folder), (folder / NAME).exists()) == (before, False)


async def test_a_folder_that_has_moved_is_not_opened_by_mistake(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / NAME).write_text("postgresql://mercato@db/shop\n", encoding="utf-8")
    assert await asyncio.to_thread(main, ["run", "--data", str(folder)]) == 1
    told = capsys.readouterr().err
    assert f"the shop in {folder} has moved to postgresql://mercato@db/shop: set MERCATO_DATABASE" in told
    goods = folder.parent / "goods.jsonl"
    goods.touch()
    assert await asyncio.to_thread(main, ["import", str(goods), "--data", str(folder)]) == 1
    assert "has moved to" in capsys.readouterr().err


@pytest.mark.server
async def test_a_move_that_was_interrupted_goes_on_and_is_done_once(
    folder: Path, urls: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = files_of(folder)
    rows: list[int] = []
    add = Moved.add

    def interrupted(moved: Moved, copier: Copier, page: list[Any]) -> None:
        if sum(rows) > 40:
            raise KeyboardInterrupt
        rows.append(len(page))
        add(moved, copier, page)

    monkeypatch.setattr(Moved, "add", interrupted)
    with suppress(KeyboardInterrupt):
        assert await move(folder, *urls, "--batch", "3") == 130
    monkeypatch.setattr(Moved, "add", add)
    assert not (folder / NAME).exists()
    capsys.readouterr()
    keys = folder.parent / "new" / "keys.json"
    assert await move(folder, *urls, "--keys", str(keys)) == 0
    told = capsys.readouterr().out
    assert f"{sum(rows)} of " in told
    assert "rows are there already: the move goes on" in told
    assert "DIFFERENT" not in told
    assert (files_of(folder), keys.read_bytes()) == (before, (folder / "keys.json").read_bytes())
    assert keys.stat().st_mode & 0o077 == 0
    assert ":" not in (folder / NAME).read_text(encoding="utf-8").partition("//")[2].partition("@")[0]
    assert await move(folder, *urls) == 0
    assert "nothing was left to do" in capsys.readouterr().out


@pytest.mark.server
async def test_a_row_that_is_not_as_it_was_is_found(
    folder: Path, urls: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    insert = Copier.insert

    def careless(copier: Copier, connection: Any, rows: list[Any]) -> None:
        insert(copier, connection, rows[1:] if copier.name == "movements" else rows)

    monkeypatch.setattr(Copier, "insert", careless)
    assert await move(folder, *urls) == 1
    told = capsys.readouterr().out
    assert "1 tables differ (inventory.movements): the shop has not moved" in told
    assert [line for line in told.splitlines() if line.endswith("DIFFERENT")] != []
    assert not (folder / NAME).exists()


@pytest.mark.server
async def test_a_move_that_is_done_is_left_alone_by_every_folder(
    folder: Path, urls: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert await move(folder, *urls, "--batch", "1000") == 0
    other = folder.parent / "other"
    shutil.copytree(folder, other)
    async with opened(other, listens=False) as town:
        town.store = await town.open("second", "Second Shop")
    assert await move(other, *urls) == 0  # it is finished: nothing is done
    assert "nothing was left to do" in capsys.readouterr().out


@pytest.mark.server
async def test_a_folder_that_was_open_meanwhile_does_not_go_on(
    folder: Path, urls: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Moved, "finish", lambda _moved: None)
        assert await move(folder, *urls) == 0
    async with opened(folder, listens=False) as town:
        town.store = await town.open("second", "Second Shop")
    assert await move(folder, *urls) == 1
    assert "has a part of another folder, or of this one before it was opened again" in capsys.readouterr().err


@pytest.mark.server
async def test_a_target_with_rows_of_its_own_is_refused(
    folder: Path, urls: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    other = folder.parent / "other"
    async with opened(other, listens=False, database=urls[1], database_owner=urls[3]) as town:
        await town.quiet()
    assert await move(folder, *urls) == 1
    assert "has rows of its own, in " in capsys.readouterr().err


@pytest.mark.server
async def test_a_document_that_is_not_as_it_was_is_found(
    folder: Path, engine: Callable[[str], Engine], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    servers, name = Servers(engine("postgresql"), documents=engine("mongo")), f"moving_{os.getpid()}_documents"
    assert servers.documents is not None
    to, owner, documents = (
        f"{url.rpartition('/')[0]}/{name}"
        for url in (servers.database.url, str(servers.database.owner_url), servers.documents.url)
    )
    put = MongoStore.put
    monkeypatch.setattr(MongoStore, "put", lambda store, collection, found: put(store, collection, found[1:]))
    try:
        assert await move(folder, "--to", to, "--owner", owner, "--documents", documents) == 1
        assert "1 tables differ (carts.documents): the shop has not moved" in capsys.readouterr().out
        dropped(Servers(servers.database), name)
        assert await move(folder, "--to", to, "--owner", owner, "--documents", documents) == 1
        assert "the database of carts on the server has rows of its own, in documents" in capsys.readouterr().err
    finally:
        dropped(servers, name)


async def test_documents_without_a_database_on_a_server_are_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await move(folder, "--documents", "mongodb://mercato:secret-word@127.0.0.1:1/shop") == 1
    told = capsys.readouterr().err
    assert "MERCATO_DOCUMENTS puts the documents of carts on MongoDB, but all else of it is in a file" in told
    assert "secret-word" not in told
