"""Profiles: seen and changed by their owners and by staff, and emptied for good when somebody leaves."""

from contextlib import closing
from pathlib import Path

import pytest

from mercato.contracts.users import EraseUser, GetContact, GetUser, SessionsEnded, UpdateProfile, UserErased
from mercato.runtime.database.sqlite import connect
from mercato.values.ids import UserId
from mercato.values.messages import Conflict, NotFound
from tests.services.conftest import staff, system, user
from tests.services.users.conftest import BLUE, PASSWORD, RED, Town

HOST = {"host": "red.example"}


async def test_people_see_and_change_their_own_profile(town: Town) -> None:
    jo = await town.settle_down()
    seen = await town.web("GET", "/v1/users/me", **HOST, token=jo.token)
    assert seen.json() == {
        "id": jo.id,
        "email": "jo@example.org",
        "name": "Jo",
        "phone": "",
        "verified": True,
        "created_at": town.node.clock.now(),
        "version": 2,
    }
    changed = await town.web(
        "PATCH", f"/v1/users/{jo.id}", {"phone": " +49 30 1 "}, **HOST, token=jo.token, if_match='"2"'
    )
    assert changed.json() == {**seen.json(), "phone": "+49 30 1", "version": 3}
    assert changed.headers[b"etag"] == b'"3"'
    late = await town.web("PATCH", "/v1/users/me", {"name": "Late"}, **HOST, token=jo.token, if_match='"2"')
    assert (late.status, late.json()["code"]) == (409, "conflict")
    odd = await town.web("PATCH", "/v1/users/me", {"name": "Odd"}, **HOST, token=jo.token, if_match='"\xb2"')
    assert (odd.status, odd.json()["code"]) == (400, "malformed")
    assert (await town.web("GET", "/v1/users/me", **HOST, token=jo.token)).json() == changed.json()


async def test_nobody_elses_profile_is_seen_changed_or_erased(town: Town) -> None:
    jo, eve = await town.settle_down(), await town.settle_down("eve@example.org")
    before = await town.node.calls.ask(GetUser(UserId(jo.id)), staff(RED))
    unknown = await town.web("GET", "/v1/users/usr_0", **HOST, token=eve.token)
    for method, body in (("GET", None), ("PATCH", {"name": "Eve"}), ("DELETE", None)):
        refused = await town.web(method, f"/v1/users/{jo.id}", body, **HOST, token=eve.token)
        assert refused.status == 404
        assert {**refused.json(), "request_id": ""} == {**unknown.json(), "request_id": ""}
        assert (await town.web(method, f"/v1/users/{jo.id}", body, **HOST)).status == 401
    assert await town.node.calls.ask(GetUser(UserId(jo.id)), staff(RED)) == before
    assert not town.node.told_of(UserErased)


async def test_staff_see_and_change_people_of_their_own_store_alone(town: Town) -> None:
    jo = await town.settle_down()
    red, blue = await town.staff_key("red"), await town.staff_key("blue")
    path = f"/v1/users/{jo.id}"
    assert (await town.web("PATCH", path, {"name": "Jo D."}, **HOST, token=red)).json()["name"] == "Jo D."
    assert (await town.web("PATCH", path, {"name": "No"}, host="blue.example", token=blue)).status == 404
    with pytest.raises(NotFound):
        await town.node.calls.ask(GetUser(UserId(jo.id)), staff(BLUE))
    for command in (UpdateProfile(UserId(jo.id), name="No"), EraseUser(UserId(jo.id))):
        with pytest.raises(NotFound):
            await town.node.calls.do(command, staff(BLUE))
    with pytest.raises(NotFound):
        await town.node.calls.ask(GetContact(UserId(jo.id)), system(BLUE))
    assert (await town.web("GET", path, **HOST, token=red)).json()["name"] == "Jo D."


@pytest.mark.parametrize(
    "body",
    [
        {"email": "x@y.z"},
        {"verified": True},
        {"role": "staff"},
        {"store": "sto_blue"},
        {"version": 9},
        {"user_id": "x"},
        {"name": ""},
        {"name": " \n"},
        {"name": "a\r\nb"},
        {"phone": "1\r\n2"},
        {"phone": "1\n"},
        {"phone": "1" * 41},
    ],
)
async def test_what_is_not_for_people_to_change_is_refused(town: Town, body: dict[str, object]) -> None:
    jo = await town.settle_down()
    before = await town.node.calls.ask(GetUser(UserId(jo.id)), staff(RED))
    refused = await town.web("PATCH", "/v1/users/me", body, **HOST, token=jo.token)
    assert (refused.status, refused.json()["code"]) == (422, "invalid")
    assert await town.node.calls.ask(GetUser(UserId(jo.id)), staff(RED)) == before


async def test_an_erased_account_leaves_no_personal_field_behind(town: Town, tmp_path: Path) -> None:
    jo = await town.settle_down("jo.unmistakable@example.org", name="Unmistakable Jo")
    await town.log_in("JO.unmistakable@example.org", "wrong password")
    await town.reset_token("jo.unmistakable@example.org")
    gone = await town.web("DELETE", "/v1/users/me", **HOST, token=jo.token)
    assert gone.status == 204
    assert town.node.told_of(UserErased) == [UserErased(UserId(jo.id))]
    assert len(town.node.told_of(SessionsEnded)) == 1
    assert not await town.is_logged_in(jo.token)
    for ask in (GetUser(UserId(jo.id)), GetContact(UserId(jo.id))):
        with pytest.raises(NotFound):
            await town.node.calls.ask(ask, system(RED))
    assert [(attempt.account, attempt.peer, attempt.agent) for attempt in await town.attempts()] == [("", "", "")] * 2
    assert rows_that_mention(tmp_path / "users.db", "nmistakable") == []


async def test_the_address_of_an_erased_account_can_be_used_again(town: Town) -> None:
    jo = await town.settle_down()
    await town.node.calls.do(EraseUser(UserId(jo.id)), user(RED, jo.id))
    assert (await town.log_in()).status == 401
    again = await town.settle_down()
    assert again.id != jo.id
    assert (await town.log_in(password=PASSWORD)).status == 201
    with pytest.raises(NotFound):
        await town.node.calls.do(EraseUser(UserId(jo.id)), user(RED, jo.id))
    assert len(town.node.told_of(UserErased)) == 1


async def test_a_profile_that_somebody_else_changed_first_is_refused(town: Town) -> None:
    jo = await town.settle_down()
    with pytest.raises(Conflict):
        await town.node.calls.do(UpdateProfile(UserId("me"), name="Late", if_version=1), user(RED, jo.id))
    same = await town.node.calls.do(UpdateProfile(UserId("me"), name="Jo"), user(RED, jo.id))
    assert (same.name, same.version) == ("Jo", 2)


def rows_that_mention(path: Path, text: str) -> list[str]:
    """The tables with a row that has this text anywhere."""
    with closing(connect(path)) as database:
        names = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        rows = [(name, row) for name in names for row in database.execute(f"SELECT * FROM {name}")]  # noqa: S608 - own names
    return [name for name, row in rows if text in repr(row)]
