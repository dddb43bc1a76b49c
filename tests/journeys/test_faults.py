"""A database whose commits fail now and then: its callers are told, others notice nothing, and all comes right."""

import random
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from mercato.runtime.batches import executor as executor_module
from mercato.runtime.database.faults import DatabaseFault
from mercato.runtime.waiting import Waiters
from mercato.values.clock import SECOND
from tests.journeys.town import Answer, Person, Town

STORIES = 6


class Disk:
    """Makes commits of one service fail: all while `broken`, else the drawn share of them."""

    def __init__(self, town: Town, service: str, share: float = 0.0) -> None:
        self.broken = False
        self.failed = 0
        writers: list[Any] = [executor.database.writer for executor in town.executors(service)]
        self._writers = [(writer, writer.execute) for writer in writers]
        self._share = share
        self._random = random.Random(service)  # noqa: S311 - a run must be repeatable
        for writer, execute in self._writers:
            writer.execute = partial(self._execute, execute)

    def _execute(self, execute: Callable[..., Any], sql: str, parameters: Any = (), /) -> Any:
        if sql == "COMMIT" and (self.broken or self._random.random() < self._share):
            self.failed += 1
            raise DatabaseFault("disk I/O error")
        return execute(sql, parameters)

    def mend(self) -> None:
        for writer, execute in self._writers:
            writer.execute = execute


@pytest.fixture(autouse=True)
def _short_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executor_module, "PAUSE_AFTER_FAULT", 0.01)


async def _insist(person: Person, path: str, body: Any, **headers: str) -> Answer:
    """Send a request until it is taken, as a good client does: the same one with the same key."""
    for _ in range(200):
        answer = await person.send("POST", path, body, **headers)
        if answer.status not in (503, 202):
            return answer
        person.town.clock.advance(SECOND)
    raise AssertionError("it is never taken")


async def _story(person: Person, variant_id: str, key: str) -> str:
    """A whole purchase; the id of the order."""
    wanted = {"variant_id": variant_id, "quantity": 1}
    assert (await _insist(person, "/v1/cart/add", wanted, Idempotency_Key=f"{key}-add")).status == 200
    quoted = await person.quote()
    order = await _insist(
        person, "/v1/orders", {"quote": quoted["signed"]}, Idempotency_Key=f"{key}-order", Prefer="wait=1"
    )
    assert order.status == 201, order.body
    order_id: str = order.json()["id"]
    body = {"order_id": order_id, "source": "approve"}
    paid = await _insist(person, "/v1/payments/pay", body, Idempotency_Key=f"{key}-pay", Prefer="wait=1")
    assert (paid.status, paid.json()["order"]["status"]) == (201, "paid"), paid.body
    return order_id


@pytest.mark.parametrize("service", ["carts", "orders", "inventory", "payments", "catalog", "notifications", "users"])
async def test_commits_that_fail_now_and_then_lose_and_double_nothing(town: Town, service: str) -> None:
    (small, _) = await town.product("shirt", stock=50)
    ann = await town.person("ann")
    disk = Disk(town, service, share=0.3)
    orders = []
    for number in range(STORIES):
        orders.append(await _story(ann, small, str(number)))
        await town.quiet()
        assert (await ann.get("/v1/cart"))["lines"] == []
    disk.mend()
    assert len(set(orders)) == STORIES
    assert {summary["id"] for summary in (await ann.get("/v1/orders"))["items"]} == set(orders)
    await town.quiet()
    assert await town.figures(small) == (50 - STORIES, 0, STORIES)
    assert disk.failed > 0 or service == "users"
    assert await town.sound()


async def test_only_the_callers_of_a_broken_database_are_told(town: Town) -> None:
    (small, _) = await town.product("shirt")
    ann, bob = await town.person("ann"), await town.person("bob")
    order = await ann.placed(small)
    disk = Disk(town, "payments")
    disk.broken = True
    refused = await ann.pay(order["id"], key="one")
    assert (refused.status, refused.code, refused.headers["retry-after"]) == (503, "unavailable", "1")
    await bob.add(small)  # everybody else goes on
    placed = await bob.order((await bob.quote())["signed"])
    assert (placed.status, placed.json()["stage"]) == (201, "payment_due")
    assert (await ann.get(f"/v1/orders/{order['id']}"))["stage"] == "payment_due"
    assert await ann.get(f"/v1/payments?order_id={order['id']}") == []
    disk.mend()
    for person, order_id in ((ann, order["id"]), (bob, placed.json()["id"])):
        paid = await _insist(person, "/v1/payments/pay", {"order_id": order_id, "source": "approve"}, **_key("one"))
        assert (paid.status, paid.json()["order"]["status"]) == (201, "paid")
    assert await town.figures(small) == (8, 0, 2)
    assert await town.sound()


def _key(text: str) -> dict[str, str]:
    return {"Idempotency_Key": text, "Prefer": "wait=1"}


async def test_an_outcome_that_nobody_was_told_of_is_looked_up(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of several processes of a service another one may have decided it, just when they could not talk."""
    (small, _) = await town.product("shirt")
    ann = await town.person("ann")
    monkeypatch.setattr(Waiters, "_set", lambda *_: None)
    order = await ann.placed(small)
    paid = await ann.pay(order["id"])
    assert (paid.status, paid.json()["order"]["status"]) == (201, "paid"), paid.body
