"""Two tabs of one shopper: an outdated quote, and an order that is cancelled before its stock is reserved."""

from tests.journeys.town import Person, Town


async def test_an_outdated_quote_is_refused_while_another_order_locks_the_cart(town: Town) -> None:
    (small, large) = await town.product("shirt")
    ann = await town.person("ann")
    await ann.add(small)
    outdated = await ann.quote()
    await ann.add(large)
    order = await ann.order((await ann.quote())["signed"])
    assert order.status == 201
    await town.quiet()
    refused = await ann.order(outdated["signed"])
    assert (refused.status, refused.code) == (409, "cart_changed")
    assert [summary["id"] for summary in (await ann.get("/v1/orders"))["items"]] == [order.json()["id"]]


async def test_the_quote_of_a_locked_cart_names_its_order(town: Town) -> None:
    (small, _) = await town.product("shirt")
    ann = await town.person("ann")
    await ann.add(small)
    quoted = await ann.quote()
    order = await ann.order(quoted["signed"])
    await town.quiet()
    again = await ann.order(quoted["signed"])
    assert (again.status, again.code, again.json()["order_id"]) == (409, "cart_already_ordered", order.json()["id"])


async def test_who_cancels_before_the_stock_is_reserved_is_answered(town: Town) -> None:
    (small, _) = await town.product("shirt")
    ann = await town.person("ann")
    await ann.add(small)
    quoted = await ann.quote()
    town.pause("inventory")
    accepted = await ann.order(quoted["signed"], "one", wait=0)
    assert accepted.status == 202
    order_id = accepted.headers["location"].rpartition("/")[2]
    assert (await ann.cancel(order_id)).status == 200
    answer = await ann.order(quoted["signed"], "one", wait=1)
    assert (answer.status, answer.json()["stage"]) == (201, "cancelled")
    await _go_on(town, ann, order_id)
    assert (await ann.order(quoted["signed"], "one")).body == answer.body
    assert await town.figures(small) == (10, 0, 0)
    assert await town.sound()


async def _go_on(town: Town, person: Person, order_id: str) -> None:
    town.resume("inventory")
    await town.quiet()
    assert (await person.get(f"/v1/orders/{order_id}"))["stage"] == "cancelled"
