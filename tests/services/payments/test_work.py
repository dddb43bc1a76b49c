"""Asking a gateway how a charge ended: what is news for the shopper, and what is given up for good."""

from typing import Any

import msgspec
import pytest

from mercato.runtime.access.keyring import Keyring
from mercato.runtime.slow_work.worker import NotYet, PeerFailed
from mercato.runtime.transaction import Intent
from mercato.services.payments.adapters.gateway import GatewayError
from mercato.services.payments.adapters.test_gateway import TestGateway
from mercato.services.payments.messages import Charge, FollowUp, IsWanted, RecordOutcome
from mercato.services.payments.work import GatewayWork
from mercato.values.clock import HOUR, MINUTE, ManualClock
from mercato.values.ids import OrderId, PaymentId
from mercato.values.messages import Caller
from mercato.values.money import Money

STORE = "sto_one"
CHARGE = Charge(PaymentId("pay_one"), OrderId("ord_one"), Money(1_000, "EUR"), "step")
INTENT = Intent(STORE, "int_one", "follow_up", CHARGE.payment_id, 0, 1, b"", "")


class Calls:
    """Answers whether an order still waits for its payment."""

    def __init__(self) -> None:
        self.wanted = True

    async def ask(self, _query: IsWanted, _caller: Caller) -> bool:
        return self.wanted


class Asked:
    """A gateway with one charge that waits for its further step, and the work that asks about it."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.calls: Any = Calls()
        self.gateway = TestGateway(None, self.clock, Keyring("k1", {"k1": b"1" * 32}), "https://shop.example")
        self._work = GatewayWork(self.gateway, self.clock)

    async def charge(self) -> None:
        await self.gateway.charge(STORE, CHARGE.payment_id, CHARGE.amount, CHARGE.source)

    async def first(self, source: str, attempts: int = 0) -> RecordOutcome:
        body = msgspec.structs.replace(CHARGE, source=source)
        return await self._work.charge(body, msgspec.structs.replace(INTENT, attempts=attempts), self.calls)

    async def follow_up(self, *, until: int = HOUR, step_known: bool) -> RecordOutcome:
        body = FollowUp(CHARGE, self.clock.now() + until, step_known)
        return await self._work.follow_up(body, INTENT, self.calls)


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


@pytest.mark.parametrize("source", ["error", "lose_request", "lose_answer"])
async def test_a_gateway_that_fails_leaves_the_outcome_unknown_and_counts_as_failing(source: str) -> None:
    asked = Asked()
    with pytest.raises(PeerFailed) as failed:
        await asked.first(source)
    assert isinstance(failed.value.outcome, RecordOutcome)
    assert failed.value.outcome.outcome.result == "unknown"


async def test_a_gateway_that_is_out_of_order_does_its_part_when_it_is_back() -> None:
    asked = Asked()
    for _ in range(2):
        with pytest.raises(PeerFailed):
            await asked.first("error", attempts=1)
    asked.clock.advance(MINUTE - 1)
    with pytest.raises(GatewayError):
        await asked.gateway.find(STORE, CHARGE.payment_id)
    with pytest.raises(GatewayError):
        await asked.gateway.void(STORE, CHARGE.payment_id)
    asked.clock.advance(1)
    assert (await asked.first("error", attempts=1)).outcome.result == "captured"


async def test_a_charge_that_never_came_is_not_made_for_an_order_that_is_off() -> None:
    asked = Asked()
    asked.calls.wanted = False
    assert (await asked.first("approve", attempts=1)).outcome.result == "failed"
    assert (await asked.follow_up(step_known=False)).outcome.result == "failed"
    assert (await asked.gateway.charge(STORE, CHARGE.payment_id, CHARGE.amount, "approve")).result == "failed"


async def test_a_charge_that_was_made_is_known_for_an_order_that_is_off(asked: Asked) -> None:
    assert await asked.gateway.decide(STORE, CHARGE.payment_id, approve=True)
    asked.calls.wanted = False
    assert (await asked.follow_up(step_known=True)).outcome.result == "captured"


@pytest.mark.parametrize(("attempts", "result"), [(0, "failed"), (1, "unknown")])
def test_a_charge_that_cannot_go_out_has_failed_only_if_it_never_went(attempts: int, result: str) -> None:
    record = GatewayWork.shut_out_charge(CHARGE, msgspec.structs.replace(INTENT, attempts=attempts))
    assert record.outcome.result == result
