"""Slow work of payments: calls to the gateway, each with a committed intent, each with its outcome as a command."""

import asyncio

from mercato.runtime.service import Door, Work
from mercato.runtime.slow_work.worker import NotYet, TryLater
from mercato.runtime.transaction import Intent
from mercato.services.payments.adapters.gateway import Gateway
from mercato.services.payments.domain import GatewayOutcome
from mercato.services.payments.messages import Charge, FollowUp, GiveBack, RecordOutcome, RecordRefund
from mercato.values.clock import Clock

PATIENCE = 2.5  # seconds after which a shopper is told that the outcome is pending (F8)
OFTEN = 10_000  # milliseconds between two questions about an open charge
_UNKNOWN = GatewayOutcome("unknown")


class GatewayWork:
    """The work of one gateway."""

    def __init__(self, gateway: Gateway, clock: Clock) -> None:
        self._gateway = gateway
        self._clock = clock
        self.rows = (
            Work("charge", Charge, self.charge, self.give_up_charge, gateway.name, at_once=256, tries=3),
            Work("follow_up", FollowUp, self.follow_up, self.give_up_follow_up, gateway.name, tries=50),
            Work("refund", GiveBack, self.refund, self.give_up_refund, gateway.name, tries=50),
        )

    async def charge(self, body: Charge, intent: Intent, _calls: Door) -> RecordOutcome:
        """Charge with our key. After a crash or a lost answer the gateway is asked first, then charged again with
        the same key: it is the gateway that keeps two calls with one key from being two charges."""
        try:
            async with asyncio.timeout(PATIENCE):
                outcome = await self._gateway.find(intent.store, body.payment_id) if intent.attempts else None
                if outcome is None:
                    outcome = await self._gateway.charge(intent.store, body.payment_id, body.amount, body.source)
        except (TimeoutError, ConnectionError, OSError):
            outcome = _UNKNOWN
        return RecordOutcome(body.payment_id, outcome)

    async def follow_up(self, body: FollowUp, intent: Intent, _calls: Door) -> RecordOutcome:
        """A charge that the gateway never heard of is made now, with the same key (F7). One that takes too long is
        voided first and given up then: what the gateway captures later, nobody here would hear of."""
        charge = body.charge
        try:
            async with asyncio.timeout(PATIENCE):
                outcome = await self._gateway.find(intent.store, charge.payment_id)
                if outcome is None:
                    outcome = await self._gateway.charge(intent.store, charge.payment_id, charge.amount, charge.source)
                if outcome.result not in ("captured", "failed") and self._clock.now() >= body.until:
                    outcome = await self._gateway.void(intent.store, charge.payment_id)
        except (TimeoutError, ConnectionError, OSError) as error:
            raise TryLater(str(error)) from error
        if outcome.result in ("captured", "failed") or (outcome.result == "action_needed" and not body.step_known):
            return RecordOutcome(charge.payment_id, outcome)
        raise NotYet(OFTEN)

    async def refund(self, body: GiveBack, intent: Intent, _calls: Door) -> RecordRefund:
        done = await self._gateway.refund(intent.store, body.refund_id, body.charge, body.amount)
        return RecordRefund(body.refund_id, done)

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
