"""Money: whole minor units and an ISO 4217 currency. No float comes near it."""

import re
from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Annotated

import msgspec

LIMIT = 10**15  # minor units: above every real price, far below 2**63 even when many are added

Currency = Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{3}$(?!\n)", description="ISO 4217 code")]
Amount = Annotated[int, msgspec.Meta(ge=0, le=LIMIT, description="minor units, such as cents")]

# Decimals of the currencies that do not have two (ISO 4217).
_DECIMALS = {
    **dict.fromkeys(
        "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split(),
        0,
    ),
    **dict.fromkeys("BHD IQD JOD KWD LYD OMR TND".split(), 3),
}


_PLAIN = re.compile(r"([+-]?)([0-9]+)(?:\.([0-9]*))?")
_DIGITS = 16  # of whole units; more are above LIMIT in every currency


def decimals(currency: str) -> int:
    """How many decimals `currency` has: 2 for EUR, 0 for JPY, 3 for KWD."""
    return _DECIMALS.get(currency, 2)


class CurrencyMismatch(ValueError):
    """Two amounts of different currencies met in one sum."""


class Money(msgspec.Struct, frozen=True, order=False):
    """`amount` minor units (cents) of `currency` (ISO 4217)."""

    amount: int
    currency: Currency

    def __add__(self, other: "Money") -> "Money":
        return Money(self.amount + self._same(other), self.currency)

    def __sub__(self, other: "Money") -> "Money":
        return Money(self.amount - self._same(other), self.currency)

    def __mul__(self, times: int) -> "Money":
        return Money(self.amount * times, self.currency)

    def _same(self, other: "Money") -> int:
        if other.currency != self.currency:
            raise CurrencyMismatch(f"{self.currency} and {other.currency} cannot be added: convert one first")
        return other.amount

    def __str__(self) -> str:
        places = decimals(self.currency)
        sign = "-" if self.amount < 0 else ""
        whole, rest = divmod(abs(self.amount), 10**places)
        return f"{sign}{whole}.{rest:0{places}d} {self.currency}" if places else f"{sign}{whole} {self.currency}"


def parse_amount(text: str, currency: str) -> int:
    """The minor units that a decimal text means: "12.5" in EUR is 1250.

    Raises ValueError, with the reason, for text that is no plain decimal number, is negative, is too large, or has
    more decimals than the currency (trailing zeros aside): nothing is rounded silently.
    """
    found = _PLAIN.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text[:40]!r} is not a decimal number such as 12.50")
    sign, whole, fraction = found[1], found[2], (found[3] or "").rstrip("0")
    places = decimals(currency)
    if len(fraction) > places:
        raise ValueError(f"{text[:40]!r} has more than the {places} decimals of {currency}")
    if len(whole.lstrip("0")) > _DIGITS or (minor := int(whole + fraction.ljust(places, "0"))) > LIMIT:
        raise ValueError(f"{text[:40]!r} is too large for a price")
    if sign == "-" and minor:
        raise ValueError(f"{text[:40]!r} is negative")
    return minor


def share(amount: int, millionths: int) -> int:
    """`millionths` of `amount` (a rate of 19 % is 190_000), rounded half to even to a whole minor unit."""
    exact = Decimal(amount) * millionths / 1_000_000
    return int(exact.to_integral_value(rounding=ROUND_HALF_EVEN))


def allocate(amount: int, weights: Sequence[int]) -> list[int]:
    """Split `amount` (minor units, any sign) over `weights` (none negative) so that the parts add up to it exactly.

    Every part is its exact share rounded towards zero; the units that remain go to the largest remainders, the
    first of equals first. All weights zero: everything goes to the first. No weights: ValueError, unless amount is 0.
    """
    if not weights:
        if amount:
            raise ValueError("nothing to allocate to")
        return []
    total = sum(weights)
    if total == 0:
        return [amount] + [0] * (len(weights) - 1)
    sign, left = (-1, -amount) if amount < 0 else (1, amount)
    parts = [left * weight // total for weight in weights]
    order = sorted(range(len(weights)), key=lambda i: (-(left * weights[i] % total), i))
    for i in order[: left - sum(parts)]:
        parts[i] += 1
    return [sign * part for part in parts]
