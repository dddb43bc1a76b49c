"""Stores are opened once, found by host and handle, changed by staff, and entered by programs with keys."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mercato.contracts.stores import (
    ApiKeyRevoked,
    ChangeSettings,
    FindStore,
    GetStore,
    HandleTaken,
    Host,
    ListStores,
    MakeApiKey,
    OpenStore,
    Origin,
    ResolveApiKey,
    RevokeApiKey,
    Sender,
    SettingsChanged,
    StoreOpened,
)
from mercato.values.ids import StoreId
from mercato.values.messages import Conflict, Forbidden, NotFound
from tests.services.conftest import Running, Web, open_store, running, staff, stored, system, user


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Running]:
    async with running(tmp_path, ["stores", "users"]) as node:
        yield node


def hash_of(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


async def test_a_store_is_opened_once_however_often_it_is_asked_for(node: Running) -> None:
    first = await open_store(node.calls, "red")
    again = await open_store(node.calls, "red", url="")
    assert again == first
    assert node.told == [StoreOpened(first.id, "EUR")]
    assert await node.calls.ask(ListStores(), system("")) == (first,)


async def test_a_handle_or_host_of_another_store_is_refused_and_nothing_is_opened(node: Running) -> None:
    red = await open_store(node.calls, "red")
    with pytest.raises(HandleTaken):
        await node.calls.do(OpenStore(StoreId("sto_2"), "red", "Other", "EUR"), system(""))
    command = OpenStore(StoreId("sto_2"), "other", "Other", "EUR", hosts=("new.example", "red.example"))
    with pytest.raises(HandleTaken):
        await node.calls.do(command, system(""))
    assert await node.calls.ask(ListStores(), system("")) == (red,)
    assert len(node.told) == 1
    with pytest.raises(NotFound):
        await node.calls.ask(FindStore(host="new.example"), system(""))


async def test_two_stores_that_want_one_handle_at_the_same_moment_get_one_of_it(node: Running) -> None:
    commands = [OpenStore(StoreId(f"sto_{n}"), "red", f"Shop {n}", "EUR") for n in range(3)]
    outcomes = await asyncio.gather(*(node.calls.do(c, system("")) for c in commands), return_exceptions=True)
    assert [type(outcome).__name__ for outcome in outcomes] == ["Store", "HandleTaken", "HandleTaken"]
    assert len(node.told) == 1


async def test_a_store_is_found_by_host_by_handle_or_as_the_first_one(node: Running) -> None:
    red = await open_store(node.calls, "red")
    node.clock.advance(1)
    blue = await open_store(node.calls, "blue", hosts=("blue.example", "www.blue.example", "blue.example"))
    assert blue.hosts == ("blue.example", "www.blue.example")

    async def find(**by: str) -> Any:
        return await node.calls.ask(FindStore(**by), system(""))

    assert await find(host="www.blue.example") == blue
    assert await find(handle="blue") == blue
    assert await find() == red
    assert await node.calls.ask(ListStores(), system("")) == (red, blue)
    assert await node.calls.ask(GetStore(), user(blue.id, "usr_1")) == blue
    for unknown in ({"host": "green.example"}, {"handle": "green"}):
        with pytest.raises(NotFound):
            await find(**unknown)


async def test_settings_change_what_is_given_and_tell_what_changed(node: Running) -> None:
    red = await open_store(node.calls, "red")
    command = ChangeSettings(name="Red & Co", cart_access="anyone", hosts=("new.example",))
    changed = await node.calls.do(command, staff(red.id))
    assert changed == msgspec.structs.replace(
        red, name="Red & Co", cart_access="anyone", hosts=("new.example",), version=2
    )
    assert node.told_of(SettingsChanged) == [SettingsChanged(red.id, ("name", "hosts", "cart_access"))]
    assert await node.calls.ask(FindStore(host="new.example"), system("")) == changed
    with pytest.raises(NotFound):
        await node.calls.ask(FindStore(host="red.example"), system(""))
    assert await node.calls.do(ChangeSettings(name="Red & Co"), staff(red.id)) == changed
    assert len(node.told_of(SettingsChanged)) == 1


async def test_settings_of_an_older_version_or_with_another_stores_host_are_refused(node: Running) -> None:
    red = await open_store(node.calls, "red")
    await open_store(node.calls, "blue")
    with pytest.raises(Conflict):
        await node.calls.do(ChangeSettings(name="Late", if_version=7), staff(red.id))
    with pytest.raises(HandleTaken):
        await node.calls.do(ChangeSettings(hosts=("blue.example",)), staff(red.id))
    with pytest.raises(Forbidden):
        await node.calls.do(ChangeSettings(name="Mine"), user(red.id, "usr_1"))
    assert await node.calls.ask(GetStore(), staff(red.id)) == red
    assert node.told_of(SettingsChanged) == []


async def test_a_key_is_shown_once_and_stored_as_a_hash(node: Running, tmp_path: Path) -> None:
    red = await open_store(node.calls, "red")
    key = await node.calls.do(MakeApiKey("import"), staff(red.id))
    assert key.secret.startswith("mk_")
    assert len(key.secret) == 3 + 43
    holder = await node.calls.ask(ResolveApiKey(hash_of(key.secret)), system(""))
    assert (holder.id, holder.store) == (key.id, red.id)
    kept = stored(tmp_path, "stores")
    assert key.secret.encode() not in kept
    assert hash_of(key.secret).encode() in kept
    assert key.secret not in node.log.getvalue()


async def test_a_revoked_key_is_void_and_only_its_own_store_can_revoke_it(node: Running) -> None:
    red, blue = await open_store(node.calls, "red"), await open_store(node.calls, "blue")
    key = await node.calls.do(MakeApiKey("import"), staff(red.id))
    with pytest.raises(NotFound):
        await node.calls.do(RevokeApiKey(key.id), staff(blue.id))
    await node.calls.ask(ResolveApiKey(hash_of(key.secret)), system(""))
    assert node.told_of(ApiKeyRevoked) == []
    for _ in range(2):
        await node.calls.do(RevokeApiKey(key.id), staff(red.id))
    assert node.told_of(ApiKeyRevoked) == [ApiKeyRevoked(key.id)]
    with pytest.raises(NotFound):
        await node.calls.ask(ResolveApiKey(hash_of(key.secret)), system(""))


async def test_programs_act_as_staff_of_their_store_alone(node: Running) -> None:
    red, blue = await open_store(node.calls, "red"), await open_store(node.calls, "blue")
    web = Web(node)
    key = (await node.calls.do(MakeApiKey("import"), staff(red.id))).secret
    changed = await web("PATCH", "/v1/store", {"name": "Crimson"}, host="red.example", token=key)
    assert (changed.status, changed.json()["name"]) == (200, "Crimson")
    assert (await web("GET", "/v1/store", host="red.example")).json()["name"] == "Crimson"
    refused = await web("PATCH", "/v1/store", {"name": "Taken"}, host="blue.example", token=key)
    assert (refused.status, refused.json()["code"]) == (403, "forbidden")
    assert await node.calls.ask(GetStore(), staff(blue.id)) == blue
    made = await web("POST", "/v1/store/api-keys", {"name": "second"}, host="red.example", token=key)
    assert made.status == 201
    gone = await web("DELETE", f"/v1/store/api-keys/{made.json()['id']}", host="red.example", token=key)
    assert gone.status == 204
    refused = await web("GET", "/v1/store", host="red.example", token=made.json()["secret"])
    assert refused.status == 401
    assert (await web("POST", "/v1/store/api-keys", {"name": "x"}, host="red.example")).status == 401


@pytest.mark.parametrize(
    "body",
    [
        {"mail_from": "shop@red.example\r\nBcc: all@red.example"},
        {"mail_from": "shop@red.example\n"},
        {"url": "javascript:alert(1)"},
        {"url": "https://red.example\n"},
        {"hosts": ["red.example\n"]},
        {"hosts": ["RED.example"]},
        {"id": "sto_blue"},
        {"version": 9},
    ],
)
async def test_settings_that_would_do_harm_are_refused(node: Running, body: dict[str, Any]) -> None:
    red = await open_store(node.calls, "red")
    key = (await node.calls.do(MakeApiKey("import"), staff(red.id))).secret
    refused = await Web(node)("PATCH", "/v1/store", body, host="red.example", token=key)
    assert (refused.status, refused.json()["code"]) == (422, "invalid")
    assert await node.calls.ask(GetStore(), staff(red.id)) == red


@pytest.mark.parametrize(
    ("form", "text"),
    [(Host, "shop-1.example"), (Origin, ""), (Origin, "http://127.0.0.1:8000"), (Sender, "shop@localhost")],
)
def test_usual_settings_fit_their_forms(form: Any, text: str) -> None:
    assert msgspec.convert(text, form) == text
