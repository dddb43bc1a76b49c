"""The way of a purchase, from the sign-up to the receipt."""

import re

from tests.journeys.town import ADDRESS, Person, Town
from tests.services.conftest import until

PASSWORD = "a rather long password"


async def test_a_stranger_becomes_a_customer(town: Town) -> None:
    small, large = await town.product("shirt", price=1_990, stock=5)
    ann = Person(town)
    body = {"email": "ann@example.org", "name": "Ann", "password": PASSWORD}
    assert (await ann.send("POST", "/v1/auth/signup", body)).status == 202
    await until(town.mails)
    (mail,) = town.mails()
    text = mail.get_body(("plain",)).get_content()  # type: ignore[attr-defined]
    assert mail["To"] == "ann@example.org"
    found = re.search(r"/verify\?token=(\S+)", text)
    assert found is not None
    log_in = {"email": "ann@example.org", "password": PASSWORD}
    assert (await ann.send("POST", "/v1/auth/login", log_in)).status == 401
    assert (await ann.send("POST", "/v1/auth/verify", {"token": found[1]})).status == 200
    session = await ann.send("POST", "/v1/auth/login", log_in)
    assert session.status == 201
    ann.token = session.json()["token"]

    (card,) = (await ann.get("/v1/products"))["items"]
    product = await ann.get(f"/v1/products/{card['id']}")
    assert [variant["id"] for variant in product["variants"]] == [small, large]
    await ann.add(small, 2)
    cart = await ann.add(large)
    assert (cart["subtotal"], [line["quantity"] for line in cart["lines"]]) == (5_970, [2, 1])
    quoted = await ann.quote()
    assert (quoted["quote"]["total"], quoted["quote"]["destination"]["city"]) == (6_460, ADDRESS["city"])
    placed = await ann.order(quoted["signed"])
    order = placed.json()
    assert (placed.status, order["status"], order["stage"], order["total"]) == (201, "pending", "payment_due", 6_460)
    assert placed.headers["location"] == f"/v1/orders/{order['id']}"
    assert (await town.figures(small), await town.figures(large)) == ((3, 2, 0), (4, 1, 0))
    assert (await ann.get("/v1/cart"))["locked_by"] == order["id"]

    paid = await ann.pay(order["id"])
    assert (paid.status, paid.json()["order"]) == (201, {"id": order["id"], "status": "paid"})
    assert paid.headers["location"] == f"/v1/payments/{paid.json()['payment']['id']}"
    after = await ann.get(f"/v1/orders/{order['id']}")
    assert (after["status"], after["captured"], after["version"]) == ("paid", 6_460, 4)
    await town.quiet()
    assert (await town.figures(small), await town.figures(large)) == ((3, 0, 2), (4, 0, 1))
    cart = await ann.get("/v1/cart")
    assert (cart["lines"], cart["locked_by"]) == ([], "")
    await until(lambda: len(town.mails()) == 2)
    receipt = next(mail for mail in town.mails() if "verify" not in str(mail))
    assert receipt["To"] == "Ann <ann@example.org>"
    assert "64.60" in receipt.get_body(("plain",)).get_content()  # type: ignore[attr-defined]
    assert [summary["id"] for summary in (await ann.get("/v1/orders"))["items"]] == [order["id"]]
    assert await town.sound()


async def test_a_cart_can_be_filled_again_after_a_purchase(town: Town) -> None:
    small, large = await town.product("shirt")
    ann = await town.person("ann")
    first = await ann.bought(small)
    await town.quiet()  # apart, carts hears a moment later than the shopper that the order is paid
    second = await ann.bought(large, 3)
    assert (first["total"], second["total"]) == (1_490, 3_490)
    await town.quiet()  # as inventory does
    assert await town.figures(large) == (7, 0, 3)
    assert await town.sound()


async def test_two_lines_of_one_variant_and_many_buyers_never_oversell(town: Town) -> None:
    (small, _) = await town.product("shirt", stock=3)
    people = [await town.person(f"buyer{number}") for number in range(5)]
    signed = []
    for person in people:
        await person.add(small)
        signed.append((await person.quote())["signed"])
    answers = [await person.order(quote) for person, quote in zip(people, signed, strict=True)]
    assert sorted(answer.status for answer in answers) == [201, 201, 201, 409, 409]
    assert {answer.code for answer in answers if answer.status == 409} == {"sold_out"}
    await town.quiet()
    assert await town.figures(small) == (0, 3, 0)
    assert await town.sound()
