"""Messages that only orders itself sends: its jobs, and the route that turns a crowd away."""

import msgspec

from mercato.contracts.orders import Order
from mercato.values.commerce import Shortage
from mercato.values.ids import OrderId, StoreId
from mercato.values.messages import Buyer, Command, Query, System


class ExpiredOrder(msgspec.Struct, frozen=True):
    store: StoreId
    order_id: OrderId


class ExpireOrder(Command[bool], frozen=True):
    """Cancel an order whose hold has ended; False when it was paid, cancelled or extended meanwhile."""

    allow = System
    order_id: OrderId


class ListExpired(Query[tuple[ExpiredOrder, ...]], frozen=True):
    """Orders of all stores whose hold has ended."""

    allow = System


class RefuseSoldOut(Command[Order], frozen=True):
    """Answer a request for an order whose goods are sold out, so that a repetition gets the same answer."""

    allow = Buyer
    shortages: tuple[Shortage, ...]
