"""Payments that go another way than well: declined, lost, late, twice, forged, or for an order that is off."""

import asyncio
import json
from typing import Any

import msgspec
import pytest

from mercato.services.orders.domain import EXTENDED_HOLD, HOLD
from mercato.services.payments import api, work
from mercato.services.payments.adapters import test_gateway
from mercato.services.payments.adapters.gateway import Notice
from mercato.services.payments.adapters.test_gateway import TestGateway
from mercato.values.clock import MINUTE, SECOND
from mercato.values.ids import PaymentId
from mercato.values.money import Money
from tests.journeys.town import Answer, Person, Town


async def status_of(person: Person, order_id: str) -> str:
    return str((await person.get(f"/v1/orders/{order_id}"))["status"])


async def paid_soon(town: Town, person: Person, order_id: str) -> Any:
    """Move the clock on until the order is paid; the order."""
    for _ in range(600):
        await town.quiet()
        if await status_of(person, order_id) == "paid":
            return await person.get(f"/v1/orders/{order_id}")
        town.clock.advance(SECOND)
    raise AssertionError("it is never paid")


def charges(town: Town) -> list[dict[str, Any]]:
    """What the gateway itself has written down."""
    file = town.data("payments") / "test_gateway.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()]


async def test_a_declined_payment_can_be_tried_again(town: Town) -> None:
    (small, _) = await town.product("shirt")
    ann = await town.person("ann")
    order = await ann.placed(small)
    declined = await ann.pay(order["id"], "decline", "one")
    assert (declined.status, declined.code) == (402, "payment_declined")
    assert (await ann.pay(order["id"], "decline", "one")).body == declined.body
    assert (await status_of(ann, order["id"]), await town.figures(small)) == ("pending", (9, 1, 0))
    approved = await ann.pay(order["id"], "approve", "two")
    assert (approved.status, approved.json()["order"]["status"]) == (201, "paid")
    states = [payment["state"] for payment in await ann.get(f"/v1/payments?order_id={order['id']}")]
    assert states == ["failed", "captured"]
    assert await town.sound()


async def test_an_order_is_paid_once(town: Town) -> None:
    (small, _) = await town.product("shirt")
    ann = await town.person("ann")
    order = await ann.bought(small)
    again = await ann.pay(order["id"])
    assert (again.status, again.code) == (409, "nothing_due")
    assert len(charges(town)) == 1


@pytest.mark.parametrize("source", ["lose_answer", "lose_request", "webhook_first", "webhook_twice", "webhook_late"])
async def test_however_the_gateway_answers_it_charges_once(town: Town, source: str) -> None:
    (small, _) = await town.product("shirt")
    ann = await town.person("ann")
    order = await ann.placed(small, 2)
    answer = await ann.pay(order["id"], source, wait=1)
    assert answer.status in (201, 202)
    after = await paid_soon(town, ann, order["id"])
    assert (after["captured"], after["refunded"], after["version"]) == (2_490, 0, after["version"])
    await town.quiet()
    assert await town.figures(small) == (8, 0, 2)
    assert len({(charge["store"], charge["key"]) for charge in charges(town)}) == 1
    (payment,) = await ann.get(f"/v1/payments?order_id={order['id']}")
    assert payment["state"] == "captured"
    town.clock.advance(10 * MINUTE)
    await town.expire()
    assert await status_of(ann, order["id"]) == "paid"
    assert await town.sound()


async def test_a_late_notice_alone_pays_the_order(town: Town) -> None:
    """The clock stands, so nobody asks the gateway: what is paid is paid by its notice."""
    (small, _) = await town.product("shirt")
    ann = await town.person("ann")
    order = await ann.placed(small)
    answer = await ann.pay(order["id"], "webhook_late")
    assert (answer.status, answer.json()["order"]["status"]) == (201, "paid")
    assert await status_of(ann, order["id"]) == "paid"


async def test_a_stalled_gateway_is_told_as_pending(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "PATIENCE", 0.3)
    monkeypatch.setattr(api, "PATIENCE", 0.5)
    monkeypatch.setattr(test_gateway, "STALL", 60.0)
    (small, _) = await town.product("shirt")
    ann = await town.person("ann")
    order = await ann.placed(small)
    pending = await ann.pay(order["id"], "stall", "one")
    assert (pending.status, pending.body) == (202, b"")
    await town.quiet()  # until the shop has lost its patience too
    payment = await ann.get(pending.headers["location"])
    assert (payment["state"], payment["order_id"]) == ("unknown", order["id"])
    again = await ann.pay(order["id"], "stall", "one")
    assert (again.status, again.headers["location"]) == (202, pending.headers["location"])
    in_flight = await ann.pay(order["id"], "stall", "one", wait=0)
    assert (in_flight.status, in_flight.code) == (409, "idempotency_key_in_flight")
    other = await ann.pay(order["id"], "approve", "two")
    assert (other.status, other.code) == (409, "payment_in_progress")
    after = await ann.get(f"/v1/orders/{order['id']}")
    assert after["hold_expires_at"] == order["placed_at"] + EXTENDED_HOLD  # held for longer, once
    town.clock.advance(HOLD)
    await town.expire()
    await paid_soon(town, ann, order["id"])
    assert await town.figures(small) == (9, 0, 1)
    final = await ann.pay(order["id"], "stall", "one")
    assert (final.status, final.json()["order"]["status"]) == (201, "paid")
    assert await town.sound()


@pytest.mark.parametrize("approve", [True, False])
async def test_a_further_step_is_confirmed_or_refused(town: Town, approve: bool) -> None:
    (small, _) = await town.product("shirt")
    ann = await town.person("ann")
    order = await ann.placed(small)
    begun = await ann.pay(order["id"], "step")
    payment = begun.json()["payment"]
    assert (begun.status, payment["state"], begun.json()["order"]["status"]) == (201, "action_needed", "pending")
    assert payment["action_url"].endswith(f"/test-gateway/{payment['id']}")
    assert await status_of(ann, order["id"]) == "pending"
    path = f"/v1/payments/test-gateway/{payment['id']}"
    assert (await ann.send("POST", path, {"approve": approve})).status == 204
    wanted = "captured" if approve else "failed"
    async with _patience():
        while (await ann.get(f"/v1/payments/{payment['id']}"))["state"] != wanted:
            await town.quiet()
    assert (await ann.send("POST", path, {"approve": True})).status == 404  # there is nothing to decide any more
    if not approve:
        assert (await ann.pay(order["id"])).status == 201
    await town.quiet()
    assert (await status_of(ann, order["id"]), await town.figures(small)) == ("paid", (9, 0, 1))
    assert await town.sound()


def _patience() -> Any:
    return asyncio.timeout(10)


async def test_a_step_that_is_never_taken_ends_with_its_hold(town: Town) -> None:
    (small, _) = await town.product("shirt")
    ann = await town.person("ann")
    order = await ann.placed(small)
    payment = (await ann.pay(order["id"], "step")).json()["payment"]
    town.clock.advance(EXTENDED_HOLD)
    await town.expire()
    assert (await status_of(ann, order["id"]), await town.figures(small)) == ("cancelled", (10, 0, 0))
    for _ in range(12):
        town.clock.advance(10 * MINUTE)
        await town.quiet()
    assert (await ann.get(f"/v1/payments/{payment['id']}"))["state"] == "failed"
    assert await town.sound()


async def test_a_capture_after_the_hold_has_ended_is_paid_back(town: Town) -> None:
    (small, _) = await town.product("shirt")
    ann = await town.person("ann")
    order = await ann.placed(small)
    payment = (await ann.pay(order["id"], "step")).json()["payment"]
    town.clock.advance(EXTENDED_HOLD)
    await town.expire()
    assert await status_of(ann, order["id"]) == "cancelled"
    assert (await ann.send("POST", f"/v1/payments/test-gateway/{payment['id']}", {"approve": True})).status == 204
    async with _patience():
        while (await ann.get(f"/v1/orders/{order['id']}"))["refunded"] != 1_490:
            town.clock.advance(SECOND)
            await town.quiet()
    after = await ann.get(f"/v1/orders/{order['id']}")
    assert (after["status"], after["captured"], after["refunded"]) == ("cancelled", 1_490, 1_490)
    assert await town.figures(small) == (10, 0, 0)
    (refund,) = (await ann.get("/v1/payments/refunds"))["items"]
    assert (refund["payment_id"], refund["state"]) == (payment["id"], "refunded")
    assert sum(charges(town)[-1]["refunds"].values()) == 1_490
    assert await town.sound()


# Notices.


def _gateway(town: Town) -> TestGateway:
    """Signs with the keys of this installation, as its gateway does."""
    return TestGateway(None, town.clock, town.shop.parts.keyring, "")


def _signed(town: Town, body: bytes, store: str = "") -> str:
    return _gateway(town).sign(store or town.store, body)


async def _notify(town: Town, notice: Notice | bytes, signature: str | None = None) -> Answer:
    body = notice if isinstance(notice, bytes) else msgspec.json.encode(notice)
    header = {test_gateway.SIGNATURE.decode(): _signed(town, body) if signature is None else signature}
    return await Person(town).send("POST", "/v1/payments/webhooks/test", body, **header)


async def _open_payment(town: Town) -> tuple[Person, Any, Any, Notice]:
    """Somebody with an order whose payment needs a further step, and the notice that would settle it."""
    (small, _) = await town.product("shirt")
    ann = await town.person("ann")
    order = await ann.placed(small)
    payment = (await ann.pay(order["id"], "step")).json()["payment"]
    amount = Money(payment["amount"]["amount"], payment["amount"]["currency"])
    notice = Notice(town.store, PaymentId(payment["id"]), f"tg_{payment['id']}", "captured", amount)
    return ann, order, payment, notice


async def test_a_forged_notice_is_refused(town: Town) -> None:
    ann, order, payment, notice = await _open_payment(town)
    body = msgspec.json.encode(notice)
    good = _signed(town, body)
    stamp, _, mac = good.partition(".")
    old = f"{int(stamp) - 5 * MINUTE - 1}.{mac}"
    odd = (f"{stamp}.\xe4", f"{'9' * 5_000}.{mac}")
    for signature in ("", "x", f"{stamp}.", f"{stamp}.{'0' * 64}", f"{int(stamp) + 1}.{mac}", old, *odd):
        refused = await _notify(town, notice, signature)
        assert (refused.status, refused.code) == (401, "bad_signature"), signature
    assert (await _notify(town, body.replace(b"captured", b"failed"), good)).status == 401
    assert (await ann.get(f"/v1/payments/{payment['id']}"))["state"] == "action_needed"
    assert await status_of(ann, order["id"]) == "pending"


async def test_a_notice_with_the_secret_of_another_store_is_refused(town: Town) -> None:
    """S29: whoever runs a store of this installation knows its secret, and can pay nothing elsewhere with it."""
    ann, order, payment, notice = await _open_payment(town)
    other = await town.open("other", "Other Shop")
    before = await town.state()
    for prefix in ("", "/s/first", "/s/other"):
        for result in ("captured", "failed"):
            body = msgspec.json.encode(msgspec.structs.replace(notice, outcome=result))
            header = {test_gateway.SIGNATURE.decode(): _signed(town, body, other)}
            refused = await Person(town, prefix=prefix).send("POST", "/v1/payments/webhooks/test", body, **header)
            assert (refused.status, refused.code) == (401, "bad_signature")
    assert await town.state() == before
    assert (await ann.get(f"/v1/payments/{payment['id']}"))["state"] == "action_needed"
    assert await status_of(ann, order["id"]) == "pending"
    assert (await _notify(town, notice)).status == 204  # with its own secret it is taken
    await town.quiet()
    assert await status_of(ann, order["id"]) == "paid"


async def test_a_notice_that_is_too_old_is_refused(town: Town) -> None:
    ann, order, _, notice = await _open_payment(town)
    signature = _signed(town, msgspec.json.encode(notice))
    town.clock.advance(5 * MINUTE + 1)
    assert (await _notify(town, notice, signature)).status == 401
    assert await status_of(ann, order["id"]) == "pending"


@pytest.mark.parametrize("amount", [Money(1, "EUR"), Money(1_491, "EUR"), Money(1_490, "USD")])
async def test_a_notice_about_another_amount_pays_nothing(town: Town, amount: Money) -> None:
    ann, order, payment, notice = await _open_payment(town)
    assert (await _notify(town, msgspec.structs.replace(notice, amount=amount))).status == 204
    await town.quiet()
    after = await ann.get(f"/v1/payments/{payment['id']}")
    assert (after["state"], after["failure"]) == ("unknown", "the gateway captured another amount")
    town.clock.advance(5 * SECOND)
    await town.quiet()
    assert await status_of(ann, order["id"]) == "pending"
    assert (await ann.get(f"/v1/orders/{order['id']}"))["captured"] == 0
    assert await town.sound()


async def test_a_notice_many_times_has_one_effect(town: Town) -> None:
    ann, order, _, notice = await _open_payment(town)
    answers = await asyncio.gather(*(_notify(town, notice) for _ in range(30)))
    assert {answer.status for answer in answers} == {204}
    await town.quiet()
    after = await ann.get(f"/v1/orders/{order['id']}")
    assert (after["status"], after["captured"]) == ("paid", 1_490)


async def test_a_declined_charge_that_was_captured_after_all_is_not_paid_again(town: Town) -> None:
    """Also before its order has heard of it."""
    (small, _) = await town.product("shirt")
    ann = await town.person("ann")
    order = await ann.placed(small)
    declined = (await ann.pay(order["id"], "decline", "one")).json()["payment_id"]
    amount = Money(order["total"], order["currency"])
    town.pause("orders")
    notice = Notice(town.store, PaymentId(declined), f"tg_{declined}", "captured", amount)
    assert (await _notify(town, notice)).status == 204
    again = await ann.pay(order["id"], "approve", "again")
    assert (again.status, again.code, again.json()["payment_id"]) == (409, "payment_in_progress", declined)
    town.resume("orders")
    await paid_soon(town, ann, order["id"])


async def test_a_notice_about_no_payment_of_the_store_is_not_found(town: Town) -> None:
    _, _, _, notice = await _open_payment(town)
    other = await town.open("other", "Other Shop")
    for wrong in (
        msgspec.structs.replace(notice, store=other),
        msgspec.structs.replace(notice, payment_id=PaymentId("pay_" + "0" * 32)),
    ):
        assert (await _notify(town, wrong, _signed(town, msgspec.json.encode(wrong), wrong.store))).status == 404
    assert (await Person(town).send("POST", "/v1/payments/webhooks/unknown", {})).status == 404
