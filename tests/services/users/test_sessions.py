"""Sessions: opaque, for one store, dead at once after log-out and after a new password (S41, S42)."""

from typing import Any

import pytest

from mercato.contracts.users import PasswordChanged, PasswordResetAsked, SessionsEnded
from mercato.runtime.batches import executor
from mercato.runtime.database.faults import DatabaseFault
from mercato.services.users.domain import SESSION_LIFE
from mercato.services.users.messages import ForgetExpired
from mercato.values.ids import UserId
from tests.services.conftest import Response, system, until
from tests.services.users.conftest import PASSWORD, Person, Town


async def change_password(
    town: Town, person: Person, old: str = PASSWORD, new: str = "new password", user_id: str = "me"
) -> Response:
    body = {"old_password": old, "new_password": new}
    return await town.post(f"/v1/users/{user_id}/password", body, token=person.token)


async def test_a_session_is_an_opaque_token_of_its_own(town: Town) -> None:
    session = await town.settle_down()
    assert session.token.startswith("ms_")
    assert len(session.token) == 3 + 43
    other = (await town.log_in()).json()
    assert other["token"] != session.token
    assert other["expires_at"] == town.node.clock.now() + SESSION_LIFE


async def test_log_out_ends_the_session_and_no_other(town: Town) -> None:
    jo = await town.settle_down()
    other = (await town.log_in()).json()
    assert await town.is_logged_in(jo.token)
    assert (await town.post("/v1/auth/logout", token=jo.token)).status == 204
    assert not await town.is_logged_in(jo.token)
    assert await town.is_logged_in(other["token"])
    ended = town.node.told_of(SessionsEnded)
    assert [event.user_id for event in ended] == [jo.id]
    assert other["id"] not in ended[0].session_ids


async def test_a_log_out_whose_commit_seemed_to_fail_ends_the_session_all_the_same(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(executor, "PAUSE_AFTER_FAULT", 0.01)
    jo = await town.settle_down()
    assert await town.is_logged_in(jo.token)  # the edge remembers it
    writer: Any = town.node.executors["users"].database.writer
    execute = writer.execute

    def struck(sql: str, parameters: Any = (), /) -> int:
        count: int = execute(sql, parameters)
        if sql == "COMMIT":
            writer.execute = execute
            raise DatabaseFault("the connection was lost")
        return count

    writer.execute = struck
    assert (await town.post("/v1/auth/logout", token=jo.token)).status == 503
    await until(lambda: town.node.ready)
    assert not await town.is_logged_in(jo.token)
    assert len(town.node.told_of(SessionsEnded)) == 1


async def test_log_out_without_a_session_changes_nothing(town: Town) -> None:
    jo = await town.settle_down()
    assert (await town.post("/v1/auth/logout")).status == 204
    assert await town.is_logged_in(jo.token)
    assert not town.node.told_of(SessionsEnded)


async def test_a_session_of_another_store_is_refused(town: Town) -> None:
    jo = await town.settle_down(store="red")
    refused = await town.web("GET", "/v1/users/me", host="blue.example", token=jo.token)
    assert (refused.status, refused.json()["code"]) == (403, "forbidden")
    assert (await town.post("/v1/auth/logout", store="blue", token=jo.token)).status == 403
    assert await town.is_logged_in(jo.token)


async def test_a_session_ends_after_thirty_days(town: Town) -> None:
    jo = await town.settle_down()
    town.node.clock.advance(SESSION_LIFE - 1)
    assert await town.is_logged_in(jo.token)
    town.node.clock.advance(1)
    assert not await town.is_logged_in(jo.token)
    assert await town.node.calls.do(ForgetExpired(), system("")) > 0


async def test_a_new_password_ends_every_session_but_the_one_that_asked(town: Town) -> None:
    jo = await town.settle_down()
    other = (await town.log_in()).json()
    token = await town.reset_token()
    assert (await change_password(town, jo)).status == 200
    assert await town.is_logged_in(jo.token)
    assert not await town.is_logged_in(other["token"])
    (changed,) = town.node.told_of(PasswordChanged)
    assert changed.user_id == jo.id
    assert [event.session_ids for event in town.node.told_of(SessionsEnded)] == [(other["id"],)]
    assert changed.kept_session not in ("", other["id"])
    reset = await town.post("/v1/auth/reset", {"token": token, "password": "third password"})
    assert reset.status == 400
    assert (await town.log_in()).status == 401
    assert (await town.log_in(password="new password")).status == 201


async def test_a_wrong_old_password_is_recorded_limited_and_changes_nothing(town: Town) -> None:
    jo = await town.settle_down()
    other = (await town.log_in()).json()["token"]
    for _ in range(10):
        assert (await change_password(town, jo, old="wrong password")).status == 401
    assert (await change_password(town, jo)).status == 429
    assert (await town.log_in()).status == 429
    assert (await town.outcomes())[2:] == ["wrong_password"] * 10 + ["limited"] * 2
    assert {attempt.account for attempt in await town.attempts()} == {"jo@example.org"}
    assert not town.node.told_of(PasswordChanged, SessionsEnded)
    assert await town.is_logged_in(other)


async def test_a_new_password_that_breaks_the_rule_is_refused(town: Town) -> None:
    jo = await town.settle_down()
    for new in ("short", "JO@example.org", "x" * 257):
        assert (await change_password(town, jo, new=new)).status == 422
    assert not town.node.told_of(PasswordChanged)
    assert (await town.log_in()).status == 201


async def test_only_the_own_password_can_be_changed(town: Town) -> None:
    jo, eve = await town.settle_down(), await town.settle_down("eve@example.org")
    assert (await change_password(town, eve, user_id=jo.id)).status == 404
    body = {"old_password": PASSWORD, "new_password": "new password"}
    assert (await town.post("/v1/users/me/password", body)).status == 401
    key = await town.staff_key()
    assert (await town.post(f"/v1/users/{jo.id}/password", body, token=key)).status == 403
    assert not town.node.told_of(PasswordChanged)
    assert (await change_password(town, jo, user_id=jo.id)).status == 200
    assert town.node.told_of(PasswordChanged)[0].user_id == UserId(jo.id)
    assert not town.node.told_of(PasswordResetAsked)
