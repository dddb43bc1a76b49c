"""Log-in: every attempt is recorded, an account is tried ten times at most, and nothing tells who has one."""

import asyncio
from typing import Any

import pytest

from mercato.contracts.users import ListLoginAttempts, RecordLoginAttempt, SessionsEnded, WrongCredentials
from mercato.services.users.api import LogInBody, Visitor, log_in
from mercato.services.users.domain import FAILURE_WINDOW, MOST_SESSIONS
from mercato.values.clock import MINUTE
from mercato.values.messages import Caller, Forbidden, Overloaded
from tests.services.conftest import staff, system, user
from tests.services.users.conftest import PASSWORD, RED, Town


async def test_every_attempt_is_recorded_with_its_outcome(town: Town) -> None:
    await town.settle_down()
    await town.sign_up("new@example.org")
    await town.log_in(password="wrong password")
    await town.log_in("nobody@example.org")
    await town.log_in("new@example.org")
    assert await town.outcomes() == ["ok", "wrong_password", "unknown_account", "unverified"]
    last = (await town.attempts())[-1]
    assert (last.account, last.peer, last.agent) == ("new@example.org", "192.0.2.1", "browser")
    assert last.at == town.node.clock.now()


async def test_a_refused_log_in_looks_the_same_whoever_it_is(town: Town) -> None:
    await town.settle_down()
    await town.sign_up("new@example.org")
    answers = [
        await town.log_in(password="wrong password"),
        await town.log_in("nobody@example.org"),
        await town.log_in("new@example.org"),
        await town.log_in("no address at all"),
    ]
    bodies = [{**answer.json(), "request_id": ""} for answer in answers]
    assert [answer.status for answer in answers] == [401] * 4
    assert bodies == [bodies[0]] * 4
    assert not town.node.told_of(SessionsEnded)


class Steps:
    """Writes down what a log-in does: which messages it sends, and what it verifies."""

    def __init__(self, calls: Any, fits: bool = False, fails: Exception | None = None) -> None:
        self.seen: list[str] = []
        self._calls = calls
        self._fits = fits
        self._fails = fails

    def do(self, command: Any, caller: Caller) -> Any:
        self.seen.append(type(command).__name__)
        return self._calls.do(command, caller)

    async def hash(self, password: str) -> str:
        raise NotImplementedError

    async def verify(self, _password: str, hashed: str) -> bool:
        self.seen.append(hashed.rpartition("p=1$")[0])
        if self._fails:
            raise self._fails
        return self._fits


async def test_known_and_unknown_accounts_take_the_same_steps(town: Town) -> None:
    await town.settle_down()
    seen = []
    for email in ("jo@example.org", "nobody@example.org"):
        steps: Any = Steps(town.node.calls)
        with pytest.raises(WrongCredentials):
            await log_in(steps, steps, LogInBody(email, "wrong password"), Visitor("", "", ""), Caller(store=RED))
        seen.append(steps.seen)
    assert seen == [["BeginLogIn", "$argon2id$v=19$m=19456,t=2,"]] * 2


async def test_after_ten_failures_even_the_right_password_must_wait(town: Town) -> None:
    await town.settle_down()
    for _ in range(10):
        assert (await town.log_in(password="wrong password")).status == 401
        town.node.clock.advance(MINUTE)
    refused = await town.log_in()
    assert (refused.status, refused.json()["code"]) == (429, "too_many_requests")
    assert refused.headers[b"retry-after"] == b"300"
    assert await town.outcomes() == ["ok", *["wrong_password"] * 10, "limited"]


async def test_an_account_is_locked_no_longer_than_the_window_whatever_is_tried_meanwhile(town: Town) -> None:
    await town.settle_down()
    for _ in range(10):
        await town.log_in(password="wrong password")
    for _ in range(3):
        town.node.clock.advance(FAILURE_WINDOW // 4)
        assert (await town.log_in(password="wrong password")).status == 429
    town.node.clock.advance(FAILURE_WINDOW // 4)
    assert (await town.log_in()).status == 201


async def test_unknown_accounts_are_limited_alike(town: Town) -> None:
    for number in range(12):
        answer = await town.log_in("NoBody@example.org" if number % 2 else " nobody@example.org ")
    assert answer.status == 429
    assert await town.outcomes() == ["unknown_account"] * 10 + ["limited"] * 2


async def test_other_accounts_and_other_stores_are_not_limited_with_one(town: Town) -> None:
    await town.settle_down()
    await town.settle_down("eve@example.org")
    await town.settle_down(store="blue")
    for _ in range(11):
        await town.log_in(password="wrong password")
    assert (await town.log_in("eve@example.org")).status == 201
    assert (await town.log_in(store="blue")).status == 201
    assert (await town.log_in()).status == 429


async def test_attempts_side_by_side_are_counted_before_any_is_verified(town: Town) -> None:
    await town.settle_down()
    answers = await asyncio.gather(*(town.log_in(password=f"guess number {n}") for n in range(40)))
    assert sorted(answer.status for answer in answers) == [401] * 10 + [429] * 30


async def test_an_attempt_that_could_not_be_verified_is_no_failure(town: Town) -> None:
    await town.settle_down()
    for _ in range(12):
        steps: Any = Steps(town.node.calls, fails=Overloaded())
        with pytest.raises(Overloaded):
            await log_in(steps, steps, LogInBody("jo@example.org", PASSWORD), Visitor("", "", ""), Caller(store=RED))
    assert (await town.outcomes())[1:] == ["limited"] * 12
    assert (await town.log_in()).status == 201


async def test_what_was_typed_is_kept_raw_and_does_not_split_a_log(town: Town) -> None:
    typed = "<script>alert(1)</script>\n{}\r\nroot"
    assert (await town.log_in(typed)).status == 401
    assert (await town.attempts())[-1].account == typed
    assert "<script>" not in town.node.log.getvalue()


async def test_log_in_closes_the_session_that_it_is_asked_from(town: Town) -> None:
    jo = await town.settle_down()
    rotated = await town.log_in(token=jo.token)
    assert rotated.status == 201
    assert rotated.json()["token"] != jo.token
    assert not await town.is_logged_in(jo.token)
    assert await town.is_logged_in(rotated.json()["token"])
    assert len(town.node.told_of(SessionsEnded)) == 1


async def test_one_session_more_than_a_user_may_have_ends_the_oldest(town: Town) -> None:
    jo = await town.settle_down()
    tokens = [jo.token]
    for _ in range(MOST_SESSIONS):
        tokens.append((await town.log_in()).json()["token"])
    assert [await town.is_logged_in(token) for token in tokens] == [False] + [True] * MOST_SESSIONS
    assert len(town.node.told_of(SessionsEnded)) == 1


async def test_attempts_are_listed_for_staff_of_the_store_newest_first_by_pages(town: Town) -> None:
    for number in range(5):
        await town.log_in(f"nobody{number}@example.org")
    await town.log_in("somebody@example.org", store="blue")
    first = await town.node.calls.ask(ListLoginAttempts(limit=3), staff(RED))
    rest = await town.node.calls.ask(ListLoginAttempts(cursor=first.next or "", limit=3), staff(RED))
    assert [attempt.account[6] for attempt in first.items + rest.items] == ["4", "3", "2", "1", "0"]
    assert rest.next is None
    with pytest.raises(Forbidden):
        await town.node.calls.ask(ListLoginAttempts(), user(RED, "usr_1"))
    key = await town.staff_key()
    listed = await town.web("GET", "/v1/login-attempts?limit=2", host="red.example", token=key)
    assert [attempt["account"][6] for attempt in listed.json()["items"]] == ["4", "3"]
    assert (await town.web("GET", "/v1/login-attempts", host="red.example")).status == 401


async def test_the_decoys_attempts_are_recorded_too_and_limit_nobody(town: Town) -> None:
    await town.settle_down()
    for _ in range(12):
        command = RecordLoginAttempt("jo@example.org", "decoy", "192.0.2.9", "bot")
        await town.node.calls.do(command, system(RED))
    assert (await town.outcomes()).count("decoy") == 12
    assert (await town.log_in()).status == 201
