"""The port to a payment gateway: what every gateway's adapter offers."""

from collections.abc import Mapping
from typing import Literal, Protocol

import msgspec

from mercato.services.payments.domain import GatewayOutcome
from mercato.values.ids import PaymentId
from mercato.values.money import Money


class Notice(msgspec.Struct, frozen=True):
    """A webhook whose signature has been verified."""

    store: str
    payment_id: PaymentId
    charge: str
    outcome: Literal["captured", "failed"]
    amount: Money
    failure: str = ""


class NoticeRefused(Exception):
    """A webhook without a valid signature, or too old."""


class GatewayError(Exception):
    """The gateway answers that it is out of order or too busy (HTTP 5xx, 429)."""


class Gateway(Protocol):
    """Charges and refunds by keys of ours. A call raises OSError where the gateway is not reached or does not answer,
    and GatewayError. Then its outcome is unknown: ask with `find`."""

    name: str

    async def charge(self, store: str, key: PaymentId, amount: Money, source: str) -> GatewayOutcome:
        """Charge once for this key, however often it is called."""

    async def find(self, store: str, key: PaymentId) -> GatewayOutcome | None:
        """How the charge with this key stands; None when the gateway has never heard of it."""

    async def void(self, store: str, key: PaymentId) -> GatewayOutcome:
        """End the charge with this key, so that it is not captured any more: failed, or captured before that."""

    async def refund(self, store: str, key: str, charge: str, amount: Money) -> bool:
        """Refund once for this key; False when the gateway refuses it for good."""

    def read_notice(self, headers: Mapping[bytes, bytes], body: bytes) -> Notice:
        """A webhook's content, signed with the secret of the store that it names. Raises NoticeRefused before anything
        of it is believed."""

    def close(self) -> None:
        """Let go of what it holds. Nothing may be asked of it afterwards."""
