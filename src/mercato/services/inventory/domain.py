"""How an order's lines are spread over locations: pure."""

from collections.abc import Sequence

import msgspec

from mercato.values.commerce import Shortage
from mercato.values.ids import VariantId


class Available(msgspec.Struct, frozen=True):
    """Pieces of a variant that a location can give."""

    location_id: str
    available: int


class Share(msgspec.Struct, frozen=True):
    location_id: str
    quantity: int


def spread(quantity: int, levels: Sequence[Available]) -> list[Share] | None:
    """From where so many pieces come: one location if one has them all, the first ones else; None: too few."""
    whole = next((level for level in levels if level.available >= quantity), None)
    if whole is not None:
        return [Share(whole.location_id, quantity)]
    shares = []
    for level in levels:
        part = min(quantity, max(level.available, 0))
        if part:
            shares.append(Share(level.location_id, part))
            quantity -= part
    return None if quantity else shares


def shortage(variant_id: VariantId, quantity: int, levels: Sequence[Available]) -> Shortage:
    return Shortage(variant_id, quantity, sum(level.available for level in levels))
