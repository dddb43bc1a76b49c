"""Slow work of payments: calls to the gateway, each with a committed intent, each with its outcome as a command."""

import asyncio

from mercato.runtime.service import Door, Work
from mercato.runtime.slow_work.worker import NotYet, PeerFailed
from mercato.runtime.transaction import Intent
from mercato.services.payments.adapters.gateway import Gateway, GatewayError
from mercato.services.payments.adapters.test_gateway import TestGateway
from mercato.services.payments.domain import GatewayOutcome
from mercato.services.payments.messages import (
    Charge,
    DecideStep,
    FollowUp,
    GiveBack,
    IsWanted,
    RecordOutcome,
    RecordRefund,
)
from mercato.values.clock import Clock
from mercato.values.messages import Caller, NotFound

PATIENCE = 2.5  # seconds after which a shopper is told that the outcome is pending (F8)
OFTEN = 10_000  # milliseconds between two questions about an open charge
_UNKNOWN = GatewayOutcome("unknown")
_NEVER_SENT = GatewayOutcome("failed", failure="the payment provider is out of order; nothing was charged")


class GatewayWork:
    """The work of one gateway."""

    def __init__(self, gateway: Gateway, clock: Clock) -> None:
        self._gateway = gateway
        self._clock = clock
        self.rows = (
            Work(
                "charge",
                Charge,
                self.charge,
                self.give_up_charge,
                gateway.name,
                at_once=256,
                tries=3,
                shut_out=self.shut_out_charge,
            ),
            Work("follow_up", FollowUp, self.follow_up, self.give_up_follow_up, gateway.name, tries=50),
            Work("refund", GiveBack, self.refund, self.give_up_refund, gateway.name, tries=50),
        )

    async def charge(self, body: Charge, intent: Intent, calls: Door) -> RecordOutcome:
        """Charge with our key. After a crash the gateway is asked first, then charged again with the same key: it is
        the gateway that keeps two calls with one key from being two charges."""
        try:
            async with asyncio.timeout(PATIENCE):
                if intent.attempts:
                    outcome = await self._found_or_charged(intent.store, body, calls)
                else:
                    outcome = await self._gateway.charge(intent.store, body.payment_id, body.amount, body.source)
        except (OSError, GatewayError) as error:
            raise PeerFailed(RecordOutcome(body.payment_id, _UNKNOWN)) from error
        return RecordOutcome(body.payment_id, outcome)

    async def follow_up(self, body: FollowUp, intent: Intent, calls: Door) -> RecordOutcome:
        """Ask until the outcome is known. What takes too long is voided first and given up then: what the gateway
        captures later, nobody here would hear of."""
        charge = body.charge
        async with asyncio.timeout(PATIENCE):
            outcome = await self._found_or_charged(intent.store, charge, calls)
            if outcome.result not in ("captured", "failed") and self._clock.now() >= body.until:
                outcome = await self._gateway.void(intent.store, charge.payment_id)
        if outcome.result in ("captured", "failed") or (outcome.result == "action_needed" and not body.step_known):
            return RecordOutcome(charge.payment_id, outcome)
        raise NotYet(OFTEN)

    async def _found_or_charged(self, store: str, charge: Charge, calls: Door) -> GatewayOutcome:
        """How a charge stands that was tried before. One that the gateway never heard of is made now (F7), or voided
        where its order does not wait for it any more: what is on its way to the gateway must not be captured then."""
        outcome = await self._gateway.find(store, charge.payment_id)
        if outcome is not None:
            return outcome
        caller = Caller.system(store, charge.payment_id)
        if await calls.ask(IsWanted(charge.payment_id, charge.order_id), caller):
            return await self._gateway.charge(store, charge.payment_id, charge.amount, charge.source)
        return await self._gateway.void(store, charge.payment_id)

    async def refund(self, body: GiveBack, intent: Intent, _calls: Door) -> RecordRefund:
        done = await self._gateway.refund(intent.store, body.refund_id, body.charge, body.amount)
        return RecordRefund(body.refund_id, done)

    @staticmethod
    def shut_out_charge(body: Charge, intent: Intent) -> RecordOutcome:
        """A charge that has never gone out has failed: the shopper may try again while the goods are held. Of one that
        has gone out before, nobody knows."""
        return RecordOutcome(body.payment_id, _UNKNOWN if intent.attempts else _NEVER_SENT)

    @staticmethod
    def give_up_charge(body: Charge, _intent: Intent) -> RecordOutcome:
        return RecordOutcome(body.payment_id, _UNKNOWN)

    @staticmethod
    def give_up_follow_up(body: FollowUp, _intent: Intent) -> RecordOutcome:
        failure = "the further step was not taken, or the gateway did not say how the charge ended"
        return RecordOutcome(body.charge.payment_id, GatewayOutcome("failed", failure=failure))

    @staticmethod
    def give_up_refund(body: GiveBack, _intent: Intent) -> RecordRefund:
        return RecordRefund(body.refund_id, False)


async def decide_step(gateway: TestGateway, query: DecideStep, caller: Caller) -> None:
    if not await gateway.decide(caller.store, query.payment_id, approve=query.approve):
        raise NotFound("there is nothing to decide")
