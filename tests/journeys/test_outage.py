"""A gateway that is out of order (F9): payments are refused at once, goods stay held for their time, nobody is charged
for an order that is off."""

from typing import Any

import pytest

from mercato.runtime.slow_work.breaker import FAILURES
from mercato.services.orders.domain import EXTENDED_HOLD, HOLD
from mercato.services.payments.adapters import test_gateway
from mercato.values.clock import HOUR, MINUTE, SECOND
from tests.journeys.test_payments import charges, paid_soon, status_of
from tests.journeys.town import Person, Town


@pytest.fixture(autouse=True)
def _an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(test_gateway, "OUTAGE", HOUR)


async def _unlucky(town: Town, variant_id: str) -> list[tuple[Person, Any]]:
    """People whose payments the gateway answers with errors, so many that its breaker opens; and their orders."""
    people = []
    for number in range(FAILURES):
        person = await town.person(f"unlucky{number}")
        order = await person.placed(variant_id)
        assert (await person.pay(order["id"], "error", wait=0)).status == 202
        people.append((person, order))
    await town.quiet()
    return people


async def test_payments_are_refused_at_once_until_the_gateway_is_back(town: Town) -> None:
    (small, _) = await town.product("shirt")
    people = await _unlucky(town, small)
    ann = await town.person("ann")
    order = await ann.placed(small)
    refused = await ann.pay(order["id"], key="one")
    assert refused.refused == (503, "gateway_unavailable", "1")
    assert refused.json()["advice"].startswith("The payment provider is out of order. Nothing was charged")
    assert await ann.get(f"/v1/payments?order_id={order['id']}") == []
    assert (await ann.get(f"/v1/orders/{order['id']}"))["hold_expires_at"] == order["placed_at"] + HOLD
    assert await town.figures(small) == (4, 6, 0)
    assert charges(town) == []
    town.clock.advance(SECOND)
    paid = await ann.pay(order["id"], key="one")  # the key is free: nothing was stored under it
    assert (paid.status, paid.json()["order"]["status"]) == (201, "paid")
    assert (await ann.pay(order["id"], key="one")).body == paid.body
    for person, unpaid in people:
        (payment,) = await person.get(f"/v1/payments?order_id={unpaid['id']}")
        assert payment["state"] == "unknown"
        assert (await person.get(f"/v1/orders/{unpaid['id']}"))["hold_expires_at"] == unpaid[
            "placed_at"
        ] + EXTENDED_HOLD
    assert await town.sound()


async def test_unknown_outcomes_are_followed_up_when_the_gateway_is_back(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(test_gateway, "OUTAGE", 5 * MINUTE)
    (small, _) = await town.product("shirt")
    for person, order in await _unlucky(town, small):
        assert (await paid_soon(town, person, order["id"]))["captured"] == 1_490
    assert await town.figures(small) == (5, 0, 5)
    assert len({charge["key"] for charge in charges(town)}) == FAILURES
    ann = await town.person("ann")
    assert (await ann.bought(small))["status"] == "paid"  # the breaker is closed
    assert await town.sound()


async def test_holds_are_kept_for_their_time_then_released_and_nobody_is_charged_afterwards(town: Town) -> None:
    (small, _) = await town.product("shirt")
    people = await _unlucky(town, small)
    await (await town.person("ann")).placed(small)  # and not paid: without a payment under way it is held half as long
    held = {0: 6, 14: 6, 15: 5, 29: 5, 30: 0, 59: 0}  # pieces after so many minutes
    for minute in range(60):
        await town.expire()
        if minute in held:
            assert await town.figures(small) == (10 - held[minute], held[minute], 0)
        town.clock.advance(MINUTE)
    for person, unpaid in people:
        for _ in range(20):
            town.clock.advance(MINUTE)
            await town.quiet()
        (payment,) = await person.get(f"/v1/payments?order_id={unpaid['id']}")
        assert (payment["state"], await status_of(person, unpaid["id"])) == ("failed", "cancelled")
    assert {charge["result"] for charge in charges(town)} == {"failed"}
    assert await town.sound()
