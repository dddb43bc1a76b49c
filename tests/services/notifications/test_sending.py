"""A mail is tried until it is taken or makes no sense any more; a crash costs at most a second copy of it."""

import asyncio
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mercato.contracts.notifications import ListDeliveries, NotificationFailed, NotificationSent
from mercato.contracts.stores import MakeApiKey
from mercato.contracts.users import AskPasswordReset, EraseUser, SignUp
from mercato.runtime.settings import Settings
from mercato.services.notifications.adapters.mail_folder import MailFolder
from mercato.services.notifications.adapters.mailer import MailRefused
from mercato.services.notifications.adapters.smtp import Smtp
from mercato.services.notifications.service import mailer_of
from mercato.values.clock import HOUR
from mercato.values.messages import Caller, Forbidden
from tests.services.conftest import Web, settled, staff, until, user
from tests.services.notifications.conftest import RED, Changed, Postbox, postbox, token_in, waiting


async def sign_up(box: Postbox) -> None:
    await box.node.calls.do(SignUp("jo@example.org", "Jo", "hash"), Caller(store=RED))


def failed(changed: Changed, times: int, folder: Path) -> bool:
    """Whether the mailer has failed so often, and the mail waits for its next try."""
    return len(changed.mailer.times) == times and bool(waiting(folder))


async def state(box: Postbox) -> list[tuple[str, int]]:
    return [(delivery.state, delivery.attempts) for delivery in await box.deliveries()]


async def test_a_mailer_that_fails_is_tried_again_after_growing_pauses(tmp_path: Path) -> None:
    changed = Changed(ConnectionError("no answer"))
    async with postbox(tmp_path, change=changed) as box:
        await sign_up(box)
        pauses = []
        for failures in range(1, 5):
            await until(partial(failed, changed, failures, tmp_path))
            (intent,) = waiting(tmp_path)
            assert intent.error == "ConnectionError: no answer"
            pauses.append(intent.due_at - box.node.clock.now())
            assert await state(box) == [("waiting", 0)]
            box.node.clock.advance(pauses[-1] - 1)
            await asyncio.sleep(0.05)
            assert len(changed.mailer.times) == failures
            changed.mailer.error = changed.mailer.error if failures < 4 else None
            box.node.clock.advance(1)
        await until(lambda: box.files)
        assert pauses == [1_000, 2_000, 5_000, 15_000]
        assert await state(box) == [("sent", 5)]
        assert len(box.files) == 1
        assert waiting(tmp_path) == []
        assert not box.node.told_of(NotificationFailed)


async def test_a_mail_whose_answer_was_lost_is_the_same_mail_again(tmp_path: Path) -> None:
    changed = Changed(TimeoutError("no answer"), hands_on=True)
    async with postbox(tmp_path, change=changed) as box:
        await sign_up(box)
        await until(lambda: box.files and waiting(tmp_path))
        (first,) = box.mails()
        changed.mailer.error = None
        box.node.clock.advance(1_000)
        await until(lambda: len(changed.mailer.times) == 2)
        assert await state(box) == [("sent", 2)]
        (second,) = box.mails()
        assert second["Message-ID"] == first["Message-ID"]
        assert token_in(second) != token_in(first)


async def test_a_crash_after_the_mail_was_taken_sends_the_same_mail_again_at_the_next_start(tmp_path: Path) -> None:
    changed = Changed(asyncio.CancelledError(), hands_on=True)
    async with postbox(tmp_path, change=changed) as box:
        await sign_up(box)
        await until(lambda: box.files)
        await settled(box.node)
        (first,) = box.mails()
        assert await state(box) == [("waiting", 0)]
    async with postbox(tmp_path) as box:
        await until(lambda: box.node.told_of(NotificationSent))
        assert await state(box) == [("sent", 2)]
        (second,) = box.mails()
        assert second["Message-ID"] == first["Message-ID"]
        assert len(box.node.told_of(NotificationSent)) == 1
        assert not box.node.told_of(NotificationFailed)


async def test_after_the_last_try_the_delivery_is_given_up_and_told(tmp_path: Path) -> None:
    changed = Changed(ConnectionError("no answer"), tries=3)
    async with postbox(tmp_path, change=changed) as box:
        await sign_up(box)
        for failures in (1, 2):
            await until(partial(failed, changed, failures, tmp_path))
            box.node.clock.advance(2_000)
        await until(lambda: box.node.told_of(NotificationFailed))
        assert await state(box) == [("gave_up", 3)]
        assert waiting(tmp_path) == []
        assert box.files == []


async def test_a_mail_that_will_never_be_taken_is_given_up_at_once(tmp_path: Path) -> None:
    changed = Changed(MailRefused("no such mailbox"))
    async with postbox(tmp_path, change=changed) as box:
        await sign_up(box)
        await until(lambda: box.node.told_of(NotificationFailed))
        assert await state(box) == [("gave_up", 1)]
        assert len(changed.mailer.times) == 1
        assert waiting(tmp_path) == []


async def test_who_was_erased_meanwhile_gets_no_mail_and_no_second_try(tmp_path: Path) -> None:
    changed = Changed(ConnectionError("no answer"))
    async with postbox(tmp_path, change=changed) as box:
        changed.mailer.error = None
        jo = user(RED, await box.join())
        order = await box.order(jo)
        changed.mailer.error = ConnectionError("no answer")
        await box.pay(order, jo)
        await box.node.calls.do(AskPasswordReset("jo@example.org"), Caller(store=RED))
        await until(lambda: len(changed.mailer.times) == 3 and len(waiting(tmp_path)) == 2)
        await box.node.calls.do(EraseUser(jo.buyer), jo)  # type: ignore[arg-type]
        changed.mailer.error = None
        box.node.clock.advance(HOUR)
        await until(lambda: len(box.node.told_of(NotificationFailed)) == 2)
        assert await state(box) == [("sent", 1), ("gave_up", 2), ("gave_up", 2)]
        assert len(changed.mailer.times) == 3
        assert len(box.files) == 1


async def test_deliveries_are_listed_for_staff_newest_first_by_pages(box: Postbox) -> None:
    for number in range(3):
        await box.node.calls.do(SignUp(f"jo{number}@example.org", "Jo", "hash"), Caller(store=RED))
        await settled(box.node)
    deliveries = await box.deliveries()
    key = (await box.node.calls.do(MakeApiKey("test"), staff(RED))).secret
    web = Web(box.node)
    first = (await web("GET", "/v1/notifications?limit=2", host="red.example", token=key)).json()
    rest = (await web("GET", f"/v1/notifications?cursor={first['next']}", host="red.example", token=key)).json()
    listed: list[Any] = first["items"] + rest["items"]
    assert [item["id"] for item in listed] == [delivery.id for delivery in reversed(deliveries)]
    assert rest["next"] is None
    assert "example.org" not in repr(listed)
    with pytest.raises(Forbidden):
        await box.node.calls.ask(ListDeliveries(), user(RED, "usr_1"))
    assert (await web("GET", "/v1/notifications", host="red.example")).status == 401


async def test_the_settings_say_where_mails_go(box: Postbox) -> None:
    setup = box.node.setup
    assert isinstance(mailer_of(setup), MailFolder)
    by_server = msgspec.structs.replace(setup, settings=Settings(setup.settings.data, mail="smtp://mail.example:25"))
    assert isinstance(mailer_of(by_server), Smtp)
