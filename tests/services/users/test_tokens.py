"""One-time tokens: for one purpose, one use, one account, a while; stored as hashes (I26, S38)."""

import asyncio
from pathlib import Path

import pytest

from mercato.contracts.users import (
    CheckToken,
    EmailVerificationAsked,
    GetUser,
    InvalidToken,
    PasswordChanged,
    PasswordResetAsked,
    SessionsEnded,
)
from mercato.services.users.domain import hash_of
from mercato.services.users.messages import ForgetExpired
from mercato.values.clock import DAY, HOUR
from mercato.values.ids import TokenId, UserId
from tests.services.conftest import Response, staff, stored, system
from tests.services.users.conftest import RED, Town

NEW = "new password"


async def reset(town: Town, secret: str, password: str = NEW, store: str = "red") -> Response:
    return await town.post("/v1/auth/reset", {"token": secret, "password": password}, store=store)


async def assert_refused(town: Town, answer: Response) -> None:
    """Refused as no good, and nothing has changed: the old password still opens a session."""
    assert (answer.status, answer.json()["code"]) == (400, "invalid_token")
    assert not town.node.told_of(PasswordChanged)
    assert (await town.log_in()).status == 201


async def test_a_token_works_once(town: Town) -> None:
    await town.sign_up()
    secret = (await town.issue(EmailVerificationAsked)).secret
    assert (await town.verify(secret)).status == 200
    again = await town.verify(secret)
    assert (again.status, again.json()["code"]) == (400, "invalid_token")


async def test_a_reset_works_once_and_ends_all_sessions_and_other_tokens(town: Town) -> None:
    jo = await town.settle_down()
    second = (await town.log_in()).json()["token"]
    other, secret = await town.reset_token(), await town.reset_token()
    answer = await reset(town, secret)
    assert answer.status == 200
    assert [await town.is_logged_in(token) for token in (jo.token, second)] == [False, False]
    assert len(town.node.told_of(SessionsEnded)) == 2
    assert town.node.told_of(PasswordChanged) == [PasswordChanged(UserId(jo.id), "")]
    for used in (secret, other):
        assert (await reset(town, used, "third password")).status == 400
    assert (await town.log_in(password="new password")).status == 201
    assert (await town.log_in()).status == 401


async def test_a_token_of_another_purpose_is_refused(town: Town) -> None:
    await town.settle_down()
    await town.sign_up("new@example.org")
    to_verify = (await town.issue(EmailVerificationAsked)).secret
    await assert_refused(town, await reset(town, to_verify))
    to_reset = await town.reset_token()
    await assert_refused(town, await town.verify(to_reset))
    assert (await town.verify(to_verify)).status == 200
    assert (await reset(town, to_reset)).status == 200


async def test_a_token_of_another_store_is_refused(town: Town) -> None:
    await town.settle_down()
    await town.settle_down(store="blue")
    secret = await town.reset_token(store="red")
    await assert_refused(town, await reset(town, secret, store="blue"))
    assert (await reset(town, secret, store="red")).status == 200


@pytest.mark.parametrize("secret", ["", "x" * 43, "tok_0193a6f4c1d27a3b9c4de5f60718293a", "\ud7ff", "' OR 1=1 --"])
async def test_a_guessed_token_is_refused(town: Town, secret: str) -> None:
    await town.settle_down()
    await town.reset_token()
    await assert_refused(town, await reset(town, secret))
    await assert_refused(town, await town.verify(secret))


async def test_neither_the_id_nor_the_hash_of_a_token_works(town: Town) -> None:
    await town.settle_down()
    secret = await town.reset_token()
    token_id = town.node.told_of(PasswordResetAsked)[-1].token_id
    for text in (token_id, hash_of(secret), secret.upper(), secret[:-1]):
        await assert_refused(town, await reset(town, text))


async def test_a_reset_expires_after_an_hour_and_a_confirmation_after_three_days(town: Town) -> None:
    await town.settle_down()
    await town.sign_up("new@example.org")
    to_verify = (await town.issue(EmailVerificationAsked)).secret
    to_reset = await town.reset_token()
    town.node.clock.advance(HOUR)
    await assert_refused(town, await reset(town, to_reset))
    town.node.clock.advance(3 * DAY - HOUR)
    await assert_refused(town, await town.verify(to_verify))
    await town.node.calls.do(ForgetExpired(), system(""))
    with pytest.raises(InvalidToken):
        await town.issue(PasswordResetAsked)


async def test_a_token_lives_from_its_mail_on_and_a_second_mail_voids_the_first(town: Town) -> None:
    await town.settle_down()
    first = await town.reset_token()
    town.node.clock.advance(2 * HOUR)
    second = (await town.issue(PasswordResetAsked)).secret
    town.node.clock.advance(HOUR - 1)
    await assert_refused(town, await reset(town, first))
    assert (await reset(town, second)).status == 200


async def test_a_token_that_was_used_is_too_old_or_unknown_is_not_issued_again(town: Town) -> None:
    await town.settle_down()
    secret = await town.reset_token()
    assert (await reset(town, secret)).status == 200
    with pytest.raises(InvalidToken):
        await town.issue(PasswordResetAsked)
    await town.post("/v1/auth/forgot", {"email": "jo@example.org"})
    town.node.clock.advance(3 * DAY)
    with pytest.raises(InvalidToken):
        await town.issue(PasswordResetAsked)
    for token_id in ("tok_1", ""):
        with pytest.raises(InvalidToken):
            await town.issue_token(TokenId(token_id))


async def test_a_token_belongs_to_the_store_that_it_was_asked_in(town: Town) -> None:
    await town.sign_up()
    with pytest.raises(InvalidToken):
        await town.issue(EmailVerificationAsked, store="blue")


async def test_secrets_are_stored_as_hashes(town: Town, tmp_path: Path) -> None:
    jo = await town.settle_down()
    secret = await town.reset_token()
    kept = stored(tmp_path, "users")
    assert secret.encode() not in kept
    assert jo.token.encode() not in kept
    assert hash_of(secret).encode() in kept
    assert b"correct horse" not in kept


async def test_a_reset_confirms_the_address_and_voids_what_strangers_asked_for(town: Town) -> None:
    await town.sign_up(password="mallory's password", name="Mallory")
    strangers = (await town.issue(EmailVerificationAsked)).secret
    assert (await reset(town, await town.reset_token())).status == 200
    assert (await town.verify(strangers)).status == 400
    assert (await town.log_in(password="mallory's password")).status == 401
    assert (await town.log_in(password="new password")).status == 201


async def test_a_reset_to_the_address_or_to_a_short_password_is_refused_and_keeps_its_token(town: Town) -> None:
    await town.settle_down()
    secret = await town.reset_token()
    for password in ("jo@example.org", "short"):
        assert (await reset(town, secret, password)).status == 422
    assert (await town.log_in()).status == 201
    contact = await town.node.calls.ask(CheckToken(hash_of(secret), "reset_password"), system(RED))
    assert contact.email == "jo@example.org"
    assert (await reset(town, secret)).status == 200


async def test_a_name_is_not_given_out_before_the_address_is_confirmed(town: Town) -> None:
    await town.sign_up(name="Win a prize at evil.example")
    assert (await town.issue(EmailVerificationAsked)).contact.name == ""
    user_id = town.node.told_of(EmailVerificationAsked)[-1].user_id
    assert (await town.node.calls.ask(GetUser(user_id), staff(RED))).verified is False


async def test_an_unknown_address_has_nothing_to_reset(town: Town) -> None:
    assert (await town.post("/v1/auth/forgot", {"email": "nobody@example.org"})).status == 202
    assert not town.node.told_of(PasswordResetAsked)


async def test_a_reset_is_mailed_five_times_an_hour(town: Town) -> None:
    await town.settle_down()
    for _ in range(7):
        await town.post("/v1/auth/forgot", {"email": "jo@example.org"})
    assert len(town.node.told_of(PasswordResetAsked)) == 5


async def test_of_several_uses_at_the_same_moment_one_succeeds(town: Town) -> None:
    await town.settle_down()
    secret = await town.reset_token()
    answers = await asyncio.gather(*(reset(town, secret, f"new password {n}") for n in range(6)))
    assert sorted(answer.status for answer in answers) == [200] + [400] * 5
    assert len(town.node.told_of(PasswordChanged)) == 1
    winner = next(n for n, answer in enumerate(answers) if answer.status == 200)
    assert (await town.log_in(password=f"new password {winner}")).status == 201
