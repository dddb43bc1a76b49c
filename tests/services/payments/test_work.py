"""Asking a gateway how a charge ended: what is news for the shopper, and what is given up for good."""

from typing import Any

import pytest

from mercato.runtime.access.keyring import Keyring
from mercato.runtime.slow_work.worker import NotYet
from mercato.runtime.transaction import Intent
from mercato.services.payments.adapters.test_gateway import TestGateway
from mercato.services.payments.messages import Charge, FollowUp, RecordOutcome
from mercato.services.payments.work import GatewayWork
from mercato.values.clock import HOUR, ManualClock
from mercato.values.ids import OrderId, PaymentId
from mercato.values.money import Money

STORE = "sto_one"
CHARGE = Charge(PaymentId("pay_one"), OrderId("ord_one"), Money(1_000, "EUR"), "step")
INTENT = Intent(STORE, "int_one", "follow_up", CHARGE.payment_id, 0, 1, b"", "")


class Asked:
    """A gateway with one charge that waits for its further step, and the work that asks about it."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.gateway = TestGateway(None, self.clock, Keyring("k1", {"k1": b"1" * 32}), "https://shop.example")
        self._work = GatewayWork(self.gateway, self.clock)

    async def charge(self) -> None:
        await self.gateway.charge(STORE, CHARGE.payment_id, CHARGE.amount, CHARGE.source)

    async def follow_up(self, *, until: int = HOUR, step_known: bool) -> RecordOutcome:
        body = FollowUp(CHARGE, self.clock.now() + until, step_known)
        calls: Any = None  # it asks nobody here
        return await self._work.follow_up(body, INTENT, calls)


@pytest.fixture
async def asked() -> Asked:
    made = Asked()
    await made.charge()
    return made


async def test_a_step_whose_answer_was_lost_is_shown_as_soon_as_it_is_known(asked: Asked) -> None:
    outcome = (await asked.follow_up(step_known=False)).outcome
    assert (outcome.result, outcome.action_url) == ("action_needed", "https://shop.example/test-gateway/pay_one")


async def test_a_step_that_was_shown_is_waited_for(asked: Asked) -> None:
    with pytest.raises(NotYet):
        await asked.follow_up(step_known=True)
    assert await asked.gateway.decide(STORE, CHARGE.payment_id, approve=True)
    assert (await asked.follow_up(step_known=True)).outcome.result == "captured"


async def test_a_step_that_is_given_up_cannot_be_taken_any_more(asked: Asked) -> None:
    assert (await asked.follow_up(until=0, step_known=True)).outcome.result == "failed"
    assert not await asked.gateway.decide(STORE, CHARGE.payment_id, approve=True)


async def test_a_charge_that_was_captured_at_the_last_moment_is_not_given_up(asked: Asked) -> None:
    assert await asked.gateway.decide(STORE, CHARGE.payment_id, approve=True)
    assert (await asked.gateway.void(STORE, CHARGE.payment_id)).result == "captured"
    assert (await asked.follow_up(until=0, step_known=True)).outcome.result == "captured"


async def test_a_charge_that_was_voided_before_it_came_is_never_captured() -> None:
    asked = Asked()
    assert (await asked.gateway.void(STORE, CHARGE.payment_id)).result == "failed"
    await asked.charge()
    found = await asked.gateway.find(STORE, CHARGE.payment_id)
    assert found is not None
    assert found.result == "failed"
