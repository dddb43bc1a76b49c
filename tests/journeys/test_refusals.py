"""What is refused on the way of a purchase, and that nothing has changed by it."""

import asyncio
import base64
from typing import Any

import pytest

from mercato.services.orders.domain import HOLD
from mercato.values.clock import MINUTE
from tests.journeys.town import Town


async def test_what_is_sold_out_between_cart_and_order_is_told(town: Town) -> None:
    (small, _) = await town.product("shirt", stock=2)
    ann, bob = await town.person("ann"), await town.person("bob")
    await ann.add(small, 2)
    quoted = await ann.quote()
    await bob.bought(small)
    refused = await ann.order(quoted["signed"])
    assert (refused.status, refused.code) == (409, "sold_out")
    problem = refused.json()
    assert problem["shortages"] == [{"variant_id": small, "wanted": 2, "available": 1}]
    order = await ann.get(f"/v1/orders/{problem['order_id']}")
    assert (order["status"], order["cancel_reason"]) == ("cancelled", "sold_out")
    await town.quiet()
    assert await town.figures(small) == (1, 0, 1)
    cart = await ann.get("/v1/cart")
    assert (cart["locked_by"], [line["quantity"] for line in cart["lines"]]) == ("", [2])
    answer = await ann.send("POST", "/v1/cart/set", {"variant_id": small, "quantity": 1})
    assert answer.status == 200
    again = await ann.order((await ann.quote())["signed"])
    assert again.status == 201
    assert await town.sound()


async def test_in_a_crowd_nobody_gets_an_order_for_what_is_sold_out(town: Town) -> None:
    """And a repetition by the same key gets the same answer, also when there is something again (I13)."""
    (small, _) = await town.product("shirt", stock=1)
    ann, bob = await town.person("ann"), await town.person("bob")
    cart = await ann.add(small)
    quoted = await ann.quote()
    taken = await bob.placed(small)
    async with town.shop.edge.bulkheads.room([f"{town.store} {small}"]):
        refused = await ann.order(quoted["signed"], key="mine")
    assert (refused.status, refused.code) == (409, "sold_out")
    assert refused.json()["shortages"] == [{"variant_id": small, "wanted": 1, "available": 0}]
    assert (await ann.get("/v1/orders"))["items"] == []
    assert await ann.get("/v1/cart") == cart
    assert (await bob.cancel(taken["id"])).status == 200
    await town.quiet()
    again = await ann.order(quoted["signed"], key="mine")
    assert (again.status, again.body) == (409, refused.body)
    assert (await ann.order(quoted["signed"], key="another")).status == 201
    assert await town.figures(small) == (0, 1, 0)
    assert await town.sound()


async def test_who_is_a_moment_late_has_a_cancelled_order_and_the_cart_back(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both come before inventory has decided: it is the one that decides, and the first in its line gets the piece."""
    monkeypatch.setattr(town.shop.edge.bulkheads, "is_crowded", lambda _goods: False)  # nobody looks before
    (small, _) = await town.product("shirt", stock=1)
    ann, bob = await town.person("ann"), await town.person("bob")
    signed = []
    for person in (ann, bob):
        await person.add(small)
        signed.append((await person.quote())["signed"])
    answers = await asyncio.gather(ann.order(signed[0]), bob.order(signed[1]))
    (late,) = [answer.json() for answer in answers if answer.status == 409]
    assert late["code"] == "sold_out"
    assert late["shortages"] == [{"variant_id": small, "wanted": 1, "available": 0}]
    await town.quiet()
    assert await town.figures(small) == (0, 1, 0)
    loser = ann if answers[0].status == 409 else bob
    order = await loser.get(f"/v1/orders/{late['order_id']}")
    assert (order["status"], order["cancel_reason"]) == ("cancelled", "sold_out")
    cart = await loser.get("/v1/cart")
    assert (cart["locked_by"], [line["quantity"] for line in cart["lines"]]) == ("", [1])
    assert await town.sound()


async def test_an_order_whose_hold_ends_gives_its_goods_back(town: Town) -> None:
    (small, _) = await town.product("shirt")
    ann = await town.person("ann")
    order = await ann.placed(small, 4)
    town.clock.advance(HOLD - 1)
    await town.expire()
    assert await town.figures(small) == (6, 4, 0)
    town.clock.advance(1)
    await town.expire()
    after = await ann.get(f"/v1/orders/{order['id']}")
    assert (after["status"], after["cancel_reason"]) == ("cancelled", "expired")
    assert await town.figures(small) == (10, 0, 0)
    refused = await ann.pay(order["id"])
    assert (refused.status, refused.code) == (409, "nothing_due")
    assert await ann.get(f"/v1/payments?order_id={order['id']}") == []
    assert (await ann.get("/v1/cart"))["locked_by"] == ""
    assert await town.sound()


async def test_a_price_that_rose_is_shown_before_it_is_quoted(town: Town) -> None:
    small, large = await town.product("shirt", price=1_000)
    ann = await town.person("ann")
    await ann.add(small)
    await ann.add(large)
    await town.price(small, 1_200)
    await town.price(large, 900)
    refused = await ann.send("POST", "/v1/cart/quote", {"destination": _address()})
    assert (refused.status, refused.code) == (409, "price_rose")
    assert refused.json()["prices"] == {small: 1_200}
    low = {"destination": _address(), "accepted_prices": {small: 1_199}}
    assert (await ann.send("POST", "/v1/cart/quote", low)).code == "price_rose"
    quoted = await ann.quote(accepted_prices={small: 1_200})
    assert quoted["quote"]["total"] == 1_200 + 900 + 490
    placed = await ann.order(quoted["signed"])
    assert (placed.status, placed.json()["total"]) == (201, 2_590)


async def test_a_quoted_price_is_honoured_until_its_quote_ends(town: Town) -> None:
    (small, _) = await town.product("shirt", price=1_000)
    ann = await town.person("ann")
    await ann.add(small)
    quoted = await ann.quote()
    await town.price(small, 5_000)
    placed = await ann.order(quoted["signed"])
    assert (placed.status, placed.json()["total"]) == (201, 1_490)


async def test_a_quote_that_has_expired_is_answered_with_a_new_one(town: Town) -> None:
    (small, _) = await town.product("shirt")
    ann = await town.person("ann")
    await ann.add(small)
    quoted = await ann.quote()
    town.clock.advance(15 * MINUTE)
    refused = await ann.order(quoted["signed"])
    assert (refused.status, refused.code) == (409, "quote_expired")
    assert (await ann.get("/v1/orders"))["items"] == []
    assert (await ann.order(refused.json()["quoted"]["signed"])).status == 201


def _flipped(signed: str, part: int) -> str:
    parts = signed.split(".")
    raw = bytearray(base64.urlsafe_b64decode(parts[part] + "=="))
    raw[len(raw) // 2] ^= 1
    parts[part] = base64.urlsafe_b64encode(bytes(raw)).rstrip(b"=").decode()
    return ".".join(parts)


def _cheaper(signed: str) -> str:
    parts = signed.split(".")
    raw = base64.urlsafe_b64decode(parts[2] + "==").replace(b'"total":1490', b'"total":1')
    parts[2] = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
    return ".".join(parts)


@pytest.mark.parametrize(
    "tamper",
    [
        _cheaper,
        lambda signed: _flipped(signed, 2),
        lambda signed: _flipped(signed, 3),
        lambda signed: signed.replace(".k1.", ".k2."),
        lambda signed: signed[:-10],
        lambda signed: "",
        lambda signed: "v1.k1.e30.e30",
    ],
    ids=["cheaper", "payload", "mac", "another key", "cut off", "empty", "invented"],
)
async def test_a_quote_that_was_tampered_with_is_refused(town: Town, tamper: Any) -> None:
    (small, _) = await town.product("shirt")
    ann = await town.person("ann")
    await ann.add(small)
    refused = await ann.order(tamper((await ann.quote())["signed"]))
    assert (refused.status, refused.code) == (422, "quote_invalid")
    assert (await ann.get("/v1/orders"))["items"] == []
    assert await town.figures(small) == (10, 0, 0)


async def test_the_quote_of_another_buyer_is_refused(town: Town) -> None:
    (small, _) = await town.product("shirt")
    ann, bob = await town.person("ann"), await town.person("bob")
    await ann.add(small)
    quoted = await ann.quote()
    refused = await bob.order(quoted["signed"])
    assert (refused.status, refused.code) == (409, "quote_not_yours")
    assert (await bob.get("/v1/orders"))["items"] == []
    assert (await ann.order(quoted["signed"])).status == 201


async def test_a_repeated_order_gets_the_same_bytes(town: Town) -> None:
    (small, _) = await town.product("shirt")
    ann = await town.person("ann")
    await ann.add(small)
    signed = (await ann.quote())["signed"]
    first = await ann.order(signed, "one")
    assert (await ann.order(signed, "one")).body == first.body
    assert (await ann.order(signed, "one", wait=0)).body == first.body
    paid = await ann.pay(first.json()["id"], key="two")
    await town.quiet()
    late = await ann.order(signed, "one")
    assert (late.status, late.body, late.headers["location"]) == (201, first.body, first.headers["location"])
    assert (await ann.pay(first.json()["id"], key="two")).body == paid.body
    assert await town.figures(small) == (9, 0, 1)
    assert len((await ann.get("/v1/orders"))["items"]) == 1
    assert await town.sound()


async def test_repetitions_side_by_side_are_one_order_and_one_payment(town: Town) -> None:
    (small, _) = await town.product("shirt")
    ann = await town.person("ann")
    await ann.add(small)
    signed = (await ann.quote())["signed"]
    orders = await asyncio.gather(*(ann.order(signed, "one") for _ in range(12)))
    assert {(answer.status, answer.body) for answer in orders} == {(201, orders[0].body)}
    order_id = orders[0].json()["id"]
    paid = await asyncio.gather(*(ann.pay(order_id, key="two") for _ in range(12)))
    assert {(answer.status, answer.body) for answer in paid} == {(201, paid[0].body)}
    assert len(await ann.get(f"/v1/payments?order_id={order_id}")) == 1
    await town.quiet()
    assert await town.figures(small) == (9, 0, 1)
    assert await town.sound()


async def test_a_key_is_for_one_body(town: Town) -> None:
    (small, _) = await town.product("shirt")
    ann = await town.person("ann")
    await ann.add(small)
    signed = (await ann.quote())["signed"]
    first = await ann.order(signed, "one")
    body = {"quote": signed, "payment_method": "test"}
    refused = await ann.send("POST", "/v1/orders", body, Idempotency_Key="one", Prefer="wait=5")
    assert (refused.status, refused.code) == (422, "idempotency_key_reused")
    assert (await ann.order(signed, "one")).body == first.body
    assert len((await ann.get("/v1/orders"))["items"]) == 1


async def test_one_version_of_a_cart_is_one_order(town: Town) -> None:
    (small, _) = await town.product("shirt")
    ann = await town.person("ann")
    await ann.add(small)
    signed = (await ann.quote())["signed"]
    first = await ann.order(signed, "one")
    refused = await ann.order(signed, "another")
    assert (refused.status, refused.code) == (409, "cart_already_ordered")
    assert refused.json()["order_id"] == first.json()["id"]
    assert (await ann.order(signed, "another")).body == refused.body
    assert len((await ann.get("/v1/orders"))["items"]) == 1
    assert await town.figures(small) == (9, 1, 0)


async def test_a_cart_that_waits_for_its_payment_cannot_be_changed(town: Town) -> None:
    small, large = await town.product("shirt")
    ann = await town.person("ann")
    order = await ann.placed(small)
    before = await ann.get("/v1/cart")
    changes = [
        ("POST", "/v1/cart/add", {"variant_id": large, "quantity": 1}),
        ("POST", "/v1/cart/set", {"variant_id": small, "quantity": 3}),
        ("POST", "/v1/cart/remove", {"variant_id": small}),
        ("DELETE", "/v1/cart", None),
    ]
    for method, path, body in changes:
        refused = await ann.send(method, path, body)
        assert (refused.status, refused.code, refused.json()["order_id"]) == (409, "cart_locked", order["id"])
    assert await ann.get("/v1/cart") == before
    assert (await ann.get(f"/v1/orders/{order['id']}"))["total"] == 1_490


async def test_a_cart_that_was_changed_after_its_quote_is_quoted_anew(town: Town) -> None:
    small, large = await town.product("shirt")
    ann = await town.person("ann")
    await ann.add(small)
    quoted = await ann.quote()
    await ann.add(large, 2)
    refused = await ann.order(quoted["signed"], "one")
    assert (refused.status, refused.code) == (409, "cart_changed")
    new = refused.json()["quoted"]
    assert (new["quote"]["total"], new["quote"]["destination"]) == (3_490, quoted["quote"]["destination"])
    assert (await ann.get("/v1/orders"))["items"] == []
    placed = await ann.order(new["signed"], "two")
    assert (placed.status, placed.json()["total"]) == (201, 3_490)
    assert await town.sound()


async def test_a_shopper_cancels_before_the_payment(town: Town) -> None:
    (small, _) = await town.product("shirt")
    ann = await town.person("ann")
    order = await ann.placed(small, 2)
    cancelled = await ann.cancel(order["id"])
    assert (cancelled.status, cancelled.json()["cancel_reason"]) == (200, "by_shopper")
    await town.quiet()
    assert await town.figures(small) == (10, 0, 0)
    again = await ann.cancel(order["id"])
    assert (again.status, again.code) == (409, "cannot_cancel")
    assert (await ann.pay(order["id"])).code == "nothing_due"
    cart = await ann.get("/v1/cart")
    assert (cart["locked_by"], [line["quantity"] for line in cart["lines"]]) == ("", [2])
    assert (await ann.order((await ann.quote())["signed"])).status == 201
    assert await town.sound()


async def test_a_shopper_cancels_after_the_payment_and_is_paid_back(town: Town) -> None:
    (small, _) = await town.product("shirt")
    ann = await town.person("ann")
    order = await ann.bought(small, 2)
    assert (await ann.cancel(order["id"])).status == 200
    await town.quiet()
    (level,) = (await town.stock(small)).levels
    assert (level.available, level.reserved, level.sold, level.returned) == (10, 0, 2, 2)
    after = await ann.get(f"/v1/orders/{order['id']}")
    assert (after["status"], after["captured"], after["refunded"]) == ("cancelled", 2_490, 2_490)
    (refund,) = (await ann.get("/v1/payments/refunds"))["items"]
    assert (refund["order_id"], refund["amount"]["amount"], refund["state"]) == (order["id"], 2_490, "refunded")
    assert (await ann.cancel(order["id"])).code == "cannot_cancel"
    assert len((await ann.get("/v1/payments/refunds"))["items"]) == 1
    assert await town.sound()


def _address() -> dict[str, str]:
    return {"name": "Ann Buyer", "street": "Market Street 1", "city": "Leipzig", "country": "DE"}
