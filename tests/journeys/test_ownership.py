"""Whose is it: other people's things, fields nobody may give, quantities, keys, and the store next door."""

from typing import Any

import pytest

from tests.journeys.town import ADDRESS, Person, Town

UNKNOWN = "0" * 32


def _told(body: bytes, request_id: str) -> bytes:
    return body.replace(request_id.encode(), b"REQUEST")


async def test_the_order_of_somebody_else_is_as_unknown_as_none(town: Town) -> None:
    (small, _) = await town.product("shirt")
    ann, eve = await town.person("ann"), await town.person("eve")
    order = await ann.placed(small)
    asked = [
        await eve.send("GET", f"/v1/orders/{order_id}")
        for order_id in (order["id"], f"ord_{UNKNOWN}", "", "[]", "null")
    ]
    foreign, unknown = asked[:2]
    assert (foreign.status, foreign.code) == (404, "not_found")
    same = [_told(answer.body, answer.headers["x-request-id"]) for answer in (foreign, unknown)]
    assert same[0] == same[1]
    assert [answer.status for answer in asked[2:]] == [404] * 3
    assert (await eve.cancel(order["id"])).status == 404
    refused = await eve.pay(order["id"])
    assert (refused.status, refused.code) == (404, "not_found")
    assert (await eve.get("/v1/orders"))["items"] == []
    assert await eve.get(f"/v1/payments?order_id={order['id']}") == []
    assert (await ann.get(f"/v1/orders/{order['id']}"))["stage"] == "payment_due"


async def test_the_payment_of_somebody_else_is_not_found(town: Town) -> None:
    (small, _) = await town.product("shirt")
    ann, eve = await town.person("ann"), await town.person("eve")
    order = await ann.placed(small)
    payment = (await ann.pay(order["id"], "step")).json()["payment"]
    path = f"/v1/payments/{payment['id']}"
    assert (await eve.send("GET", path)).status == 404
    assert (await eve.send("POST", f"{path}/completion")).status == 404
    assert (await eve.get("/v1/payments/refunds"))["items"] == []
    assert (await ann.get(path))["state"] == "action_needed"


async def test_a_cart_is_its_buyers_alone(town: Town) -> None:
    (small, _) = await town.product("shirt")
    ann, eve = await town.person("ann"), await town.person("eve")
    mine = await ann.add(small)
    theirs = await eve.get("/v1/cart")
    assert (theirs["lines"], theirs["id"] != mine["id"]) == ([], True)
    assert (await eve.send("DELETE", "/v1/cart")).status == 200
    assert (await ann.get("/v1/cart"))["lines"] == mine["lines"]
    for query in (f"?buyer={ann.id}", f"?id={mine['id']}"):
        assert (await eve.send("GET", f"/v1/cart{query}")).status == 400


async def test_nobody_gets_in_without_a_token(town: Town) -> None:
    (small, _) = await town.product("shirt")
    ann = await town.person("ann")
    order = await ann.placed(small)
    nobody = Person(town)
    for method, path in (
        ("GET", "/v1/cart"),
        ("GET", "/v1/orders"),
        ("GET", f"/v1/orders/{order['id']}"),
        ("POST", f"/v1/orders/{order['id']}/cancellation"),
        ("GET", f"/v1/users/{ann.id}"),
        ("PATCH", f"/v1/users/{ann.id}"),
        ("GET", "/v1/payments/refunds"),
    ):
        refused = await nobody.send(method, path, {} if method == "PATCH" else None)
        assert (refused.status, refused.code) == (401, "log_in_first"), path
    ended = Person(town, "an_invented_token")
    assert (await ended.send("GET", "/v1/cart")).status == 401


async def test_an_account_of_somebody_else_is_not_found(town: Town) -> None:
    ann, eve = await town.person("ann"), await town.person("eve")
    for method, body in (("GET", None), ("PATCH", {"name": "Eve was here"}), ("DELETE", None)):
        assert (await eve.send(method, f"/v1/users/{ann.id}", body)).status in (403, 404)
    assert (await ann.get("/v1/users/me"))["name"] == "Ann"


async def test_a_customer_is_no_staff(town: Town) -> None:
    (small, _) = await town.product("shirt")
    ann = await town.person("ann")
    for method, path, body in (
        ("POST", f"/v1/inventory/{small}", {"change": 5}),
        ("GET", f"/v1/inventory/{small}", None),
        ("PUT", "/v1/prices/prod_any", {"currency": "EUR", "prices": [{"variant_id": small, "amount": 1}]}),
        ("PATCH", "/v1/products/prod_any", {"title": "Mine"}),
        ("GET", "/v1/login-attempts", None),
    ):
        refused = await ann.send(method, path, body)
        assert (refused.status, refused.code) == (403, "forbidden"), path
    assert await town.figures(small) == (10, 0, 0)


@pytest.mark.parametrize(
    "more",
    [{"price": 1}, {"discount": 100}, {"currency": "USD"}, {"total": 1}, {"store": "sto_other"}, {"buyer": "usr_x"}],
)
async def test_what_a_body_may_not_say_is_refused_not_passed_over(town: Town, more: dict[str, Any]) -> None:
    (small, _) = await town.product("shirt")
    ann = await town.person("ann")
    await ann.add(small)
    before = await ann.get("/v1/cart")
    signed = (await ann.quote())["signed"]
    body = {"variant_id": small, "quantity": 1, **more}
    answers = [
        await ann.send("POST", "/v1/cart/add", body),
        await ann.send("POST", "/v1/cart/quote", {"destination": ADDRESS, **more}),
        await ann.send("POST", "/v1/cart/quote", {"destination": {**ADDRESS, **more}}),
        await ann.send("POST", "/v1/orders", {"quote": signed, **more}, Idempotency_Key="one"),
        await ann.send("PATCH", "/v1/users/me", more),
    ]
    assert [(answer.status, answer.code) for answer in answers] == [(422, "invalid")] * len(answers)
    assert await ann.get("/v1/cart") == before
    assert (await ann.get("/v1/orders"))["items"] == []
    order = (await ann.order(signed)).json()
    paying = {"order_id": order["id"], "source": "approve", **more, "is_paid": True}
    refused = await ann.send("POST", "/v1/payments/pay", paying, Idempotency_Key="two")
    assert (refused.status, order["total"]) == (422, 1_490)
    assert await ann.get(f"/v1/payments?order_id={order['id']}") == []


@pytest.mark.parametrize("field", ["role", "roles", "tenant_id", "is_staff", "verified", "balance"])
async def test_nobody_signs_up_with_rights(town: Town, field: str) -> None:
    body = {"email": "eve@example.org", "name": "Eve", "password": "a rather long password", field: "staff"}
    refused = await Person(town).send("POST", "/v1/auth/signup", body)
    assert (refused.status, refused.code) == (422, "invalid")
    assert town.mails() == []


@pytest.mark.parametrize(
    "quantity", ["-1", "0", "1.5", "1e9", '"1"', "NaN", "9223372036854775808", "null", "[1]", "1001"]
)
async def test_a_quantity_is_a_whole_number_of_pieces(town: Town, quantity: str) -> None:
    (small, _) = await town.product("shirt")
    ann = await town.person("ann")
    before = await ann.add(small)
    body = b'{"variant_id":"%s","quantity":%s}' % (small.encode(), quantity.encode())
    refused = await ann.send("POST", "/v1/cart/add", body)
    assert refused.status == (400 if quantity == "NaN" else 422)
    if quantity != "0":  # which takes a line out
        assert (await ann.send("POST", "/v1/cart/set", body)).status == refused.status
    assert (await ann.get("/v1/cart"))["lines"] == before["lines"]


@pytest.mark.parametrize(
    ("given", "status"), [("", 400), ("a b", 400), ("k" * 256, 400), ("ä", 400), ("k" * 255, 201), ("!~", 201)]
)
async def test_the_form_of_a_key(town: Town, given: str, status: int) -> None:
    (small, _) = await town.product("shirt")
    ann = await town.person("ann")
    await ann.add(small)
    body = {"quote": (await ann.quote())["signed"]}
    answer = await ann.send("POST", "/v1/orders", body, Idempotency_Key=given, Prefer="wait=5")
    assert answer.status == status
    assert len((await ann.get("/v1/orders"))["items"]) == int(status == 201)


async def test_an_order_and_a_payment_need_a_key(town: Town) -> None:
    (small, _) = await town.product("shirt")
    ann = await town.person("ann")
    await ann.add(small)
    signed = (await ann.quote())["signed"]
    assert (await ann.send("POST", "/v1/orders", {"quote": signed})).status == 400
    assert (await ann.get("/v1/orders"))["items"] == []
    order = (await ann.order(signed)).json()
    assert (await ann.send("POST", "/v1/payments/pay", {"order_id": order["id"], "source": "approve"})).status == 400
    assert await ann.get(f"/v1/payments?order_id={order['id']}") == []


async def test_one_key_of_two_callers_is_two_requests(town: Town) -> None:
    (small, _) = await town.product("shirt")
    ann, bob = await town.person("ann"), await town.person("bob")
    orders = []
    for person in (ann, bob):
        await person.add(small)
        orders.append(await person.order((await person.quote())["signed"], "the-same"))
    assert [answer.status for answer in orders] == [201, 201]
    assert orders[0].json()["id"] != orders[1].json()["id"]
    assert await town.figures(small) == (8, 2, 0)


async def test_the_store_next_door_knows_none_of_ours(town: Town) -> None:
    (small, _) = await town.product("shirt")
    other = await town.open("other", "Other Shop")
    (theirs, _) = await town.product("coat", price=9_900, store=other)
    ann, zoe = await town.person("ann"), await town.person("zoe", other, "/s/other")
    order, foreign = await ann.bought(small), await zoe.placed(theirs)
    assert foreign["total"] == 10_390
    key, other_key = await town.staff(), await town.staff(other, "/s/other")
    for person, prefix, path in (
        (ann, "/s/other", "/v1/cart"),
        (ann, "/s/other", f"/v1/orders/{order['id']}"),
        (key, "/s/other", f"/v1/inventory/{theirs}"),
        (zoe, "", "/v1/cart"),
        (zoe, "", f"/v1/orders/{foreign['id']}"),
        (other_key, "", f"/v1/inventory/{small}"),
    ):
        refused = await Person(town, person.token, prefix=prefix).send("GET", path)
        assert (refused.status, refused.code) == (403, "forbidden"), path
    assert (await key.send("GET", f"/v1/inventory/{theirs}")).status == 404
    assert (await key.send("GET", f"/v1/orders/{foreign['id']}")).status == 404
    assert (await ann.send("POST", "/v1/cart/add", {"variant_id": theirs})).status == 404
    shown = [(await person.get("/v1/products"))["items"] for person in (Person(town), Person(town, prefix="/s/other"))]
    assert [[card["handle"] for card in cards] for cards in shown] == [["shirt"], ["coat"]]
    assert (await Person(town, prefix="/s/nowhere").send("GET", "/v1/products")).status == 404
    assert await town.sound()
