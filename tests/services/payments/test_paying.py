"""Who pays at once may be faster than orders' news: the route waits for payments, and for nobody else's order."""

from types import SimpleNamespace
from typing import Any

import pytest

from mercato.contracts.orders import GetOrder
from mercato.contracts.payments import AwaitDue, DueUnknown
from mercato.runtime.answers import Answer
from mercato.runtime.http.exchange import Request
from mercato.services.payments.api import pay
from mercato.values.messages import BUYER, Caller, NotFound, Unavailable

CALLER = Caller(store="sto_one", buyer="usr_ann", roles=BUYER)
BODY = b'{"order_id":"ord_one","source":"approve"}'


class Calls:
    """payments does not know of the order for the first `unknown` tries; orders has it in `stage`, None: not at all."""

    def __init__(self, stage: str | None, unknown: int = 1) -> None:
        self.sent: list[Any] = []
        self._stage = stage
        self._unknown = unknown

    async def do_once(self, command: Any, _caller: Caller, _key: Any, _seconds: float) -> Answer:
        self.sent.append(command)
        if len(self.sent) <= self._unknown:
            raise DueUnknown
        return Answer(201, b"{}", command.payment_id)

    async def ask(self, query: Any, caller: Caller) -> Any:
        assert caller == CALLER
        match query:
            case GetOrder():
                if self._stage is None:
                    raise NotFound
                return SimpleNamespace(stage=self._stage)
            case AwaitDue():
                return True


async def paid(calls: Calls) -> int:
    headers = {b"content-type": b"application/json", b"idempotency-key": b"one"}
    request = Request("POST", "/v1/payments/pay", b"", headers, BODY, "192.0.2.1")
    edge: Any = SimpleNamespace(calls=calls, ids=SimpleNamespace(new=lambda prefix: f"{prefix}_one"))
    return (await pay(edge, request, CALLER)).status


async def test_a_payment_waits_until_payments_has_heard_of_the_order() -> None:
    calls = Calls("payment_due")
    assert await paid(calls) == 201
    first, second = calls.sent
    assert first == second  # one payment, one key at the gateway


@pytest.mark.parametrize("stage", [None, "paid", "cancelled"])
async def test_nobody_waits_for_an_order_that_has_nothing_due(stage: str | None) -> None:
    calls = Calls(stage, unknown=2)
    with pytest.raises(NotFound):
        await paid(calls)
    assert len(calls.sent) == (1 if stage is None else 2)  # another request with this key may have paid meanwhile


@pytest.mark.parametrize("stage", ["placed", "payment_due"])
async def test_a_due_that_payments_has_not_heard_of_is_no_final_answer(stage: str) -> None:
    with pytest.raises(Unavailable):
        await paid(Calls(stage, unknown=2))
