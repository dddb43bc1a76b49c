"""How an order's lines are spread over locations: pure."""

from collections.abc import Sequence

import msgspec

from mercato.values.commerce import Shortage
from mercato.values.ids import VariantId


class Level(msgspec.Struct, frozen=True):
    """The stock of a variant at one location, as it is stored: what is there, and what became of what was."""

    variant_id: str
    location_id: str
    available: int
    reserved: int
    sold: int
    received: int
    returned: int
    written_off: int
    version: int


class Reservation(msgspec.Struct, frozen=True):
    """What an order holds of a variant at one location, as it is stored. `state` is the movement that it ended with,
    "held" before that."""

    order_id: str
    variant_id: str
    location_id: str
    quantity: int
    state: str
    expires_at: int


# What each kind of movement adds to the figures of a level.
MOVEMENTS: dict[str, dict[str, int]] = {
    "received": {"available": 1, "received": 1},
    "reserved": {"available": -1, "reserved": 1},
    "released": {"available": 1, "reserved": -1},
    "sold": {"reserved": -1, "sold": 1},
    "returned": {"available": 1, "returned": 1},
    "written_off": {"available": -1, "written_off": 1},
}


class Uncovered(Exception):
    """A movement of more pieces than there are: a fault of ours, never a shopper's."""


def moved(level: Level, kind: str, pieces: int) -> Level:
    """The level after a movement. Raises Uncovered."""
    figures = {name: getattr(level, name) + sign * pieces for name, sign in MOVEMENTS[kind].items()}
    if min(figures.values()) < 0:
        raise Uncovered(f"{pieces} of {level.variant_id} at {level.location_id} cannot be {kind}: {level}")
    return msgspec.structs.replace(level, version=level.version + 1, **figures)


class Share(msgspec.Struct, frozen=True):
    location_id: str
    quantity: int


def spread(quantity: int, levels: Sequence[Level]) -> list[Share] | None:
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


def shortage(variant_id: VariantId, quantity: int, levels: Sequence[Level]) -> Shortage:
    return Shortage(variant_id, quantity, sum(level.available for level in levels))
