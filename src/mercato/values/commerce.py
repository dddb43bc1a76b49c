"""Values of commerce that several contracts share."""

from collections.abc import Iterable
from typing import Annotated

import msgspec
from msgspec import Meta

from mercato.values.ids import LocationId, ProductId, VariantId
from mercato.values.money import Amount

MAX_QUANTITY = 1_000
MAX_LINES = 100

Quantity = Annotated[int, Meta(ge=1, le=MAX_QUANTITY)]
Line = Annotated[str, Meta(min_length=1, max_length=120, pattern=r"^[^\x00-\x1f\x7f]*$(?!\n)")]
OptionalLine = Annotated[str, Meta(max_length=120, pattern=r"^[^\x00-\x1f\x7f]*$(?!\n)")]
Country = Annotated[str, Meta(pattern=r"^[A-Z]{2}$(?!\n)", description="ISO 3166-1 alpha-2 code")]


class Address(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where something or a bill goes. `country` is the ISO 3166-1 code of two capitals."""

    name: Line
    street: Line
    city: Line
    country: Country
    postal_code: Annotated[str, Meta(max_length=20, pattern=r"^[^\x00-\x1f\x7f]*$(?!\n)")] = ""
    street2: OptionalLine = ""
    region: OptionalLine = ""
    phone: Annotated[str, Meta(max_length=40, pattern=r"^[^\x00-\x1f\x7f]*$(?!\n)")] = ""


class OrderedLine(msgspec.Struct, frozen=True):
    """One line of a quote and of the order made from it; amounts in minor units of the order's currency.

    `total` is what the line costs: unit_price * quantity - discount, plus `tax` where prices do not include it.
    """

    variant_id: VariantId
    product_id: ProductId
    seller: str
    title: str
    options: str
    sku: str
    quantity: int
    unit_price: int
    discount: int
    tax: int
    total: int


def quantities(lines: Iterable[OrderedLine]) -> dict[VariantId, int]:
    """How many of each variant, in all lines together."""
    wanted: dict[VariantId, int] = {}
    for line in lines:
        wanted[line.variant_id] = wanted.get(line.variant_id, 0) + line.quantity
    return wanted


class Allocation(msgspec.Struct, frozen=True):
    """So many of a variant from one location; `available` is what is left there for others, at this version of its
    stock level."""

    variant_id: VariantId
    location_id: LocationId
    quantity: int
    available: int
    version: int = 0


class Shortage(msgspec.Struct, frozen=True):
    """So many were wanted, so many are available."""

    variant_id: VariantId
    wanted: int
    available: int


class PricedVariant(msgspec.Struct, frozen=True):
    """A price in minor units; `compare_at` is the earlier, higher price that a shop may show."""

    variant_id: VariantId
    amount: Amount
    compare_at: Amount | None = None
