"""inventory: stock by location, reservations for orders, and the movements that explain every figure."""

from typing import Annotated

import msgspec
from msgspec import Meta

from mercato.values.commerce import Allocation, Line, Quantity, Shortage
from mercato.values.ids import LocationId, OrderId, VariantId
from mercato.values.messages import Buyer, Command, Event, NotFound, Query, Refusal, Staff, System

Change = Annotated[int, Meta(ge=-(10**9), le=10**9, description="pieces to add (positive) or take (negative)")]


class StockLevel(msgspec.Struct, frozen=True):
    """Pieces of a variant at a location: received + returned = available + reserved + sold + written_off."""

    location_id: LocationId
    available: int
    reserved: int
    sold: int
    received: int
    returned: int
    written_off: int
    version: int


class VariantStock(msgspec.Struct, frozen=True):
    variant_id: VariantId
    available: int
    levels: tuple[StockLevel, ...]


class StockReserved(Event, frozen=True):
    """All lines of an order are held at these locations."""

    order_id: OrderId
    allocations: tuple[Allocation, ...]


class StockRefused(Event, frozen=True):
    """Nothing is held for the order: these lines cannot be served."""

    order_id: OrderId
    shortages: tuple[Shortage, ...]


class StockReleased(Event, frozen=True):
    """What an order held, or had bought, is available again."""

    order_id: OrderId
    allocations: tuple[Allocation, ...]


class StockChanged(Event, frozen=True):
    """Stock came or went for another reason than an order; `available` is the new figure, at this version of the
    stock level."""

    variant_id: VariantId
    location_id: LocationId
    available: int
    level_version: int = 0


class NotEnoughStock(Refusal):
    status, code = 409, "not_enough_stock"
    advice = "Fewer pieces are available than would be taken away: see `available`."


class AdjustStock(Command[VariantStock], frozen=True):
    """Add or take pieces at a location (the store's first one when none is named)."""

    allow = Staff
    refusals = (NotEnoughStock,)
    variant_id: VariantId
    change: Change
    reason: Line = "adjustment"
    location_id: str = ""


class TellStockAgain(Command[None], frozen=True):
    """Tell again what is available of these variants, for who comes later than what was told of them."""

    allow = System
    variant_ids: tuple[VariantId, ...]


class FindShortages(Query[tuple[Shortage, ...]], frozen=True):
    """Which of these quantities cannot be served now. Nothing is held: an order may still find it otherwise."""

    allow = Buyer
    wanted: dict[VariantId, Quantity]


class GetStock(Query[VariantStock], frozen=True):
    allow = Staff
    refusals = (NotFound,)
    variant_id: VariantId
