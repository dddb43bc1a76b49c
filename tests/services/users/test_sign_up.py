"""Signing up: one answer for known and unknown addresses, and only the owner of an address gets its account."""

import asyncio

import pytest

from mercato.contracts.users import (
    EmailVerificationAsked,
    GetCredentials,
    GetUser,
    SignUpRepeated,
    UserRegistered,
)
from mercato.values.clock import HOUR
from mercato.values.ids import UserId
from tests.services.conftest import staff, system
from tests.services.users.conftest import BLUE, PASSWORD, RED, Town


async def test_a_new_account_is_told_and_waits_for_its_address_to_be_confirmed(town: Town) -> None:
    answer = await town.sign_up(" Jo@Example.org ", name="  Jo \t Doe ".replace("\t", ""))
    assert answer.status == 202
    registered, asked = town.node.told_of(UserRegistered, EmailVerificationAsked)
    assert registered.user_id == asked.user_id
    account = await town.node.calls.ask(GetUser(registered.user_id), staff(RED))
    assert (account.email, account.name, account.verified, account.version) == ("Jo@Example.org", "Jo Doe", False, 1)
    assert (await town.log_in()).status == 401
    verified = await town.verify((await town.issue(EmailVerificationAsked)).secret)
    assert verified.json()["verified"] is True
    assert (await town.log_in("JO@example.ORG")).status == 201


async def test_known_and_unknown_addresses_get_the_same_answer(town: Town) -> None:
    await town.settle_down("known@example.org")
    new, known = await town.sign_up("new@example.org"), await town.sign_up("known@example.org")
    assert (new.status, new.body) == (known.status, known.body)
    assert {name for name in new.headers if name != b"x-request-id"} == {
        name for name in known.headers if name != b"x-request-id"
    }
    forgot = [await town.post("/v1/auth/forgot", {"email": email}) for email in ("known@example.org", "no@example.org")]
    assert forgot[0].status == 202
    assert forgot[0].body == forgot[1].body


async def test_a_repeated_sign_up_tells_the_owner_and_changes_nothing(town: Town) -> None:
    jo = await town.settle_down()
    before = await town.node.calls.ask(GetUser(UserId(jo.id)), staff(RED))
    await town.sign_up("JO@example.org", "another password", name="Mallory")
    assert town.node.told_of(SignUpRepeated) == [SignUpRepeated(UserId(jo.id))]
    assert await town.node.calls.ask(GetUser(UserId(jo.id)), staff(RED)) == before
    assert len(town.node.told_of(EmailVerificationAsked)) == 1
    assert (await town.log_in()).status == 201
    assert (await town.log_in(password="another password")).status == 401


async def test_a_stranger_who_signs_up_too_has_no_part_in_the_account(town: Town) -> None:
    """The confirmed account has the password and the name of the sign-up whose mail was answered."""
    await town.sign_up(password="mallory's password", name="Mallory")
    await town.sign_up(password="jo's password", name="Jo")
    await town.sign_up(password="mallory's password", name="Mallory")
    mallory_first, jo, mallory_last = (event.token_id for event in town.node.told_of(EmailVerificationAsked))
    secrets = [(await town.issue_token(token)).secret for token in (mallory_first, jo, mallory_last)]
    assert (await town.verify(secrets[1])).json()["name"] == "Jo"
    for secret in (secrets[0], secrets[2]):
        assert (await town.verify(secret)).status == 400
    assert (await town.log_in(password="mallory's password")).status == 401
    assert (await town.log_in(password="jo's password")).status == 201
    assert len(town.node.told_of(UserRegistered)) == 1


async def test_an_address_gets_five_mails_an_hour_from_strangers(town: Town) -> None:
    for _ in range(7):
        assert (await town.sign_up()).status == 202
    assert len(town.node.told_of(EmailVerificationAsked)) == 5
    town.node.clock.advance(HOUR)
    await town.sign_up()
    assert len(town.node.told_of(EmailVerificationAsked)) == 6


async def test_the_same_address_in_two_stores_is_two_accounts(town: Town) -> None:
    red, blue = await town.settle_down(store="red"), await town.settle_down(store="blue")
    assert red.id != blue.id
    secret = await town.reset_token(store="red")
    reset = await town.post("/v1/auth/reset", {"token": secret, "password": "new password"}, store="red")
    assert reset.status == 200
    assert (await town.log_in(password=PASSWORD, store="blue")).status == 201
    assert (await town.log_in(password="new password", store="blue")).status == 401
    assert (await town.log_in(password="new password", store="red")).status == 201
    assert await town.is_logged_in(blue.token, store="blue")
    unknown = await town.node.calls.ask(GetCredentials(user_id=red.id), system(BLUE))
    assert unknown.user_id is None


@pytest.mark.parametrize(
    "email",
    [
        "",
        "jo",
        "jo@",
        "@example.org",
        "jo @example.org",
        "jo@example.org\nBcc: x@y.z",
        "a;b@c.d",
        "j@ö.de",
        "ö@a.de",
        "jo@example..org",
        "jo..e@example.org",
        "jo@-a.org",
        "<jo@example.org>",
        f"{'a' * 250}@b.org",
    ],
)
async def test_an_address_that_no_mail_can_be_sent_to_is_refused(town: Town, email: str) -> None:
    answer = await town.sign_up(email)
    assert (answer.status, answer.json()["code"]) == (422, "invalid")
    assert "email" in answer.json()["detail"]
    assert not town.node.told_of(UserRegistered, EmailVerificationAsked)


@pytest.mark.parametrize("password", ["", "1234567", "x" * 257, "jo@example.org", " JO@example.ORG "])
async def test_a_password_that_breaks_the_rule_is_refused(town: Town, password: str) -> None:
    answer = await town.sign_up(password=password)
    assert (answer.status, answer.json()["code"]) == (422, "invalid")
    assert "password" in answer.json()["detail"]
    assert not town.node.told_of(UserRegistered, EmailVerificationAsked)


@pytest.mark.parametrize("password", ["12345678", "x" * 256, "ключ到钥匙🔑🔑", "\x00\x01\n\r\t  \x7f", "        "])
async def test_a_password_of_any_characters_is_taken(town: Town, password: str) -> None:
    await town.sign_up(password=password)
    await town.verify((await town.issue(EmailVerificationAsked)).secret)
    assert (await town.log_in(password=password)).status == 201
    assert (await town.log_in(password=password[:-1] + "?")).status == 401


@pytest.mark.parametrize("name", ["", "   ", "\n", "Jo\r\nBcc: all@example.org", "Jo\x00", "x" * 121])
async def test_a_name_that_is_no_line_of_text_is_refused(town: Town, name: str) -> None:
    assert (await town.sign_up(name=name)).status == 422
    assert not town.node.told_of(UserRegistered)


async def test_a_line_break_after_a_name_is_refused(town: Town) -> None:
    assert (await town.sign_up("jo@example.org", name="Jo\n")).status == 422
    assert not town.node.told_of(UserRegistered)


async def test_a_body_with_more_than_is_asked_for_is_refused(town: Town) -> None:
    body = {"email": "jo@example.org", "name": "Jo", "password": PASSWORD, "verified": True}
    assert (await town.post("/v1/auth/signup", body)).status == 422
    assert not town.node.told_of(UserRegistered)


async def test_sign_ups_with_one_address_at_the_same_moment_are_one_account(town: Town) -> None:
    answers = await asyncio.gather(*(town.sign_up(email) for email in ("jo@example.org", "JO@example.org") * 2))
    assert {answer.status for answer in answers} == {202}
    assert len(town.node.told_of(UserRegistered)) == 1
    assert len({event.user_id for event in town.node.told_of(EmailVerificationAsked)}) == 1
